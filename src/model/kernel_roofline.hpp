// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/kernel_learn.hpp"

namespace hwprof::model {

struct Rooflines {
  Roofline general;
  std::map<std::string, Roofline> by_kind;
};

/// Rooflines of which the sums over kernels fit the measured costs, by least squares of the relative error with
/// Huber's weights, no coefficient below 0. First one for all kinds; then one per kind, whose coefficients are
/// multiples of it, drawn towards 1 with the weight of a few primitives: kinds that only ever occur together
/// share their cost as the first would have it. Every kernel costs something.
[[nodiscard]] Rooflines fit_rooflines(const KernelData& data, const std::vector<std::size_t>& observations);

}  // namespace hwprof::model

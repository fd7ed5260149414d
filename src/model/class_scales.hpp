// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/fit_data.hpp"

namespace hwprof::model {

/// A factor for each primitive type, by least squares of the relative error of the networks' sums: what a type costs
/// inside a network relative to what was measured of it. Types whose sum is the same in all networks cannot be told
/// from the bias and keep 1, as do those beyond the six that vary most.
/// @throws Error(Fault::missing) for too few or too similar networks.
[[nodiscard]] std::map<std::string, double> fit_class_scales(const FitData& data, const std::vector<Measured>& costs,
                                                             const NetList& nets);

/// Multiplies the measurements of every primitive by the factor of its type.
void apply_class_scales(FitData& data, const std::map<std::string, double>& scales);

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof {

/// Carries out one op. weights: as the module holds them, conv2d and linear {weight, bias?}, batch_norm
/// {scale?, shift?, mean, variance}. in_place: the first input may be overwritten.
/// @throws Error(Fault::unsupported) naming the op.
[[nodiscard]] torch::Tensor run_op(const Op& op, const std::vector<torch::Tensor>& inputs,
                                   const std::vector<torch::Tensor>& weights, bool training, bool in_place);

}  // namespace hwprof

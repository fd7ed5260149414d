// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof::pruning {

/// Which channels of which values can only go together. A unit is one such set; units are numbered from 0.
struct Ties {
  std::vector<std::vector<int>> units;  ///< per op and channel of its output: the unit
  std::vector<bool> locked;             ///< per unit: has to stay
  /// Per unit: ops whose output has channels of it, and how many.
  std::vector<std::vector<std::pair<int, int>>> members;
};

/// shapes: infer_shapes() of the graph. @throws Error(Fault::input) for more channels than can be kept in mind.
[[nodiscard]] Ties find_ties(const Graph& graph, const std::vector<Shape>& shapes);

/// Whether each channel has a group of its own; such a convolution passes channels on.
[[nodiscard]] bool is_depthwise(const Op& op, const Shape& input);

}  // namespace hwprof::pruning

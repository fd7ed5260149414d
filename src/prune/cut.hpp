// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "hwprof/graph.hpp"
#include "prune/ties.hpp"

namespace hwprof::pruning {

/// The graph without the channels of the units that are gone, its weights cut likewise.
[[nodiscard]] Graph without(const Graph& graph, const std::vector<Shape>& shapes, const Ties& ties,
                            const std::vector<bool>& gone);

}  // namespace hwprof::pruning

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof::graph {

/// infer_shapes() of one op that is no input. @throws Error(Fault::input) naming it.
[[nodiscard]] Shape infer_shape(const Op& op, std::vector<Shape> inputs);

}  // namespace hwprof::graph

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof {

/// A graph in modules of one op each, as nnabla-nas measures them: primitives "conv", "batch_norm", "linear", pools and
/// activations, the keys of its tables.
struct Modules {
  std::vector<Prim> prims;        ///< in the order of their ops, repeats included
  std::vector<std::string> rest;  ///< kinds of the ops that are no such module ("add", a pool of uneven padding)
};
/// Ops that compute nothing (input, identity, dropout, flatten, reshape) are in neither list. @throws as infer_shapes.
[[nodiscard]] Modules split_modules(const Graph& graph, const Shape& input);

}  // namespace hwprof

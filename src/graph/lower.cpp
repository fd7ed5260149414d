// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "graph/blocks.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

graph::LoweringTable& table() {
  static graph::LoweringTable lowerings = [] {
    graph::LoweringTable out;
    graph::add_conv_lowerings(out);
    graph::add_mobile_lowerings(out);
    graph::add_residual_lowerings(out);
    graph::add_cell_lowerings(out);
    graph::add_branch_lowerings(out);
    graph::add_op_lowerings(out);
    graph::add_ssbn_lowerings(out);
    return out;
  }();
  return lowerings;
}

struct Lowered {
  Graph graph;
  std::vector<Shape> shapes;
};

/// What every lowering promises: one output, square, with the channels that the primitive names.
void check(const Prim& prim, const Lowered& lowered) {
  const auto found = std::to_string(lowered.graph.outputs.size());
  graph::require(lowered.graph.outputs.size() == 1, "its lowering must have one output, found " + found);
  const Shape& out = lowered.shapes[static_cast<std::size_t>(lowered.graph.outputs[0])];
  graph::require(out[1] == prim.C_out, "its lowering gives " + std::to_string(out[1]) +
                                           " output channels where C_out is " + std::to_string(prim.C_out));
  graph::require(out[2] == out[3], "its lowering gives an output that is not square, " + std::to_string(out[2]) + "x" +
                                       std::to_string(out[3]));
}

Lowered lower_with_shapes(const Prim& given, int batch) {
  const Prim prim = normalized(given);
  const auto lowering = table().find(prim.prim_type);
  if (lowering == table().end())
    throw Error(Fault::input, "primitive type " + base::in_quotes(prim.prim_type) + " was declared without a lowering");
  try {
    Lowered out;
    out.graph = lowering->second(prim);
    out.shapes = infer_shapes(out.graph, {batch, prim.C, prim.spatial_size, prim.spatial_size});
    check(prim, out);
    return out;
  } catch (const Error& error) {
    throw Error(error.fault(), "primitive " + base::in_quotes(to_string(prim)) + ": " + error.what());
  }
}

}  // namespace

Graph lower(const Prim& prim) {
  return lower_with_shapes(prim, 1).graph;
}

int out_size(const Prim& prim) {
  const Lowered lowered = lower_with_shapes(prim, 1);
  return static_cast<int>(lowered.shapes[static_cast<std::size_t>(lowered.graph.outputs[0])][2]);
}

Work count_work(const Prim& prim, int batch) {
  graph::require(batch > 0, "the batch must be positive, found " + std::to_string(batch));
  const Prim known = normalized(prim);
  Work sum;
  for (const auto& work : count_work(lower(known), {batch, known.C, known.spatial_size, known.spatial_size}))
    sum = sum + work;
  return sum;
}

void register_prim_type(PrimType type, Lowering lowering) {
  if (!lowering) throw Error(Fault::usage, "primitive type " + base::in_quotes(type.name) + " needs a lowering");
  const std::string name = type.name;
  declare_prim_type(std::move(type));
  table().insert_or_assign(name, std::move(lowering));
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

// Primitives of one op.
namespace hwprof::graph {
namespace {

Graph activation(const Prim& prim) {
  require_same_channels(prim);
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(builder.activation(builder.input(), prim.prim_type));
}

Lowering unary(OpKind kind) {
  return [kind](const Prim& prim) {
    require_stride(prim, 1);
    GraphBuilder builder(prim.prim_type);
    return std::move(builder).finish(simple_op(builder, kind, {builder.input()}));
  };
}

Graph batch_norm(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(builder.batch_norm(builder.input(), prim.affine));
}

Graph max_pool_op(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(max_pool(builder, builder.input(), kernel_attr(prim), prim.stride,
                                            int_attr(prim, "padding", 0, 511), flag_attr(prim, "ceil_mode")));
}

Graph avg_pool_op(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(avg_pool(builder, builder.input(), kernel_attr(prim), prim.stride,
                                            int_attr(prim, "padding", 0, 511), flag_attr(prim, "ceil_mode"),
                                            flag_attr(prim, "count_include_pad")));
}

Graph channel_shuffle(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  Op op;
  op.kind = OpKind::channel_shuffle;
  op.inputs = {builder.input()};
  op.groups = int_attr(prim, "groups", 1, 1 << 20);
  return std::move(builder).finish(builder.op(std::move(op)));
}

Graph upsample(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  Op op;
  op.kind = OpKind::upsample_nearest;
  op.inputs = {builder.input()};
  op.value = int_attr(prim, "scale", 1, 64);
  return std::move(builder).finish(builder.op(std::move(op)));
}

/// Glue: the top left out_size x out_size of the map.
Graph crop(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  const int excess = prim.spatial_size - int_attr(prim, "out_size", 1, prim.spatial_size);
  return std::move(builder).finish(pad(builder, builder.input(), {0, 0, -excess, -excess}, "crop"));
}

}  // namespace

void add_op_lowerings(LoweringTable& table) {
  for (const char* name :
       {"relu", "relu6", "leaky_relu", "h_swish", "h_sigmoid", "sigmoid", "tanh", "hardtanh", "identity"})
    table[name] = activation;
  table["softmax"] = unary(OpKind::softmax);
  table["global_avg_pool"] = unary(OpKind::global_avg_pool);
  table["flatten"] = unary(OpKind::flatten);
  table["batch_norm"] = batch_norm;
  table["max_pool"] = max_pool_op;
  table["avg_pool"] = avg_pool_op;
  table["channel_shuffle"] = channel_shuffle;
  table["upsample"] = upsample;
  table["crop"] = crop;
}

}  // namespace hwprof::graph

// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

// The ops on the edges of DARTS' and NAS-Bench-201's cells.
namespace hwprof::graph {
namespace {

/// relu, depthwise, 1x1 and batch norm, twice; the stride is in the first half. With an expansion the second
/// depthwise convolution keeps C groups, each of which mixes `expansion` channels, as in aw_nas. (aw_nas'
/// sep_conv_5x5_exp3 expands by 6; here it does what its name says.)
Lowering sep_conv(int kernel, int expansion) {
  return [kernel, expansion](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const std::int64_t inner = std::int64_t{expansion} * prim.C;
    int at = builder.activation(builder.input(), "relu");
    at = builder.conv(at, prim.C, kernel, prim.stride, prim.C, false, 1, "dw1");
    at = conv_bn(builder, at, inner, 1, 1, prim.affine, "pw1");
    at = builder.activation(at, "relu");
    at = builder.conv(at, inner, kernel, 1, prim.C, false, 1, "dw2");
    return std::move(builder).finish(conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "pw2"));
  };
}

Lowering dil_conv(int kernel) {
  return [kernel](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    int at = builder.activation(builder.input(), "relu");
    at = builder.conv(at, prim.C, kernel, prim.stride, prim.C, false, 2, "dw");
    return std::move(builder).finish(conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "pw"));
  };
}

Graph conv_7x1_1x7(const Prim& prim) {
  require_same_channels(prim);
  GraphBuilder builder(prim.prim_type);
  Op wide;
  wide.kind = OpKind::conv2d;
  wide.name = "conv1x7";
  wide.inputs = {builder.activation(builder.input(), "relu")};
  wide.out_channels = prim.C;
  wide.kernel = {1, 7};
  wide.stride = {1, prim.stride};
  wide.pad = {0, 3, 0, 3};
  Op tall = wide;
  tall.name = "conv7x1";
  tall.inputs = {builder.op(std::move(wide))};
  tall.kernel = {7, 1};
  tall.stride = {prim.stride, 1};
  tall.pad = {3, 0, 3, 0};
  return std::move(builder).finish(builder.batch_norm(builder.op(std::move(tall)), prim.affine));
}

/// relu, then `stride` 1x1 convolutions, the i-th on the map shifted by i pixels, side by side: no pixel is
/// skipped along the diagonal. A map that the stride does not divide gets zeros at its top and left.
int factorized_reduce(GraphBuilder& builder, const Prim& prim) {
  require(prim.C_out % prim.stride == 0, "C_out must be a multiple of the stride, found " + std::to_string(prim.C_out));
  int from = builder.activation(builder.input(), "relu");
  const int rest = prim.spatial_size % prim.stride;
  if (rest != 0) from = pad(builder, from, {prim.stride - rest, prim.stride - rest, 0, 0});
  std::vector<int> parts;
  for (int i = 0; i < prim.stride; ++i) {
    const int shifted = i == 0 ? from : pad(builder, from, {-i, -i, 0, 0}, "shift");
    parts.push_back(builder.conv(shifted, prim.C_out / prim.stride, 1, prim.stride));
  }
  return builder.batch_norm(simple_op(builder, OpKind::concat, parts), prim.affine);
}

Graph skip_connect(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  if (prim.stride != 1) return std::move(builder).finish(factorized_reduce(builder, prim));
  require_same_channels(prim);
  return std::move(builder).finish(builder.activation(builder.input(), "identity"));
}

Graph res_reduce_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  int at = 0;
  if (prim.stride == 1)
    at = conv_bn(builder, builder.activation(builder.input(), "relu"), prim.C_out, 1, 1, prim.affine, "conv1");
  else
    at = factorized_reduce(builder, prim);
  at = conv_bn(builder, builder.activation(at, "relu"), prim.C_out, 1, 1, prim.affine, "conv2");
  int shortcut = builder.input();
  if (prim.stride != 1 || prim.C != prim.C_out) {
    shortcut = conv_bn(builder, shortcut, prim.C_out, 1, prim.stride, prim.affine, "shortcut");
    shortcut = builder.activation(shortcut, "relu");
  }
  return std::move(builder).finish(builder.add(at, shortcut));
}

Lowering max_pool_of(int kernel) {
  return [kernel](const Prim& prim) {
    require_same_channels(prim);
    GraphBuilder builder(prim.prim_type);
    return std::move(builder).finish(max_pool(builder, builder.input(), kernel, prim.stride, (kernel - 1) / 2));
  };
}

Lowering avg_pool_of(int kernel) {
  return [kernel](const Prim& prim) {
    require_same_channels(prim);
    GraphBuilder builder(prim.prim_type);
    return std::move(builder).finish(
        avg_pool(builder, builder.input(), kernel, prim.stride, (kernel - 1) / 2, false, false));
  };
}

Graph none(const Prim& prim) {
  require_same_channels(prim);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(zeros(builder, builder.input(), prim.spatial_size, prim.stride));
}

/// relu, 3x3 and batch norm, twice, beside a pooled (stride 2) or projected shortcut. The pool rounds up, so
/// that maps of odd size work too.
Graph nb201_residual_block(const Prim& prim) {
  require(prim.stride <= 2, "the stride must be 1 or 2, found " + std::to_string(prim.stride));
  GraphBuilder builder(prim.prim_type);
  const auto relu_conv = [&](int from, int kernel, int stride, const std::string& name) {
    return conv_bn(builder, builder.activation(from, "relu"), prim.C_out, kernel, stride, prim.affine, name);
  };
  const int at = relu_conv(relu_conv(builder.input(), 3, prim.stride, "conv1"), 3, 1, "conv2");
  int shortcut = builder.input();
  if (prim.stride == 2)
    shortcut = builder.conv(avg_pool(builder, shortcut, 2, 2, 0, true), prim.C_out, 1, 1, 1, false, 1, "shortcut");
  else if (prim.C != prim.C_out)
    shortcut = relu_conv(shortcut, 1, 1, "shortcut");
  return std::move(builder).finish(builder.add(at, shortcut));
}

}  // namespace

void add_cell_lowerings(LoweringTable& table) {
  table["none"] = none;
  table["skip_connect"] = skip_connect;
  table["res_reduce_block"] = res_reduce_block;
  table["avg_pool_2x2"] = avg_pool_of(2);
  table["avg_pool_3x3"] = avg_pool_of(3);
  table["max_pool_2x2"] = max_pool_of(2);
  table["max_pool_3x3"] = max_pool_of(3);
  table["sep_conv_3x3"] = sep_conv(3, 1);
  table["sep_conv_3x3_exp3"] = sep_conv(3, 3);
  table["sep_conv_3x3_exp6"] = sep_conv(3, 6);
  table["sep_conv_5x5"] = sep_conv(5, 1);
  table["sep_conv_5x5_exp3"] = sep_conv(5, 3);
  table["sep_conv_5x5_exp6"] = sep_conv(5, 6);
  table["sep_conv_7x7"] = sep_conv(7, 1);
  table["dil_conv_3x3"] = dil_conv(3);
  table["dil_conv_5x5"] = dil_conv(5);
  table["conv_7x1_1x7"] = conv_7x1_1x7;
  table["NB201ResidualBlock"] = nb201_residual_block;
}

}  // namespace hwprof::graph

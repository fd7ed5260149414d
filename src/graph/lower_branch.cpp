// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

// Stems, heads and blocks of several branches.
namespace hwprof::graph {
namespace {

constexpr int max_width = 1 << 20;

Graph stem(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int norm = conv_bn(builder, builder.input(), prim.C_out, kernel_attr(prim), prim.stride, prim.affine);
  return std::move(builder).finish(builder.activation(norm, text_attr(prim, "activation")));
}

/// A run of 3x3 convolutions of stride 2 with affine batch norm; `active` says which an activation follows.
Lowering imagenet_stem(const std::vector<bool>& active) {
  return [active](const Prim& prim) {
    require_stride(prim, 1 << active.size());
    require(prim.C_out >= 2, "C_out must be at least 2");
    GraphBuilder builder(prim.prim_type);
    int at = builder.input();
    for (std::size_t i = 0; i < active.size(); ++i) {
      at = conv_bn(builder, at, i == 0 ? prim.C_out / 2 : prim.C_out, 3, 2, true, "conv" + std::to_string(i + 1));
      if (active[i]) at = builder.activation(at, "relu");
    }
    return std::move(builder).finish(at);
  };
}

Graph imagenet_stem_7x7(const Prim& prim) {
  require_stride(prim, 2);
  GraphBuilder builder(prim.prim_type);
  const int norm = conv_bn(builder, builder.input(), prim.C_out, 7, 2, true);
  return std::move(builder).finish(builder.activation(norm, "relu"));
}

/// 1x1 to last_channels with batch norm and activation (none at 0), global average pool, a layer of
/// feature_channels with activation (none at 0), classifier to C_out classes.
Graph head(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  const std::string& activation = text_attr(prim, "activation");
  int at = builder.input();
  if (const int width = int_attr(prim, "last_channels", 0, max_width); width > 0)
    at = builder.activation(conv_bn(builder, at, width, 1, 1, prim.affine, "last"), activation);
  at = simple_op(builder, OpKind::global_avg_pool, {at}, "pool");
  at = simple_op(builder, OpKind::flatten, {at});
  if (const int width = int_attr(prim, "feature_channels", 0, max_width); width > 0)
    at = builder.activation(linear(builder, at, width, true, "feature"), activation);
  return std::move(builder).finish(linear(builder, at, prim.C_out, true, "classifier"));
}

/// Convolution with bias and relu.
int conv_relu(GraphBuilder& builder, int from, int channels, int kernel, const std::string& name) {
  return builder.activation(builder.conv(from, channels, kernel, 1, 1, true, 1, name), "relu");
}

/// SqueezeNet's module: a narrow 1x1, then 1x1 and 3x3 side by side, half of C_out each.
Graph fire(const Prim& prim) {
  require_stride(prim, 1);
  require(prim.C_out % 2 == 0, "C_out must be even, found " + std::to_string(prim.C_out));
  GraphBuilder builder(prim.prim_type);
  const int squeezed =
      conv_relu(builder, builder.input(), int_attr(prim, "squeeze_channels", 1, max_width), 1, "squeeze");
  const int small = conv_relu(builder, squeezed, prim.C_out / 2, 1, "expand1x1");
  const int large = conv_relu(builder, squeezed, prim.C_out / 2, 3, "expand3x3");
  return std::move(builder).finish(simple_op(builder, OpKind::concat, {small, large}));
}

/// GoogLeNet's module with batch norm: 1x1; 1x1 and 3x3; 1x1 and 5x5; pool and 1x1; side by side.
Graph inception(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  const auto width = [&prim](const char* name) { return int_attr(prim, name, 1, max_width); };
  const auto conv = [&](int from, const char* name, int kernel) {
    return builder.activation(conv_bn(builder, from, width(name), kernel, 1, prim.affine, name), "relu");
  };
  const int total = width("branch1x1") + width("branch3x3") + width("branch5x5") + width("branch_pool");
  require(prim.C_out == total, "C_out must be the sum of branch1x1, branch3x3, branch5x5 and branch_pool, which is " +
                                   std::to_string(total) + ", found " + std::to_string(prim.C_out));
  const int a = conv(builder.input(), "branch1x1", 1);
  const int b = conv(conv(builder.input(), "branch3x3_reduce", 1), "branch3x3", 3);
  const int c = conv(conv(builder.input(), "branch5x5_reduce", 1), "branch5x5", 5);
  const int d = conv(max_pool(builder, builder.input(), 3, 1, 1), "branch_pool", 1);
  return std::move(builder).finish(simple_op(builder, OpKind::concat, {a, b, c, d}));
}

}  // namespace

void add_branch_lowerings(LoweringTable& table) {
  table["stem"] = stem;
  table["imagenet_stem0"] = imagenet_stem({true, false});
  table["imagenet_stem1"] = imagenet_stem({true, true, true});
  table["imagenet_stem0_7x7"] = imagenet_stem_7x7;
  table["head"] = head;
  table["fire"] = fire;
  table["inception"] = inception;
}

}  // namespace hwprof::graph

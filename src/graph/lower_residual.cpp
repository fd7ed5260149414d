// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

namespace hwprof::graph {
namespace {

/// The input itself, or a 1x1 convolution with batch norm where the shapes differ. (aw_nas projects only at a
/// stride and fails at stride 1 with other channels.)
int conv_shortcut(GraphBuilder& builder, const Prim& prim) {
  if (prim.stride == 1 && prim.C == prim.C_out) return builder.input();
  return conv_bn(builder, builder.input(), prim.C_out, 1, prim.stride, prim.affine, "shortcut");
}

/// Every stride-th pixel, and as many channels of zeros behind.
int pool_shortcut(GraphBuilder& builder, const Prim& prim) {
  if (prim.stride == 1) {
    require_same_channels(prim);
    return builder.input();
  }
  require(prim.C_out == 2 * prim.C, "the pooled shortcut doubles the channels, so C_out must be twice C");
  const int picked = avg_pool(builder, builder.input(), 1, prim.stride, 0);
  return simple_op(builder, OpKind::concat, {picked, zeros(builder, builder.input(), prim.spatial_size, prim.stride)});
}

using Shortcut = int (*)(GraphBuilder&, const Prim&);

Lowering resnet_block(int kernel, const char* activation, Shortcut shortcut) {
  return [=](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    int at = conv_bn(builder, builder.input(), prim.C_out, kernel, prim.stride, prim.affine, "conv1");
    at = builder.activation(at, activation);
    at = conv_bn(builder, at, prim.C_out, kernel, 1, prim.affine, "conv2");
    at = builder.add(at, shortcut(builder, prim));
    return std::move(builder).finish(builder.activation(at, activation));
  };
}

/// Every convolution of a ResNet block twice, side by side, and added.
Lowering resnet_block_split(const char* activation) {
  return [activation](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const auto twice = [&](int from, int stride, const std::string& name) {
      const int a = conv_bn(builder, from, prim.C_out, 3, stride, prim.affine, name + "a");
      const int b = conv_bn(builder, from, prim.C_out, 3, stride, prim.affine, name + "b");
      return builder.add(a, b);
    };
    int at = builder.activation(twice(builder.input(), prim.stride, "conv1"), activation);
    at = twice(at, 1, "conv2");
    at = builder.add(at, conv_shortcut(builder, prim));
    return std::move(builder).finish(builder.activation(at, activation));
  };
}

/// 1x1, 3x3 with the stride, 1x1; the middle is a quarter of C_out. aw_nas' shortcut has a bias and an
/// affine batch norm whatever the primitive says.
Graph resnet_bottleneck_block(const Prim& prim) {
  require(prim.C_out >= 4, "C_out must be at least 4");
  GraphBuilder builder(prim.prim_type);
  const int middle = prim.C_out / 4;
  int at = builder.activation(conv_bn(builder, builder.input(), middle, 1, 1, prim.affine, "conv1"), "relu");
  at = builder.activation(conv_bn(builder, at, middle, 3, prim.stride, prim.affine, "conv2"), "relu");
  at = conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "conv3");
  int shortcut = builder.input();
  if (prim.stride != 1 || prim.C != prim.C_out) {
    shortcut = builder.conv(shortcut, prim.C_out, 1, prim.stride, 1, true, 1, "shortcut");
    shortcut = builder.batch_norm(shortcut, true, "shortcut.bn");
  }
  return std::move(builder).finish(builder.activation(builder.add(at, shortcut), "relu"));
}

/// Normalisation and activation first (Zagoruyko and Komodakis' wide residual network).
Graph wideresnet_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  int at = builder.activation(builder.batch_norm(builder.input(), prim.affine), "relu");
  at = builder.activation(conv_bn(builder, at, prim.C_out, 3, prim.stride, prim.affine, "conv1"), "relu");
  at = builder.conv(at, prim.C_out, 3, 1, 1, false, 1, "conv2");
  int shortcut = builder.input();
  if (prim.stride != 1 || prim.C != prim.C_out)
    shortcut = builder.conv(shortcut, prim.C_out, 1, prim.stride, 1, false, 1, "shortcut");
  return std::move(builder).finish(builder.add(at, shortcut));
}

Graph vgg_block(const Prim& prim) {
  require(prim.stride <= 2, "the stride must be 1 or 2 (a pool), found " + std::to_string(prim.stride));
  GraphBuilder builder(prim.prim_type);
  int at = builder.conv(builder.input(), prim.C_out, 3, 1, 1, true);
  at = builder.activation(builder.batch_norm(at, prim.affine), "relu");
  if (prim.stride == 2) at = max_pool(builder, at, 2, 2, 0);
  return std::move(builder).finish(at);
}

/// DenseNet's bottleneck layer: C_out - C new channels in front of the input's.
Graph dense_block(const Prim& prim) {
  require_stride(prim, 1);
  require(prim.C_out > prim.C, "C_out must be larger than C, which it contains");
  GraphBuilder builder(prim.prim_type);
  const int growth = prim.C_out - prim.C;
  int at = builder.activation(builder.batch_norm(builder.input(), prim.affine), "relu");
  at = builder.conv(at, std::int64_t{4} * growth, 1);
  at = builder.activation(builder.batch_norm(at, prim.affine), "relu");
  at = builder.conv(at, growth, 3);
  return std::move(builder).finish(simple_op(builder, OpKind::concat, {at, builder.input()}));
}

/// DenseNet's transition.
Graph dense_reduce_block(const Prim& prim) {
  require_stride(prim, 2);
  GraphBuilder builder(prim.prim_type);
  int at = builder.activation(builder.batch_norm(builder.input(), prim.affine), "relu");
  at = builder.conv(at, prim.C_out, 1);
  return std::move(builder).finish(avg_pool(builder, at, 2, 2, 0));
}

}  // namespace

void add_residual_lowerings(LoweringTable& table) {
  table["resnet_block"] = resnet_block(3, "relu", conv_shortcut);
  table["resnet_block_1x1"] = resnet_block(1, "relu", conv_shortcut);
  table["resnet_block_5x5"] = resnet_block(5, "relu", conv_shortcut);
  table["resnet_block_sigmoid"] = resnet_block(3, "sigmoid", conv_shortcut);
  table["resnet_block_hardtanh"] = resnet_block(3, "hardtanh", conv_shortcut);
  table["resnet_block_pool_downsample"] = resnet_block(3, "relu", pool_shortcut);
  table["resnet_block_split"] = resnet_block_split("relu");
  table["resnet_block_split_sigmoid"] = resnet_block_split("sigmoid");
  table["resnet_block_split_hardtanh"] = resnet_block_split("hardtanh");
  table["resnet_bottleneck_block"] = resnet_bottleneck_block;
  table["wideresnet_block_3x3"] = wideresnet_block;
  table["vgg_block"] = vgg_block;
  table["dense_block"] = dense_block;
  table["dense_reduce_block"] = dense_reduce_block;
}

}  // namespace hwprof::graph

// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

namespace hwprof::graph {
namespace {

constexpr double max_expansion = 64;

int inner_channels(const Prim& prim) {
  return make_divisible(prim.C * real_attr(prim, "expansion", 1e-3, max_expansion), 8);
}

int with_residual(GraphBuilder& builder, const Prim& prim, int at) {
  return prim.stride == 1 && prim.C == prim.C_out ? builder.add(at, builder.input()) : at;
}

/// 1x1 (left out at expansion 1), depthwise, perhaps squeeze and excitation, 1x1 without activation; a
/// residual where the shapes allow. Batch norm is affine whatever the primitive says, as in aw_nas.
Graph inverted_residual(const Prim& prim, bool use_se) {
  GraphBuilder builder(prim.prim_type);
  const int inner = inner_channels(prim);
  const std::string& activation = text_attr(prim, "activation");
  int at = builder.input();
  if (real_attr(prim, "expansion", 1e-3, max_expansion) != 1)
    at = builder.activation(conv_bn(builder, at, inner, 1, 1, true, "expand"), activation);
  else
    require(inner == prim.C, "expansion 1 needs C in multiples of 8, found " + std::to_string(prim.C));
  at = builder.activation(conv_bn(builder, at, inner, kernel_attr(prim), prim.stride, true, "dw", inner), activation);
  if (use_se) at = squeeze_excite(builder, at, inner, 4);
  at = conv_bn(builder, at, prim.C_out, 1, 1, true, "project");
  return std::move(builder).finish(with_residual(builder, prim, at));
}

Graph mobilenet_v2_block(const Prim& prim) {
  return inverted_residual(prim, false);
}
Graph mobilenet_v3_block(const Prim& prim) {
  return inverted_residual(prim, flag_attr(prim, "use_se"));
}

/// aw_nas' block for accelerators without fast depthwise convolutions: one full convolution in their place.
Graph fused_conv_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  int at = conv_bn(builder, builder.input(), inner_channels(prim), kernel_attr(prim), prim.stride, true, "fused");
  at = builder.activation(at, text_attr(prim, "activation"));
  at = conv_bn(builder, at, prim.C_out, 1, 1, true, "project");
  return std::move(builder).finish(with_residual(builder, prim, at));
}

/// FBNet's candidate: the first 1x1 stays at expansion 1, both 1x1 may be grouped, and then the channels
/// are shuffled between the first and the depthwise convolution.
Graph fbnet_block(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int groups = int_attr(prim, "groups", 1, 1024);
  const int inner = inner_channels(prim);
  const std::string& activation = text_attr(prim, "activation");
  int at = conv_bn(builder, builder.input(), inner, 1, 1, prim.affine, "expand", groups);
  at = builder.activation(at, activation);
  if (groups > 1) {
    Op shuffle;
    shuffle.kind = OpKind::channel_shuffle;
    shuffle.name = "shuffle";
    shuffle.inputs = {at};
    shuffle.groups = groups;
    at = builder.op(std::move(shuffle));
  }
  at = conv_bn(builder, at, inner, kernel_attr(prim), prim.stride, prim.affine, "dw", inner);
  at = builder.activation(at, activation);
  at = conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "project", groups);
  return std::move(builder).finish(with_residual(builder, prim, at));
}

/// aw_nas' blocks with the parameters in the name: always with the first 1x1, and at stride 1 always with a
/// shortcut, which is a 1x1 where the channels differ. aw_nas' own `_relu6` types build a 1x1 depthwise
/// convolution with relu, because an argument slipped there; here they are what the name says.
Lowering mobilenet_block(int expansion, int kernel, const char* activation) {
  return [expansion, kernel, activation](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const int inner = make_divisible(static_cast<double>(expansion) * prim.C, 8);
    int at = conv_bn(builder, builder.input(), inner, 1, 1, prim.affine, "expand");
    at = builder.activation(at, activation);
    at = conv_bn(builder, at, inner, kernel, prim.stride, prim.affine, "dw", inner);
    at = builder.activation(at, activation);
    at = conv_bn(builder, at, prim.C_out, 1, 1, prim.affine, "project");
    if (prim.stride == 1) {
      int shortcut = builder.input();
      if (prim.C != prim.C_out) shortcut = conv_bn(builder, shortcut, prim.C_out, 1, 1, prim.affine, "shortcut");
      at = builder.add(at, shortcut);
    }
    return std::move(builder).finish(at);
  };
}

Graph se_module(const Prim& prim) {
  require_same_channels(prim);
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(
      squeeze_excite(builder, builder.input(), prim.C, int_attr(prim, "reduction", 1, 1024)));
}

}  // namespace

void add_mobile_lowerings(LoweringTable& table) {
  table["mobilenet_v2_block"] = mobilenet_v2_block;
  table["mobilenet_v3_block"] = mobilenet_v3_block;
  table["fused_conv_block"] = fused_conv_block;
  table["fbnet_block"] = fbnet_block;
  table["mobilenet_block_1"] = mobilenet_block(1, 3, "relu");
  table["mobilenet_block_3"] = mobilenet_block(3, 3, "relu");
  table["mobilenet_block_6"] = mobilenet_block(6, 3, "relu");
  table["mobilenet_block_3_5x5"] = mobilenet_block(3, 5, "relu");
  table["mobilenet_block_6_5x5"] = mobilenet_block(6, 5, "relu");
  table["mobilenet_block_1_relu6"] = mobilenet_block(1, 3, "relu6");
  table["mobilenet_block_6_relu6"] = mobilenet_block(6, 3, "relu6");
  table["se_module"] = se_module;
}

}  // namespace hwprof::graph

// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

namespace hwprof::graph {
namespace {

/// aw_nas' bare convolutions: bias, no normalisation, no activation; affine means nothing to them.
Lowering bare_conv(int kernel) {
  return [kernel](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    return std::move(builder).finish(builder.conv(builder.input(), prim.C_out, kernel, prim.stride, 1, true));
  };
}

Lowering conv_bn_relu(int kernel) {
  return [kernel](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const int norm = conv_bn(builder, builder.input(), prim.C_out, kernel, prim.stride, prim.affine);
    return std::move(builder).finish(builder.activation(norm, "relu"));
  };
}

Lowering relu_conv_bn(int kernel) {
  return [kernel](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const int active = builder.activation(builder.input(), "relu");
    return std::move(builder).finish(conv_bn(builder, active, prim.C_out, kernel, prim.stride, prim.affine));
  };
}

Graph conv_bn_3x3(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(conv_bn(builder, builder.input(), prim.C_out, 3, prim.stride, prim.affine));
}

Graph bn_conv_relu_1x1(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int norm = builder.batch_norm(builder.input(), prim.affine);
  const int conv = builder.conv(norm, prim.C_out, 1, prim.stride);
  return std::move(builder).finish(builder.activation(conv, "relu"));
}

Graph bn_relu(const Prim& prim) {
  require_same_channels(prim);
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(builder.activation(builder.batch_norm(builder.input(), prim.affine), "relu"));
}

int general_conv(GraphBuilder& builder, const Prim& prim, bool bias) {
  return builder.conv(builder.input(), prim.C_out, kernel_attr(prim), prim.stride, int_attr(prim, "groups", 1, 1 << 20),
                      bias, int_attr(prim, "dilation", 1, 1023));
}

/// Convolution with a padding of its own, or one that keeps the size of the map at stride 1.
int padded_conv(GraphBuilder& builder, const Prim& prim, bool bias) {
  const int padding = int_attr(prim, "padding", -1, 1023);
  if (padding < 0) return general_conv(builder, prim, bias);
  const int kernel = kernel_attr(prim);
  const int dilation = int_attr(prim, "dilation", 1, 1023);
  Op op;
  op.kind = OpKind::conv2d;
  op.name = "conv";
  op.inputs = {builder.input()};
  op.out_channels = prim.C_out;
  op.kernel = {kernel, kernel};
  op.stride = {prim.stride, prim.stride};
  op.dilation = {dilation, dilation};
  op.pad = {padding, padding, padding, padding};
  op.groups = int_attr(prim, "groups", 1, 1 << 20);
  op.bias = bias;
  return builder.op(std::move(op));
}

/// Convolution with bias, then the activation: networks from before batch norm.
Graph conv_act(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int at = padded_conv(builder, prim, true);
  return std::move(builder).finish(builder.activation(at, text_attr(prim, "activation")));
}

/// A convolution and nothing else.
Graph conv(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(padded_conv(builder, prim, flag_attr(prim, "bias")));
}

Graph general_conv_bn(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(builder.batch_norm(general_conv(builder, prim, false), prim.affine));
}

Graph general_conv_bn_act(const Prim& prim) {
  GraphBuilder builder(prim.prim_type);
  const int norm = builder.batch_norm(general_conv(builder, prim, false), prim.affine);
  return std::move(builder).finish(builder.activation(norm, text_attr(prim, "activation")));
}

/// A bare depthwise convolution, without bias.
Graph dw_conv(const Prim& prim) {
  require_same_channels(prim);
  GraphBuilder builder(prim.prim_type);
  return std::move(builder).finish(builder.conv(builder.input(), prim.C, kernel_attr(prim), prim.stride, prim.C, false,
                                                int_attr(prim, "dilation", 1, 1023), "dw"));
}

/// A fully connected layer over the whole map, which is flattened first.
Graph linear_layer(const Prim& prim) {
  require_stride(prim, 1);
  GraphBuilder builder(prim.prim_type);
  int at = simple_op(builder, OpKind::flatten, {builder.input()});
  at = linear(builder, at, prim.C_out, flag_attr(prim, "bias"), "linear");
  return std::move(builder).finish(builder.activation(at, text_attr(prim, "activation")));
}

}  // namespace

void add_conv_lowerings(LoweringTable& table) {
  table["conv_1x1"] = bare_conv(1);
  table["conv_3x3"] = bare_conv(3);
  table["conv_bn_3x3"] = conv_bn_3x3;
  table["conv_bn_relu_1x1"] = conv_bn_relu(1);
  table["conv_bn_relu_3x3"] = conv_bn_relu(3);
  table["conv_bn_relu_5x5"] = conv_bn_relu(5);
  table["relu_conv_bn_1x1"] = relu_conv_bn(1);
  table["relu_conv_bn_3x3"] = relu_conv_bn(3);
  table["relu_conv_bn_5x5"] = relu_conv_bn(5);
  table["nor_conv_1x1"] = relu_conv_bn(1);
  table["nor_conv_3x3"] = relu_conv_bn(3);
  table["bn_conv_relu_1x1"] = bn_conv_relu_1x1;
  table["bn_relu"] = bn_relu;
  table["conv"] = conv;
  table["conv_act"] = conv_act;
  table["conv_bn"] = general_conv_bn;
  table["conv_bn_act"] = general_conv_bn_act;
  table["dw_conv"] = dw_conv;
  table["linear"] = linear_layer;
}

}  // namespace hwprof::graph

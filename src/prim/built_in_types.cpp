// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "prim/types.hpp"

namespace hwprof::prim {
namespace {

AttrSpec integer(std::string name, std::optional<std::int64_t> fallback = {}) {
  AttrSpec spec{std::move(name), AttrKind::integer, {}, {}};
  if (fallback) spec.fallback = *fallback;
  return spec;
}

AttrSpec real(std::string name) {
  return {std::move(name), AttrKind::real, {}, {}};
}

AttrSpec flag(std::string name, std::optional<bool> fallback = {}) {
  AttrSpec spec{std::move(name), AttrKind::boolean, {}, {}};
  if (fallback) spec.fallback = *fallback;
  return spec;
}

AttrSpec activation(const char* fallback = nullptr) {
  AttrSpec spec{"activation",
                AttrKind::text,
                {},
                {"relu", "relu6", "h_swish", "h_sigmoid", "sigmoid", "tanh", "hardtanh", "leaky_relu", "identity"}};
  if (fallback != nullptr) spec.fallback = std::string(fallback);
  return spec;
}

/// aw_nas' types that take nothing but the six fields, and single ops.
constexpr const char* plain_types[] = {
    // convolutions
    "conv_1x1", "conv_3x3", "conv_bn_3x3", "conv_bn_relu_1x1", "conv_bn_relu_3x3", "conv_bn_relu_5x5",
    "relu_conv_bn_1x1", "relu_conv_bn_3x3", "relu_conv_bn_5x5", "nor_conv_1x1", "nor_conv_3x3", "bn_conv_relu_1x1",
    "bn_relu",
    // DARTS and NAS-Bench-201
    "none", "skip_connect", "avg_pool_2x2", "avg_pool_3x3", "max_pool_2x2", "max_pool_3x3", "sep_conv_3x3",
    "sep_conv_3x3_exp3", "sep_conv_3x3_exp6", "sep_conv_5x5", "sep_conv_5x5_exp3", "sep_conv_5x5_exp6", "sep_conv_7x7",
    "dil_conv_3x3", "dil_conv_5x5", "conv_7x1_1x7", "res_reduce_block", "NB201ResidualBlock",
    // mobile blocks of fixed shape
    "mobilenet_block_1", "mobilenet_block_3", "mobilenet_block_6", "mobilenet_block_3_5x5", "mobilenet_block_6_5x5",
    "mobilenet_block_1_relu6", "mobilenet_block_6_relu6",
    // residual, plain and dense blocks
    "resnet_block", "resnet_block_1x1", "resnet_block_5x5", "resnet_block_pool_downsample", "resnet_block_sigmoid",
    "resnet_block_hardtanh", "resnet_block_split", "resnet_block_split_sigmoid", "resnet_block_split_hardtanh",
    "resnet_bottleneck_block", "wideresnet_block_3x3", "vgg_block", "dense_block", "dense_reduce_block",
    // stems
    "imagenet_stem0", "imagenet_stem0_7x7", "imagenet_stem1",
    // single ops
    "relu", "relu6", "leaky_relu", "h_swish", "h_sigmoid", "sigmoid", "tanh", "hardtanh", "identity", "softmax",
    "batch_norm", "global_avg_pool", "flatten"};

}  // namespace

std::vector<PrimType> built_in_types() {
  std::vector<PrimType> types = {
      // mobile blocks
      {"mobilenet_v2_block", {real("expansion"), integer("kernel_size"), activation("relu")}},
      {"mobilenet_v3_block", {real("expansion"), integer("kernel_size"), activation(), flag("use_se")}},
      {"fused_conv_block", {real("expansion"), integer("kernel_size"), activation()}},
      {"fbnet_block", {real("expansion"), integer("kernel_size"), activation("relu"), integer("groups", 1)}},
      {"se_module", {integer("reduction", 4)}},
      // blocks of ssprofile
      {"ss_mobile_block", {integer("expansion"), integer("kernel_size")}},
      {"ss_res_block", {integer("expansion"), integer("kernel_size")}},
      {"ss_vgg_block", {{"kernels", AttrKind::text, {}, {}}}},
      // convolutions and linear layers
      {"conv",
       {integer("kernel_size"), integer("groups", 1), integer("dilation", 1), integer("padding", -1),
        flag("bias", false)}},
      {"conv_act",
       {integer("kernel_size"), activation("relu"), integer("groups", 1), integer("dilation", 1),
        integer("padding", -1)}},
      {"conv_bn", {integer("kernel_size"), integer("groups", 1), integer("dilation", 1)}},
      {"conv_bn_act", {integer("kernel_size"), activation(), integer("groups", 1), integer("dilation", 1)}},
      {"dw_conv", {integer("kernel_size"), integer("dilation", 1)}},
      {"linear", {activation("identity"), flag("bias", true)}},
      // pools and other ops with parameters
      {"max_pool", {integer("kernel_size"), integer("padding", 0), flag("ceil_mode", false)}},
      {"avg_pool",
       {integer("kernel_size"), integer("padding", 0), flag("ceil_mode", false), flag("count_include_pad", true)}},
      {"channel_shuffle", {integer("groups")}},
      {"upsample", {integer("scale", 2)}},
      {"crop", {integer("out_size")}},
      // multi-branch blocks, stem and head
      {"fire", {integer("squeeze_channels")}},
      {"inception",
       {integer("branch1x1"), integer("branch3x3_reduce"), integer("branch3x3"), integer("branch5x5_reduce"),
        integer("branch5x5"), integer("branch_pool")}},
      {"stem", {integer("kernel_size", 3), activation()}},
      {"head", {integer("last_channels"), integer("feature_channels", 0), activation()}}};
  for (const char* name : plain_types) types.push_back({name, {}});
  return types;
}

}  // namespace hwprof::prim

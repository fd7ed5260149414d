// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/prim.hpp"

/// A valid primitive or more of every built-in type: both strides where the type allows them, odd and even
/// maps, equal and different channels, attributes off their defaults. All small enough to run.
inline std::vector<hwprof::Prim> sample_prims() {
  using hwprof::Attr;
  const auto text = [](const char* value) { return Attr(std::string(value)); };
  const auto whole = [](std::int64_t value) { return Attr(value); };
  std::vector<hwprof::Prim> prims;
  const auto put = [&prims](const char* type, int size, int C, int C_out, int stride,
                            std::map<std::string, Attr> attrs = {}, bool affine = true) {
    prims.push_back(hwprof::normalized({type, size, C, C_out, stride, affine, std::move(attrs)}));
  };

  for (const char* type : {"conv_1x1",
                           "conv_3x3",
                           "conv_bn_3x3",
                           "conv_bn_relu_1x1",
                           "conv_bn_relu_3x3",
                           "conv_bn_relu_5x5",
                           "relu_conv_bn_1x1",
                           "relu_conv_bn_3x3",
                           "relu_conv_bn_5x5",
                           "nor_conv_1x1",
                           "nor_conv_3x3",
                           "bn_conv_relu_1x1",
                           "sep_conv_3x3",
                           "sep_conv_3x3_exp3",
                           "sep_conv_3x3_exp6",
                           "sep_conv_5x5",
                           "sep_conv_5x5_exp3",
                           "sep_conv_5x5_exp6",
                           "sep_conv_7x7",
                           "dil_conv_3x3",
                           "dil_conv_5x5",
                           "res_reduce_block",
                           "NB201ResidualBlock",
                           "mobilenet_block_1",
                           "mobilenet_block_3",
                           "mobilenet_block_6",
                           "mobilenet_block_3_5x5",
                           "mobilenet_block_6_5x5",
                           "mobilenet_block_1_relu6",
                           "mobilenet_block_6_relu6",
                           "resnet_block",
                           "resnet_block_1x1",
                           "resnet_block_5x5",
                           "resnet_block_sigmoid",
                           "resnet_block_hardtanh",
                           "resnet_block_split_hardtanh",
                           "resnet_block_split",
                           "resnet_block_split_sigmoid",
                           "resnet_bottleneck_block",
                           "wideresnet_block_3x3"}) {
    put(type, 14, 16, 16, 1);
    put(type, 15, 16, 24, 2, {}, false);
    put(type, 10, 8, 16, 1);
  }
  for (const char* type : {"none", "avg_pool_2x2", "avg_pool_3x3", "max_pool_2x2", "max_pool_3x3", "conv_7x1_1x7"}) {
    put(type, 14, 8, 8, 1);
    put(type, 15, 8, 8, 2);
  }
  for (const char* type : {"bn_relu", "relu", "relu6", "leaky_relu", "h_swish", "h_sigmoid", "sigmoid", "tanh",
                           "hardtanh", "identity", "softmax", "batch_norm", "global_avg_pool"})
    put(type, 9, 8, 8, 1);
  put("bn_relu", 9, 8, 8, 1, {}, false);
  put("batch_norm", 9, 8, 8, 1, {}, false);
  put("conv", 14, 8, 16, 2, {{"kernel_size", whole(3)}});
  put("conv", 15, 8, 16, 1,
      {{"kernel_size", whole(5)}, {"groups", whole(4)}, {"dilation", whole(2)}, {"padding", whole(1)}, {"bias", true}});
  put("flatten", 1, 32, 32, 1);
  put("skip_connect", 14, 8, 8, 1);
  put("skip_connect", 14, 8, 16, 2);
  put("skip_connect", 15, 8, 12, 2);
  put("skip_connect", 16, 8, 12, 3);
  put("resnet_block_pool_downsample", 14, 8, 8, 1);
  put("resnet_block_pool_downsample", 15, 8, 16, 2);
  put("vgg_block", 14, 8, 16, 1);
  put("vgg_block", 15, 8, 16, 2);
  put("dense_block", 14, 16, 28, 1);
  put("dense_reduce_block", 15, 16, 8, 2);
  put("imagenet_stem0", 33, 3, 16, 4);
  put("imagenet_stem1", 33, 3, 16, 8);
  put("imagenet_stem0_7x7", 33, 3, 16, 2);

  for (const char* type : {"mobilenet_v2_block", "fused_conv_block"}) {
    put(type, 14, 16, 16, 1, {{"expansion", whole(4)}, {"kernel_size", whole(5)}, {"activation", text("relu6")}});
    put(type, 15, 16, 24, 2, {{"expansion", whole(1)}, {"kernel_size", whole(3)}, {"activation", text("h_swish")}});
    put(type, 9, 8, 24, 1, {{"expansion", Attr(2.5)}, {"kernel_size", whole(7)}, {"activation", text("leaky_relu")}});
  }
  for (const bool use_se : {false, true}) {
    put("mobilenet_v3_block", 14, 16, 16, 1,
        {{"expansion", whole(3)}, {"kernel_size", whole(5)}, {"activation", text("relu")}, {"use_se", use_se}});
    put("mobilenet_v3_block", 15, 16, 24, 2,
        {{"expansion", whole(6)}, {"kernel_size", whole(3)}, {"activation", text("h_swish")}, {"use_se", use_se}});
    put("mobilenet_v3_block", 7, 16, 16, 1,
        {{"expansion", whole(1)}, {"kernel_size", whole(7)}, {"activation", text("tanh")}, {"use_se", use_se}});
  }
  for (const std::int64_t groups : {1, 2}) {
    put("fbnet_block", 14, 16, 16, 1, {{"expansion", whole(1)}, {"kernel_size", whole(3)}, {"groups", whole(groups)}});
    put("fbnet_block", 15, 16, 24, 2, {{"expansion", whole(6)}, {"kernel_size", whole(5)}, {"groups", whole(groups)}});
  }
  for (const char* type : {"ss_mobile_block", "ss_res_block"}) {
    put(type, 14, 16, 16, 1, {{"expansion", whole(4)}, {"kernel_size", whole(5)}});
    put(type, 15, 16, 24, 2, {{"expansion", whole(1)}, {"kernel_size", whole(3)}}, false);
  }
  put("ss_vgg_block", 14, 8, 16, 1, {{"kernels", text("k1-3-5")}});
  put("ss_vgg_block", 15, 8, 16, 2, {{"kernels", text("k7")}}, false);
  put("se_module", 7, 24, 24, 1);
  put("se_module", 7, 64, 64, 1, {{"reduction", whole(8)}});

  put("conv_act", 15, 8, 16, 2, {{"kernel_size", whole(3)}, {"groups", whole(4)}});
  put("conv_act", 15, 8, 16, 2, {{"kernel_size", whole(3)}, {"padding", whole(0)}, {"activation", text("identity")}});
  put("conv_bn", 14, 8, 16, 1, {{"kernel_size", whole(3)}, {"groups", whole(2)}, {"dilation", whole(2)}});
  put("conv_bn_act", 15, 8, 16, 2, {{"kernel_size", whole(5)}, {"activation", text("h_sigmoid")}}, false);
  put("dw_conv", 14, 16, 16, 2, {{"kernel_size", whole(5)}});
  put("dw_conv", 14, 16, 16, 1, {{"kernel_size", whole(3)}, {"dilation", whole(2)}});
  put("linear", 1, 32, 10, 1);
  put("linear", 4, 8, 10, 1, {{"bias", false}, {"activation", text("sigmoid")}});
  put("max_pool", 14, 8, 8, 2, {{"kernel_size", whole(3)}, {"padding", whole(1)}});
  put("max_pool", 14, 8, 8, 2, {{"kernel_size", whole(3)}, {"ceil_mode", true}});
  put("avg_pool", 15, 8, 8, 2, {{"kernel_size", whole(2)}, {"ceil_mode", true}});
  put("avg_pool", 15, 8, 8, 3,
      {{"kernel_size", whole(5)}, {"padding", whole(2)}, {"count_include_pad", false}, {"ceil_mode", true}});
  put("channel_shuffle", 7, 12, 12, 1, {{"groups", whole(3)}});
  put("upsample", 7, 8, 8, 1, {{"scale", whole(3)}});
  put("crop", 15, 8, 8, 1, {{"out_size", whole(12)}});
  put("fire", 13, 32, 64, 1, {{"squeeze_channels", whole(8)}});
  put("inception", 14, 32, 48, 1,
      {{"branch1x1", whole(16)},
       {"branch3x3_reduce", whole(8)},
       {"branch3x3", whole(20)},
       {"branch5x5_reduce", whole(4)},
       {"branch5x5", whole(7)},
       {"branch_pool", whole(5)}});
  put("stem", 33, 3, 16, 2, {{"activation", text("h_swish")}});
  put("stem", 32, 3, 8, 1, {{"kernel_size", whole(7)}, {"activation", text("relu")}}, false);
  put("head", 7, 16, 10, 1, {{"last_channels", whole(32)}, {"activation", text("relu6")}});
  put("head", 7, 16, 10, 1,
      {{"last_channels", whole(24)}, {"feature_channels", whole(40)}, {"activation", text("h_swish")}});
  put("head", 7, 16, 10, 1, {{"last_channels", whole(0)}, {"activation", text("relu")}});
  return prims;
}

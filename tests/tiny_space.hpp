// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof_test {

/// 2 * (3 + 9) * (3 + 9) networks of small images.
inline constexpr const char* tiny_space = R"(kind: chain
name: tiny
image_size: 32
stem:
  - {prim_type: conv_bn_relu_3x3, C_out: 8, stride: 2}
candidates:
  - {name: conv, prim_type: conv_bn_relu_3x3}
  - {name: wide, prim_type: conv_bn_relu_5x5}
  - {name: mobile, prim_type: mobilenet_v2_block, expansion: 3, kernel_size: 3, activation: relu6}
stages:
  - {name: a, channels: 16, stride: 2, blocks: 2, depths: [1, 2]}
  - {name: b, channels: 24, stride: 2, blocks: 2, depths: [1, 2]}
head:
  - {prim_type: conv_bn_relu_1x1, C_out: 32}
)";

/// Nine networks, of which packing takes three.
inline constexpr const char* nine_networks = R"(kind: chain
name: nine
image_size: 16
candidates:
  - {name: conv, prim_type: conv_bn_relu_3x3}
  - {name: wide, prim_type: conv_bn_relu_5x5}
  - {name: narrow, prim_type: conv_bn_relu_1x1}
stages:
  - {name: a, channels: 8, stride: 2}
  - {name: b, channels: 12, stride: 2}
)";

inline constexpr const char* one_network = R"(kind: listed
name: one
image_size: 16
layers:
  - {prim_type: conv_bn_relu_3x3, C_out: 8, stride: 2}
  - {prim_type: conv_bn_relu_3x3, C_out: 12, stride: 1}
)";

}  // namespace hwprof_test

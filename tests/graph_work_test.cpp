// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "prim_samples.hpp"

using namespace hwprof;

namespace {

void check(const char* prim, double macs, double params) {
  CAPTURE(prim);
  const Work work = count_work(parse_prim(prim));
  CHECK(work.macs == macs);
  CHECK(work.params == params);
  const Work batch = count_work(parse_prim(prim), 3);
  CHECK(batch.macs == 3 * macs);
  CHECK(batch.params == params);
}

}  // namespace

// Every expectation is written from the definition of the block: for MACs output pixels x window x inputs of a
// group x outputs, for parameters the weights, the biases and two values a channel of batch norm.
TEST_CASE("MACs and parameters are those of a count by hand") {
  SUBCASE("bare convolutions have a bias and no batch norm") {
    check("conv_3x3:224x3x16s2", 112. * 112 * 9 * 3 * 16, 9 * 3 * 16 + 16);
    check("conv_3x3:15x8x16s2", 8. * 8 * 9 * 8 * 16, 9 * 8 * 16 + 16);
    check("conv_1x1:14x8x24s1", 14. * 14 * 8 * 24, 8 * 24 + 24);
  }
  SUBCASE("convolution, batch norm, relu") {
    check("conv_bn_relu_5x5:14x8x24s1", 14. * 14 * 25 * 8 * 24, 25 * 8 * 24 + 2 * 24);
    check("conv_bn_relu_5x5:14x8x24s1:affine=0", 14. * 14 * 25 * 8 * 24, 25 * 8 * 24);
    check("relu_conv_bn_3x3:14x8x24s2", 7. * 7 * 9 * 8 * 24, 9 * 8 * 24 + 2 * 24);
    check("bn_conv_relu_1x1:14x8x24s1", 14. * 14 * 8 * 24, 8 * 24 + 2 * 8);
    check("bn_relu:14x8x8s1", 0, 16);
  }
  SUBCASE("grouped and dilated convolutions") {
    check("conv_bn:14x32x64s1:kernel_size=3:groups=4", 14. * 14 * 9 * (32 / 4) * 64, 9 * (32 / 4) * 64 + 2 * 64);
    check("conv_bn:14x32x64s1:kernel_size=3:dilation=2", 14. * 14 * 9 * 32 * 64, 9 * 32 * 64 + 2 * 64);
    check("dw_conv:15x32x32s2:kernel_size=5", 8. * 8 * 25 * 32, 25 * 32);
    check("conv_act:15x8x16s2:kernel_size=3:padding=0", 7. * 7 * 9 * 8 * 16, 9 * 8 * 16 + 16);
  }
  SUBCASE("MobileNetV2's block") {
    // 16 -> 96 -> 24, 3x3, stride 2 at 112
    check("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=6:kernel_size=3",
          112. * 112 * 16 * 96 + 56. * 56 * 9 * 96 + 56. * 56 * 96 * 24,
          16 * 96 + 2 * 96 + 9 * 96 + 2 * 96 + 96 * 24 + 2 * 24);
    // no first 1x1 at expansion 1
    check("mobilenet_v2_block:112x32x16s1:activation=relu6:expansion=1:kernel_size=3",
          112. * 112 * 9 * 32 + 112. * 112 * 32 * 16, 9 * 32 + 2 * 32 + 32 * 16 + 2 * 16);
    // inner channels rounded: 24 * 2.5 = 60 -> 64; affine is ignored
    check("mobilenet_v2_block:14x24x24s1:affine=0:activation=relu6:expansion=2.5:kernel_size=7",
          14. * 14 * 24 * 64 + 14. * 14 * 49 * 64 + 14. * 14 * 64 * 24,
          24 * 64 + 2 * 64 + 49 * 64 + 2 * 64 + 64 * 24 + 2 * 24);
  }
  SUBCASE("MobileNetV3's block with squeeze and excitation") {
    // 40 -> 240 -> 80; squeeze 240 / 4 = 60 -> 64, at one pixel, with bias
    check("mobilenet_v3_block:28x40x80s2:activation=h_swish:expansion=6:kernel_size=5:use_se=1",
          28. * 28 * 40 * 240 + 14. * 14 * 25 * 240 + 2. * 240 * 64 + 14. * 14 * 240 * 80,
          40 * 240 + 2 * 240 + 25 * 240 + 2 * 240 + (240 * 64 + 64) + (64 * 240 + 240) + 240 * 80 + 2 * 80);
    check("mobilenet_v3_block:28x40x80s2:activation=h_swish:expansion=6:kernel_size=5:use_se=0",
          28. * 28 * 40 * 240 + 14. * 14 * 25 * 240 + 14. * 14 * 240 * 80,
          40 * 240 + 2 * 240 + 25 * 240 + 2 * 240 + 240 * 80 + 2 * 80);
    check("se_module:7x64x64s1", 2. * 64 * 16, 64 * 16 + 16 + 16 * 64 + 64);
    check("se_module:7x64x64s1:reduction=8", 2. * 64 * 8, 64 * 8 + 8 + 8 * 64 + 64);
  }
  SUBCASE("other mobile blocks") {
    check("fused_conv_block:28x16x24s2:activation=relu:expansion=4:kernel_size=3",
          14. * 14 * 9 * 16 * 64 + 14. * 14 * 64 * 24, 9 * 16 * 64 + 2 * 64 + 64 * 24 + 2 * 24);
    check("fbnet_block:28x16x32s2:activation=relu:expansion=1:groups=2:kernel_size=3",
          28. * 28 * 8 * 16 + 14. * 14 * 9 * 16 + 14. * 14 * 8 * 32,
          8 * 16 + 2 * 16 + 9 * 16 + 2 * 16 + 8 * 32 + 2 * 32);
    check("mobilenet_block_3_5x5:14x8x16s1", 14. * 14 * (8 * 24 + 25 * 24 + 24 * 16 + 8 * 16),
          8 * 24 + 2 * 24 + 25 * 24 + 2 * 24 + 24 * 16 + 2 * 16 + 8 * 16 + 2 * 16);
  }
  SUBCASE("residual blocks") {
    check("resnet_block:56x64x64s1", 56. * 56 * 9 * 64 * 64 * 2, 2 * (9 * 64 * 64 + 2 * 64));
    check("resnet_block:56x64x128s2", 28. * 28 * (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128),
          9 * 64 * 128 + 9 * 128 * 128 + 64 * 128 + 3 * 2 * 128);
    check("resnet_block_pool_downsample:32x16x32s2", 16. * 16 * (9 * 16 * 32 + 9 * 32 * 32),
          9 * 16 * 32 + 9 * 32 * 32 + 2 * 2 * 32);
    check("resnet_block_split:14x8x8s1", 14. * 14 * 4 * 9 * 8 * 8, 4 * (9 * 8 * 8 + 2 * 8));
    // ResNet-50's first bottleneck, and one of stride 2, whose shortcut has a bias
    check("resnet_bottleneck_block:56x256x256s1", 56. * 56 * (256 * 64 + 9 * 64 * 64 + 64 * 256),
          256 * 64 + 2 * 64 + 9 * 64 * 64 + 2 * 64 + 64 * 256 + 2 * 256);
    check("resnet_bottleneck_block:56x256x512s2",
          56. * 56 * 256 * 128 + 28. * 28 * (9 * 128 * 128 + 128 * 512 + 256 * 512),
          256 * 128 + 2 * 128 + 9 * 128 * 128 + 2 * 128 + 128 * 512 + 2 * 512 + 256 * 512 + 512 + 2 * 512);
    check("wideresnet_block_3x3:16x16x32s2", 8. * 8 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32),
          2 * 16 + 9 * 16 * 32 + 2 * 32 + 9 * 32 * 32 + 16 * 32);
    check("vgg_block:15x8x16s2", 15. * 15 * 9 * 8 * 16, 9 * 8 * 16 + 16 + 2 * 16);
    check("dense_block:14x16x28s1", 14. * 14 * (16 * 48 + 9 * 48 * 12), 2 * 16 + 16 * 48 + 2 * 48 + 9 * 48 * 12);
    check("dense_reduce_block:14x16x8s2", 14. * 14 * 16 * 8, 2 * 16 + 16 * 8);
  }
  SUBCASE("cell ops") {
    check("sep_conv_3x3:14x8x16s2", 7. * 7 * (9 * 8 + 8 * 8 + 9 * 8 + 8 * 16),
          9 * 8 + 8 * 8 + 16 + 9 * 8 + 8 * 16 + 32);
    // 8 groups of 24 channels: 3 inputs each
    check("sep_conv_3x3_exp3:14x8x16s1", 14. * 14 * (9 * 8 + 8 * 24 + 9 * 3 * 24 + 24 * 16),
          9 * 8 + 8 * 24 + 48 + 9 * 3 * 24 + 24 * 16 + 32);
    check("dil_conv_5x5:14x8x16s2", 7. * 7 * (25 * 8 + 8 * 16), 25 * 8 + 8 * 16 + 32);
    check("conv_7x1_1x7:15x8x8s2", 15. * 8 * 7 * 8 * 8 + 8. * 8 * 7 * 8 * 8, 2 * 7 * 8 * 8 + 16);
    check("skip_connect:14x8x8s1", 0, 0);
    check("skip_connect:15x8x12s2", 2 * 8. * 8 * 8 * 6, 8 * 12 + 24);
    check("res_reduce_block:14x8x16s2", 7. * 7 * (8 * 16 + 16 * 16 + 8 * 16), 8 * 16 + 16 * 16 + 8 * 16 + 3 * 32);
    check("NB201ResidualBlock:32x16x32s2", 16. * 16 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32),
          9 * 16 * 32 + 9 * 32 * 32 + 16 * 32 + 2 * 2 * 32);
    check("NB201ResidualBlock:32x16x16s1", 32. * 32 * 2 * 9 * 16 * 16, 2 * (9 * 16 * 16 + 32));
    for (const char* free : {"none:14x8x8s2", "max_pool_3x3:14x8x8s2", "avg_pool_3x3:14x8x8s1", "relu:9x8x8s1"})
      check(free, 0, 0);
  }
  SUBCASE("stems, heads and branches") {
    check("stem:224x3x16s2:activation=h_swish:kernel_size=3", 112. * 112 * 27 * 16, 27 * 16 + 32);
    check("imagenet_stem1:224x3x64s8", 112. * 112 * 27 * 32 + 56. * 56 * 9 * 32 * 64 + 28. * 28 * 9 * 64 * 64,
          27 * 32 + 64 + 9 * 32 * 64 + 128 + 9 * 64 * 64 + 128);
    check("head:7x160x1000s1:activation=h_swish:feature_channels=1280:last_channels=960",
          49. * 160 * 960 + 960. * 1280 + 1280. * 1000, 160 * 960 + 2 * 960 + 960 * 1280 + 1280 + 1280 * 1000 + 1000);
    check("head:7x320x1000s1:activation=relu6:last_channels=1280", 49. * 320 * 1280 + 1280. * 1000,
          320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000);
    check("head:7x512x10s1:activation=relu:last_channels=0", 512. * 10, 5130);
    check("fire:55x64x128s1:squeeze_channels=16", 55. * 55 * (64 * 16 + 16 * 64 + 9 * 16 * 64),
          64 * 16 + 16 + 16 * 64 + 64 + 9 * 16 * 64 + 64);
    check(
        "inception:28x192x256s1:branch1x1=64:branch3x3=128:branch3x3_reduce=96:branch5x5=32:branch5x5_reduce=16:branch_"
        "pool=32",
        28. * 28 * (192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 25 * 16 * 32 + 192 * 32),
        192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 25 * 16 * 32 + 192 * 32 + 2 * (64 + 96 + 128 + 16 + 32 + 32));
    check("linear:4x8x10s1", 128. * 10, 1290);
    check("linear:4x8x10s1:bias=0", 128. * 10, 1280);
  }
}

TEST_CASE("bytes are what must be read and written") {
  // one op each, 4 bytes a value
  const Work relu = count_work(parse_prim("relu:9x8x8s1"));
  CHECK(relu.input_bytes == 4 * 81 * 8);
  CHECK(relu.output_bytes == 4 * 81 * 8);
  CHECK(relu.weight_bytes == 0);
  CHECK(relu.intensity() == 0);
  const Work conv = count_work(parse_prim("conv_1x1:14x8x24s2"), 2);
  CHECK(conv.input_bytes == 4 * 2 * 196 * 8);
  CHECK(conv.output_bytes == 4 * 2 * 49 * 24);
  CHECK(conv.weight_bytes == 4 * (8 * 24 + 24));
  CHECK(conv.intensity() == doctest::Approx(2.0 * 2 * 49 * 8 * 24 / (4 * (2 * 196 * 8 + 2 * 49 * 24 + 216))));
  const Work norm = count_work(parse_prim("batch_norm:9x8x8s1"));
  CHECK(norm.params == 16);
  CHECK(norm.weight_bytes == 4 * 4 * 8);
  CHECK(count_work(parse_prim("batch_norm:9x8x8s1:affine=0")).weight_bytes == 4 * 2 * 8);
  const Work crop = count_work(parse_prim("crop:15x8x8s1:out_size=12"));
  CHECK(crop.input_bytes == 4 * 144 * 8);
  CHECK(crop.output_bytes == 4 * 144 * 8);
  const Work none = count_work(parse_prim("none:15x8x8s2"));
  CHECK(none.input_bytes == 0);
  CHECK(none.output_bytes == 4 * 64 * 8);
  for (const char* renames : {"identity:9x8x8s1", "flatten:1x8x8s1", "skip_connect:9x8x8s1"}) {
    const Work work = count_work(parse_prim(renames));
    CHECK(work.input_bytes + work.output_bytes + work.weight_bytes == 0);
  }
  // the multiplication of squeeze and excitation reads the map and one value a channel
  const auto ops = count_work(lower(parse_prim("se_module:7x64x64s1")), {1, 64, 7, 7});
  CHECK(ops.back().input_bytes == 4 * (49 * 64 + 64));

  Graph graph;
  graph.ops.resize(2);
  graph.ops[0].kind = OpKind::input;
  graph.ops[1].kind = OpKind::split;
  graph.ops[1].inputs = {0};
  graph.ops[1].out_channels = 3;
  const auto split = count_work(graph, {1, 12, 5, 5});
  CHECK(split[0].output_bytes == 0);
  CHECK(split[1].input_bytes == 4 * 75);
}

TEST_CASE("sums add up and large counts do not overflow") {
  for (const auto& prim : sample_prims()) {
    const Work whole = count_work(prim, 2);
    Work sum;
    for (const auto& op : count_work(lower(prim), {2, prim.C, prim.spatial_size, prim.spatial_size})) sum = sum + op;
    CHECK(whole.macs == sum.macs);
    CHECK(whole.params == sum.params);
    CHECK(whole.input_bytes + whole.output_bytes + whole.weight_bytes ==
          sum.input_bytes + sum.output_bytes + sum.weight_bytes);
  }
  const Work huge = count_work(parse_prim("conv_3x3:65536x1000x1048576s1"));
  CHECK(huge.macs == doctest::Approx(std::ldexp(1.0, 52) * 9 * 1000));
  CHECK_THROWS_AS((void)count_work(parse_prim("conv_3x3:65536x1048576x1048576s1"), 1 << 20), Error);
  CHECK_THROWS_AS((void)count_work(parse_prim("relu:8x8x8s1"), 0), Error);
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

using Rules = std::vector<std::string>;

std::vector<DpuViolation> violations(const std::string& text, const std::string& target) {
  const Prim prim = normalized(parse_prim(text));
  return check_dpu(lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}, find_dpu_target(target));
}

Rules rules(const std::string& prim, const std::string& target) {
  Rules out;
  for (const auto& violation : violations(prim, target)) out.push_back(violation.rule);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string depthwise(int kernel, int channels) {
  const std::string c = std::to_string(channels);
  return "dw_conv:28x" + c + "x" + c + "s1:kernel_size=" + std::to_string(kernel);
}

}  // namespace

TEST_CASE("peaks are those of the vendor's table") {
  CHECK(find_dpu_target("B4096").peak_ops(300e6) == doctest::Approx(1228.8e9));
  for (const auto& name : list_dpu_targets()) {
    CAPTURE(name);
    const DpuTarget target = find_dpu_target(name);
    CHECK(target.name == name);
    CHECK("B" + std::to_string(2 * target.pixels * target.in_channels * target.out_channels) ==
          name.substr(0, name.find('-')));
  }
  CHECK(list_dpu_targets().size() == 16);
  CHECK(find_dpu_target("B512").isa == DpuIsa::isa0);
  CHECK(find_dpu_target("B512-v1.4.0").name == "B512-isa0");
  CHECK(find_dpu_target("B512-isa1").isa == DpuIsa::isa1);
  CHECK(has(error_of(Fault::usage, [] { (void)find_dpu_target("B4069"); }), "B4096"));
  CHECK(has(error_of(Fault::usage, [] { (void)find_dpu_target("-isa0"); }), "unknown target"));
}

TEST_CASE("depthwise weights fill their buffer at the channels that others have met") {
  // Reported from the compiler: 7x7 fits up to 656 channels, 5x5 up to 1296.
  CHECK(rules(depthwise(7, 656), "B4096").empty());
  CHECK(rules(depthwise(7, 657), "B4096") == Rules{"dwconv.weight_depth"});
  CHECK(rules(depthwise(5, 1296), "B4096").empty());
  CHECK(rules(depthwise(5, 1297), "B4096") == Rules{"dwconv.weight_depth"});
  CHECK(rules(depthwise(7, 657), "B4096-isa1").empty());
  const auto found = violations(depthwise(7, 700), "B4096");
  REQUIRE(found.size() == 1);
  CHECK(found[0].value == 49 * 44);
  CHECK(found[0].limit == 2048);
  CHECK(has(found[0].text, found[0].layer));
  CHECK(has(found[0].text, "2156"));
}

TEST_CASE("convolutions: kernel, stride, channels, groups") {
  CHECK(rules("conv_bn:28x32x32s1:kernel_size=16", "B4096").empty());
  CHECK(rules("conv_bn:28x32x32s1:kernel_size=17", "B4096") == Rules{"conv.kernel"});
  CHECK(rules("conv_bn:28x32x32s4:kernel_size=3", "B4096").empty());
  CHECK(rules("conv_bn:28x32x32s5:kernel_size=3", "B4096") == Rules{"conv.stride"});
  CHECK(rules("conv_bn:28x32x32s8:kernel_size=3", "B4096-isa1").empty());
  CHECK(rules("conv_bn:28x32x32s9:kernel_size=3", "B4096-isa1") == Rules{"conv.stride"});
  CHECK(rules("conv_bn:28x32x4096s1:kernel_size=1", "B4096").empty());
  CHECK(rules("conv_bn:28x32x4097s1:kernel_size=1", "B4096") == Rules{"conv.out_channels"});
  CHECK(rules("conv_bn:28x32x2049s1:kernel_size=1", "B512") == Rules{"conv.out_channels"});
  CHECK(rules("conv_bn:28x32x64s1:kernel_size=3:groups=4", "B4096") == Rules{"conv.groups"});
  // 9 · ceil(4000 / 16) = 2250
  CHECK(rules("conv_bn:7x4000x32s1:kernel_size=3", "B4096") == Rules{"conv.weight_depth"});
  CHECK(rules("conv_bn:7x3632x32s1:kernel_size=3", "B4096").empty());
}

TEST_CASE("what the Caffe flow does not know is refused by layer") {
  CHECK(rules("mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=0", "B4096").empty());
  CHECK(rules("mobilenet_v3_block:112x16x24s2:activation=h_swish:expansion=4:kernel_size=5:use_se=0", "B4096") ==
        Rules{"op.h_swish"});
  const Rules se = rules("mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=1", "B4096");
  CHECK(std::find(se.begin(), se.end(), "op.mul") != se.end());
  CHECK(std::find(se.begin(), se.end(), "op.h_sigmoid") != se.end());
  CHECK(rules("mobilenet_v2_block:14x96x96s1:activation=relu6:expansion=6:kernel_size=3", "B4096").empty());
  CHECK(rules("channel_shuffle:14x32x32s1:groups=4", "B4096") == Rules{"op.channel_shuffle"});
  CHECK(rules("bn_relu:14x8x8s1", "B4096") == Rules{"op.batch_norm", "op.relu"});
  const auto softmax = violations("softmax:1x10x10s1", "B4096-isa1");
  REQUIRE(softmax.size() == 1);
  CHECK(softmax[0].runs_on_cpu);
}

TEST_CASE("residual networks pass, and so does their head") {
  CHECK(rules("resnet_bottleneck_block:56x256x256s1", "B4096").empty());
  CHECK(rules("linear:1x512x1000s1", "B4096").empty());
  CHECK(rules("global_avg_pool:7x1024x1024s1", "B4096").empty());
  CHECK(rules("global_avg_pool:14x1024x1024s1", "B4096") == Rules{"pool.kernel"});
  CHECK(rules("global_avg_pool:14x1024x1024s1", "B4096-isa1").empty());
}

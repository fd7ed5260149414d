// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "prim_samples.hpp"

using namespace hwprof;

namespace {

std::string message(const std::string& prim) {
  try {
    (void)lower(parse_prim(prim));
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::input);
    return error.what();
  }
  return "accepted";
}

std::vector<OpKind> kinds(const std::string& prim) {
  std::vector<OpKind> out;
  for (const auto& op : lower(parse_prim(prim)).ops) out.push_back(op.kind);
  return out;
}

int count(const std::string& prim, OpKind kind) {
  const auto all = kinds(prim);
  return static_cast<int>(std::count(all.begin(), all.end(), kind));
}

}  // namespace

// First, before other cases register types of their own.
TEST_CASE("every declared type has a sample, and every sample lowers") {
  std::set<std::string> sampled;
  for (const auto& prim : sample_prims()) {
    CAPTURE(to_string(prim));
    sampled.insert(prim.prim_type);
    const Graph graph = lower(prim);
    CHECK(graph.ops.front().kind == OpKind::input);
    REQUIRE(graph.outputs.size() == 1);
    const auto shapes = infer_shapes(graph, {2, prim.C, prim.spatial_size, prim.spatial_size});
    const Shape& out = shapes[static_cast<std::size_t>(graph.outputs[0])];
    CHECK(out == Shape{2, prim.C_out, out_size(prim), out_size(prim)});
    std::set<std::string> names;
    for (const auto& op : graph.ops) CHECK(names.insert(op.name).second);
  }
  const auto declared = list_prim_types();
  CHECK(sampled == std::set<std::string>(declared.begin(), declared.end()));
}

TEST_CASE("blocks of a stride put out the rounded-up quotient, whatever the size") {
  for (int size = 7; size <= 40; ++size)
    for (int stride = 1; stride <= 3; ++stride)
      for (const char* type : {"conv_3x3", "conv_1x1", "sep_conv_5x5", "dil_conv_3x3", "resnet_block", "none",
                               "max_pool_3x3", "mobilenet_block_6", "skip_connect", "res_reduce_block"})
        CHECK(out_size({type, size, 12, 12, stride, true, {}}) == (size + stride - 1) / stride);
  CHECK(out_size(parse_prim("NB201ResidualBlock:33x16x32s2")) == 17);
  CHECK(out_size(parse_prim("vgg_block:15x8x8s2")) == 7);
  CHECK(out_size(parse_prim("avg_pool_2x2:14x8x8s1")) == 13);
  CHECK(out_size(parse_prim("imagenet_stem0:224x3x16s4")) == 56);
  CHECK(out_size(parse_prim("head:7x16x10s1:activation=relu:last_channels=32")) == 1);
  CHECK(out_size(parse_prim("max_pool:111x64x64s2:kernel_size=3:ceil_mode=1")) == 55);
  CHECK(out_size(parse_prim("max_pool:112x64x64s2:kernel_size=3:padding=1")) == 56);
  CHECK(out_size(parse_prim("upsample:7x8x8s1:scale=3")) == 21);
  CHECK(out_size(parse_prim("crop:15x8x8s1:out_size=12")) == 12);
}

TEST_CASE("blocks are made of the layers that aw_nas gives them") {
  using K = OpKind;
  CHECK(kinds("conv_3x3:8x8x8s1") == std::vector<K>{K::input, K::conv2d});
  CHECK(kinds("relu_conv_bn_3x3:8x8x8s1") == std::vector<K>{K::input, K::relu, K::conv2d, K::batch_norm});
  CHECK(kinds("mobilenet_v3_block:14x16x16s1:activation=h_swish:expansion=6:kernel_size=5:use_se=1") ==
        std::vector<K>{K::input, K::conv2d, K::batch_norm, K::h_swish, K::conv2d, K::batch_norm, K::h_swish,
                       K::global_avg_pool, K::conv2d, K::relu, K::conv2d, K::h_sigmoid, K::mul, K::conv2d,
                       K::batch_norm, K::add});
  CHECK(kinds("mobilenet_v2_block:14x16x24s1:activation=relu6:expansion=1:kernel_size=3") ==
        std::vector<K>{K::input, K::conv2d, K::batch_norm, K::relu6, K::conv2d, K::batch_norm});
  CHECK(kinds("resnet_block_split_sigmoid:8x8x8s1").back() == K::sigmoid);
  CHECK(count("resnet_bottleneck_block:8x16x16s1", K::conv2d) == 3);
  CHECK(count("resnet_bottleneck_block:8x16x32s1", K::conv2d) == 4);
  CHECK(count("fbnet_block:14x16x16s1:expansion=1:groups=2:kernel_size=3", K::channel_shuffle) == 1);
  CHECK(count("fbnet_block:14x16x16s1:expansion=1:kernel_size=3", K::channel_shuffle) == 0);
  CHECK(count("fbnet_block:14x16x16s1:expansion=1:kernel_size=3", K::conv2d) == 3);
  CHECK(kinds("none:8x8x8s2") == std::vector<K>{K::input, K::pad});
  CHECK(lower(parse_prim("none:9x8x8s2")).ops[1].pad == std::array<int, 4>{-9, 0, 5, -4});
  CHECK(lower(parse_prim("avg_pool_3x3:8x8x8s1")).ops[1].count_include_pad == false);
  const Graph wide = lower(parse_prim("sep_conv_5x5_exp3:8x8x8s1"));
  const auto dw2 = std::find_if(wide.ops.begin(), wide.ops.end(), [](const Op& op) { return op.name == "dw2"; });
  REQUIRE(dw2 != wide.ops.end());
  CHECK(dw2->out_channels == 24);
  CHECK(dw2->groups == 8);
}

TEST_CASE("what cannot be built is refused with the reason") {
  const auto refused = [](const std::string& prim, const std::string& what) {
    const std::string text = message(prim);
    CAPTURE(text);
    CHECK(text.find(what) != std::string::npos);
  };
  refused("mobilenet_v4_block:8x8x8s1", "did you mean");
  refused("relu:8x8x16s1", "primitive 'relu:8x8x16s1': C_out must equal C");
  refused("relu:8x8x8s2", "the stride must be 1, found 2");
  refused("none:8x8x16s1", "C_out must equal C");
  refused("dense_block:8x16x16s1", "C_out must be larger");
  refused("fire:8x16x15s1:squeeze_channels=4", "must be even");
  refused("inception:8x16x16s1:branch1x1=4:branch3x3=4:branch3x3_reduce=4:branch5x5=4:branch5x5_reduce=4:branch_pool=5",
          "which is 17");
  refused("conv_bn:8x16x16s1:kernel_size=3:groups=3", "cannot be divided into 3 groups");
  refused("fbnet_block:14x16x16s1:expansion=1:groups=3:kernel_size=3", "3 groups");
  refused("conv_bn:8x16x16s1:kernel_size=0", "'kernel_size' must be within 1 to 1023, found 0");
  refused("conv_bn:8x16x16s1:kernel_size=4000000000", "'kernel_size' must be within");
  refused("mobilenet_v2_block:8x8x8s1:expansion=-1:kernel_size=3", "'expansion' must be within");
  refused("mobilenet_v2_block:8x12x12s1:expansion=1:kernel_size=3", "multiples of 8");
  refused("mobilenet_v2_block:8x16x16s1:expansion=3:kernel_size=4", "do not match");  // an even window grows the map
  refused("crop:8x8x8s1:out_size=9", "'out_size' must be within 1 to 8");
  refused("max_pool:2x8x8s2:kernel_size=5", "does not fit");
  refused("imagenet_stem0:224x3x16s2", "the stride must be 4");
  refused("skip_connect:14x8x9s2", "multiple of the stride");
}

TEST_CASE("every activation that an attribute may name is built") {
  for (const auto& spec : find_prim_type("conv_bn_act").attrs)
    for (const auto& choice : spec.choices)
      CHECK(lower({"conv_bn_act", 8, 8, 8, 1, true, {{"kernel_size", std::int64_t{1}}, {"activation", choice}}})
                .ops.back()
                .name == choice);
}

TEST_CASE("users add types with one call") {
  register_prim_type({"twice", {{"kernel_size", AttrKind::integer, Attr(std::int64_t{3}), {}}}}, [](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    const int kernel = static_cast<int>(std::get<std::int64_t>(prim.attrs.at("kernel_size")));
    const int first = builder.conv(builder.input(), prim.C_out, kernel, prim.stride);
    return std::move(builder).finish(builder.conv(first, prim.C_out, kernel));
  });
  CHECK(count_work(parse_prim("twice:8x4x6s2")).macs == 16. * 9 * (4 * 6 + 6 * 6));
  CHECK(count_work(parse_prim("twice:8x4x6s2:kernel_size=1")).macs == 16. * (4 * 6 + 6 * 6));
  CHECK(find_prim_type("twice").attrs.size() == 1);

  register_prim_type({"liar", {}}, [](const Prim& prim) {
    GraphBuilder builder(prim.prim_type);
    return std::move(builder).finish(builder.conv(builder.input(), prim.C_out + 1, 1));
  });
  CHECK(message("liar:8x4x6s1").find("'liar:8x4x6s1': its lowering gives 7 output channels where C_out is 6") !=
        std::string::npos);
  register_prim_type({"mute", {}}, [](const Prim&) { return Graph{}; });
  CHECK(message("mute:8x4x6s1").find("'mute:8x4x6s1'") != std::string::npos);
  declare_prim_type({"named_only", {}});
  CHECK(message("named_only:8x4x6s1").find("without a lowering") != std::string::npos);

  const auto fault = [](auto&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.fault();
    }
    return Fault::internal;
  };
  CHECK(fault([] { register_prim_type({"", {}}, [](const Prim&) { return Graph{}; }); }) == Fault::usage);
  CHECK(fault([] { register_prim_type({"empty", {}}, {}); }) == Fault::usage);
}

TEST_CASE("absurd primitives lower or are refused, never worse") {
  std::mt19937_64 random(3);
  const auto samples = sample_prims();
  const std::vector<std::int64_t> odd = {-1, 0, 1, 2, 3, 7, 64, 65, 1000, 1048576, 2147483647, std::int64_t{1} << 40};
  int lowered = 0;
  for (int i = 0; i < 4000; ++i) {
    Prim prim = samples[random() % samples.size()];
    const auto pick = [&] { return odd[random() % odd.size()]; };
    const auto small = [&] { return static_cast<int>(std::min<std::int64_t>(pick(), 2147483647)); };
    switch (random() % 5) {
      case 0:
        prim.spatial_size = small();
        break;
      case 1:
        prim.C = small();
        break;
      case 2:
        prim.C_out = small();
        break;
      case 3:
        prim.stride = small();
        break;
      default:
        for (auto& [name, value] : prim.attrs)
          if (std::holds_alternative<std::int64_t>(value)) value = pick();
    }
    try {
      const Work work = count_work(prim);
      CHECK(work.macs >= 0);
      ++lowered;
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
    }
  }
  CHECK(lowered > 200);
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "hwprof/modules.hpp"

using namespace hwprof;

TEST_CASE("a mobile block consists of the modules that nnabla-nas would measure") {
  const Prim block = normalized(
      {"mobilenet_v2_block",
       16,
       24,
       24,
       1,
       true,
       {{"expansion", std::int64_t{3}}, {"kernel_size", std::int64_t{5}}, {"activation", std::string("relu6")}}});
  const auto modules = split_modules(lower(block), {1, 24, 16, 16});
  CHECK(modules.rest == std::vector<std::string>{"add"});
  // As nnabla-nas spells them; pad=None is [0,0].
  const auto conv = [](int in, int out, int kernel, const char* pad, int groups) {
    return parse_module_uid("Conv[in_channels=" + std::to_string(in) + ",out_channels=" + std::to_string(out) +
                            ",kernel=[" + std::to_string(kernel) + "," + std::to_string(kernel) +
                            "],stride=[1,1],pad=" + pad + ",dilation=None,base_axis=1,group=" + std::to_string(groups) +
                            ",with_bias=False,fix_parameters=False,channel_last=False][[1," + std::to_string(in) +
                            ",16,16]]");
  };
  const auto norm = [](int channels) {
    const std::string c = std::to_string(channels);
    return parse_module_uid("BatchNormalization[n_features=" + c +
                            ",fix_parameters=False,eps=1e-05,decay_rate=0.9][[1," + c + ",16,16]]");
  };
  const Prim relu = parse_module_uid("ReLU6[][[1,72,16,16]]");
  CHECK(modules.prims == std::vector<Prim>{conv(24, 72, 1, "None", 1), norm(72), relu, conv(72, 72, 5, "[2,2]", 72),
                                           norm(72), relu, conv(72, 24, 1, "[0,0]", 1), norm(24)});
}

TEST_CASE("modules do the work of what they are taken from") {
  const std::vector<Prim> prims{
      normalized({"conv_bn_relu_3x3", 32, 3, 16, 2, true, {}}),
      normalized({"resnet_bottleneck_block", 14, 64, 128, 2, true, {}}),
      normalized(
          {"head", 4, 320, 10, 1, true, {{"last_channels", std::int64_t{1280}}, {"activation", std::string("relu6")}}}),
      normalized({"mobilenet_v3_block",
                  16,
                  24,
                  40,
                  2,
                  true,
                  {{"expansion", std::int64_t{4}},
                   {"kernel_size", std::int64_t{3}},
                   {"activation", std::string("h_swish")},
                   {"use_se", true}}}),
      normalized({"max_pool_3x3", 16, 8, 8, 2, true, {}})};
  for (const auto& prim : prims) {
    CAPTURE(to_string(prim));
    const Shape input{1, prim.C, prim.spatial_size, prim.spatial_size};
    const Graph graph = lower(prim);
    const auto modules = split_modules(graph, input);
    Work sum;
    for (const auto& one : modules.prims) sum = sum + count_work(one);
    const Work whole = count_work(prim);
    CHECK(sum.macs == doctest::Approx(whole.macs));
    CHECK(sum.params == doctest::Approx(whole.params));
    std::size_t ops = 0;
    for (const auto& op : graph.ops)
      ops += op.kind != OpKind::input && op.kind != OpKind::identity && op.kind != OpKind::dropout &&
             op.kind != OpKind::flatten && op.kind != OpKind::reshape;
    CHECK(modules.prims.size() + modules.rest.size() == ops);
  }
}

TEST_CASE("ops that are no module are named") {
  Graph graph;
  Op input;
  input.kind = OpKind::input;
  input.name = "x";
  Op uneven;
  uneven.kind = OpKind::conv2d;
  uneven.name = "c";
  uneven.inputs = {0};
  uneven.out_channels = 4;
  uneven.kernel = {3, 3};
  uneven.pad = {0, 0, 1, 1};
  uneven.stride = {2, 2};
  Op relu;
  relu.kind = OpKind::relu;
  relu.name = "r";
  relu.inputs = {1};
  graph.ops = {input, uneven, relu};
  graph.outputs = {2};
  const auto modules = split_modules(graph, {1, 3, 8, 8});
  CHECK(modules.rest == std::vector<std::string>{"conv2d"});
  REQUIRE(modules.prims.size() == 1);
  CHECK(to_module_uid(modules.prims[0]) == "ReLU[][[1,4,4,4]]");
  CHECK(split_modules(graph, {1, 3, 8, 16}).prims.empty());
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "hwprof/net.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

Prim plain(const std::string& type, int size, int C, int C_out, int stride = 1) {
  return normalized({type, size, C, C_out, stride, true, {}});
}

Net net_of(std::vector<Layer> layers) {
  Net net;
  net.id = "n";
  net.image_size = layers.front().prim.spatial_size;
  net.image_channels = layers.front().prim.C;
  net.layers = std::move(layers);
  return net;
}

double total_macs(const Net& net) {
  double macs = 0;
  for (const auto& work : count_work(lower(net), {1, net.image_channels, net.image_size, net.image_size}))
    macs += work.macs;
  return macs;
}

}  // namespace

TEST_CASE("a chain is the concatenation of its primitives") {
  const Net net = net_of({{plain("conv_3x3", 32, 3, 8, 2), false, {}},
                          {plain("resnet_block", 16, 8, 16, 2), false, {}},
                          {plain("global_avg_pool", 8, 16, 16), false, {}},
                          {plain("linear", 1, 16, 10), false, {}}});
  std::vector<int> op_layers;
  const Graph graph = lower(net, &op_layers);
  REQUIRE(op_layers.size() == graph.ops.size());
  CHECK(graph.ops[0].kind == OpKind::input);
  CHECK(op_layers[0] == -1);
  std::set<std::string> names;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    CHECK(names.insert(graph.ops[i].name).second);
    if (i > 0) {
      CHECK(graph.ops[i].name.rfind("L" + std::to_string(op_layers[i]) + ".", 0) == 0);
      CHECK(op_layers[i] >= op_layers[i - 1]);
    }
  }
  REQUIRE(graph.outputs.size() == 1);
  CHECK(graph.outputs[0] == static_cast<int>(graph.ops.size()) - 1);
  const auto shapes = infer_shapes(graph, {2, 3, 32, 32});
  CHECK(shapes.back() == Shape{2, 10, 1, 1});
  double macs = 0;
  for (const auto& layer : net.layers) macs += count_work(layer.prim).macs;
  CHECK(total_macs(net) == doctest::Approx(macs));
}

TEST_CASE("several inputs are added in the layer's own ops") {
  const Net net = net_of({{plain("conv_3x3", 16, 3, 8), false, {}},
                          {plain("conv_1x1", 16, 8, 8), false, {}},
                          {plain("conv_3x3", 16, 8, 8), false, {0}},
                          {plain("conv_1x1", 16, 8, 4), false, {0, 1, 2, 2}}});
  std::vector<int> op_layers;
  const Graph graph = lower(net, &op_layers);
  int adds = 0;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    if (graph.ops[i].kind != OpKind::add) continue;
    ++adds;
    CHECK(op_layers[i] == 3);
    CHECK(graph.ops[i].inputs.size() == 2);
  }
  CHECK(adds == 3);
  CHECK(graph.outputs.size() == 1);
  CHECK(infer_shapes(graph, {1, 3, 16, 16}).back() == Shape{1, 4, 16, 16});
}

TEST_CASE("layers that no other reads are outputs") {
  const Net net = net_of({{plain("conv_3x3", 16, 3, 8), false, {}},
                          {plain("conv_1x1", 16, 8, 5), false, {}},
                          {plain("conv_3x3", 16, 8, 7), false, {0}}});
  const Graph graph = lower(net);
  REQUIRE(graph.outputs.size() == 2);
  const auto shapes = infer_shapes(graph, {1, 3, 16, 16});
  CHECK(shapes[static_cast<std::size_t>(graph.outputs[0])][1] == 5);
  CHECK(shapes[static_cast<std::size_t>(graph.outputs[1])][1] == 7);
}

TEST_CASE("every layer owns an op") {
  declare_prim_type({"net_test_wire", {}});
  register_prim_type({"net_test_wire", {}}, [](const Prim&) {
    GraphBuilder builder("wire");
    return std::move(builder).finish(builder.input());
  });
  const Net net = net_of({{plain("net_test_wire", 8, 4, 4), false, {}},
                          {plain("conv_1x1", 8, 4, 4), false, {}},
                          {plain("skip_connect", 8, 4, 4), true, {}},
                          {plain("net_test_wire", 8, 4, 4), false, {}}});
  std::vector<int> op_layers;
  const Graph graph = lower(net, &op_layers);
  CHECK(op_layers == std::vector<int>{-1, 0, 1, 2, 3});
  CHECK(graph.outputs == std::vector<int>{4});
}

TEST_CASE("what does not fit is refused with its layer") {
  const auto stem = plain("conv_3x3", 32, 3, 8, 2);
  auto text = error_of(Fault::input, [&] {
    static_cast<void>(lower(net_of({{stem, false, {}}, {plain("conv_1x1", 16, 16, 8), false, {}}})));
  });
  CHECK(has(text, "layer 1"));
  CHECK(has(text, "16 channels"));
  CHECK(has(text, "8 channels"));
  text = error_of(Fault::input, [&] {
    static_cast<void>(lower(net_of({{stem, false, {}}, {plain("conv_1x1", 15, 8, 8), false, {}}})));
  });
  CHECK(has(text, "15x15"));
  text = error_of(Fault::input, [&] { static_cast<void>(lower(net_of({{stem, false, {1}}}))); });
  CHECK(has(text, "no earlier layer"));
  text = error_of(Fault::input, [&] { static_cast<void>(lower(net_of({{stem, false, {-2}}}))); });
  CHECK(has(text, "no earlier layer"));
  CHECK(has(error_of(Fault::input, [] { static_cast<void>(lower(Net{})); }), "no layers"));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "hwprof/space.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

constexpr int from_node[6] = {0, 0, 1, 0, 1, 2}, to_node[6] = {1, 2, 2, 3, 3, 3};

/// Edges on some path from node 0 to node 3, found by walking all four possible paths.
std::set<int> live_edges(const Arch& arch) {
  const std::vector<std::vector<int>> paths = {{3}, {0, 4}, {1, 5}, {0, 2, 5}};
  std::set<int> live;
  for (const auto& path : paths)
    if (std::all_of(path.begin(), path.end(), [&](int edge) { return arch[static_cast<std::size_t>(edge)] != 0; }))
      live.insert(path.begin(), path.end());
  return live;
}

Arch arch_of(int number) {
  Arch arch;
  for (int i = 0; i < 6; ++i, number /= 5) arch.push_back(static_cast<std::uint16_t>(number % 5));
  return arch;
}

}  // namespace

TEST_CASE("the space under its bare name") {
  const auto file = load_space("nasbench201");
  CHECK(file.kind == "nasbench201");
  CHECK(file.name == "nasbench201");
  CHECK(file.assemble.image_size == 32);
  const auto decisions = file.space->decisions();
  REQUIRE(decisions.size() == 6);
  for (const auto& decision : decisions)
    CHECK(decision.options ==
          std::vector<std::string>{"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"});
  for (int e = 0; e < 6; ++e)
    CHECK(decisions[static_cast<std::size_t>(e)].name ==
          "edge" + std::to_string(from_node[e]) + "to" + std::to_string(to_node[e]));
  const auto prims = file.space->generate_profiling_primitives();
  CHECK(prims.size() == 9 + 1 + 2 + 3);  // cells, stem, residual blocks, tail
  const auto same = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/nasbench201.yaml");
  CHECK(same.space->generate_profiling_primitives() == prims);
}

TEST_CASE("all 15625 cells: what is executed, and nothing else") {
  const auto file = load_space("nasbench201");
  const auto all = file.space->generate_profiling_primitives();
  const std::set<Prim> known(all.begin(), all.end());
  std::size_t without_path = 0;
  for (int number = 0; number < 15625; ++number) {
    const Arch arch = arch_of(number);
    const auto live = live_edges(arch);
    std::size_t cell = 0;
    for (const int edge : live) cell += arch[static_cast<std::size_t>(edge)] >= 2 ? 1 : 0;
    const auto prims = file.space->primitives(arch);
    REQUIRE(prims.size() == 15 * cell + 1 + 2 + 3);
    if (live.empty()) ++without_path;
    if (number % 97 != 0) continue;  // the rest costs more
    for (const auto& prim : prims) CHECK(known.count(prim) == 1);
    const Net net = file.space->network(arch);
    CHECK(net.arch == to_string(arch));
    const Graph graph = lower(net);
    CHECK(graph.outputs.size() == 1);
    const auto shapes = infer_shapes(graph, {1, 3, 32, 32});
    CHECK(shapes[static_cast<std::size_t>(graph.outputs[0])] == Shape{1, 10, 1, 1});
    for (const auto& layer : net.layers) CHECK((layer.inputs.size() < 2 || layer.glue));
  }
  std::size_t expected = 0;
  for (int mask = 0; mask < 64; ++mask) {  // which edges are not none
    const auto on = [mask](int edge) { return (mask >> edge & 1) != 0; };
    if (on(3) || (on(0) && on(4)) || (on(1) && on(5)) || (on(0) && on(2) && on(5))) continue;
    std::size_t ways = 1;
    for (int edge = 0; edge < 6; ++edge) ways *= on(edge) ? 4 : 1;
    expected += ways;
  }
  CHECK(without_path == expected);
}

TEST_CASE("the MACs of the largest cell are the published ones") {
  // |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|:
  // 220.12 MFLOP and 1.532 M parameters in the benchmark's tables (multiply-adds counted once).
  const auto file = load_space("nasbench201");
  const Net net = file.space->network({3, 3, 3, 3, 3, 3});
  Work total;
  for (const auto& work : count_work(lower(net), {1, 3, 32, 32})) total = total + work;
  CHECK(total.macs == doctest::Approx(220.12e6).epsilon(0.01));
  CHECK(total.params == doctest::Approx(1.532e6).epsilon(0.005));
}

TEST_CASE("sums, wires and dead cells") {
  const auto file = load_space("nasbench201");
  const auto layers_of = [&](const std::string& text) {
    return file.space->network(parse_arch(*file.space, text)).layers;
  };
  const auto glue_of = [](const std::vector<Layer>& layers) {
    std::vector<Layer> out;
    for (const auto& layer : layers)
      if (layer.glue) out.push_back(layer);
    return out;
  };
  // Only 0to3 as a wire: the cells vanish.
  CHECK(layers_of("0.0.0.1.0.0").size() == 6);
  // Three wires from the input to the output: 0to3, 0to1to3 and 0to2to3 add the same value up.
  auto layers = layers_of("1.1.0.1.1.1");
  auto glue = glue_of(layers);
  REQUIRE(glue.size() == 15);
  CHECK(glue[0].prim.prim_type == "skip_connect");
  CHECK(glue[0].inputs == std::vector<int>{0, 0, 0});
  // A convolution that leads nowhere is left out; one that nothing feeds too.
  CHECK(layers_of("3.0.0.1.0.0").size() == 6);
  CHECK(layers_of("0.0.3.1.3.0").size() == 6);
  // No path: each cell puts out zeros.
  layers = layers_of("3.3.3.0.0.0");
  glue = glue_of(layers);
  CHECK(layers.size() == 6 + 15);
  REQUIRE(glue.size() == 15);
  for (const auto& layer : glue) CHECK(layer.prim.prim_type == "none");
  CHECK(file.space->primitives(Arch(6, 0)).size() == 6);
}

TEST_CASE("other sizes, and bad ones") {
  const TempFolder dir;
  const auto file = load_space("nasbench201", "", 33);
  const Net net = file.space->network({3, 0, 0, 2, 0, 4});
  CHECK(net.image_size == 33);
  CHECK(infer_shapes(lower(net), {2, 3, 33, 33}).back() == Shape{2, 10, 1, 1});
  const auto refused = [&](const std::string& text) {
    const auto name = dir.write("x.yaml", "kind: nasbench201\n" + text);
    return error_of(Fault::input, [&] { static_cast<void>(load_space(name)); });
  };
  CHECK(has(refused("cells: 0\n"), "x.yaml:2"));
  CHECK(has(refused("cells: 1000000000\n"), "cells"));
  CHECK(has(refused("channels: -1\n"), "channels"));
  CHECK(has(refused("image_size: 1\n"), "x.yaml"));
  CHECK(has(refused("chanels: 16\n"), "channels"));
}

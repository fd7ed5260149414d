// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "hwprof/space.hpp"
#include "net_chain_check.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

struct Refusing {
  TempFolder dir;
  std::string operator()(const std::string& text) const {
    const auto file = dir.write("x.yaml", text);
    return error_of(Fault::input, [&] { static_cast<void>(load_space(file)); });
  }
};

}  // namespace

TEST_CASE("files that are no space") {
  const Refusing refused;
  CHECK(has(error_of(Fault::input, [] { static_cast<void>(load_space("/nowhere/at/all.yaml")); }), "all.yaml"));
  CHECK(has(refused(""), "map"));
  CHECK(has(refused("- 1\n"), "map"));
  CHECK(has(refused("kind: [\n"), "YAML"));
  CHECK(has(refused("image_size: 32\n"), "'kind' is missing"));
  CHECK(has(refused("kind: offa\n"), "ofa"));
  CHECK(has(refused("kind: chain\n"), "'stages' is missing"));
  CHECK(has(refused("kind: listed\nmax_layers: 0\nlayers: []\n"), "max_layers"));
  CHECK(has(error_of(Fault::usage, [] { static_cast<void>(load_space("fbnet", "", -5)); }), "image size"));
  CHECK(has(error_of(Fault::usage, [] { static_cast<void>(load_space("fbnet", "", 1 << 30)); }), "image size"));
}

TEST_CASE("chains: skips, depths, free channels") {
  const TempFolder dir;
  const auto file = load_space(dir.write("x.yaml", R"(kind: chain
name: free
image_size: 15
image_channels: 1
max_layers: 7
num_sample: 12
stem: [{prim_type: conv_3x3, C_out: 8}]
stages:
- name: a
  candidates:
  - {name: narrow, prim_type: conv_bn_relu_3x3, C_out: 8, stride: 2}
  - {name: wide, prim_type: conv_bn_relu_3x3, C_out: 12}
  - skip
- {name: b, channels: 16, stride: 2, blocks: 3, depths: [1, 3], candidates: [{prim_type: conv_bn_relu_1x1}, skip]}
head: [{prim_type: global_avg_pool}, {prim_type: linear, C_out: 2}]
)"));
  CHECK(file.kind == "chain");
  CHECK(file.name == "free");
  CHECK(file.num_sample == 12);
  CHECK(file.assemble.max_layers == 7);
  CHECK(file.assemble.image_channels == 1);
  const auto decisions = file.space->decisions();
  REQUIRE(decisions.size() == 4);  // b.block0 cannot be skipped, so it is no decision
  CHECK(decisions[0].name == "a.block0");
  CHECK(decisions[1].name == "b.depth");
  CHECK(decisions[2].name == "b.block1");
  // narrow: 8 px of 8 channels; wide: 15 px of 12; skip: 15 px of 8
  const auto third = [&](const char* text) {
    return to_string(file.space->primitives(parse_arch(*file.space, text)).at(2));
  };
  CHECK(third("0.0.0.0") == "conv_bn_relu_1x1:8x8x16s2");
  CHECK(third("1.0.0.0") == "conv_bn_relu_1x1:15x12x16s2");
  CHECK(third("2.1.0.0") == "conv_bn_relu_1x1:8x16x16s1");
  // stem; 2; firsts 3; repeats at 4 and 8 px; pools at both; linear
  CHECK(file.space->generate_profiling_primitives().size() == 1 + 2 + 3 + 2 + 2 + 1);
  std::set<std::vector<Prim>> networks;
  for (std::uint16_t a = 0; a < 3; ++a)
    for (std::uint16_t d = 0; d < 2; ++d)
      for (std::uint16_t b = 0; b < 2; ++b)
        for (std::uint16_t c = 0; c < 2; ++c) networks.insert(file.space->primitives({a, d, b, c}));
  CHECK(networks.size() == 3 * 3);  // nothing, one or two repeats
}

TEST_CASE("bad chains") {
  const Refusing refused;
  const std::string head = "kind: chain\nimage_size: 16\nstages:\n";
  CHECK(has(refused(head + "- {candidates: [{prim_type: conv_3x4}]}\n"), "conv_3x3"));
  CHECK(has(refused(head + "- {candidates: [{prim_type: conv_3x4}]}\n"), "x.yaml:4"));
  CHECK(has(refused(head + "- {candidates: []}\n"), "at least one"));
  CHECK(has(refused(head + "- {candidates: [skipp]}\n"), "skipp"));
  CHECK(has(refused(head + "- {channels: 8, candidates: [skip]}\n"), "no skip"));
  CHECK(has(refused(head + "- {channels: 8}\n"), "candidates"));
  CHECK(has(refused(head + "- {chanels: 8, candidates: [skip]}\n"), "channels"));
  CHECK(has(refused(head + "- {channels: -8, candidates: [{prim_type: conv_3x3}]}\n"), "within"));
  CHECK(has(refused(head + "- {channels: 8, blocks: 100000000, candidates: [{prim_type: conv_3x3}]}\n"), "blocks"));
  CHECK(
      has(refused(head + "- {channels: 8, blocks: 2, depths: [3], candidates: [{prim_type: conv_3x3}]}\n"), "depths"));
  CHECK(has(refused(head + "- {channels: 8, blocks: 2, depths: [], candidates: [{prim_type: conv_3x3}]}\n"),
            "at least one"));
  CHECK(has(
      refused(head + "- {channels: 8, candidates: [{prim_type: conv_3x3}, {prim_type: conv_3x3, affine: false}]}\n"),
      "name"));
  CHECK(
      has(refused(head +
                  "- {channels: 8, candidates: [{prim_type: mobilenet_v2_block, kernel_size: 3, activation: relu}]}\n"),
          "expansion"));
  CHECK(has(refused(head + "- {channels: 8, candidates: [{prim_type: conv_3x3, kernel_size: 3}]}\n"), "kernel_size"));
  CHECK(has(refused(head + "- {channels: 8, candidates: [{prim_type: conv_3x3, C: 3}]}\n"), "not given"));
  CHECK(has(refused(head + "- {channels: 8, candidates: [{prim_type: avg_pool_3x3}]}\n"), "avg_pool_3x3"));
  CHECK(has(refused(head + "- {name: s, channels: 8, candidates: [{prim_type: conv_3x3}, {prim_type: conv_1x1}]}\n"
                           "- {name: s, channels: 8, candidates: [{prim_type: conv_3x3}, {prim_type: conv_1x1}]}\n"),
            "twice"));
  CHECK(has(refused(head + "- {name: 'a=b', channels: 8, candidates: [{prim_type: conv_3x3}]}\n"), "without"));
  CHECK(has(refused(head + "- {name: ' a', channels: 8, candidates: [{prim_type: conv_3x3}]}\n"), "without"));
  CHECK(has(refused("kind: chain\nstages: []\n"), "no primitives"));
  CHECK(has(refused("kind: chain\nimage_size: 0\nstages: []\n"), "image_size"));
}

TEST_CASE("spaces that would grow beyond measure are refused, quickly") {
  const Refusing refused;
  // Behind the first position 149 channel counts come in at each of the others.
  std::string text = "kind: chain\nimage_size: 16384\nstages:\n";
  for (int i = 0; i < 6; ++i) {
    text += "- {name: s" + std::to_string(i) + ", candidates: [";
    for (int c = 1; c < 150; ++c)
      text += "{name: c" + std::to_string(c) + ", prim_type: conv_1x1, C_out: " + std::to_string(c) + "},";
    text += "]}\n";
  }
  CHECK(has(refused(text), "more than 100000 different blocks"));
  const std::string candidates =
      "candidates: [{prim_type: conv_1x1}, {prim_type: conv_3x3}, {prim_type: resnet_block}]\n";
  const auto stages = [](int count, int blocks) {
    std::string out = "kind: chain\nstages:\n";
    for (int i = 0; i < count; ++i)
      out += "- {name: s" + std::to_string(i) + ", channels: 8, blocks: " + std::to_string(blocks) + "}\n";
    return out;
  };
  CHECK(has(refused(stages(11, 1000) + candidates), "more than 10000 blocks"));
  std::string wide = "candidates:\n";
  for (int i = 0; i < 200; ++i) wide += "- {name: c" + std::to_string(i) + ", prim_type: conv_1x1}\n";
  CHECK(has(refused(stages(1, 600) + wide), "more than 100000 candidates"));
  std::string layers = "kind: listed\nlayers:\n";
  for (int i = 0; i <= 10000; ++i) layers += "- {prim_type: relu}\n";
  CHECK(has(refused(layers), "more than 10000 primitives"));
  std::string settings = "kind: fbnet\nsettings:\n";
  for (int i = 0; i < 11; ++i) settings += "- [8, 1000, 1]\n";
  CHECK(has(refused(settings), "more than 10000 blocks"));
  CHECK(has(refused("kind: ofa\nbase_channels: [8, 8, 8]\nstrides: [1, 2]\ndepth_choice: [1000]\nwidth_choice: "
                    "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]\n"),
            "candidates"));
  CHECK(has(refused("kind: fbnet\nsettings: [[8, 5000, 1]]\n"), "blocks"));
  CHECK(has(refused("kind: mobilenet\nsettings: []\n"), "at least one stage"));
  CHECK(has(refused("kind: mobilenet\nsettings: [[8, 1]]\n"), "[channels, blocks, stride]"));
  CHECK(has(refused("kind: mobilenet\ncandidates: [MB3 3x4]\n"), "MB3 3x3"));
  CHECK(has(refused("kind: mobilenet\ncandidates: [MB3 3x3, MB3 3x3]\n"), "twice"));
  CHECK(has(refused("kind: mobilenet\nwidth_mult: 1e300\n"), "width_mult"));
  CHECK(has(refused("kind: fbnet\ncandidates: [k3e1]\n"), "k3_e1"));
  CHECK(has(refused("kind: ofa\nbase_channels: [65537, 8, 8]\nstrides: [1, 2]\n"), "within"));
}

TEST_CASE("listed networks are checked against what they state") {
  const Refusing refused;
  const std::string head =
      "kind: listed\nimage_size: 16\nlayers:\n- {prim_type: conv_3x3, C: 3, C_out: 8, spatial_size: 16, stride: 2}\n";
  const auto good = refused.dir.write("good.yaml", head + "- {prim_type: conv_1x1, C: 8, C_out: 4, spatial_size: 8}\n");
  CHECK(load_space(good).space->primitives({}).size() == 2);
  CHECK(load_space(good, "", 32).space->primitives({})[1].spatial_size == 16);
  CHECK(has(refused(head + "- {prim_type: conv_1x1, C_out: 4, spatial_size: 9}\n"), "x.yaml:5"));
  CHECK(has(refused(head + "- {prim_type: conv_1x1, C_out: 4, C: 9}\n"), "8 channels come in"));
  CHECK(has(refused(head + "- {prim_type: fire, C_out: 7, squeeze_channels: 4}\n"), "x.yaml:5"));
  CHECK(has(refused("kind: listed\nlayers: []\n"), "at least one layer"));
}

TEST_CASE("the built-in spaces at other image sizes") {
  for (const char* name : {"fbnet", "nasbench201"}) {
    for (int size = 96; size <= 512; size += 13) {
      CAPTURE(name);
      CAPTURE(size);
      const auto file = load_space(name, "", size);
      const auto prims = file.space->generate_profiling_primitives();
      AssembleSummary summary;
      hwprof_test::check_chains(assemble(prims, file.assemble, &summary), prims, file.assemble.max_layers);
      CHECK(summary.glue_layers == 0);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <random>

#include "base/files.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "hwprof/prim.hpp"
#include "prim/yaml.hpp"
#include "prim_samples.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

std::string message(const std::string& yaml) {
  const TempFolder folder;
  const std::string file = folder.write("prims.yaml", yaml);
  return error_of(Fault::input, [&file] { (void)load_prims(file); });
}

const Prim expected = parse_prim("mobilenet_v3_block:38x32x64s2:activation=h_swish:expansion=3:kernel_size=3:use_se=0");

}  // namespace

TEST_CASE("the three generations' files read alike") {
  const TempFolder folder;
  const std::vector<std::string> spellings = {
      // as yaml.dump writes it
      "- C: 32\n  C_out: 64\n  activation: h_swish\n  affine: true\n  expansion: 3\n  kernel_size: 3\n"
      "  prim_type: mobilenet_v3_block\n  spatial_size: 38\n  stride: 2\n  use_se: false\n",
      // first generation: flat latency, no affine
      "- {prim_type: mobilenet_v3_block, spatial_size: 38, C: 32, C_out: 64, stride: 2, kernel_size: 3, expansion: 3,\n"
      "   activation: h_swish, use_se: False, latency: 0.25}\n",
      // later ones: nested performances; Python's spellings of numbers
      "- {prim_type: mobilenet_v3_block, spatial_size: 38., C: 32, C_out: 64.0, stride: 2, kernel_size: 3.0,\n"
      "   affine: 1, expansion: 3., activation: 'h_swish', use_se: 0, performances: {latency: 0.25}}\n",
      // plural names
      "- {prim_type: mobilenet_v3_block, spatial_size: 38, C: 32, C_out: 64, stride: 2, kernel_size: 3, affine: True,\n"
      "   expansion: 3, acts: h_swish, use_ses: false}\n",
      // a Python literal, as flow YAML and as a text
      "[{\"prim_type\": \"mobilenet_v3_block\", \"spatial_size\": 38, \"C\": 32, \"C_out\": 64, \"stride\": 2,\n"
      "  \"affine\": True, \"kernel_size\": 3, \"expansion\": 3, \"activation\": \"h_swish\", \"use_se\": False}]\n",
      "'[{\"prim_type\": \"mobilenet_v3_block\", \"spatial_size\": 38, \"C\": 32, \"C_out\": 64, \"stride\": 2,"
      "  \"affine\": True, \"kernel_size\": 3, \"expansion\": 3, \"activation\": \"h_swish\", \"use_se\": False}]'\n"};
  for (const auto& yaml : spellings) {
    CAPTURE(yaml);
    const auto prims = load_prims(folder.write("prims.yaml", yaml));
    REQUIRE(prims.size() == 1);
    CHECK(prims[0] == expected);
    CHECK(std::holds_alternative<bool>(prims[0].attrs.at("use_se")));
    CHECK(std::holds_alternative<double>(prims[0].attrs.at("expansion")));
    CHECK(std::holds_alternative<std::int64_t>(prims[0].attrs.at("kernel_size")));
  }
}

TEST_CASE("None drops an attribute, and the first generation's kernel_size is understood") {
  const TempFolder folder;
  const auto prims = load_prims(
      folder.write("prims.yaml",
                   "- {prim_type: mobilenet_v2_block, spatial_size: 8, C: 8, C_out: 8, expansion: 6, kernel_size: 5,\n"
                   "   activation: relu6, use_se: None}\n"
                   "- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, stride: 1, kernel_size: 3}\n"
                   "- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, stride: 1, kernel_size: 1}\n"
                   "- {prim_type: conv_bn_relu_5x5, spatial_size: 8, C: 8, C_out: 8, kernel_size: 5}\n"
                   "- {prim_type: mobilenet_v2_block, spatial_size: 8, C: 8, C_out: 8, expansion: 6, kernel_size: 5,\n"
                   "   activation: 'None'}\n"));
  REQUIRE(prims.size() == 5);
  CHECK(to_string(prims[0]) == "mobilenet_v2_block:8x8x8s1:activation=relu6:expansion=6:kernel_size=5");
  CHECK(to_string(prims[1]) == "conv_1x1:8x8x8s1");
  CHECK(prims[2] == prims[1]);
  CHECK(to_string(prims[3]) == "conv_bn_relu_5x5:8x8x8s1");
  CHECK(to_string(prims[4]) == "mobilenet_v2_block:8x8x8s1:activation=relu:expansion=6:kernel_size=5");
}

TEST_CASE("what is saved loads again") {
  const TempFolder folder;
  const auto prims = sample_prims();
  save_prims(folder.file("out.yaml"), prims);
  CHECK(load_prims(folder.file("out.yaml")) == prims);
  save_prims(folder.file("one.yaml"), {expected});  // whose use_se is the number 0
  CHECK(base::read_file(folder.file("one.yaml")) ==
        "- C: 32\n  C_out: 64\n  activation: h_swish\n  affine: true\n  expansion: 3\n  kernel_size: 3\n"
        "  prim_type: mobilenet_v3_block\n  spatial_size: 38\n  stride: 2\n  use_se: false\n");
  save_prims(folder.file("none.yaml"), {});
  CHECK(load_prims(folder.file("none.yaml")).empty());
}

TEST_CASE("errors name file, line and key") {
  const std::string start = "- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8}\n";
  const auto refused = [&start](const std::string& yaml, const std::string& place, const std::string& what) {
    const std::string text = message(start + yaml);
    CAPTURE(text);
    CHECK(has(text, "prims.yaml:" + place));
    CHECK(has(text, what));
  };
  refused("- {prim_type: conv_1x2, spatial_size: 8, C: 8, C_out: 8}\n", "2: [1].prim_type", "did you mean conv_1x1");
  refused("- {spatial_size: 8, C: 8, C_out: 8}\n", "2: [1]", "key 'prim_type' is missing");
  refused("- {prim_type: conv_1x1, C: 8, C_out: 8}\n", "2: [1]", "key 'spatial_size' is missing");
  refused("- {prim_type: conv_1x1, spatial_size: null, C: 8, C_out: 8}\n", "2: [1]", "key 'spatial_size' is missing");
  refused("- prim_type: conv_1x1\n  spatial_size: 8\n  C: eight\n  C_out: 8\n", "4: [1].C", "a number is expected");
  refused("- prim_type: conv_1x1\n  spatial_size: 8\n  C: 8.5\n  C_out: 8\n", "4: [1].C", "a whole number is expected");
  refused("- {prim_type: conv_1x1, spatial_size: 70000, C: 8, C_out: 8}\n", "2: [1].spatial_size", "65536");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 0, C_out: 8}\n", "2: [1].C", "0 is not within");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 1e300}\n", "2: [1].C_out", "whole number");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, stride: 65}\n", "2: [1].stride",
          "65 is not within");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, affine: maybe}\n", "2: [1].affine",
          "true or false");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, strid: 2}\n", "2: [1].strid",
          "did you mean stride");
  refused("- {prim_type: conv_1x1, spatial_size: 8, C: 8, C_out: 8, kernel_size: 5}\n", "2: [1].kernel_size",
          "takes no");
  refused("- {prim_type: mobilenet_v2_block, spatial_size: 8, C: 8, C_out: 8, kernel_size: 3}\n", "2: [1]",
          "needs the key 'expansion'");
  const std::string v3 =
      "- {prim_type: mobilenet_v3_block, spatial_size: 8, C: 8, C_out: 8, kernel_size: 3, expansion: 3, ";
  refused(v3 + "use_se: true}\n", "2: [1]", "needs the key 'activation'");
  refused(v3 + "activation: relu}\n", "2: [1]", "needs the key 'use_se'");
  refused(v3 + "activation: rellu, use_se: true}\n", "2: [1].activation", "must be one of relu, relu6");
  refused(v3 + "activation: relu, use_se: 2}\n", "2: [1].use_se", "true or false");
  refused(v3 + "activation: relu, acts: relu, use_se: 1}\n", "2: [1].acts", "given twice");
  refused(v3 + "activation: [relu], use_se: 1}\n", "2: [1].activation", "a text is expected");
  refused("- {prim_type: mobilenet_v2_block, spatial_size: 8, C: 8, C_out: 8, kernel_size: '3', expansion: 3}\n",
          "2: [1].kernel_size", "a number is expected");
  refused("- 7\n", "2: [1]", "a map is expected");
  CHECK(has(message(""), "a list of primitives is expected"));
  CHECK(has(message("{a: 1}"), "a list is expected"));
  CHECK(has(message("'[{\"prim_type\": \"conv_1x1\"}]'"), "prims.yaml:1"));
}

TEST_CASE("keys of the caller pass") {
  const auto node = base::Yaml::parse("{prim_type: relu, spatial_size: 8, C: 8, C_out: 8, glue: true}", "text");
  CHECK(to_string(prim::read_prim(node, {"glue"})) == "relu:8x8x8s1");
  CHECK_THROWS_AS((void)prim::read_prim(node), Error);
}

TEST_CASE("mutated files are read or refused, never worse") {
  const TempFolder folder;
  const auto samples = sample_prims();
  save_prims(folder.file("all.yaml"), {samples.end() - 12, samples.end()});
  const std::string good = base::read_file(folder.file("all.yaml"));
  std::mt19937_64 random(5);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random() % 6; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 30));
          break;
        default:
          text.insert(at,
                      std::vector<const char*>{"[", "{", "- ", ": ", "1e999", "&a ", "*a", "\n", "nan"}[random() % 9]);
      }
    }
    try {
      for (const auto& prim : prim::read_prims(base::Yaml::parse(text, "text"))) CHECK(normalized(prim) == prim);
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
      ++refused;
    }
  }
  CHECK(refused > 100);
}

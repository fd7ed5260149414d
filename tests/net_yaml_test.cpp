// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "base/yaml.hpp"
#include "hwprof/net.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

Net sample_net() {
  Net net;
  net.id = "prof-007";
  net.purpose = "coverage";
  net.arch = "0.1";
  net.image_size = 33;
  net.image_channels = 3;
  net.layers.push_back({normalized({"conv_3x3", 33, 3, 8, 2, true, {}}), false, {}});
  net.layers.push_back({normalized({"crop", 17, 8, 8, 1, true, {{"out_size", std::int64_t{16}}}}), true, {}});
  net.layers.push_back({normalized({"mobilenet_v3_block",
                                    16,
                                    8,
                                    8,
                                    1,
                                    false,
                                    {{"expansion", 2.5},
                                     {"kernel_size", std::int64_t{5}},
                                     {"activation", std::string("h_swish")},
                                     {"use_se", true}}}),
                        false,
                        {}});
  net.layers.push_back({normalized({"conv_1x1", 16, 8, 4, 1, true, {}}), false, {1, 2}});
  return net;
}

void check_equal(const Net& a, const Net& b) {
  CHECK(a.id == b.id);
  CHECK(a.purpose == b.purpose);
  CHECK(a.arch == b.arch);
  CHECK(a.image_size == b.image_size);
  CHECK(a.image_channels == b.image_channels);
  REQUIRE(a.layers.size() == b.layers.size());
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    CHECK(a.layers[i].prim == b.layers[i].prim);
    CHECK(a.layers[i].glue == b.layers[i].glue);
    CHECK(a.layers[i].inputs == b.layers[i].inputs);
  }
}

}  // namespace

TEST_CASE("a network comes back from its file") {
  const TempFolder dir;
  const Net net = sample_net();
  save_net(dir.file("0.yaml"), net);
  check_equal(load_net(dir.file("0.yaml")), net);
}

TEST_CASE("the template stands around the network, its own genotypes are replaced") {
  const TempFolder dir;
  const std::string extra =
      "rollout_type: general\nsearch_space_cfg:\n  primitives: []\n  deep: {a: [1, '2', {b: null}], c: \"yes\"}\n"
      "empty: {}\nfinal_model_cfg:\n  genotypes: [old]\n  num_classes: 10\n";
  save_net(dir.file("0.yaml"), sample_net(), extra);
  check_equal(load_net(dir.file("0.yaml")), sample_net());
  const auto root = base::Yaml::load(dir.file("0.yaml"));
  CHECK(root.items().front().first == "rollout_type");
  CHECK(root["final_model_cfg"]["num_classes"].integer() == 10);
  CHECK(root["search_space_cfg"]["primitives"].list().empty());
  const auto deep = root["search_space_cfg"]["deep"];
  CHECK(deep["a"].list().size() == 3);
  CHECK(deep["a"].list()[1].text() == "2");
  CHECK(deep["a"].list()[1].quoted_text());
  CHECK(deep["a"].list()[2].find("b") == std::nullopt);
  CHECK(deep["c"].quoted_text());
  CHECK(root["empty"].items().empty());
  CHECK(has(error_of(Fault::input, [&] { save_net(dir.file("1.yaml"), sample_net(), "hwprof: 1\n"); }), "hwprof"));
}

TEST_CASE("aw_nas' files, also with a Python literal, are read") {
  const TempFolder dir;
  const auto plain =
      dir.write("12.yaml",
                "search_space_type: general\nfinal_model_cfg:\n  genotypes:\n"
                "  - {prim_type: conv_3x3, spatial_size: 300, C: 3, C_out: 16, stride: 2, affine: true}\n"
                "  - C: 16\n    C_out: 16\n    activation: relu6\n    affine: true\n    expansion: 1\n"
                "    kernel_size: 3\n    prim_type: mobilenet_v3_block\n    spatial_size: 150\n    stride: 1\n"
                "    use_se: false\n");
  const Net net = load_net(plain);
  CHECK(net.id == "12");
  CHECK(net.image_size == 300);
  CHECK(net.image_channels == 3);
  CHECK(net.layers.size() == 2);
  const auto literal =
      dir.write("general net.yaml",
                "final_model_cfg:\n  genotypes: '[{\"prim_type\": \"mobilenet_v3_block\", \"C\": 16,"
                "\"C_out\": 24, \"spatial_size\": 112, \"stride\": 2, \"expansion\": 4, \"kernel_size\": 5, "
                "\"activation\": \"relu\", \"use_se\": True, \"affine\": True}]'\n");
  const Net other = load_net(literal);
  CHECK(other.id == "general_net");
  REQUIRE(other.layers.size() == 1);
  CHECK(to_string(other.layers[0].prim) ==
        "mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=1");
}

TEST_CASE("damaged files are refused with their place") {
  const TempFolder dir;
  const std::string prims =
      "final_model_cfg:\n  genotypes:\n  - {prim_type: conv_1x1, spatial_size: 8, C: 4, C_out: 4}\n";
  const auto refused = [&](const std::string& text) {
    const auto file = dir.write("x.yaml", text);
    return error_of(Fault::input, [&] { static_cast<void>(load_net(file)); });
  };
  CHECK(has(refused("final_model_cfg: {}\n"), "genotypes"));
  CHECK(has(refused("final_model_cfg: {genotypes: []}\n"), "at least one"));
  CHECK(has(refused("- 1\n"), "map"));
  CHECK(has(refused(prims + "hwprof: {glu: [0]}\n"), "glue"));
  CHECK(has(refused(prims + "hwprof: {glue: [1]}\n"), "x.yaml:4"));
  CHECK(has(refused(prims + "hwprof: {inputs: {0: [0]}}\n"), "inputs"));
  CHECK(has(refused(prims + "hwprof: {inputs: {5: [0]}}\n"), "no layer"));
  CHECK(has(refused(prims + "hwprof: {id: ../x}\n"), "'../x'"));
  CHECK(has(refused(prims + "hwprof: {image_size: 1e9}\n"), "image_size"));
  Net unsafe = sample_net();
  unsafe.id = "a/b";
  CHECK(has(error_of(Fault::usage, [&] { save_net(dir.file("y.yaml"), unsafe); }), "a/b"));
}

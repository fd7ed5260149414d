// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "hwprof/graph.hpp"
#include "hwprof/space.hpp"
#include "hwprof/ssbn.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const std::string bundled = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/ssbn.yaml";

std::string yaml(const std::string& space, const std::string& manager) {
  return "search_space_cfg: {" + space + "}\nweights_manager_cfg: {" + manager + "}\n";
}

/// layers of one group each, all with these blocks and channels, stride 1.
SsbnSpec plain(std::size_t layers, const std::vector<std::string>& blocks) {
  SsbnSpec spec;
  spec.groups = layers;
  spec.image_channels = 8;
  spec.shared = blocks;
  for (std::size_t l = 0; l < layers; ++l) spec.layers.push_back({l, 8, 8, 1});
  return spec;
}

std::vector<std::string> family(const std::string& name, int blocks) {
  std::vector<std::string> names;
  for (int i = 0; i < blocks; ++i) names.push_back(name + "block_" + std::to_string(i));
  return names;
}

Work work(const std::string& block, int size, int C, int C_out, int stride) {
  return count_work(normalized(ssbn_prim(parse_ssbn_block(block), size, C, C_out, stride)));
}

}  // namespace

TEST_CASE("ssbn blocks compute what their tables say") {
  // Mobile 5 is kernel 5, expansion 6: expand 8 to 48 at 10x10, depthwise to 5x5, project to 16.
  CHECK(work("Mobileblock_5", 10, 8, 16, 2).macs == 100. * 8 * 48 + 25. * 48 * 25 + 25. * 48 * 16);
  // Mobile 0 keeps its first 1x1 at expansion 1; its parameters are three convolutions and three batch norms.
  CHECK(work("Mobileblock_0", 10, 8, 8, 1).params == 8. * 8 + 8 * 9 + 8 * 8 + 3 * 2 * 8);
  // Res 7 is expansion 4, kernel 5: C / 4 = 2 channels in the middle, beside a branch of C channels.
  CHECK(work("Resblock_7", 10, 8, 16, 2).macs ==
        100. * 8 * 2 + 25. * (2 * 2 * 25) + 25. * 2 * 16 + 25. * (8 * 8 * 25) + 25. * 8 * 16);
  // VGG 10 is [1,3,5]; its stride is a pool behind convolutions at full size.
  CHECK(work("VGGblock_10", 10, 8, 16, 2).macs == 100. * (8 * 16 + 16 * 16 * 9 + 16 * 16 * 25));
  CHECK(out_size(normalized(ssbn_prim({"VGG", 1}, 15, 8, 8, 2))) == 7);
  CHECK(out_size(normalized(ssbn_prim({"Res", 1}, 15, 8, 8, 2))) == 8);
  CHECK(to_string(normalized(ssbn_prim({"VGG", 12}, 8, 4, 4, 1))) == "ss_vgg_block:8x4x4s1:kernels=k1-3-3-3");
  // A bottleneck narrower than one channel has one.
  CHECK(work("Resblock_8", 4, 2, 2, 1).params > 0);
}

TEST_CASE("ssbn block names") {
  CHECK(parse_ssbn_block("Mobileblock_8").index == 8);
  CHECK(to_string(parse_ssbn_block("VGGblock_12")) == "VGGblock_12");
  for (const char* bad : {"Resblock_9", "VGGblock_13", "Resblock_", "Resblock_01", "Resblock_-1", "Resblock_+1", "Res",
                          "block_0", "Resblock_1x", "Resblock_99999999999999999999"})
    (void)error_of(Fault::input, [bad] { (void)parse_ssbn_block(bad); });
  CHECK(has(error_of(Fault::input, [] { (void)parse_ssbn_block("Mobilblock_0"); }), "Mobile"));
}

TEST_CASE("a block contains those that are part of it") {
  const auto contains = [](const char* b, const char* a) {
    return ssbn_contains(parse_ssbn_block(b), parse_ssbn_block(a));
  };
  CHECK(contains("VGGblock_12", "VGGblock_11"));       // [1,3,3,3] and [3,3,3]
  CHECK(contains("VGGblock_1", "VGGblock_0"));         // [3] and [1]
  CHECK(contains("VGGblock_10", "VGGblock_9"));        // [1,3,5] and [3,5]
  CHECK_FALSE(contains("VGGblock_9", "VGGblock_11"));  // [3,5] and [3,3,3]
  CHECK_FALSE(contains("VGGblock_11", "VGGblock_12"));
  CHECK(contains("Mobileblock_8", "Mobileblock_5"));        // k7 e6 and k5 e6
  CHECK_FALSE(contains("Mobileblock_3", "Mobileblock_2"));  // k5 e1 and k3 e6
  CHECK(contains("Resblock_0", "Resblock_3"));              // a wider bottleneck
  CHECK_FALSE(contains("Resblock_3", "Resblock_0"));
  CHECK_FALSE(contains("Resblock_1", "Resblock_1"));
  CHECK_FALSE(contains("Resblock_8", "Mobileblock_0"));
}

TEST_CASE("ssbn networks: numbers and names of ssprofile") {
  const SsbnSpec spec = load_ssbn(bundled);
  const auto nets = list_ssbn(spec);
  CHECK(nets.size() == 63);  // 1 + 5 * 4 for each family
  std::set<std::string> ids;
  for (const auto& net : nets) ids.insert(net.id);
  CHECK(ids.size() == nets.size());
  CHECK(ids.count("Res_1_1_3_1_1") == 1);
  CHECK(nets[0].id == "Res_1_1_1_1_1");
  CHECK(nets[0].group == -1);
  CHECK(nets[1].id == "Res_0_1_1_1_1");
  CHECK(nets[21].id == "Mobile_1_1_1_1_1");
  CHECK(list_ssbn(plain(12, family("Mobile", 9))).size() == 97);
  CHECK(list_ssbn(plain(12, family("VGG", 13))).size() == 145);
  CHECK(list_ssbn(plain(3, {"VGGblock_7"})).size() == 1);
  // The default is the second by number, wherever it is named.
  CHECK(list_ssbn(plain(2, {"Resblock_8", "Resblock_2", "Resblock_5"}))[0].id == "Res_5_5");

  std::vector<std::size_t> layers;
  const Net net = ssbn_network(spec, nets[0], &layers);
  CHECK(net.id == "Res_1_1_1_1_1");
  CHECK(net.layers.size() == 7);
  CHECK(layers == std::vector<std::size_t>{0, 1, 2, 3, 4});
  CHECK(net.layers[4].prim.spatial_size == 2);
  const auto shapes = infer_shapes(lower(net), {1, 3, 32, 32});
  CHECK(shapes.back() == Shape{1, 10, 1, 1});
}

TEST_CASE("the space of an ssbn file: one decision a group, whatever its layers") {
  const TempFolder folder;
  const std::string file = folder.write(
      "space.yaml", yaml("num_cell_groups: 2, cell_layout: [0, 1, 0], reduce_cell_groups: [1], num_layers: 3, "
                         "shared_primitives: [Resblock_0, VGGblock_1], cell_shared_primitives: None",
                         "num_classes: 7, cell_group_kwargs: [{C_in: 4, C_out: 8}, {C_in: 8, C_out: 8}, "
                         "{C_in: 8, C_out: 4}]") +
                        "image_size: 15\ntrainer_cfg: {whatever: 1}\n");
  const auto space = load_space(file).space;
  REQUIRE(space->decisions().size() == 2);
  CHECK(space->decisions()[0].options == std::vector<std::string>{"Resblock_0", "VGGblock_1"});
  const auto prims = space->primitives({1, 0});
  REQUIRE(prims.size() == 5);
  CHECK(prims[0].prim_type == "ss_vgg_block");
  CHECK(prims[1].prim_type == "ss_res_block");
  CHECK(prims[1].stride == 2);
  CHECK(prims[2].prim_type == "ss_vgg_block");
  CHECK(prims[2].spatial_size == 8);
  CHECK(prims[4].C_out == 7);
  // Exactly what the four architectures use: both layers of group 0 hold the same block.
  std::set<Prim> used;
  for (const std::uint16_t a : {std::uint16_t{0}, std::uint16_t{1}})
    for (const std::uint16_t b : {std::uint16_t{0}, std::uint16_t{1}})
      for (const auto& prim : space->primitives({a, b})) used.insert(prim);
  const auto generated = space->generate_profiling_primitives();
  CHECK(std::set<Prim>(generated.begin(), generated.end()) == used);
  // What a group alone decides: layer 2 sees 8 px or 7 px as group 1 says.
  for (const auto& factor : space->factors()) CHECK(std::is_sorted(factor.begin(), factor.end()));
}

TEST_CASE("ssbn files that do not fit are refused with their place") {
  const TempFolder folder;
  const auto refused = [&folder](const std::string& text) {
    const std::string file = folder.write("bad.yaml", text);
    return error_of(Fault::input, [&file] { (void)load_ssbn(file); });
  };
  const std::string manager = "cell_group_kwargs: [{C_in: 3, C_out: 8}, {C_in: 8, C_out: 8}]";
  const std::string two = "num_cell_groups: 2, cell_layout: [0, 1], ";
  const std::string blocks = "shared_primitives: [Resblock_0]";
  CHECK(has(refused(yaml(two + "shared_primitives: [Resblock_0, Resblock_10]", manager)), "bad.yaml:1"));
  CHECK(has(refused(yaml(two + "shared_primitives: [Resblock_0, Resblock_0]", manager)), "twice"));
  CHECK(has(refused(yaml("num_cell_groups: 3, cell_layout: [0, 1], " + blocks, manager)), "cell group 2"));
  CHECK(has(refused(yaml("num_cell_groups: 2, cell_layout: [0, 2], " + blocks, manager)), "cell_layout"));
  CHECK(has(refused(yaml(two + "num_layers: 3, " + blocks, manager)), "2 layers"));
  CHECK(has(refused(yaml(two + blocks, "cell_group_kwargs: [{C_in: 3, C_out: 8}]")), "each of the 2 layers"));
  CHECK(has(refused(yaml(two + blocks, "cell_group_kwargs: [{C_in: 3, C_out: 8}, {C_in: 9, C_out: 8}]")), "C_in is 9"));
  CHECK(has(refused(yaml(two + "num_steps: 4, " + blocks, manager)), "num_steps"));
  CHECK(has(refused(yaml(two + "shared_primitive: [Resblock_0]", manager) + "kind: ssbn\n"), "shared_primitives"));
  CHECK(has(refused(yaml(two + "cell_shared_primitives: [[Resblock_0]]", manager)), "found 1"));
  CHECK(has(refused(yaml(two + blocks, manager) + "stem: {channels: 4}\n"), "stem"));
  CHECK(has(refused("kind: fbnet\n"), "kind ssbn"));
  const std::string chosen =
      folder.write("chosen.yaml", yaml(two + "cell_shared_primitives: [[Resblock_0], [VGGblock_3]]", manager));
  CHECK(load_space(chosen).space->decisions().empty());
  CHECK(has(error_of(Fault::input, [&] { (void)list_ssbn(load_ssbn(chosen)); }), "shared_primitives"));
}

TEST_CASE("of aw_nas' files, what would be another network is asked for, and names that nothing reads are not") {
  const TempFolder folder;
  const std::string manager = "num_classes: 9, cell_group_kwargs: [{C_in: 16, C_out: 8}, {C_in: 8, C_out: 8}]";
  const std::string two = "num_cell_groups: 2, cell_layout: [0, 1], ";
  const std::string own = "cell_shared_primitives: [[Resblock_0, Resblock_2], [VGGblock_3]]";
  const auto load = [&folder](const std::string& text) { return load_ssbn(folder.write("space.yaml", text)); };
  const auto refused = [&](const std::string& text) { return error_of(Fault::input, [&] { (void)load(text); }); };

  const std::string old_names = yaml(two + "shared_primitives: [block_0, block_1], " + own, manager);
  CHECK(load(old_names).options(0) == std::vector<std::string>{"Resblock_0", "Resblock_2"});
  CHECK(load_space(folder.file("space.yaml")).space->decisions().size() == 1);
  CHECK(has(error_of(Fault::input, [&] { (void)list_ssbn(load(old_names)); }), "shared_primitives of families"));
  CHECK(has(refused(yaml(two + "shared_primitives: [block_0, block_1]", manager)), "block_0"));
  CHECK(has(refused(yaml(two + "shared_primitives: [Resbloc_0], " + own, manager)), "Resbloc_0"));

  // A stem that is not said would make images of 16 channels.
  const std::string stem = yaml(two + own, "use_stem: true, " + manager);
  CHECK(has(refused(stem), "use_stem: aw_nas' stem is not known; the key stem"));
  CHECK(has(refused(yaml(two + own, "use_stem: conv_bn_3x3, " + manager)), "use_stem"));
  CHECK(load(yaml(two + own, "use_stem: false, " + manager)).image_channels == 16);
  const auto with = load(stem + "stem: {channels: 16, stride: 2}\n");
  CHECK(with.image_channels == 3);
  CHECK(with.stem_stride == 2);

  const std::string imagenet = yaml(two + own, manager) + "dataset_type: imagenet\n";
  CHECK(has(refused(imagenet), "dataset_type: key 'image_size' is missing"));
  CHECK(load(imagenet + "image_size: 224\n").image_size == 224);
  CHECK(load_ssbn(folder.write("space.yaml", imagenet), 160).image_size == 160);
  CHECK(load(yaml(two + own, manager) + "dataset_type: cifar10\n").image_size == 32);
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "hwprof/space.hpp"
#include "net_chain_check.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::check_chains;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const std::string examples = std::string(HWPROF_SOURCE_DIR) + "/examples/";

/// aw_nas' enumeration, by its formula.
std::set<Prim> awnas_primitives(int image, const std::vector<int>& channels, const std::vector<int>& strides,
                                const std::vector<std::string>& acts, const std::vector<bool>& use_ses,
                                const std::vector<int>& widths) {
  std::vector<int> sizes{static_cast<int>(std::round(image / 2.0 + 1e-3))};
  for (const int stride : strides)
    sizes.push_back(static_cast<int>(std::round(sizes.back() / static_cast<double>(stride) + 1e-3)));
  const auto block = [&](std::size_t stage, int size, int C, int stride, int kernel, int expansion) {
    return Prim{"mobilenet_v3_block",
                size,
                C,
                channels[stage + 1],
                stride,
                true,
                {{"activation", acts[stage]},
                 {"expansion", std::int64_t{expansion}},
                 {"kernel_size", std::int64_t{kernel}},
                 {"use_se", static_cast<bool>(use_ses[stage])}}};
  };
  std::set<Prim> out{{"conv_3x3", image, 3, channels[0], 2, true, {}},
                     block(0, sizes[0], channels[0], strides[0], 3, 1)};
  for (const int width : widths)
    for (const int kernel : {3, 5, 7})
      for (std::size_t stage = 1; stage < strides.size(); ++stage) {
        out.insert(block(stage, sizes[stage], channels[stage], strides[stage], kernel, width));
        out.insert(block(stage, sizes[stage + 1], channels[stage + 1], 1, kernel, width));
      }
  return out;
}

std::set<Prim> without_head(const std::vector<Prim>& prims, std::vector<Prim>* heads) {
  std::set<Prim> out;
  for (const auto& prim : prims) {
    if (prim.prim_type == "head")
      heads->push_back(prim);
    else
      out.insert(prim);
  }
  return out;
}

const std::vector<int> strides{1, 2, 2, 2, 1, 2};
const std::vector<int> channels{16, 16, 24, 32, 64, 96, 160};
const std::vector<bool> use_ses{false, false, true, false, true, true};

}  // namespace

TEST_CASE("aw_nas' own example gives exactly its 92 primitives, and the head") {
  const auto file = load_space(examples + "awnas/ofa_final.yaml", examples + "awnas/ofa_lat.yaml");
  const auto prims = file.space->generate_profiling_primitives();
  std::vector<Prim> heads;
  const auto found = without_head(prims, &heads);
  CHECK(found.size() == 92);
  const auto wanted = awnas_primitives(
      300, channels, strides, {"relu6", "relu6", "relu6", "h_swish", "h_swish", "h_swish"}, use_ses, {4, 3, 2});
  CHECK(wanted.size() == 92);
  CHECK(found == wanted);
  REQUIRE(heads.size() == 1);
  CHECK(to_string(heads[0]) == "head:10x160x1000s1:activation=h_swish:feature_channels=1280:last_channels=960");

  CHECK(file.kind == "ofa");
  CHECK(file.name == "ofa_final");
  CHECK(file.assemble.image_size == 300);
  CHECK(file.assemble.max_layers == 20);
  CHECK(file.num_sample == 0);
  CHECK(file.compilers.empty());
  CHECK(has(file.base_cfg_template, "general_final_model"));
  AssembleSummary summary;
  check_chains(assemble(prims, file.assemble, &summary), prims, 20);
  CHECK(summary.nets == 9);
  CHECK(summary.glue_layers == 0);
}

TEST_CASE("the first generation's spelling: spatial_size is behind the stem") {
  const auto file = load_space(examples + "awnas/ofa_final.yaml", examples + "awnas/ofa_lat_first_generation.yaml");
  std::vector<Prim> heads;
  CHECK(without_head(file.space->generate_profiling_primitives(), &heads) ==
        awnas_primitives(224, channels, strides, {"relu", "relu", "relu", "h_swish", "h_swish", "h_swish"}, use_ses,
                         {4, 3, 2}));
  CHECK(heads.size() == 1);
  CHECK(file.compilers == std::vector<std::string>{"dpu"});
  CHECK(file.assemble.image_size == 224);
}

TEST_CASE("the detector's pair has aw_nas' 92 primitives and the heads'") {
  const auto file = load_space(examples + "awnas/ssd_ofa.yaml", examples + "awnas/ssd_ofa_hardware.yaml");
  CHECK(file.kind == "ssd_ofa");
  const auto prims = file.space->generate_profiling_primitives();
  const std::set<Prim> found(prims.begin(), prims.end());
  const auto backbone = awnas_primitives(300, channels, strides,
                                         {"relu", "relu", "relu", "h_swish", "h_swish", "h_swish"}, use_ses, {4, 5, 6});
  CHECK(backbone.size() == 92);
  for (const auto& prim : backbone) CHECK(found.count(prim) == 1);
  // four extra blocks of three widths, predictors on six maps: 19, 10, 5, 3, 2 and 1 px
  CHECK(found.size() == 92 + 4 * 3 + 6);
  std::set<int> sizes;
  for (const auto& prim : found)
    if (prim.C_out == 6 * 25) sizes.insert(prim.spatial_size);
  CHECK(sizes == std::set<int>{19, 10, 5, 3, 2, 1});
}

TEST_CASE("every image size from 96 to 512 is exact, covered and free of glue") {
  for (int size = 96; size <= 512; ++size) {
    CAPTURE(size);
    const auto file = load_space(examples + "awnas/ofa_final.yaml", examples + "awnas/ofa_lat.yaml", size);
    const auto prims = file.space->generate_profiling_primitives();
    CHECK(prims.size() == 93);
    AssembleOptions options = file.assemble;
    CHECK(options.image_size == size);
    AssembleSummary summary;
    check_chains(assemble(prims, options, &summary), prims, options.max_layers);
    CHECK(summary.glue_layers == 0);
    CHECK(summary.nets <= 10);
  }
}

TEST_CASE("the main space: decisions, and what an architecture consists of") {
  const auto file = load_space(examples + "spaces/ofa_mbv3.yaml");
  CHECK(file.name == "ofa_mbv3");
  const auto decisions = file.space->decisions();
  CHECK(decisions.size() == 5 * (1 + 4 * 2));
  CHECK(decisions[0].name == "stage1.depth");
  CHECK(decisions[0].options == std::vector<std::string>{"2", "3", "4"});
  CHECK(decisions[1].name == "stage1.block0.width");
  CHECK(decisions[2].name == "stage1.block0.kernel");

  Arch arch(decisions.size(), 0);
  auto prims = file.space->primitives(arch);
  CHECK(prims.size() == 2 + 5 * 2 + 1);
  CHECK(prims.front().prim_type == "stem");
  CHECK(prims.back().prim_type == "head");
  CHECK(to_string(prims[2]) == "mobilenet_v3_block:112x16x24s2:activation=relu:expansion=3:kernel_size=3:use_se=0");
  CHECK(to_string(prims[3]) == "mobilenet_v3_block:56x24x24s1:activation=relu:expansion=3:kernel_size=3:use_se=0");
  // Blocks behind the depth do not count: the same network.
  Arch other = arch;
  other[5] = 2;
  CHECK(file.space->primitives(other) == prims);
  other[0] = 1;
  CHECK(file.space->primitives(other).size() == prims.size() + 1);

  // All at its largest is Once-for-all's MobileNetV3 with 20 blocks.
  const Net net = file.space->network(Arch(decisions.size(), 2));
  CHECK(net.layers.size() == 2 + 20 + 1);
  CHECK(net.image_size == 224);
}

TEST_CASE("the resolution can be a decision") {
  const TempFolder dir;
  const auto name =
      dir.write("e.yaml",
                "kind: ofa\nimage_size_choice: [64, 97, 80]\nbase_channels: [16, 16, 24, 40, 320]\nstrides: [1, 2, 2]\n"
                "depth_choice: [1, 2]\nwidth_choice: [3, 1.5]\nkernel_choice: [3]\n");
  const auto file = load_space(name);
  CHECK(file.name == "e");
  CHECK(file.assemble.image_size == 97);
  const auto decisions = file.space->decisions();
  CHECK(decisions[0].name == "image_size");
  Arch arch(decisions.size(), 0);
  arch[0] = 1;
  const auto net = file.space->network(arch);
  CHECK(net.image_size == 97);
  CHECK(to_string(net.layers.back().prim) == "head:13x40x1000s1:activation=relu6:feature_channels=0:last_channels=320");
  const auto prims = file.space->generate_profiling_primitives();
  AssembleSummary summary;
  check_chains(assemble(prims, file.assemble, &summary), prims, 20);
  CHECK(summary.glue_layers == 0);
  // stem and first block per size, two widths of first and repeat in two stages, a head per size
  CHECK(prims.size() == 3 * (2 + 2 * 2 * 2 + 1));
  CHECK(load_space(name, "", 80).space->decisions().size() == decisions.size() - 1);
}

TEST_CASE("a stage that cannot be repeated has no primitive for it") {
  const TempFolder dir;
  const auto name = dir.write("e.yaml", "kind: ofa\nbase_channels: [16, 16, 24]\nstrides: [1, 2]\ndepth_choice: [1]\n");
  CHECK(load_space(name).space->generate_profiling_primitives().size() == 2 + 9);
}

TEST_CASE("what does not fit together is refused with its place") {
  const TempFolder dir;
  const std::string good = "kind: ofa\nbase_channels: [16, 16, 24, 40]\nstrides: [1, 2, 2]\n";
  const auto refused = [&](const std::string& text) {
    const auto file = dir.write("x.yaml", text);
    return error_of(Fault::input, [&] { static_cast<void>(load_space(file)); });
  };
  CHECK_NOTHROW(static_cast<void>(load_space(dir.write("x.yaml", good))));
  CHECK(has(refused(good + "kernel_choise: [3]\n"), "kernel_choice"));
  CHECK(has(refused(good + "kernel_choise: [3]\n"), "x.yaml:4"));
  CHECK(has(refused(good + "kernel_choice: [4]\n"), "odd"));
  CHECK(has(refused(good + "kernel_choice: []\n"), "at least one choice"));
  CHECK(has(refused(good + "width_choice: [3, 3.0]\n"), "twice"));
  CHECK(has(refused(good + "width_choice: [.nan]\n"), "number"));
  CHECK(has(refused(good + "width_choice: [-1]\n"), "within"));
  CHECK(has(refused(good + "depth_choice: [0]\n"), "within 1"));
  CHECK(has(refused(good + "depth_choice: [1000000000]\n"), "within 1"));
  CHECK(has(refused(good + "num_cell_groups: [1, 2, 2]\n"), "num_cell_groups"));
  CHECK(has(refused(good + "num_cell_groups: [1, 4]\n"), "one entry per stage"));
  CHECK(has(refused(good + "acts: [relu]\n"), "acts"));
  CHECK(has(refused(good + "acts: [relu, relu, rellu]\n"), "rellu"));
  CHECK(has(refused(good + "use_ses: [false, false, true]\n"), "squeeze"));
  CHECK(has(refused(good + "primitive_type: mobilenet_v4_block\n"), "mobilenet_v3_block"));
  CHECK(has(refused(good + "mult_ratio: 1e9\n"), "mult_ratio"));
  CHECK(has(refused(good + "image_size: 99999999\n"), "image_size"));
  CHECK(has(refused(good + "image_size: 32\nimage_size_choice: [32]\n"), "image_size"));
  CHECK(has(refused("kind: ofa\nbase_channels: [16, 16]\nstrides: [1, 2]\n"), "base_channels"));
  CHECK(has(refused("kind: ofa\nstrides: [1, 2]\n"), "base_channels"));
  CHECK(has(refused(good + "fixed_primitives: [{prim_type: conv_1x1}]\n"), "spatial_size"));
}

TEST_CASE("aw_nas' files are refused where they make no sense") {
  const TempFolder dir;
  const auto config = examples + "awnas/ofa_final.yaml";
  CHECK(has(error_of(Fault::input, [&] { static_cast<void>(load_space(config)); }), "second file"));
  const auto refused = [&](const std::string& text) {
    const auto file = dir.write("hw.yaml", text);
    return error_of(Fault::input, [&] { static_cast<void>(load_space(config, file)); });
  };
  const std::string good =
      "mixin_search_space_type: ofa_mixin\nprof_prims_cfg:\n  base_channels: [16, 16, 24, 32, 64, 96, 160]\n"
      "  strides: [1, 2, 2, 2, 1, 2]\n  spatial_size: 224\n";
  CHECK_NOTHROW(static_cast<void>(load_space(config, dir.write("hw.yaml", good))));
  CHECK(has(refused("mixin_search_space_type: darts_mixin\n"), "ofa_mixin"));
  CHECK(has(refused("mixin_search_space_type: ofa_mixin\n"), "prof_prims_cfg"));
  CHECK(has(refused(good + "  sample: 5\n"), "measures all"));
  CHECK(has(refused(good + "  strid: 5\n"), "strides"));
  CHECK(has(refused(good + "profiling_net_cfg: {image_size: 100}\n"), "smaller"));
  CHECK(has(refused(good + "mixin_search_space_cfg: {kernel_choice: [3]}\n"), "other file"));
  CHECK(has(refused(good + "  acts: [a]\n  activation: [a]\n"), "the same"));
  CHECK(has(error_of(Fault::usage, [&] { static_cast<void>(load_space(examples + "spaces/chain.yaml", config)); }),
            "hardware file"));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/space.hpp"
#include "net_chain_check.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::check_chains;

namespace {

const std::string folder = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/";

std::vector<std::string> bundled() {
  std::vector<std::string> files{"fbnet", "nasbench201"};
  for (const auto& name : base::list_folder(folder)) files.push_back(folder + name);
  return files;
}

Work work_of(const Net& net) {
  Work total;
  for (const auto& work : count_work(lower(net), {1, net.image_channels, net.image_size, net.image_size}))
    total = total + work;
  return total;
}

Work work_of(const std::string& name) {
  const auto file = load_space(folder + name + ".yaml");
  CHECK(file.name == name);
  return work_of(file.space->network({}));
}

}  // namespace

TEST_CASE("every bundled space: primitives of samples are generated, networks run, packing is exact") {
  const auto files = bundled();
  CHECK(files.size() >= 15);
  std::set<std::string> kinds;
  for (const auto& name : files) {
    CAPTURE(name);
    const auto file = load_space(name);
    kinds.insert(file.kind);
    if (file.kind == "options") continue;  // has no primitives
    const auto prims = file.space->generate_profiling_primitives();
    CHECK(std::is_sorted(prims.begin(), prims.end()));
    const std::set<Prim> known(prims.begin(), prims.end());
    CHECK(known.size() == prims.size());
    std::mt19937_64 rng(7);
    for (int i = 0; i < 25; ++i) {
      const Arch arch = file.space->sample(rng);
      check_arch(*file.space, arch);
      CHECK(parse_arch(*file.space, to_string(arch)) == arch);
      if (!arch.empty()) CHECK(parse_arch(*file.space, describe(*file.space, arch)) == arch);
      const auto used = file.space->primitives(arch);
      for (const auto& prim : used)
        if (known.count(prim) == 0) FAIL("not generated: " << to_string(prim));
      const Net net = file.space->network(arch);
      CHECK(net.arch == to_string(arch));
      std::vector<Prim> own;
      for (const auto& layer : net.layers)
        if (!layer.glue) own.push_back(layer.prim);
      CHECK(own == used);
      if (i < 5) CHECK(work_of(net).macs > 0);
    }
    AssembleSummary summary;
    check_chains(assemble(prims, file.assemble, &summary), prims, file.assemble.max_layers);
    std::size_t most_options = 0;  // at one place, where a network holds one of them
    for (const auto& decision : file.space->decisions()) most_options = std::max(most_options, decision.options.size());
    CHECK(summary.nets <= std::max<std::size_t>(10, most_options));
    CHECK(summary.glue_macs <= 0.01 * summary.prim_macs);
    if (file.kind != "ssd_ofa") CHECK(summary.glue_layers == 0);
  }
  const auto known_kinds = list_spaces();
  CHECK(kinds == std::set<std::string>(known_kinds.begin(), known_kinds.end()));
}

TEST_CASE("the listed networks have their published sizes") {
  const auto check = [](const std::string& name, double macs, double params) {
    CAPTURE(name);
    const Work work = work_of(name);
    CHECK(work.macs == doctest::Approx(macs).epsilon(0.003));
    CHECK(work.params == doctest::Approx(params).epsilon(0.002));
  };
  check("mobilenet_v2", 300.8e6, 3.505e6);
  check("resnet18", 1.814e9, 11.690e6);
  check("resnet50", 4.089e9, 25.557e6);
  check("squeezenet", 349.2e6, 1.2355e6);
  check("mnasnet", 314.4e6, 4.383e6);
}

TEST_CASE("listed networks follow another image size") {
  const auto file = load_space(folder + "resnet18.yaml", "", 97);
  const auto prims = file.space->primitives({});
  CHECK(file.assemble.image_size == 97);
  CHECK(prims[0].spatial_size == 97);
  CHECK(prims[1].spatial_size == 49);
  CHECK(prims[2].spatial_size == 25);
  CHECK(prims[prims.size() - 3].spatial_size == 4);
  CHECK(file.space->decisions().empty());
  CHECK(parse_arch(*file.space, "").empty());
}

TEST_CASE("fbnet: 22 positions with 9 candidates, indices as in published tables") {
  const auto file = load_space("fbnet");
  const auto decisions = file.space->decisions();
  REQUIRE(decisions.size() == 22);
  for (const auto& decision : decisions)
    CHECK(decision.options == std::vector<std::string>{"k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2",
                                                       "k5_e3", "k5_e6", "skip"});
  const auto arch = parse_arch(*file.space, "7.8.1.8.4.8.8.8.7.4.1.4.7.3.2.7.3.2.4.2.4.5");
  const auto prims = file.space->primitives(arch);
  // Position 1 widens 16 to 24, so its skip is a convolution; those at 3, 6 and 7 are not there; 5 is the
  // first of its stage and has stride 2.
  REQUIRE(prims.size() == 1 + 22 - 3 + 1);
  CHECK(to_string(prims[0]) == "stem:32x3x16s1:activation=relu:kernel_size=3");
  CHECK(to_string(prims[1]) == "fbnet_block:32x16x16s1:activation=relu:expansion=6:groups=1:kernel_size=5");
  CHECK(to_string(prims[2]) == "conv_bn_relu_1x1:32x16x24s1");
  CHECK(to_string(prims[3]) == "fbnet_block:32x24x24s1:activation=relu:expansion=1:groups=2:kernel_size=3");
  CHECK(to_string(prims[5]) == "conv_bn_relu_1x1:32x24x32s2");
  CHECK(to_string(prims.back()) == "head:4x352x100s1:activation=relu:feature_channels=0:last_channels=1504");
  // 7 stages' first blocks and 5 stages' repeats, whose skip is nothing; position 0 keeps 16 channels; stem, head
  CHECK(file.space->generate_profiling_primitives().size() == 6 * 9 + 5 * 8 + 8 + 2);
  CHECK(load_space(folder + "fbnet.yaml").space->generate_profiling_primitives() ==
        file.space->generate_profiling_primitives());
}

TEST_CASE("mobilenet: nnabla-nas' positions and widths") {
  const auto file = load_space(folder + "mobilenet_cifar10.yaml");
  const auto decisions = file.space->decisions();
  REQUIRE(decisions.size() == 21);
  CHECK(decisions[0].options.size() == 6);
  CHECK(decisions[1].options.size() == 7);
  CHECK(decisions[1].options.back() == "skip_connect");
  CHECK(decisions[20].options.size() == 6);
  CHECK(decisions[0].options[2] == "MB3 5x5");
  Arch arch(21, 0);
  const auto prims = file.space->primitives(arch);
  CHECK(prims.size() == 2 + 21 + 1);
  CHECK(to_string(prims[0]) == "stem:32x3x32s2:activation=relu6:kernel_size=3");
  CHECK(to_string(prims[1]) == "mobilenet_v2_block:16x32x16s1:activation=relu6:expansion=1:kernel_size=3");
  CHECK(to_string(prims[2]) == "mobilenet_v2_block:16x16x24s1:activation=relu6:expansion=3:kernel_size=3");
  arch[1] = 6;
  CHECK(file.space->primitives(arch).size() == prims.size() - 1);
  // stem, MB1, 6 first blocks and 5 repeats of 6, head
  CHECK(file.space->generate_profiling_primitives().size() == 2 + 6 * 6 + 5 * 6 + 1);
  CHECK(load_space(folder + "proxyless.yaml").space->decisions().size() == 21);
}

// SPDX-License-Identifier: Apache-2.0
// The kind ssbn: what ssprofile's and aw_nas' configuration says of a space whose cell groups share primitives.
#include <algorithm>
#include <optional>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "space/ssbn.hpp"

namespace hwprof::space {
namespace {

using base::Yaml;

constexpr int max_groups = 1000, max_layers = 1000;

/// Block names that exist, none twice.
std::vector<std::string> read_blocks(const Yaml& node) {
  std::vector<std::string> names;
  for (const auto& element : node.list()) {
    const std::string name = element.text();
    try {
      (void)parse_ssbn_block(name);
    } catch (const Error& error) {
      element.fail(error.what());
    }
    if (std::find(names.begin(), names.end(), name) != names.end())
      element.fail(base::in_quotes(name) + " is there twice");
    names.push_back(name);
  }
  if (names.empty()) node.fail("at least one block is expected, found none");
  return names;
}

/// Whether they are not "block_3", which is a block of any family.
bool name_families(const Yaml& node) {
  const auto names = node.texts();
  return std::none_of(names.begin(), names.end(),
                      [](const std::string& name) { return base::starts_with(name, "block_"); });
}

void read_space_cfg(const Yaml& node, SsbnSpec& spec) {
  node.only({"num_cell_groups", "num_layers", "cell_layout", "reduce_cell_groups", "num_steps", "num_init_nodes",
             "num_node_inputs", "shared_primitives", "cell_shared_primitives", "schedule_cfg", "concat_op",
             "concat_nodes", "loose_end", "derive_without_none_op"});
  for (const char* key : {"num_steps", "num_init_nodes", "num_node_inputs"})
    if (const auto value = node.find(key); value && value->integer() != 1)
      value->fail("a cell is one block here, so 1 is expected");
  spec.groups = static_cast<std::size_t>(node["num_cell_groups"].integer(1, max_groups));
  const int last = static_cast<int>(spec.groups) - 1;
  const auto layout_node = node["cell_layout"];
  const auto layout = layout_node.integers(0, last);
  if (layout.empty() || layout.size() > static_cast<std::size_t>(max_layers))
    layout_node.fail("1 to " + std::to_string(max_layers) + " layers are expected, found " +
                     std::to_string(layout.size()));
  if (const auto number = node.find("num_layers"); number && number->integer() != static_cast<int>(layout.size()))
    number->fail("cell_layout has " + std::to_string(layout.size()) + " layers");
  const auto reduce_node = node.find("reduce_cell_groups");
  const auto reducing = reduce_node ? reduce_node->integers(0, last) : std::vector<int>{};
  std::vector<bool> used(spec.groups, false);
  for (const int group : layout) {
    const bool reduces = std::find(reducing.begin(), reducing.end(), group) != reducing.end();
    spec.layers.push_back({static_cast<std::size_t>(group), 0, 0, reduces ? 2 : 1});
    used[static_cast<std::size_t>(group)] = true;
  }
  const auto idle = std::find(used.begin(), used.end(), false);
  if (idle != used.end()) layout_node.fail("no layer belongs to cell group " + std::to_string(idle - used.begin()));
  if (const auto own = node.find("cell_shared_primitives")) {
    for (const auto& group : own->list()) spec.own.push_back(read_blocks(group));
    if (spec.own.size() != spec.groups)
      own->fail("a list for each of the " + std::to_string(spec.groups) + " cell groups is expected, found " +
                std::to_string(spec.own.size()));
  }
  // Where each group has its own, aw_nas does not read on; ssprofile's files hold names of no family there.
  if (const auto shared = node.find("shared_primitives"); shared && (spec.own.empty() || name_families(*shared)))
    spec.shared = read_blocks(*shared);
  if (spec.shared.empty() && spec.own.empty())
    node.fail("shared_primitives or cell_shared_primitives is expected, found neither");
}

void read_manager_cfg(const Yaml& node, SsbnSpec& spec) {
  if (const auto classes = node.find("num_classes")) spec.num_classes = classes->integer(1, max_classes);
  const auto list_node = node["cell_group_kwargs"];
  const auto list = list_node.list();
  if (list.size() != spec.layers.size())
    list_node.fail("an entry for each of the " + std::to_string(spec.layers.size()) +
                   " layers of cell_layout is expected, found " + std::to_string(list.size()));
  int before = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    SsbnLayer& layer = spec.layers[i];
    layer.C = list[i]["C_in"].integer(1, max_width);
    layer.C_out = list[i]["C_out"].integer(1, max_width);
    if (i > 0 && layer.C != before)
      list[i].fail("C_in is " + std::to_string(layer.C) + ", but the layer before gives " + std::to_string(before) +
                   " channels");
    before = layer.C_out;
  }
}

/// An architecture is a block for each cell group that has several to choose from; its layers follow.
class SsbnSpace : public MixinProfilingSearchSpace {
 public:
  explicit SsbnSpace(const SsbnSpec& spec) : chain_(chain_of(spec)) {
    std::vector<std::optional<std::size_t>> decision(spec.groups);
    for (std::size_t group = 0; group < spec.groups; ++group) {
      if (spec.options(group).size() < 2) continue;
      decision[group] = decisions_.size();
      decisions_.push_back({"group" + std::to_string(group), spec.options(group)});
    }
    std::vector<bool> seen(spec.groups, false);
    for (const auto& layer : spec.layers) {
      shared_ = shared_ || seen[layer.group];
      seen[layer.group] = true;
      if (decision[layer.group]) of_layer_.push_back(*decision[layer.group]);
    }
  }

  [[nodiscard]] std::vector<Decision> decisions() const override { return decisions_; }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    check_arch(*this, arch);
    Arch layers;
    for (const std::size_t decision : of_layer_) layers.push_back(arch[decision]);
    return chain_.primitives(layers);
  }
  /// Layers that choose together do not meet every shape that each alone would.
  [[nodiscard]] std::vector<Prim> generate_profiling_primitives() const override {
    return shared_ ? MixinProfilingSearchSpace::generate_profiling_primitives()
                   : chain_.generate_profiling_primitives();
  }
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    auto out = chain_.factors();
    for (auto& factor : out) {
      for (auto& decision : factor) decision = of_layer_[decision];
      std::sort(factor.begin(), factor.end());
      factor.erase(std::unique(factor.begin(), factor.end()), factor.end());
    }
    return out;
  }

 private:
  static Chain chain_of(const SsbnSpec& spec) {
    Chain chain;
    chain.image_sizes = {spec.image_size};
    chain.image_channels = spec.image_channels;
    if (spec.stem_channels > 0)
      chain.stages.push_back(
          fixed_stage("stem", {make_prim("conv_bn_relu_3x3", spec.stem_channels, spec.stem_stride, {})}));
    Stage stage{"layers", {}, {}};
    for (std::size_t l = 0; l < spec.layers.size(); ++l) {
      const auto& layer = spec.layers[l];
      std::vector<std::vector<Prim>> prims;
      for (const auto& name : spec.options(layer.group)) {
        prims.push_back({ssbn_prim(parse_ssbn_block(name), 1, layer.C, layer.C_out, layer.stride)});
        prims.back()[0].spatial_size = prims.back()[0].C = 0;
      }
      stage.positions.push_back(choice("layer" + std::to_string(l), spec.options(layer.group), std::move(prims)));
    }
    chain.stages.push_back(std::move(stage));
    chain.stages.push_back(fixed_stage(
        "head", {make_prim("global_avg_pool", 0, 1, {}), make_prim("linear", spec.num_classes, 1, {{"bias", false}})}));
    return chain;
  }

  std::vector<Decision> decisions_;
  std::vector<std::size_t> of_layer_;  ///< decision of each layer that has one
  bool shared_ = false;                ///< some group has several layers
  ChainSpace chain_;
};

}  // namespace

bool looks_like_ssbn(const Yaml& root) {
  const auto space = root.find("search_space_cfg");
  return space && space->is_map() && root.find("weights_manager_cfg") && space->find("cell_layout") &&
         (space->find("shared_primitives") || space->find("cell_shared_primitives"));
}

SsbnSpec read_ssbn_spec(const Yaml& root, Common& common) {
  if (const auto set = root.find("dataset_type"); set && !root.find("image_size") && !common.resized)
    if (!base::starts_with(set->text(), "cifar"))
      set->fail("key 'image_size' is missing, which is 32 for cifar10 alone");
  SsbnSpec spec;
  read_space_cfg(root["search_space_cfg"], spec);
  const auto manager = root["weights_manager_cfg"];
  read_manager_cfg(manager, spec);
  if (const auto stem = root.find("stem")) {
    stem->only({"channels", "stride"});
    spec.stem_channels = (*stem)["channels"].integer(1, max_width);
    if (const auto stride = stem->find("stride")) spec.stem_stride = stride->integer(1, 4);
    if (spec.stem_channels != spec.layers.front().C)
      stem->fail("the stem gives " + std::to_string(spec.stem_channels) + " channels, but the first layer takes " +
                 std::to_string(spec.layers.front().C));
  } else {
    if (const auto used = manager.find("use_stem"); used && used->as_boolean().value_or(true))
      used->fail("aw_nas' stem is not known; the key stem: {channels, stride} says what stands in front of the layers");
    if (root.find("image_channels") && common.image_channels != spec.layers.front().C)
      manager.fail("the image has " + std::to_string(common.image_channels) + " channels, but the first layer takes " +
                   std::to_string(spec.layers.front().C));
    common.image_channels = spec.layers.front().C;
  }
  spec.image_size = common.image_size;
  spec.image_channels = common.image_channels;
  return spec;
}

Space read_ssbn(const Yaml& root, Common& common) {
  const SsbnSpec spec = read_ssbn_spec(root, common);
  try {
    return std::make_unique<SsbnSpace>(spec);
  } catch (const Error& error) {
    root.fail(error.what());
  }
}

}  // namespace hwprof::space

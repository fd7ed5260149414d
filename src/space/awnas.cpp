// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "space/ofa.hpp"

namespace hwprof::space {
namespace {

using base::Yaml;

/// The section under its newest name or an older one.
Yaml find_prims_cfg(const Yaml& hardware) {
  if (const auto section = hardware.find("prof_prims_cfg")) return *section;
  if (const auto section = hardware.find("profiling_primitive_cfg")) return *section;
  hardware.fail("key 'prof_prims_cfg' (or 'profiling_primitive_cfg') is missing");
}

void check_no_duplicates(const Yaml& config, const Yaml& mixin) {
  for (const auto& [key, value] : mixin.items())
    if (!value.is_null() && config.find(key)) value.fail("the same key is in search_space_cfg of the other file");
}

void read_space_cfg(const Yaml& node, OfaSpec& spec, SsdSpec& ssd) {
  node.only({"width_choice", "depth_choice", "kernel_choice", "image_size_choice", "num_cell_groups", "expansions",
             "fixed_primitives", "schedule_cfg", "head_width_choice", "head_kernel_choice", "num_head"});
  read_choices_of(node, spec);
  read_head_choices_of(node, ssd);
}

/// spatial_size is the image's, but in the first generation (which wrote `activation` and `use_se`) that of the
/// map behind the stem of stride 2. image_size_choice does not count: aw_nas makes primitives of this size only.
void read_prims_cfg(const Yaml& node, int image_size, OfaSpec& spec) {
  node.only({"spatial_size", "base_channels", "mult_ratio", "strides", "acts", "activation", "use_ses", "use_se",
             "stem_stride", "stem_type", "primitive_type", "default_prim_type", "sample", "as_dict", "performances"});
  if (const auto sample = node.find("sample"))
    sample->fail("hwprof measures all primitives; null is expected, found " + base::in_quotes(sample->dump()));
  const bool first_generation = node.find("activation") || node.find("use_se");
  read_shape_of(node, spec);
  const auto size = node.find("spatial_size");
  spec.image_sizes = {size ? size->integer(1, max_image_size) : 224};
  if (first_generation && size) spec.image_sizes[0] *= spec.stem_stride;
  if (image_size > 0) spec.image_sizes = {image_size};
}

void read_net_cfg(const Yaml& node, bool resized, SpaceFile& out) {
  node.only({"image_size", "max_layers", "num_sample", "sample", "fix_stem_layer", "base_cfg_template"});
  if (const auto layers = node.find("max_layers")) out.assemble.max_layers = layers->integer(1, 100000);
  const auto sample = node.find("num_sample") ? node.find("num_sample") : node.find("sample");
  if (sample) out.num_sample = sample->integer(0, 1000000);
  if (const auto text = node.find("base_cfg_template")) out.base_cfg_template = text->dump();
  if (const auto size = node.find("image_size")) {
    const int given = size->integer(1, max_image_size);
    if (!resized && given < out.assemble.image_size)
      size->fail("the networks' image of " + std::to_string(given) + " px is smaller than the primitives' of " +
                 std::to_string(out.assemble.image_size) + " px (spatial_size)");
  }
}

}  // namespace

SpaceFile read_awnas(const Yaml& config, const Yaml& hardware, int image_size) {
  const std::vector<std::string> kinds = {"ofa_mixin", "ssd_ofa_mixin"};
  const auto type = hardware["mixin_search_space_type"];
  if (std::find(kinds.begin(), kinds.end(), type.text()) == kinds.end())
    type.fail("unknown search space " + base::in_quotes(type.text()) + base::suggest(type.text(), kinds));

  OfaSpec spec;
  SsdSpec ssd;
  const auto space_cfg = config["search_space_cfg"];
  read_space_cfg(space_cfg, spec, ssd);
  if (const auto mixin_cfg = hardware.find("mixin_search_space_cfg")) {
    check_no_duplicates(space_cfg, *mixin_cfg);
    read_space_cfg(*mixin_cfg, spec, ssd);
  }
  const auto prims_cfg = find_prims_cfg(hardware);
  read_prims_cfg(prims_cfg, image_size, spec);

  SpaceFile out;
  const bool detector = type.text() == "ssd_ofa_mixin";
  out.kind = detector ? "ssd_ofa" : "ofa";
  out.assemble.image_size = spec.image_sizes[0];
  out.space = make_chain(prims_cfg, [&] { return detector ? ssd_ofa_chain(spec, ssd) : ofa_chain(spec); });
  if (const auto net_cfg = hardware.find("profiling_net_cfg")) read_net_cfg(*net_cfg, image_size > 0, out);
  if (const auto compilers = hardware.find("hardware_compilers")) {
    for (const auto& entry : compilers->list()) {
      entry.only({"hardware_compiler_type", "hardware_compiler_cfg"});
      out.compilers.push_back(entry["hardware_compiler_type"].text());
    }
  }
  return out;
}

}  // namespace hwprof::space

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "prim/types.hpp"
#include "prim/yaml.hpp"
#include "space/ofa.hpp"

namespace hwprof::space {
namespace {

using base::Yaml;

constexpr int max_stages = 100, max_kernel = 31;

std::optional<Yaml> find_either(const Yaml& node, const char* key, const char* older) {
  const auto now = node.find(key);
  const auto then = node.find(older);
  if (now && then)
    then->fail(base::in_quotes(older) + " and " + base::in_quotes(key) + " mean the same; one is enough");
  return now ? now : then;
}

std::vector<double> read_widths(const Yaml& node) {
  const auto widths = node.numbers();
  if (widths.empty()) node.fail("at least one choice is expected, found none");
  if (widths.size() > max_choices) node.fail("more than " + std::to_string(max_choices) + " choices");
  for (auto at = widths.begin(); at != widths.end(); ++at) {
    if (!(*at >= 0.01 && *at <= 64)) node.fail(base::format_number(*at) + " is not within 0.01 to 64");
    if (std::find(widths.begin(), at, *at) != at)
      node.fail("the choice " + base::format_number(*at) + " is there twice");
  }
  return widths;
}

std::vector<int> read_kernels(const Yaml& node) {
  auto kernels = read_choices(node, 1, max_kernel);
  for (const int kernel : kernels)
    if (kernel % 2 == 0) node.fail("kernels are odd, found " + std::to_string(kernel));
  return kernels;
}

template <typename T>
void check_count(const Yaml& node, const std::vector<T>& values) {
  if (values.size() > max_stages) node.fail("more than " + std::to_string(max_stages) + " entries");
}

std::string read_prim_type(const Yaml& node) {
  try {
    return find_prim_type(node.text()).name;
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

Head read_head(const Yaml& node) {
  node.only({"last_channels", "feature_channels", "num_classes", "activation"});
  Head head;
  head.num_classes = node["num_classes"].integer(1, max_width);
  if (const auto last = node.find("last_channels")) head.last_channels = last->integer(0, max_width);
  if (const auto feature = node.find("feature_channels")) head.feature_channels = feature->integer(0, max_width);
  if (const auto activation = node.find("activation")) head.activation = activation->text();
  return head;
}

/// The image sizes of hwprof's own file: one (image_size, which aw_nas calls spatial_size) or a choice.
void read_image_sizes(const Yaml& node, Common& common, OfaSpec& spec) {
  const auto choices = node.find("image_size_choice");
  const auto single = find_either(node, "image_size", "spatial_size");
  if (choices && single) choices->fail("image_size says the same; one is enough");
  spec.image_sizes = {common.image_size};
  if (!common.resized && single) spec.image_sizes = {single->integer(1, max_image_size)};
  if (!common.resized && choices) spec.image_sizes = read_choices(*choices, 1, max_image_size);
  spec.image_channels = common.image_channels;
  common.image_size = *std::max_element(spec.image_sizes.begin(), spec.image_sizes.end());
}

}  // namespace

void read_choices_of(const Yaml& node, OfaSpec& spec) {
  if (const auto widths = node.find("width_choice")) spec.widths = read_widths(*widths);
  if (const auto depths = node.find("depth_choice")) spec.depths = read_choices(*depths, 1, max_blocks);
  if (const auto kernels = node.find("kernel_choice")) spec.kernels = read_kernels(*kernels);
  if (const auto blocks = node.find("num_cell_groups")) {
    spec.blocks = blocks->integers(1, max_blocks);
    check_count(*blocks, spec.blocks);
  }
  if (const auto fixed = node.find("fixed_primitives")) spec.fixed_primitives = prim::read_prims(*fixed);
}

void read_shape_of(const Yaml& node, OfaSpec& spec) {
  const auto channels = node["base_channels"];
  spec.base_channels = channels.integers(1, max_width);
  check_count(channels, spec.base_channels);
  const auto strides = node["strides"];
  spec.strides = strides.integers(1, prim::max_stride);
  check_count(strides, spec.strides);
  if (const auto acts = find_either(node, "acts", "activation")) spec.acts = acts->texts();
  if (const auto use_ses = find_either(node, "use_ses", "use_se")) {
    spec.use_ses.clear();
    for (const auto& flag : use_ses->list()) spec.use_ses.push_back(flag.boolean());
  }
  if (const auto ratio = node.find("mult_ratio")) {
    spec.mult_ratio = ratio->number();
    if (!(spec.mult_ratio >= 0.01 && spec.mult_ratio <= 16)) ratio->fail("a number within 0.01 to 16 is expected");
  }
  if (const auto stride = node.find("stem_stride")) spec.stem_stride = stride->integer(1, 16);
  if (const auto type = node.find("stem_type")) spec.stem_type = read_prim_type(*type);
  if (const auto type = find_either(node, "primitive_type", "default_prim_type"))
    spec.primitive_type = read_prim_type(*type);
}

void read_head_choices_of(const Yaml& node, SsdSpec& ssd) {
  if (const auto widths = node.find("head_width_choice")) ssd.widths = read_widths(*widths);
  if (const auto kernels = node.find("head_kernel_choice")) ssd.kernels = read_kernels(*kernels);
  if (const auto count = node.find("num_head"))
    ssd.channels.resize(static_cast<std::size_t>(count->integer(1, 16)), ssd.channels.back());
}

Space read_ofa(const Yaml& node, Common& common) {
  node.only({"kind",
             "name",
             "image_size",
             "spatial_size",
             "image_size_choice",
             "image_channels",
             "max_layers",
             "num_sample",
             "width_choice",
             "depth_choice",
             "kernel_choice",
             "num_cell_groups",
             "fixed_primitives",
             "base_channels",
             "mult_ratio",
             "strides",
             "acts",
             "use_ses",
             "stem_stride",
             "stem_type",
             "stem_activation",
             "primitive_type",
             "head"});
  OfaSpec spec;
  read_image_sizes(node, common, spec);
  read_choices_of(node, spec);
  read_shape_of(node, spec);
  if (const auto activation = node.find("stem_activation")) spec.stem_activation = activation->text();
  if (const auto head = node.find("head")) spec.head = read_head(*head);
  return make_chain(node, [&] { return ofa_chain(spec); });
}

Space read_ssd_ofa(const Yaml& node, Common& common) {
  node.only({"kind",
             "name",
             "image_size",
             "spatial_size",
             "image_size_choice",
             "image_channels",
             "max_layers",
             "num_sample",
             "width_choice",
             "depth_choice",
             "kernel_choice",
             "num_cell_groups",
             "fixed_primitives",
             "base_channels",
             "mult_ratio",
             "strides",
             "acts",
             "use_ses",
             "stem_stride",
             "stem_type",
             "stem_activation",
             "primitive_type",
             "num_head",
             "head_width_choice",
             "head_kernel_choice",
             "head_channels",
             "num_classes",
             "anchors"});
  OfaSpec spec;
  read_image_sizes(node, common, spec);
  read_choices_of(node, spec);
  read_shape_of(node, spec);
  if (const auto activation = node.find("stem_activation")) spec.stem_activation = activation->text();
  SsdSpec ssd;
  read_head_choices_of(node, ssd);
  if (const auto channels = node.find("head_channels")) {
    const auto given = channels->integers(1, max_width);
    if (given.empty() || given.size() > 16) channels->fail("one to 16 entries are expected");
    if (node.find("num_head") && given.size() != ssd.channels.size())
      channels->fail("one entry per head (" + std::to_string(ssd.channels.size()) + ") is expected, found " +
                     std::to_string(given.size()));
    ssd.channels = given;
  }
  if (const auto classes = node.find("num_classes")) ssd.num_classes = classes->integer(1, 10000);
  if (const auto anchors = node.find("anchors")) ssd.anchors = anchors->integer(1, 100);
  return make_chain(node, [&] { return ssd_ofa_chain(spec, ssd); });
}

}  // namespace hwprof::space

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/ssbn.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"

namespace hwprof {
namespace {

constexpr std::array<int, 3> kernels{3, 5, 7}, mobile_expansions{1, 3, 6}, res_expansions{1, 2, 4};
const std::vector<std::vector<int>>& vgg_kernels() {
  static const std::vector<std::vector<int>> lists{{1}, {3},    {1, 3}, {5},       {1, 5},    {3, 3},      {1, 3, 3},
                                                   {7}, {1, 7}, {3, 5}, {1, 3, 5}, {3, 3, 3}, {1, 3, 3, 3}};
  return lists;
}

constexpr int nine = 9;

int blocks_of(const std::string& family) {
  if (family == "Res" || family == "Mobile") return nine;
  return family == "VGG" ? static_cast<int>(vgg_kernels().size()) : 0;
}

/// Expansion and kernel of a Mobile or Res block.
struct Shape2 {
  int expansion = 1, kernel = 1;
};
Shape2 shape_of(const SsbnBlock& block) {
  const auto slow = static_cast<std::size_t>(block.index / 3), fast = static_cast<std::size_t>(block.index % 3);
  if (block.family == "Mobile") return {mobile_expansions[fast], kernels[slow]};
  return {res_expansions[slow], kernels[fast]};
}

std::vector<int> families_blocks(const SsbnSpec& spec, const std::string& family) {
  std::vector<int> indices;
  for (const auto& name : spec.shared)
    if (const auto block = parse_ssbn_block(name); block.family == family) indices.push_back(block.index);
  std::sort(indices.begin(), indices.end());
  return indices;
}

SsbnNet named(std::string family, std::vector<int> blocks, int group) {
  std::string id = family;
  for (const int index : blocks) id += "_" + std::to_string(index);
  return {std::move(id), std::move(family), std::move(blocks), group};
}

}  // namespace

SsbnBlock parse_ssbn_block(const std::string& name) {
  const std::string mark = "block_";
  const auto at = name.rfind(mark);
  const std::vector<std::string> families{"Res", "Mobile", "VGG"};
  const auto fail = [&name](const std::string& what) {
    throw Error(Fault::input, "block " + base::in_quotes(name) + ": " + what);
  };
  if (at == std::string::npos) fail("a name as in Resblock_0 is expected");
  SsbnBlock block{name.substr(0, at), 0};
  const std::string digits = name.substr(at + mark.size());
  const int count = blocks_of(block.family);
  if (count == 0) fail("unknown family " + base::in_quotes(block.family) + base::suggest(block.family, families));
  const auto index = base::to_int(digits);
  const bool plain = !digits.empty() && std::isdigit(static_cast<unsigned char>(digits[0])) != 0;
  if (!plain || !index || *index >= count || digits != std::to_string(*index))
    fail("the blocks of " + block.family + " have the numbers 0 to " + std::to_string(count - 1));
  block.index = static_cast<int>(*index);
  return block;
}

std::string to_string(const SsbnBlock& block) {
  return block.family + "block_" + std::to_string(block.index);
}

Prim ssbn_prim(const SsbnBlock& block, int spatial_size, int C, int C_out, int stride) {
  const SsbnBlock known = parse_ssbn_block(to_string(block));
  Prim prim{"", spatial_size, C, C_out, stride, true, {}};
  if (known.family == "VGG") {
    std::vector<std::string> texts;
    for (const int kernel : vgg_kernels()[static_cast<std::size_t>(known.index)])
      texts.push_back(std::to_string(kernel));
    prim.prim_type = "ss_vgg_block";
    prim.attrs["kernels"] = "k" + base::join(texts, "-");
  } else {
    const Shape2 shape = shape_of(known);
    prim.prim_type = known.family == "Mobile" ? "ss_mobile_block" : "ss_res_block";
    prim.attrs["expansion"] = std::int64_t{shape.expansion};
    prim.attrs["kernel_size"] = std::int64_t{shape.kernel};
  }
  return prim;
}

bool ssbn_contains(const SsbnBlock& b, const SsbnBlock& a) {
  if (a.family != b.family || a.index == b.index) return false;
  if (a.family == "VGG") {
    const auto& small = vgg_kernels().at(static_cast<std::size_t>(a.index));
    const auto& large = vgg_kernels().at(static_cast<std::size_t>(b.index));
    std::size_t matched = 0;
    for (const int kernel : large)
      if (matched < small.size() && small[matched] <= kernel) ++matched;
    return matched == small.size();
  }
  const Shape2 of_a = shape_of(a), of_b = shape_of(b);
  const bool wider = a.family == "Mobile" ? of_a.expansion <= of_b.expansion : of_a.expansion >= of_b.expansion;
  return wider && of_a.kernel <= of_b.kernel;
}

std::vector<SsbnNet> list_ssbn(const SsbnSpec& spec) {
  if (spec.shared.empty())
    throw Error(Fault::input,
                "the space names no shared_primitives of families, among which ssprofile would choose; those of each "
                "cell group (cell_shared_primitives) are what it leaves");
  std::vector<std::string> families;
  for (const auto& name : spec.shared) {
    const auto family = parse_ssbn_block(name).family;
    if (std::find(families.begin(), families.end(), family) == families.end()) families.push_back(family);
  }
  std::vector<SsbnNet> nets;
  for (const auto& family : families) {
    const auto blocks = families_blocks(spec, family);
    const int usual = blocks.size() > 1 ? blocks[1] : blocks[0];
    const std::vector<int> base(spec.groups, usual);
    nets.push_back(named(family, base, -1));
    for (std::size_t group = 0; group < spec.groups; ++group)
      for (const int block : blocks) {
        if (block == usual) continue;
        auto swapped = base;
        swapped[group] = block;
        nets.push_back(named(family, std::move(swapped), static_cast<int>(group)));
      }
  }
  return nets;
}

Net ssbn_network(const SsbnSpec& spec, const SsbnNet& from, std::vector<std::size_t>* layers) {
  if (from.blocks.size() != spec.groups)
    throw Error(Fault::usage, "network " + base::in_quotes(from.id) + " has " + std::to_string(from.blocks.size()) +
                                  " blocks for " + std::to_string(spec.groups) + " cell groups");
  Net net;
  net.id = from.id;
  net.purpose = "calibration";
  net.image_size = spec.image_size;
  net.image_channels = spec.image_channels;
  if (layers != nullptr) layers->clear();
  int size = spec.image_size, channels = spec.image_channels;
  const auto put = [&](Prim prim) {
    try {
      prim = normalized(std::move(prim));
      size = out_size(prim);
    } catch (const Error& error) {
      throw Error(error.fault(), "network " + base::in_quotes(from.id) + ", layer " +
                                     std::to_string(net.layers.size()) + ": " + error.what());
    }
    channels = prim.C_out;
    net.layers.push_back({std::move(prim), false, {}});
  };
  if (spec.stem_channels > 0) put({"conv_bn_relu_3x3", size, channels, spec.stem_channels, spec.stem_stride, true, {}});
  for (const auto& layer : spec.layers) {
    if (layers != nullptr) layers->push_back(net.layers.size());
    put(ssbn_prim({from.family, from.blocks[layer.group]}, size, channels, layer.C_out, layer.stride));
  }
  put({"global_avg_pool", size, channels, channels, 1, true, {}});
  put({"linear", size, channels, spec.num_classes, 1, true, {{"bias", false}}});
  return net;
}

}  // namespace hwprof

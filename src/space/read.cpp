// SPDX-License-Identifier: Apache-2.0
#include "space/read.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "prim/types.hpp"

namespace hwprof::space {
namespace {

Attr read_attr(const AttrSpec& spec, const base::Yaml& node) {
  Attr value;
  if (spec.kind == AttrKind::boolean)
    value = node.boolean();
  else if (spec.kind == AttrKind::integer)
    value = node.integer();
  else if (spec.kind == AttrKind::real)
    value = node.number();
  else
    value = node.text();
  try {
    return prim::coerced(spec, value);
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

}  // namespace

PrimTemplate read_template(const base::Yaml& node, const std::vector<std::string>& extra_keys) {
  PrimTemplate out;
  const auto type_node = node["prim_type"];
  out.prim.prim_type = type_node.text();
  const PrimType* type = nullptr;
  try {
    type = &find_prim_type(out.prim.prim_type);
  } catch (const Error& error) {
    type_node.fail(error.what());
  }
  std::vector<std::string> known = {"prim_type", "spatial_size", "C", "C_out", "stride", "affine"};
  for (const auto& spec : type->attrs) known.push_back(spec.name);
  known.insert(known.end(), extra_keys.begin(), extra_keys.end());
  for (const auto& [key, value] : node.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      value.fail("primitive type " + base::in_quotes(type->name) + " takes no " + base::in_quotes(key) +
                 base::suggest(key, known));
    const AttrSpec* spec = prim::find_attr(*type, key);
    if (spec != nullptr && !value.is_null()) out.prim.attrs.emplace(key, read_attr(*spec, value));
  }
  for (const auto& spec : type->attrs)
    if (out.prim.attrs.count(spec.name) == 0 && !spec.fallback)
      node.fail("primitive type " + base::in_quotes(type->name) + " needs the key " + base::in_quotes(spec.name));
  if (const auto size = node.find("spatial_size")) out.spatial_size = size->integer(1, prim::max_spatial_size);
  if (const auto channels = node.find("C")) out.C = channels->integer(1, prim::max_channels);
  if (const auto channels = node.find("C_out")) out.prim.C_out = channels->integer(1, prim::max_channels);
  if (const auto affine = node.find("affine")) out.prim.affine = affine->boolean();
  if (const auto stride = node.find("stride")) {
    out.prim.stride = stride->integer(1, prim::max_stride);
    out.has_stride = true;
  }
  return out;
}

void check_name(const base::Yaml& node, const std::string& name) {
  const bool plain =
      std::none_of(name.begin(), name.end(), [](char c) { return c == ',' || c == '=' || (c >= 0 && c < ' '); });
  if (!plain || name.empty() || base::trim(name) != name)
    node.fail("a name without ',', '=' and blanks around it is expected, found " + base::in_quotes(name));
}

std::vector<int> read_choices(const base::Yaml& node, int least, int most) {
  const auto out = node.integers(least, most);
  if (out.empty()) node.fail("at least one choice is expected, found none");
  if (out.size() > max_choices) node.fail("more than " + std::to_string(max_choices) + " choices");
  for (auto at = out.begin(); at != out.end(); ++at)
    if (std::find(out.begin(), at, *at) != at) node.fail("the choice " + std::to_string(*at) + " is there twice");
  return out;
}

Prim make_prim(const std::string& type, int C_out, int stride, const std::map<std::string, Attr>& attrs) {
  Prim prim;
  prim.prim_type = type;
  prim.C_out = C_out;
  prim.stride = stride;
  for (const auto& spec : find_prim_type(type).attrs)
    if (const auto given = attrs.find(spec.name); given != attrs.end()) prim.attrs.emplace(*given);
  return prim;
}

std::vector<Prim> head_prims(const Head& head) {
  if (head.num_classes == 0) return {};
  return {make_prim("head", head.num_classes, 1,
                    {{"last_channels", std::int64_t{head.last_channels}},
                     {"feature_channels", std::int64_t{head.feature_channels}},
                     {"activation", head.activation}})};
}

std::vector<StageSetting> read_settings(const base::Yaml& node) {
  std::vector<StageSetting> out;
  std::size_t blocks = 0;
  for (const auto& element : node.list()) {
    const auto numbers = element.integers(1, max_width);
    if (numbers.size() != 3) element.fail("[channels, blocks, stride] is expected");
    if (numbers[1] > max_blocks) element.fail("more than " + std::to_string(max_blocks) + " blocks");
    if (numbers[2] > prim::max_stride) element.fail("stride " + std::to_string(numbers[2]) + " is too large");
    blocks += static_cast<std::size_t>(numbers[1]);
    if (blocks > max_positions) element.fail("the space has more than " + std::to_string(max_positions) + " blocks");
    out.push_back({numbers[0], numbers[1], numbers[2]});
  }
  if (out.empty()) node.fail("at least one stage is expected, found none");
  return out;
}

Space make_chain(const base::Yaml& node, const std::function<Chain()>& make) {
  try {
    return std::make_unique<ChainSpace>(make());
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

}  // namespace hwprof::space

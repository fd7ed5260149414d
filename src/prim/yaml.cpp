// SPDX-License-Identifier: Apache-2.0
#include "prim/yaml.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "prim/types.hpp"

namespace hwprof {
namespace {

const std::vector<std::string>& field_keys() {
  static const std::vector<std::string> keys = {"prim_type", "spatial_size", "C", "C_out", "stride", "affine"};
  return keys;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Plural spellings, which aw_nas uses for the lists of a space, mean the same on a single primitive.
std::string attr_name(const std::string& key) {
  if (key == "acts") return "activation";
  return key == "use_ses" ? "use_se" : key;
}

Attr read_attr(const AttrSpec& spec, const base::Yaml& node) {
  Attr value;
  if (spec.kind == AttrKind::boolean)
    value = node.boolean();
  else if (spec.kind == AttrKind::text)
    value = node.text();
  else if (const auto flag = node.as_boolean())
    value = *flag;
  else if (spec.kind == AttrKind::integer)
    value = node.integer();
  else
    value = node.number();
  try {
    return prim::coerced(spec, value);
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

/// Whether this is the kernel size that aw_nas' first generation wrote for types that take none.
bool is_first_generation_kernel(const PrimType& type, const std::string& key, const base::Yaml& node) {
  if (key != "kernel_size") return false;
  const std::int64_t kernel = node.integer();
  const std::string size = std::to_string(kernel);
  return kernel == 3 || type.name.find("_" + size + "x" + size) != std::string::npos;
}

[[noreturn]] void fail_unknown_key(const PrimType& type, const std::string& key, const base::Yaml& node) {
  std::vector<std::string> known = field_keys();
  for (const auto& spec : type.attrs) known.push_back(spec.name);
  node.fail("primitive type " + base::in_quotes(type.name) + " takes no " + base::in_quotes(key) +
            base::suggest(key, known));
}

std::string yaml_value(const Attr& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return base::format_number(*real);
  return base::yaml_scalar(std::get<std::string>(value));
}

}  // namespace

const std::vector<std::string>& prim::measurement_keys() {
  static const std::vector<std::string> keys = {"performances", "latency", "energy", "power", "memory"};
  return keys;
}

Prim prim::read_prim(const base::Yaml& node, const std::vector<std::string>& extra_keys) {
  Prim out;
  const auto type_node = node["prim_type"];
  out.prim_type = type_node.text();
  const PrimType* type = nullptr;
  try {
    type = &find_prim_type(out.prim_type);
  } catch (const Error& error) {
    type_node.fail(error.what());
  }
  out.spatial_size = node["spatial_size"].integer(1, max_spatial_size);
  out.C = node["C"].integer(1, max_channels);
  out.C_out = node["C_out"].integer(1, max_channels);
  if (const auto stride = node.find("stride")) out.stride = stride->integer(1, max_stride);
  if (const auto affine = node.find("affine")) out.affine = affine->boolean();

  for (const auto& [key, value] : node.items()) {
    if (contains(field_keys(), key) || contains(extra_keys, key) || value.is_null()) continue;
    const std::string name = attr_name(key);
    const AttrSpec* spec = find_attr(*type, name);
    if (spec == nullptr) {
      if (is_first_generation_kernel(*type, key, value)) continue;
      fail_unknown_key(*type, key, value);
    }
    if (spec->kind == AttrKind::text && is_null_like(value.text())) continue;
    if (!out.attrs.emplace(name, read_attr(*spec, value)).second) value.fail(base::in_quotes(name) + " is given twice");
  }
  for (const auto& spec : type->attrs)
    if (out.attrs.count(spec.name) == 0 && !spec.fallback)
      node.fail("primitive type " + base::in_quotes(type->name) + " needs the key " + base::in_quotes(spec.name));
  return normalized(std::move(out));
}

base::Yaml prim::unfold_literal(const base::Yaml& node) {
  return node.is_list() || node.is_map() ? node : base::Yaml::parse(node.text(), node.place());
}

std::vector<Prim> prim::read_prims(const base::Yaml& node, const std::vector<std::string>& extra_keys) {
  if (node.is_null()) node.fail("a list of primitives is expected, found nothing");
  std::vector<Prim> out;
  for (const auto& element : unfold_literal(node).list()) out.push_back(read_prim(element, extra_keys));
  return out;
}

std::vector<std::pair<std::string, std::string>> prim::yaml_fields(const Prim& prim) {
  std::map<std::string, std::string> fields = {{"prim_type", base::yaml_scalar(prim.prim_type)},
                                               {"spatial_size", std::to_string(prim.spatial_size)},
                                               {"C", std::to_string(prim.C)},
                                               {"C_out", std::to_string(prim.C_out)},
                                               {"stride", std::to_string(prim.stride)},
                                               {"affine", prim.affine ? "true" : "false"}};
  for (const auto& [name, value] : prim.attrs) fields.emplace(name, yaml_value(value));
  return {fields.begin(), fields.end()};
}

std::vector<Prim> load_prims(const std::string& file) {
  return prim::read_prims(base::Yaml::load(file), prim::measurement_keys());
}

void save_prims(const std::string& file, const std::vector<Prim>& prims) {
  std::string out;
  for (const auto& prim : prims) {
    const char* lead = "- ";
    for (const auto& [key, value] : prim::yaml_fields(normalized(prim))) {
      out += lead + key + ": " + value + "\n";
      lead = "  ";
    }
  }
  base::write_file(file, out.empty() ? "[]\n" : out);
}

}  // namespace hwprof

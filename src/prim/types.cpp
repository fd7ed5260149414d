// SPDX-License-Identifier: Apache-2.0
#include "prim/types.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "prim/value.hpp"

namespace hwprof {
namespace {

std::map<std::string, PrimType>& registry() {
  static std::map<std::string, PrimType> types = [] {
    std::map<std::string, PrimType> out;
    for (auto& type : prim::built_in_types()) {
      auto name = type.name;
      out.emplace(std::move(name), std::move(type));
    }
    return out;
  }();
  return types;
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(Fault::input, what);
}

void check_range(const Prim& prim, const char* what, int value, int most) {
  if (value < 1 || value > most)
    fail("primitive " + base::in_quotes(prim.prim_type) + ": " + what + " must be within 1 to " + std::to_string(most) +
         ", found " + std::to_string(value));
}

std::vector<std::string> attr_names(const PrimType& type) {
  std::vector<std::string> names;
  for (const auto& spec : type.attrs) names.push_back(spec.name);
  return names;
}

}  // namespace

const AttrSpec* prim::find_attr(const PrimType& type, const std::string& name) noexcept {
  const auto at =
      std::find_if(type.attrs.begin(), type.attrs.end(), [&](const auto& spec) { return spec.name == name; });
  return at == type.attrs.end() ? nullptr : &*at;
}

bool prim::is_null_like(const Attr& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && (*text == "None" || *text == "null");
}

Attr prim::coerced(const AttrSpec& spec, const Attr& value) {
  const auto wrong = [&](const std::string& expected) {
    fail(base::in_quotes(spec.name) + " must be " + expected + ", found " + describe(value));
  };
  const auto* text = std::get_if<std::string>(&value);
  if (spec.kind == AttrKind::text) {
    if (text == nullptr) wrong("a text");
    if (!spec.choices.empty() && std::find(spec.choices.begin(), spec.choices.end(), *text) == spec.choices.end())
      wrong("one of " + base::join(spec.choices, ", "));
    return *text;
  }
  if (spec.kind == AttrKind::boolean) {
    if (compare(value, Attr(true)) == 0 || value == Attr(std::string("true")) || value == Attr(std::string("True")))
      return true;
    if (compare(value, Attr(false)) == 0 || value == Attr(std::string("false")) || value == Attr(std::string("False")))
      return false;
    wrong("true or false");
  }
  if (text != nullptr) wrong(spec.kind == AttrKind::integer ? "a whole number" : "a number");
  const auto* real = std::get_if<double>(&value);
  const auto* flag = std::get_if<bool>(&value);
  const std::int64_t whole =
      flag != nullptr ? std::int64_t{*flag} : (real != nullptr ? 0 : std::get<std::int64_t>(value));
  if (spec.kind == AttrKind::real) {
    const double number = real != nullptr ? *real : static_cast<double>(whole);
    if (!std::isfinite(number)) wrong("a finite number");
    return number;
  }
  if (real == nullptr) return whole;
  if (!(std::abs(*real) < 9e15) || std::trunc(*real) != *real) wrong("a whole number");
  return static_cast<std::int64_t>(*real);
}

std::vector<std::string> list_prim_types() {
  std::vector<std::string> names;
  for (const auto& [name, type] : registry()) names.push_back(name);
  return names;
}

const PrimType& find_prim_type(const std::string& name) {
  const auto at = registry().find(name);
  if (at == registry().end())
    fail("unknown primitive type " + base::in_quotes(name) + base::suggest(name, list_prim_types()));
  return at->second;
}

void declare_prim_type(PrimType type) {
  if (type.name.empty()) throw Error(Fault::usage, "a primitive type needs a name");
  for (auto& spec : type.attrs) {
    static const std::vector<std::string> fields = {"prim_type", "spatial_size", "C", "C_out", "stride", "affine"};
    if (spec.name.empty() || std::find(fields.begin(), fields.end(), spec.name) != fields.end())
      throw Error(Fault::usage, "primitive type " + base::in_quotes(type.name) + ": an attribute cannot be named " +
                                    base::in_quotes(spec.name));
    if (prim::find_attr(type, spec.name) != &spec)
      throw Error(Fault::usage, "primitive type " + base::in_quotes(type.name) + ": attribute " +
                                    base::in_quotes(spec.name) + " is declared twice");
    if (spec.fallback) spec.fallback = prim::coerced(spec, *spec.fallback);
  }
  auto name = type.name;
  registry().insert_or_assign(std::move(name), std::move(type));
}

Prim normalized(Prim prim) {
  const PrimType& type = find_prim_type(prim.prim_type);
  check_range(prim, "spatial_size", prim.spatial_size, prim::max_spatial_size);
  check_range(prim, "C", prim.C, prim::max_channels);
  check_range(prim, "C_out", prim.C_out, prim::max_channels);
  check_range(prim, "stride", prim.stride, prim::max_stride);
  std::map<std::string, Attr> attrs;
  for (const auto& [name, value] : prim.attrs) {
    if (prim::is_null_like(value)) continue;
    const AttrSpec* spec = prim::find_attr(type, name);
    if (spec == nullptr)
      fail("primitive type " + base::in_quotes(type.name) + " takes no attribute " + base::in_quotes(name) +
           (type.attrs.empty() ? "" : base::suggest(name, attr_names(type))));
    try {
      attrs.emplace(name, prim::coerced(*spec, value));
    } catch (const Error& error) {
      fail("primitive " + base::in_quotes(type.name) + ": " + error.what());
    }
  }
  for (const auto& spec : type.attrs) {
    if (attrs.count(spec.name) != 0) continue;
    if (!spec.fallback)
      fail("primitive type " + base::in_quotes(type.name) + " needs the attribute " + base::in_quotes(spec.name));
    attrs.emplace(spec.name, *spec.fallback);
  }
  prim.attrs = std::move(attrs);
  return prim;
}

}  // namespace hwprof

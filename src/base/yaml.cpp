// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml_text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::base {
namespace {

/// Counts values as a walk would meet them, so that aliases, of themselves too, cannot blow up later.
void check_extent(const YAML::Node& node, std::size_t& left, int depth, const std::string& source) {
  constexpr int max_depth = 200;
  if (depth > max_depth)
    throw Error(Fault::input, source + ": nested deeper than " + std::to_string(max_depth) + " levels");
  if (left-- == 0) throw Error(Fault::input, source + ": expands to more than a million values");
  if (node.IsMap()) {
    for (const auto& member : node) {
      check_extent(member.first, left, depth + 1, source);
      check_extent(member.second, left, depth + 1, source);
    }
  } else if (node.IsSequence()) {
    for (const auto& element : node) check_extent(element, left, depth + 1, source);
  }
}

const char* kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a map";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Scalar:
      return "a single value";
    default:
      return "nothing";
  }
}

}  // namespace

Yaml::Yaml(std::shared_ptr<const YAML::Node> node, std::string source, std::string key)
    : node_(std::move(node)), source_(std::move(source)), key_(std::move(key)) {}

Yaml Yaml::load(const std::string& file) {
  return parse(read_file(file, std::uint64_t{1} << 26), file);
}

Yaml Yaml::parse(const std::string& text, const std::string& source) {
  try {
    const YAML::Node root = YAML::Load(text);
    std::size_t left = 1000000;
    check_extent(root, left, 0, source);
    return {std::make_shared<const YAML::Node>(root), source, {}};
  } catch (const YAML::Exception& error) {
    throw Error(Fault::input, source + ":" + std::to_string(error.mark.line + 1) + ":" +
                                  std::to_string(error.mark.column + 1) + ": not valid YAML: " + error.msg);
  }
}

bool Yaml::is_map() const {
  return node_->IsMap();
}
bool Yaml::is_list() const {
  return node_->IsSequence();
}

bool Yaml::is_null() const {
  if (!node_->IsDefined() || node_->IsNull()) return true;
  if (!node_->IsScalar() || quoted_text()) return false;
  const std::string& text = node_->Scalar();
  return text == "None" || text == "null" || text == "Null" || text == "NULL" || text == "~" || text.empty();
}

std::string Yaml::place() const {
  std::string out = source_;
  const YAML::Mark mark = node_->IsDefined() ? node_->Mark() : YAML::Mark::null_mark();
  if (!mark.is_null()) out += ":" + std::to_string(mark.line + 1);
  return key_.empty() ? out : out + ": " + key_;
}

void Yaml::fail(const std::string& what) const {
  throw Error(Fault::input, place() + ": " + what);
}

std::optional<Yaml> Yaml::find(const std::string& key) const {
  if (!is_map()) fail(std::string("a map is expected, found ") + kind_of(*node_));
  std::optional<Yaml> found;
  for (const auto& member : *node_) {
    if (!member.first.IsScalar() || member.first.Scalar() != key) continue;
    found = Yaml(std::make_shared<const YAML::Node>(member.second), source_, key_.empty() ? key : key_ + "." + key);
  }
  if (found && found->is_null()) return {};
  return found;
}

Yaml Yaml::operator[](const std::string& key) const {
  auto found = find(key);
  if (!found) fail("key " + in_quotes(key) + " is missing");
  return *found;
}

std::vector<std::pair<std::string, Yaml>> Yaml::items() const {
  if (!is_map()) fail(std::string("a map is expected, found ") + kind_of(*node_));
  std::vector<std::pair<std::string, Yaml>> out;
  std::unordered_map<std::string, std::size_t> places;  // a file may have a million keys
  for (const auto& member : *node_) {
    if (!member.first.IsScalar()) fail(std::string("a key must be a single value, found ") + kind_of(member.first));
    const std::string& key = member.first.Scalar();
    Yaml value(std::make_shared<const YAML::Node>(member.second), source_, key_.empty() ? key : key_ + "." + key);
    const auto [at, fresh] = places.emplace(key, out.size());
    if (!fresh)
      out[at->second].second = std::move(value);
    else
      out.emplace_back(key, std::move(value));
  }
  return out;
}

std::vector<Yaml> Yaml::list() const {
  if (!is_list()) fail(std::string("a list is expected, found ") + kind_of(*node_));
  std::vector<Yaml> out;
  std::size_t index = 0;
  for (const auto& element : *node_)
    out.push_back(
        Yaml(std::make_shared<const YAML::Node>(element), source_, key_ + "[" + std::to_string(index++) + "]"));
  return out;
}

std::string Yaml::text() const {
  if (!node_->IsScalar()) fail(std::string("a text is expected, found ") + kind_of(*node_));
  return node_->Scalar();
}

bool Yaml::quoted_text() const {
  return node_->IsScalar() && node_->Tag() == "!";
}

double Yaml::number() const {
  const auto value = quoted_text() ? std::nullopt : to_double(text());
  if (!value || !std::isfinite(*value)) fail("a number is expected, found " + in_quotes(text()));
  return *value;
}

std::int64_t Yaml::integer() const {
  const double value = number();
  if (std::trunc(value) != value || std::abs(value) > 9e15)
    fail("a whole number is expected, found " + in_quotes(text()));
  return static_cast<std::int64_t>(value);
}

int Yaml::integer(int least, int most) const {
  const std::int64_t value = integer();
  if (value < least || value > most)
    fail(std::to_string(value) + " is not within " + std::to_string(least) + " to " + std::to_string(most));
  return static_cast<int>(value);
}

std::optional<bool> Yaml::as_boolean() const {
  if (!node_->IsScalar() || quoted_text()) return {};
  const std::string value = lower_case(node_->Scalar());
  if (value == "true" || value == "yes" || value == "on") return true;
  if (value == "false" || value == "no" || value == "off") return false;
  return {};
}

bool Yaml::boolean() const {
  if (const auto value = as_boolean()) return *value;
  const auto number = to_double(text());
  if (number && (*number == 0 || *number == 1)) return *number == 1;
  fail("true or false is expected, found " + in_quotes(text()));
}

std::vector<int> Yaml::integers(int least, int most) const {
  std::vector<int> out;
  for (const auto& element : list()) out.push_back(element.integer(least, most));
  return out;
}

std::vector<double> Yaml::numbers() const {
  std::vector<double> out;
  for (const auto& element : list()) out.push_back(element.number());
  return out;
}

std::vector<std::string> Yaml::texts() const {
  std::vector<std::string> out;
  for (const auto& element : list()) out.push_back(element.text());
  return out;
}

void Yaml::only(std::initializer_list<std::string_view> keys) const {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [key, value] : items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      value.fail("unknown key " + in_quotes(key) + suggest(key, known));
}

std::string Yaml::dump() const {
  return yaml_text(*node_);
}

std::string yaml_scalar(const std::string& text) {
  YAML::Emitter emitter;
  const YAML::Node as_read = YAML::Load(text.find_first_of("\n#&*!|>'\"%@`{}[],:?") == std::string::npos ? text : "[]");
  const bool plain = as_read.IsScalar() && as_read.Scalar() == text && !to_double(text) && lower_case(text) != "true" &&
                     lower_case(text) != "false" && lower_case(text) != "none" && lower_case(text) != "null" &&
                     lower_case(text) != "yes" && lower_case(text) != "no" && lower_case(text) != "on" &&
                     lower_case(text) != "off" && text.front() != '-';
  if (plain) return text;
  emitter << YAML::DoubleQuoted << text;
  return emitter.c_str();
}

}  // namespace hwprof::base

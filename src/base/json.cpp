// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::base {

JsonReader::JsonReader(std::shared_ptr<const Json> root, const Json* value, std::string place)
    : root_(std::move(root)), value_(value), place_(std::move(place)) {}

namespace {

/// The parser itself does not recurse, but whatever walks the value later does. (nlohmann's own depth callback
/// walks each list again after every element.) And it compares every key with all before it in the same object.
void check_extent(std::string_view text) {
  constexpr std::size_t most_depth = 200;
  constexpr std::size_t most_keys = 50000;
  std::vector<std::size_t> keys;  // of the objects around
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') {
      keys.push_back(0);
      if (keys.size() > most_depth)
        throw Error(Fault::input, "nested deeper than " + std::to_string(most_depth) + " levels");
    } else if ((c == ']' || c == '}') && !keys.empty()) {
      keys.pop_back();
    } else if (c == ':' && !keys.empty() && ++keys.back() > most_keys) {
      throw Error(Fault::input, "an object with more than " + std::to_string(most_keys) + " keys");
    }
  }
}

}  // namespace

JsonReader JsonReader::parse(std::string_view text, const std::string& source) {
  try {
    check_extent(text);
    auto root = std::make_shared<const Json>(Json::parse(text));
    const Json* value = root.get();
    return {std::move(root), value, source};
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min<std::size_t>(error.byte > 0 ? error.byte - 1 : 0, text.size());
    const auto head = text.substr(0, at);
    const auto line = std::count(head.begin(), head.end(), '\n') + 1;
    const auto last = head.rfind('\n');
    const auto column = at - (last == std::string_view::npos ? 0 : last + 1) + 1;
    throw Error(Fault::input, source + ":" + std::to_string(line) + ":" + std::to_string(column) + ": not valid JSON");
  } catch (const Error& error) {
    throw Error(error.fault(), source + ": " + error.what());
  } catch (const Json::exception& error) {
    throw Error(Fault::input, source + ": not valid JSON: " + error.what());
  }
}

JsonReader JsonReader::load(const std::string& file) {
  return parse(read_file(file), file);
}

void JsonReader::fail(const std::string& what) const {
  throw Error(Fault::input, place_ + ": " + what);
}

JsonReader JsonReader::operator[](const std::string& key) const {
  if (!value_->is_object()) fail(std::string("an object is expected, found ") + value_->type_name());
  const auto member = value_->find(key);
  if (member == value_->end()) fail("key " + in_quotes(key) + " is missing");
  return {root_, &*member, place_ + ": " + key};
}

bool JsonReader::has(const std::string& key) const {
  if (!value_->is_object()) return false;
  const auto member = value_->find(key);
  return member != value_->end() && !member->is_null();
}

std::vector<JsonReader> JsonReader::list() const {
  if (!value_->is_array()) fail(std::string("a list is expected, found ") + value_->type_name());
  std::vector<JsonReader> out;
  out.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i)
    out.push_back({root_, &(*value_)[i], place_ + "[" + std::to_string(i) + "]"});
  return out;
}

std::vector<std::pair<std::string, JsonReader>> JsonReader::items() const {
  if (!value_->is_object()) fail(std::string("an object is expected, found ") + value_->type_name());
  std::vector<std::pair<std::string, JsonReader>> out;
  for (const auto& [key, member] : value_->items())
    out.emplace_back(key, JsonReader{root_, &member, place_ + ": " + key});
  return out;
}

void JsonReader::only(std::initializer_list<std::string_view> keys) const {
  if (!value_->is_object()) fail(std::string("an object is expected, found ") + value_->type_name());
  for (const auto& member : value_->items())
    if (std::find(keys.begin(), keys.end(), member.key()) == keys.end())
      fail("unknown key " + in_quotes(member.key()) + suggest(member.key(), {keys.begin(), keys.end()}));
}

std::string JsonReader::text() const {
  if (!value_->is_string()) fail(std::string("a text is expected, found ") + value_->type_name());
  return value_->get<std::string>();
}

double JsonReader::number() const {
  if (!value_->is_number()) fail(std::string("a number is expected, found ") + value_->type_name());
  const auto number = value_->get<double>();
  if (!std::isfinite(number)) fail("a finite number is expected");
  return number;
}

std::int64_t JsonReader::integer() const {
  return integer(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
}

std::int64_t JsonReader::integer(std::int64_t least, std::int64_t most) const {
  if (!value_->is_number_integer()) fail(std::string("a whole number is expected, found ") + value_->dump());
  if (value_->is_number_unsigned() && value_->get<std::uint64_t>() > std::uint64_t{1} << 62) fail("is too large");
  const auto number = value_->get<std::int64_t>();
  if (number < least || number > most)
    fail(std::to_string(number) + " is not within " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

bool JsonReader::boolean() const {
  if (!value_->is_boolean()) fail(std::string("true or false is expected, found ") + value_->type_name());
  return value_->get<bool>();
}

std::vector<double> JsonReader::numbers() const {
  std::vector<double> out;
  for (const auto& element : list()) out.push_back(element.number());
  return out;
}

int JsonReader::schema(const std::string& name, int newest) const {
  const std::string found = (*this)["schema"].text();
  const std::string prefix = name + "/";
  const auto version = starts_with(found, prefix) ? to_int(found.substr(prefix.size())) : std::nullopt;
  if (!version || *version < 1)
    fail("schema " + in_quotes(found) + " found, " + prefix + "1 to " + std::to_string(newest) + " expected");
  if (*version > newest)
    fail("schema " + in_quotes(found) + " is newer than this program, which reads up to " + prefix +
         std::to_string(newest));
  return static_cast<int>(*version);
}

namespace {

bool finite(const Json& json) {
  if (json.is_number_float()) return std::isfinite(json.get<double>());
  if (!json.is_structured()) return true;
  return std::all_of(json.begin(), json.end(), finite);
}

}  // namespace

void save_json(const std::string& file, const Json& json) {
  if (!finite(json)) throw Error(Fault::internal, file + ": a number to be written is not finite");
  write_file(file, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace hwprof::base

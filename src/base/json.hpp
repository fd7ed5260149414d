// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace hwprof::base {

using Json = nlohmann::ordered_json;

/// A JSON value that knows its place ("model.json: table[3].prim"), for strict reading.
/// Every accessor throws Error(Fault::input) naming the place, what was expected and what was found.
class JsonReader {
 public:
  /// @throws Error(Fault::input) with source:line:column for a text that is not JSON.
  [[nodiscard]] static JsonReader parse(std::string_view text, const std::string& source);
  [[nodiscard]] static JsonReader load(const std::string& file);

  [[nodiscard]] JsonReader operator[](const std::string& key) const;  ///< required member
  [[nodiscard]] bool has(const std::string& key) const;               ///< present and not null
  [[nodiscard]] std::vector<JsonReader> list() const;
  [[nodiscard]] std::vector<std::pair<std::string, JsonReader>> items() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] double number() const;  ///< finite
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::vector<double> numbers() const;
  [[nodiscard]] const Json& raw() const noexcept { return *value_; }
  [[noreturn]] void fail(const std::string& what) const;
  /// @throws Error for a key not among these, with the nearest.
  void only(std::initializer_list<std::string_view> keys) const;

  /// Checks "schema": "<name>/<version>" with 1 <= version <= newest and returns the version.
  int schema(const std::string& name, int newest) const;

 private:
  JsonReader(std::shared_ptr<const Json> root, const Json* value, std::string place);
  std::shared_ptr<const Json> root_;
  const Json* value_;
  std::string place_;
};

/// Text with an indent of 1 and a line's end, written by atomic rename. NaN and infinity are an internal error.
void save_json(const std::string& file, const Json& json);

}  // namespace hwprof::base

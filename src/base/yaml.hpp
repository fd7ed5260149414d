// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace YAML {
class Node;
}

namespace hwprof::base {

/// A YAML value that knows its place (file:line and key), for strict reading of what Python tools write:
/// True and yes are booleans, "1." and "1.e-5" numbers, None, null and ~ nothing; of a key given twice
/// the last counts. Every accessor throws Error(Fault::input) naming the place.
class Yaml {
 public:
  /// Files over 64 MiB, or whose aliases expand to more than a million values, are refused.
  [[nodiscard]] static Yaml load(const std::string& file);
  [[nodiscard]] static Yaml parse(const std::string& text, const std::string& source);

  [[nodiscard]] bool is_map() const;
  [[nodiscard]] bool is_list() const;
  [[nodiscard]] bool is_null() const;  ///< also the texts None and null

  [[nodiscard]] Yaml operator[](const std::string& key) const;            ///< required, not null
  [[nodiscard]] std::optional<Yaml> find(const std::string& key) const;   ///< nothing when absent or null
  [[nodiscard]] std::vector<std::pair<std::string, Yaml>> items() const;  ///< of a map, in the file's order
  [[nodiscard]] std::vector<Yaml> list() const;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool quoted_text() const;  ///< a scalar that was written in quotes, so surely a text
  [[nodiscard]] double number() const;     ///< finite
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] int integer(int least, int most) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::optional<bool> as_boolean() const;  ///< nothing when it is not one
  [[nodiscard]] std::vector<int> integers(int least, int most) const;
  [[nodiscard]] std::vector<double> numbers() const;
  [[nodiscard]] std::vector<std::string> texts() const;

  /// @throws Error for a key not among these, with the nearest.
  void only(std::initializer_list<std::string_view> keys) const;

  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  [[nodiscard]] std::string place() const;  ///< "file:3: key"
  [[noreturn]] void fail(const std::string& what) const;
  /// The value as YAML text again.
  [[nodiscard]] std::string dump() const;

 private:
  Yaml(std::shared_ptr<const YAML::Node> node, std::string source, std::string key);
  std::shared_ptr<const YAML::Node> node_;
  std::string source_, key_;
};

/// The text as a YAML scalar: in double quotes where it would read as something else.
[[nodiscard]] std::string yaml_scalar(const std::string& text);

}  // namespace hwprof::base

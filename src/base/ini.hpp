// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hwprof::base {

struct IniEntry {
  std::string key;  ///< lower case
  std::string value;
  std::size_t line = 0;
};

struct IniSection {
  std::string name;
  std::size_t line = 0;
  std::vector<IniEntry> entries;
};

/// The sections of a file as Python's configparser has it: [name], `key = value` or `key: value`, keys indented or not;
/// lines that are indented more than the key above go on with its value, whole lines that begin with # or ; are
/// comments. Nothing is interpolated.
/// @throws Error(Fault::input) with source:line for a line that is none of these, for a section or key that stands
/// twice, and for a text over 1 MiB.
[[nodiscard]] std::vector<IniSection> parse_ini(std::string_view text, const std::string& source);

}  // namespace hwprof::base

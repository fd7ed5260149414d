// SPDX-License-Identifier: Apache-2.0
#include "base/ini.hpp"

#include <set>

#include "base/byte_order_mark.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::base {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20;

class IniParser {
 public:
  explicit IniParser(const std::string& source) : source_(source) {}

  std::vector<IniSection> run(std::string_view text) {
    if (text.size() > most_bytes) throw Error(Fault::input, source_ + ": more than 1 MiB for a file of settings");
    text = drop_byte_order_mark(text);
    while (!text.empty()) {
      ++number_;
      const auto end = text.find('\n');
      take(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return std::move(sections_);
  }

 private:
  void take(std::string_view raw) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') return;
    const auto indent = static_cast<std::size_t>(line.data() - raw.data());
    if (indent > indent_ && !sections_.empty() && !sections_.back().entries.empty()) {
      std::string& value = sections_.back().entries.back().value;
      value.append(value.empty() ? "" : "\n").append(line);
      return;
    }
    indent_ = indent;
    if (line.front() == '[')
      open(line);
    else
      add(line);
  }

  void open(std::string_view line) {
    if (line.size() < 3 || line.back() != ']') fail("[section] is expected, found " + in_quotes(line));
    IniSection section{std::string(trim(line.substr(1, line.size() - 2))), number_, {}};
    if (!names_.insert(section.name).second) fail("section " + in_quotes(section.name) + " stands twice");
    sections_.push_back(std::move(section));
    keys_.clear();
  }

  void add(std::string_view line) {
    const auto at = line.find_first_of("=:");
    if (at == std::string_view::npos || trim(line.substr(0, at)).empty())
      fail("[section] or key = value is expected, found " + in_quotes(line));
    if (sections_.empty()) fail("a key before the first [section]");
    IniEntry entry{lower_case(trim(line.substr(0, at))), std::string(trim(line.substr(at + 1))), number_};
    if (!keys_.insert(entry.key).second)
      fail("key " + in_quotes(entry.key) + " stands twice in section " + in_quotes(sections_.back().name));
    sections_.back().entries.push_back(std::move(entry));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::input, source_ + ":" + std::to_string(number_) + ": " + what);
  }

  const std::string& source_;
  std::size_t number_ = 0;
  std::size_t indent_ = 0;  ///< of the last key or section; deeper lines go on with the key's value
  std::vector<IniSection> sections_;
  std::set<std::string> names_;
  std::set<std::string> keys_;  ///< of the last section
};

}  // namespace

std::vector<IniSection> parse_ini(std::string_view text, const std::string& source) {
  return IniParser(source).run(text);
}

}  // namespace hwprof::base

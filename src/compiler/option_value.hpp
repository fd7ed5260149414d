// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hwprof::compiling {

/// One of MeasureOptions::device_options as it was given. Every reader throws Error(Fault::usage) naming device and
/// option for what the text is not.
struct OptionValue {
  std::string device, name, text;

  [[noreturn]] void refuse(const std::string& what) const;
  [[nodiscard]] std::string one_of(const std::vector<std::string>& known) const;
  [[nodiscard]] std::vector<std::string> list() const;  ///< with commas, none twice
  [[nodiscard]] std::vector<std::string> some_of(const std::vector<std::string>& known) const;
  [[nodiscard]] int whole(int least, int most) const;
  [[nodiscard]] double seconds() const;  ///< above 0, at most 1e6
  [[nodiscard]] bool truth() const;      ///< yes or no
  /// Letters, digits and what stands in also, not beginning with '-': cannot be read as an option by a program.
  [[nodiscard]] std::string plain(const std::string& also) const;
};

template <typename Options>
using OptionSetters = std::map<std::string, std::function<void(Options&, const OptionValue&)>>;

/// @throws Error(Fault::usage) for a name that is not among known, with the nearest, and for an empty text.
void check_option(const OptionValue& value, const std::vector<std::string>& known);

template <typename Options>
void set_options(Options& out, const std::string& device, const std::map<std::string, std::string>& given,
                 const OptionSetters<Options>& setters) {
  std::vector<std::string> names;
  for (const auto& [name, set] : setters) names.push_back(name);
  for (const auto& [name, text] : given) {
    const OptionValue value{device, name, text};
    check_option(value, names);
    setters.at(name)(out, value);
  }
}

}  // namespace hwprof::compiling

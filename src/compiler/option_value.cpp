// SPDX-License-Identifier: Apache-2.0
#include "compiler/option_value.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {

using base::in_quotes;

void OptionValue::refuse(const std::string& what) const {
  throw Error(Fault::usage, device + ": option " + in_quotes(name) + ": " + what);
}

std::string OptionValue::one_of(const std::vector<std::string>& known) const {
  if (std::find(known.begin(), known.end(), text) == known.end())
    refuse(in_quotes(text) + " is not known" + base::suggest(text, known));
  return text;
}

std::vector<std::string> OptionValue::list() const {
  std::vector<std::string> out;
  for (const auto& part : base::split(text, ',')) {
    std::string one(base::trim(part));
    if (one.empty()) refuse("a list with commas is expected, found " + in_quotes(text));
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::string> OptionValue::some_of(const std::vector<std::string>& known) const {
  auto out = list();
  for (const auto& one : out) (void)OptionValue{device, name, one}.one_of(known);
  return out;
}

int OptionValue::whole(int least, int most) const {
  const auto number = base::to_int(text);
  if (!number || *number < least || *number > most)
    refuse("a whole number within " + std::to_string(least) + " to " + std::to_string(most) + " is expected, found " +
           in_quotes(text));
  return static_cast<int>(*number);
}

double OptionValue::seconds() const {
  const auto number = base::to_double(text);
  if (!number || !(*number > 0 && *number <= 1e6)) refuse("seconds above 0 are expected, found " + in_quotes(text));
  return *number;
}

bool OptionValue::truth() const {
  return one_of({"yes", "no"}) == "yes";
}

std::string OptionValue::plain(const std::string& also) const {
  if (text.empty() || text.front() == '-') refuse("must not begin with '-', found " + in_quotes(text));
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && also.find(c) == std::string::npos)
      refuse("letters, digits and " + in_quotes(also) + " are expected, found " + in_quotes(text));
  }
  return text;
}

void check_option(const OptionValue& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value.name) == known.end())
    value.refuse("is not known" + base::suggest(value.name, known));
  if (value.text.empty()) value.refuse("a value is expected");
}

}  // namespace hwprof::compiling

// SPDX-License-Identifier: Apache-2.0
#include "format/reals.hpp"

#include <array>
#include <charconv>

namespace hwprof::format {

double to_double(float value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  double out = static_cast<double>(value);
  std::from_chars(text.data(), end.ptr, out);
  return out;
}

}  // namespace hwprof::format

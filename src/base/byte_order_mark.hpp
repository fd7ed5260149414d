// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hwprof::base {

/// Text without the three bytes that some programs put in front of UTF-8.
[[nodiscard]] inline std::string_view drop_byte_order_mark(std::string_view text) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.substr(0, mark.size()) == mark) text.remove_prefix(mark.size());
  return text;
}

}  // namespace hwprof::base

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/text.hpp"

namespace hwprof::record {

/// Far beyond any second, byte or joule, and small enough for sums and squares.
inline constexpr double largest_cost = 1e18;

/// False for NaN, too.
[[nodiscard]] inline bool is_cost(double value) noexcept {
  return value >= 0 && value <= largest_cost;
}

[[nodiscard]] inline std::string not_a_cost(double value) {
  return "a number from 0 to 1e18 is expected, found " + base::format_number(value);
}

}  // namespace hwprof::record

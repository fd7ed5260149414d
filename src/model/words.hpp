// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace hwprof::model {

/// "1 network", "3 networks".
[[nodiscard]] inline std::string counted(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

/// The first five names.
[[nodiscard]] inline std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 5;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(most, names.size()));
  return base::join({names.begin(), names.begin() + shown}, ", ") + (names.size() > most ? ", …" : "");
}

}  // namespace hwprof::model

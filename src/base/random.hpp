// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <random>

namespace hwprof::base {

// Instead of the standard distributions, whose numbers differ between standard libraries.

/// One of 0 to n - 1, each as likely; n > 0.
[[nodiscard]] inline std::size_t draw_below(std::mt19937_64& rng, std::size_t n) {
  const std::uint64_t limit = std::mt19937_64::max() - std::mt19937_64::max() % n;
  std::uint64_t drawn = rng();
  while (drawn >= limit) drawn = rng();
  return static_cast<std::size_t>(drawn % n);
}

/// Uniform in [0, 1).
[[nodiscard]] inline double draw_unit(std::mt19937_64& rng) {
  return static_cast<double>(rng() >> 11) * 0x1p-53;
}

}  // namespace hwprof::base

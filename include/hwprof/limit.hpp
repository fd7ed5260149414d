// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof {

/// Costs are sums of floating-point numbers: 28 of a millisecond each add up to a little more or less than 28 ms, by
/// the order in which they are added. Whatever compares a cost with a limit (counts, samples, searches, fronts, forms,
/// the largest batch) therefore lets it pass by this share of the limit, far above that noise and far below what any
/// device can tell apart.
inline constexpr double limit_tolerance = 1e-12;

/// The greatest cost that keeps the limit. Infinite for no limit.
[[nodiscard]] constexpr double greatest_within(double limit) noexcept {
  return limit + limit_tolerance * (limit < 0 ? -limit : limit);
}

/// Whether the cost is at most the limit, but for rounding. False for what is not a number.
[[nodiscard]] constexpr bool keeps_limit(double cost, double limit) noexcept {
  return cost <= greatest_within(limit);
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "measure/visit.hpp"

namespace hwprof::measuring {

/// How much slower the machine was in each stretch than in the middle one: 1.1 is 10 % slower.
using Factors = std::map<int, double>;

/// From the times of whole networks: log time = network + stretch, by median polish over all visits, also
/// disturbed ones.
[[nodiscard]] Factors drift_factors(const std::vector<const std::vector<Visit>*>& networks);

/// Standard deviation of the factors; 0 for fewer than two.
[[nodiscard]] double drift_spread(const Factors& factors);

/// Middle of a time without the machine's drift. Forwards of one visit are not independent, so that a
/// visit counts as one value (the median of its forwards), and value and interval are taken over visits.
struct Estimate {
  double value_s = 0;
  double half_width_s = 0;  ///< of the 95 % interval of value_s; 0 below six visits
};

struct NetEstimate {
  Estimate whole;
  std::vector<Estimate> parts;  ///< scaled by one factor so that their values sum to the whole's
  std::size_t visits = 0;       ///< that count
  std::int64_t samples = 0, dropped = 0;
  std::size_t disturbed = 0;  ///< of the visits, those with nothing but disturbed forwards
};

/// Visits without an undisturbed forward count only where fewer than six have one. A stretch without
/// a factor counts as 1.
[[nodiscard]] NetEstimate estimate(const std::vector<Visit>& visits, std::size_t parts, const Factors& factors);

/// Half of the interval over the value; infinite where there is no interval.
[[nodiscard]] double relative_half_width(const NetEstimate& estimate);

/// Whether the interval is narrow enough and owes nothing to disturbed visits.
[[nodiscard]] bool is_steady(const NetEstimate& estimate, double max_rel_ci);

}  // namespace hwprof::measuring

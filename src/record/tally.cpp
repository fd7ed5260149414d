// SPDX-License-Identifier: Apache-2.0
#include "record/tally.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/stats.hpp"

namespace hwprof::record {
namespace {

constexpr std::size_t most_values = 4096;

double rounded(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(mantissa * most_values), exponent) / most_values;
}

}  // namespace

void Tally::add(double value) {
  least_ = count_ == 0 ? value : std::min(least_, value);
  most_ = count_ == 0 ? value : std::max(most_, value);
  ++count_;
  // Welford
  const double step = value - mean_;
  mean_ += step / static_cast<double>(count_);
  squares_ += step * (value - mean_);
  ++counts_[coarse_ ? rounded(value) : value];
  if (!coarse_ && counts_.size() > most_values) coarsen();
}

void Tally::coarsen() {
  coarse_ = true;
  std::map<double, std::int64_t> fewer;
  for (const auto& [value, count] : counts_) fewer[rounded(value)] += count;
  counts_ = std::move(fewer);
}

double Tally::mean() const noexcept {
  return mean_;
}

double Tally::mean_half_width() const noexcept {
  if (count_ < 2) return 0;
  const auto n = static_cast<double>(count_);
  return 1.96 * std::sqrt(squares_ / (n - 1) / n);
}

double Tally::at(std::int64_t rank) const {
  for (const auto& [value, count] : counts_) {
    if (rank < count) return value;
    rank -= count;
  }
  return most_;
}

Measured Tally::median() const {
  Measured out;
  out.samples = count_;
  if (count_ == 0) return out;
  const double upper = at(count_ / 2);
  out.value = count_ % 2 == 1 ? upper : (at(count_ / 2 - 1) + upper) / 2;
  constexpr std::int64_t few = 1000;
  if (count_ <= few) {
    std::vector<double> values;
    for (const auto& [value, count] : counts_) values.insert(values.end(), static_cast<std::size_t>(count), value);
    out.spread = base::median_half_width(std::move(values));
  } else {
    // The binomial's normal approximation: ranks n/2 -+ 0.98 sqrt(n).
    const auto away = static_cast<std::int64_t>(0.98 * std::sqrt(static_cast<double>(count_)));
    out.spread = (at(count_ / 2 + away) - at(count_ / 2 - away)) / 2;
  }
  return out;
}

}  // namespace hwprof::record

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "hwprof/record.hpp"

namespace hwprof::record {

/// Counts values, so that a median over any number of them needs memory only for the different ones. Device logs
/// print few digits, so these are few; beyond 4096 different ones values are kept to 1 in 4096.
class Tally {
 public:
  void add(double value);
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] double least() const noexcept { return counts_.empty() ? 0 : least_; }
  [[nodiscard]] double most() const noexcept { return counts_.empty() ? 0 : most_; }
  [[nodiscard]] double mean() const noexcept;
  [[nodiscard]] double mean_half_width() const noexcept;  ///< of the mean's 95 % interval; 0 below two values
  /// Median, half the width of its 95 % interval, and the number of values.
  [[nodiscard]] Measured median() const;

 private:
  [[nodiscard]] double at(std::int64_t rank) const;  ///< from 0
  void coarsen();

  std::map<double, std::int64_t> counts_;
  std::int64_t count_ = 0;
  bool coarse_ = false;
  double least_ = 0, most_ = 0, mean_ = 0, squares_ = 0;
};

}  // namespace hwprof::record

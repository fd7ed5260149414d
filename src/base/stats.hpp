// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace hwprof::base {

/// Middle value, or the mean of the two middle ones; 0 for no values.
[[nodiscard]] double median(std::vector<double> values);

/// Median distance from centre, times 1.4826: the standard deviation, were the values normal.
[[nodiscard]] double robust_deviation(const std::vector<double>& values, double centre);

/// Half the width of the distribution-free 95 % interval of the median (order statistics that enclose it
/// with at least that probability); 0 below six values, where no such interval exists.
[[nodiscard]] double median_half_width(std::vector<double> values);

}  // namespace hwprof::base

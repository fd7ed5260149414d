// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace hwprof::model {

/// All take two lists of one length and give 0 where the coefficient is undefined (a constant list).

[[nodiscard]] double pearson(const std::vector<double>& x, const std::vector<double>& y);

/// Pearson's coefficient of the ranks; equal values share the mean of their ranks.
[[nodiscard]] double spearman(const std::vector<double>& x, const std::vector<double>& y);

/// Kendall's tau-b by Knight's algorithm: O(n log n).
[[nodiscard]] double kendall(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "base/stats.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hwprof::base {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

double robust_deviation(const std::vector<double>& values, double centre) {
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::abs(value - centre));
  return 1.4826 * median(std::move(distances));
}

double median_half_width(std::vector<double> values) {
  const auto n = static_cast<double>(values.size());
  // The largest k with P(Binomial(n, 1/2) < k) <= 2.5 %; the interval is [x(k), x(n + 1 - k)].
  constexpr double tail = 0.025;
  std::size_t k = 0;
  double log_term = -n * std::log(2.0);  // of P(Binomial = k)
  for (double below = std::exp(log_term); below <= tail && k < values.size(); below += std::exp(log_term)) {
    const auto j = static_cast<double>(k);
    log_term += std::log((n - j) / (j + 1));
    ++k;
  }
  if (k == 0) return 0;
  std::sort(values.begin(), values.end());
  return (values[values.size() - k] - values[k - 1]) / 2;
}

}  // namespace hwprof::base

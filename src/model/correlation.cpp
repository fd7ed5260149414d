// SPDX-License-Identifier: Apache-2.0
#include "model/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace hwprof::model {
namespace {

std::vector<std::size_t> order_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&values](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

std::vector<double> ranks(const std::vector<double>& values) {
  const auto order = order_of(values);
  std::vector<double> out(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (std::size_t i = first; i < last; ++i) out[order[i]] = static_cast<double>(first + last - 1) / 2;
    first = last;
  }
  return out;
}

/// Pairs within runs of equal neighbours.
template <typename Equal>
std::int64_t tied_pairs(std::size_t n, const Equal& equal) {
  std::int64_t pairs = 0;
  std::int64_t run = 1;
  for (std::size_t i = 1; i < n; ++i) {
    run = equal(i - 1, i) ? run + 1 : 1;
    pairs += run - 1;
  }
  return pairs;
}

/// Sorts, and counts the pairs that were the wrong way round.
std::int64_t sort_and_count(std::vector<double>& values) {
  std::vector<double> merged(values.size());
  std::int64_t inversions = 0;
  for (std::size_t width = 1; width < values.size(); width *= 2) {
    for (std::size_t begin = 0; begin < values.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, values.size());
      const std::size_t end = std::min(begin + 2 * width, values.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        if (left < middle && (right == end || values[left] <= values[right])) {
          merged[out] = values[left++];
        } else {
          merged[out] = values[right++];
          inversions += static_cast<std::int64_t>(middle - left);
        }
      }
    }
    values.swap(merged);
  }
  return inversions;
}

}  // namespace

double pearson(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  // A constant list leaves the rounding of its mean behind.
  constexpr double rounding = 1e-14;
  const double scale_x = n * std::pow(rounding * mean_x, 2);
  const double scale_y = n * std::pow(rounding * mean_y, 2);
  if (!(xx > scale_x) || !(yy > scale_y)) return 0;
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

double spearman(const std::vector<double>& x, const std::vector<double>& y) {
  return pearson(ranks(x), ranks(y));
}

double kendall(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t n = x.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return x[a] != x[b] ? x[a] < x[b] : y[a] < y[b]; });
  std::vector<double> by_x(n);
  for (std::size_t i = 0; i < n; ++i) by_x[i] = y[order[i]];
  const auto same_x = [&](std::size_t a, std::size_t b) { return x[order[a]] == x[order[b]]; };
  const std::int64_t ties_x = tied_pairs(n, same_x);
  const std::int64_t ties_both =
      tied_pairs(n, [&](std::size_t a, std::size_t b) { return same_x(a, b) && by_x[a] == by_x[b]; });
  const std::int64_t discordant = sort_and_count(by_x);
  const std::int64_t ties_y = tied_pairs(n, [&](std::size_t a, std::size_t b) { return by_x[a] == by_x[b]; });
  const auto pairs = static_cast<std::int64_t>(n) * (static_cast<std::int64_t>(n) - 1) / 2;
  const auto concordant_less_discordant = static_cast<double>(pairs - ties_x - ties_y + ties_both - 2 * discordant);
  const double norm = std::sqrt(static_cast<double>(pairs - ties_x)) * std::sqrt(static_cast<double>(pairs - ties_y));
  return norm > 0 ? concordant_less_discordant / norm : 0;
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "transfer/exact.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace hwprof::transfer {

using Eigen::Index;
using Eigen::VectorXd;

ExactSums::ExactSums(const Features& features, const std::vector<Arch>& archs) : num_parts_(features.num_parts()) {
  constexpr double enough = 2.6;  // rows per part
  const std::size_t count = std::min(archs.size(), most_rows);
  if (num_parts_ == 0 || num_parts_ > most_parts ||
      static_cast<double>(count) < enough * static_cast<double>(num_parts_))
    return;
  for (std::size_t i = 0; i < count; ++i) rows_.push_back(features.parts(archs[i]));
}

Eigen::MatrixXd ExactSums::gram(std::size_t rows) const {
  constexpr double tiny = 1e-9;
  const auto n = static_cast<Index>(num_parts_);
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
  for (std::size_t i = 0; i < rows; ++i)
    for (const auto a : rows_[i])
      for (const auto b : rows_[i]) gram(static_cast<Index>(a), static_cast<Index>(b)) += 1;
  gram.diagonal().array() += tiny * static_cast<double>(rows);
  return gram;
}

VectorXd ExactSums::solve(const std::vector<double>& costs, std::size_t rows) const {
  VectorXd right = VectorXd::Zero(static_cast<Index>(num_parts_));
  for (std::size_t i = 0; i < rows; ++i)
    for (const auto part : rows_[i]) right[static_cast<Index>(part)] += costs[i];
  return gram(rows).llt().solve(right);
}

VectorXd ExactSums::left_out(const std::vector<double>& costs, const VectorXd& fitted) const {
  constexpr double least = 1e-9;
  const auto n = static_cast<Index>(num_parts_);
  const Eigen::MatrixXd inverse = gram(rows_.size()).llt().solve(Eigen::MatrixXd::Identity(n, n));
  VectorXd out = fitted;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    double leverage = 0;
    for (const auto a : rows_[i])
      for (const auto b : rows_[i]) leverage += inverse(static_cast<Index>(a), static_cast<Index>(b));
    double& label = out[static_cast<Index>(i)];
    label = costs[i] - (costs[i] - label) / std::max(1 - leverage, least);
  }
  return out;
}

std::optional<VectorXd> ExactSums::find(const std::vector<double>& costs) const {
  constexpr double rounding = 1e-4;
  constexpr std::size_t least = 50;  // rows to tell by
  if (rows_.empty()) return {};
  const std::size_t half = rows_.size() / 2;
  std::vector<bool> seen(num_parts_, false);
  double mean = 0, lowest = costs[0], highest = costs[0];
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    mean += costs[i] / static_cast<double>(rows_.size());
    lowest = std::min(lowest, costs[i]);
    highest = std::max(highest, costs[i]);
    if (i < half)
      for (const auto part : rows_[i]) seen[part] = true;
  }
  if (!(highest > lowest)) return {};
  const VectorXd parts = solve(costs, half);
  std::size_t told = 0;
  for (std::size_t i = half; i < rows_.size(); ++i) {
    double sum = 0;
    bool known = true;
    for (const auto part : rows_[i]) {
      sum += parts[static_cast<Index>(part)];
      known = known && seen[part];
    }
    if (!known) continue;
    ++told;
    if (!(std::abs(sum - costs[i]) <= rounding * mean)) return {};
  }
  if (told < least) return {};
  for (const auto& row : rows_)
    for (const auto part : row) seen[part] = true;
  if (std::find(seen.begin(), seen.end(), false) != seen.end()) return {};  // a look-up without a value
  return solve(costs, rows_.size());
}

}  // namespace hwprof::transfer

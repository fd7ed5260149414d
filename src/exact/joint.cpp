// SPDX-License-Identifier: Apache-2.0
#include "exact/joint.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "predictor/compile.hpp"

namespace hwprof::exact {

bool keeps_all(const std::vector<Predictor>& costs, const std::vector<double>& limits, const Arch& arch) {
  for (std::size_t c = 0; c < costs.size(); ++c)
    if (!(costs[c].predict(arch.data()) <= limits[c])) return false;
  return true;
}

namespace {

/// The cost before it is cut off at 0, which alone is a sum: of sums the cheapest architecture bounds all others.
double uncut(const Predictor& cost, const Arch& arch) {
  double sum = cost.constant();
  for (const auto& factor : cost.factors())
    sum += factor.cost[predictor::combination_of(factor.decisions, cost.num_options(), arch)];
  return sum;
}

/// The points of the front that keep both limits; true when that is all there are.
bool from_front(const std::vector<Predictor>& costs, const std::vector<double>& limits, std::vector<Arch>& examples) {
  try {
    for (auto& point : pareto_front(costs[0], costs[1], Direction::minimize))
      if (keeps_all(costs, limits, point.arch)) examples.push_back(std::move(point.arch));
    return true;
  } catch (const Error& error) {
    if (error.fault() != Fault::unsupported) throw;
    return false;
  }
}

}  // namespace

Joint join_limits(const Plan& plan, const std::vector<Predictor>& costs, const std::vector<double>& limits) {
  constexpr int steps = 200;
  const std::size_t n = costs.size();
  Joint joint;
  std::vector<double> range(n);
  for (std::size_t c = 0; c < n; ++c) {
    const double least = cheapest(costs[c]).cost, most = costliest(costs[c]).cost;
    if (!(least <= limits[c])) joint.none = true;
    range[c] = most > least ? most - least : 1;
  }
  if (joint.none) return joint;

  std::vector<double> share(n, 1.0 / static_cast<double>(n)), weights(n), excess(n);
  double best = -std::numeric_limits<double>::infinity();
  for (int step = 0; step < steps; ++step) {
    for (std::size_t c = 0; c < n; ++c) weights[c] = share[c] / range[c];
    Arch arch = extreme_arch(plan, weights);
    double value = 0, greatest = 0;
    for (std::size_t c = 0; c < n; ++c) {
      excess[c] = (uncut(costs[c], arch) - limits[c]) / range[c];
      value += share[c] * excess[c];
      greatest = std::max(greatest, std::abs(excess[c]));
    }
    if (value > best) {
      best = value;
      joint.weights = weights;
    }
    constexpr double rounding = 1e-9;  // of sums of shares of ranges
    if (value > rounding) {
      joint.none = true;
      return joint;
    }
    if (keeps_all(costs, limits, arch) &&
        std::find(joint.examples.begin(), joint.examples.end(), arch) == joint.examples.end())
      joint.examples.push_back(std::move(arch));
    if (greatest == 0) break;
    double sum = 0;
    for (std::size_t c = 0; c < n; ++c) {
      share[c] = std::max(share[c] * std::exp(excess[c] / greatest / std::sqrt(1.0 + step)), 1e-12);
      sum += share[c];
    }
    for (double& part : share) part /= sum;
  }
  if (joint.examples.empty() && n == 2 && from_front(costs, limits, joint.examples))
    joint.none = joint.examples.empty();
  return joint;
}

}  // namespace hwprof::exact

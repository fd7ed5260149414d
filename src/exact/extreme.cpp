// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "exact/plan.hpp"
#include "hwprof/exact.hpp"

namespace hwprof {
/// Viterbi's algorithm.
Arch exact::extreme_arch(const Plan& plan, const std::vector<double>& weights) {
  std::vector<double> best{0};
  std::vector<std::vector<std::size_t>> came_by;  // per step and state after: the transition taken
  for (const auto& step : plan.steps) {
    const std::size_t after = std::size_t{*std::max_element(step.to.begin(), step.to.end())} + 1;
    std::vector<double> next(after, std::numeric_limits<double>::infinity());
    auto& by = came_by.emplace_back(after, 0);
    for (std::size_t t = 0; t < step.to.size(); ++t) {
      double sum = best[t / step.choices];
      for (std::size_t c = 0; c < weights.size(); ++c) sum += weights[c] * step.cost[c][t];
      if (sum < next[step.to[t]]) {
        next[step.to[t]] = sum;
        by[step.to[t]] = t;
      }
    }
    best = std::move(next);
  }
  Arch arch(plan.options.size(), 0);
  std::size_t state = 0;
  for (std::size_t s = plan.steps.size(); s-- > 0;) {
    const auto& step = plan.steps[s];
    const std::size_t transition = came_by[s][state];
    take_choice(step, plan.options, transition % step.choices, arch);
    state = transition / step.choices;
  }
  return arch;
}

namespace {

ScoredArch extreme(const Predictor& cost, double sign) {
  ScoredArch out;
  out.arch = exact::extreme_arch(exact::make_plan({&cost}), {sign});
  out.cost = cost.predict(out.arch.data());
  return out;
}

}  // namespace

ScoredArch cheapest(const Predictor& cost) {
  return extreme(cost, 1);
}
ScoredArch costliest(const Predictor& cost) {
  return extreme(cost, -1);
}

double count_archs(const Predictor& cost) {
  double product = 1;
  for (const std::size_t options : cost.num_options()) product *= static_cast<double>(options);
  return product;
}

}  // namespace hwprof

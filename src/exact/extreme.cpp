// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "exact/plan.hpp"
#include "hwprof/exact.hpp"

namespace hwprof {
namespace {

/// Viterbi's algorithm; sign -1 finds the greatest.
ScoredArch extreme(const Predictor& cost, double sign) {
  const exact::Plan plan = exact::make_plan({&cost});
  std::vector<double> best{0};
  std::vector<std::vector<std::size_t>> came_by;  // per step and state after: the transition taken
  for (const auto& step : plan.steps) {
    const std::size_t after = std::size_t{*std::max_element(step.to.begin(), step.to.end())} + 1;
    std::vector<double> next(after, std::numeric_limits<double>::infinity());
    auto& by = came_by.emplace_back(after, 0);
    for (std::size_t t = 0; t < step.to.size(); ++t) {
      const double sum = best[t / step.choices] + sign * step.cost[0][t];
      if (sum < next[step.to[t]]) {
        next[step.to[t]] = sum;
        by[step.to[t]] = t;
      }
    }
    best = std::move(next);
  }
  ScoredArch out{Arch(plan.options.size(), 0), 0};
  std::size_t state = 0;
  for (std::size_t s = plan.steps.size(); s-- > 0;) {
    const auto& step = plan.steps[s];
    const std::size_t transition = came_by[s][state];
    exact::take_choice(step, plan.options, transition % step.choices, out.arch);
    state = transition / step.choices;
  }
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

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.hpp"
#include "base/text.hpp"
#include "exact/plan.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"

namespace hwprof {

struct FeasibleSet::Tables {
  Predictor cost;
  double limit = 0, least = 0;
  double at_least = 0, at_most = 0;
  exact::Plan plan;
  std::size_t budget = 0;  ///< the limit, counted in steps of cost above the least

  /// Per step: what each transition takes of the budget, beyond_budget for too much.
  std::vector<std::vector<std::uint32_t>> takes;
  /// Per step, one more at the end: completions from each state within each budget, [state * (budget + 1) + b].
  std::vector<std::vector<double>> completions;
};

namespace {

constexpr std::uint32_t beyond_budget = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t max_entries = std::size_t{1} << 23, max_states = std::size_t{1} << 18;
constexpr std::size_t most_buckets = std::size_t{1} << 16, fewest_buckets = std::size_t{1} << 8;

/// Least cost from each state to the end, per step and one more at the end.
std::vector<std::vector<double>> least_to_go(const exact::Plan& plan) {
  std::vector<std::vector<double>> out(plan.steps.size() + 1);
  out.back() = {0};
  for (std::size_t s = plan.steps.size(); s-- > 0;) {
    const auto& step = plan.steps[s];
    out[s].assign(step.states, std::numeric_limits<double>::infinity());
    for (std::size_t t = 0; t < step.to.size(); ++t) {
      double& least = out[s][t / step.choices];
      least = std::min(least, step.cost[0][t] + out[s + 1][step.to[t]]);
    }
  }
  return out;
}

}  // namespace

FeasibleSet::FeasibleSet(const Predictor& cost, double limit) {
  if (std::isnan(limit)) throw Error(Fault::usage, "the limit of a cost must be a number");
  auto tables =
      std::make_shared<Tables>(Tables{cost, limit, cheapest(cost).cost, 0, 0, exact::make_plan({&cost}), 0, {}, {}});
  const exact::Plan& plan = tables->plan;
  if (!(tables->least <= limit)) {
    tables_ = std::move(tables);
    return;
  }
  std::size_t states = 1;
  for (const auto& step : plan.steps) states += step.states;
  if (states > max_states)
    throw Error(Fault::unsupported, "the factors of the space hang together too much: " + std::to_string(states) +
                                        " states, of which at most " + std::to_string(max_states) + " are possible");

  // Costs are counted above the least that can follow, so that every one is at least 0 and the budget is
  // all of what the limit leaves. Rounded down, no architecture within the limit is lost. A bucket is never
  // so small that the rounding of sums could fill it.
  const auto to_go = least_to_go(plan);
  const double greatest = costliest(cost).cost;
  const double least = plan.constant[0] + to_go[0][0];
  const double above = std::min(limit, greatest) - least;
  const double finest =
      1e-13 * (std::abs(plan.constant[0]) + std::abs(least) + std::abs(greatest)) + std::numeric_limits<double>::min();
  const double bucket =
      std::max(above / static_cast<double>(std::clamp(max_entries / states, fewest_buckets, most_buckets)), finest);
  const std::size_t budget = tables->budget = static_cast<std::size_t>(above / bucket + 0.25);
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const auto& step = plan.steps[s];
    auto& takes = tables->takes.emplace_back(step.to.size(), beyond_budget);
    for (std::size_t t = 0; t < step.to.size(); ++t) {
      const double extra = step.cost[0][t] + to_go[s + 1][step.to[t]] - to_go[s][t / step.choices];
      const double buckets = std::max(extra, 0.0) / bucket;
      if (buckets < static_cast<double>(budget + 1)) takes[t] = static_cast<std::uint32_t>(buckets);
    }
  }

  auto& completions = tables->completions;
  completions.resize(plan.steps.size() + 1);
  completions.back().assign(budget + 1, 1);
  for (std::size_t s = plan.steps.size(); s-- > 0;) {
    const auto& step = plan.steps[s];
    completions[s].assign(step.states * (budget + 1), 0);
    for (std::size_t t = 0; t < step.to.size(); ++t) {
      const std::size_t take = tables->takes[s][t];
      if (take == beyond_budget) continue;
      double* const into = completions[s].data() + t / step.choices * (budget + 1) + take;
      const double* const from = completions[s + 1].data() + step.to[t] * (budget + 1);
      for (std::size_t b = 0; b + take <= budget; ++b) into[b] += from[b];
    }
  }
  double free = 1;
  for (const std::size_t decision : plan.free) free *= static_cast<double>(plan.options[decision]);
  tables->at_most = completions[0][budget] * free;
  // Each step was rounded down by less than one bucket; one more pays for the rounding of the sums.
  const std::size_t rounded = plan.steps.size() + 1;
  tables->at_least = rounded <= budget ? completions[0][budget - rounded] * free : 1;
  if (limit >= greatest) tables->at_least = tables->at_most = count_archs(cost);
  tables->at_least = std::max(tables->at_least, 1.0);
  tables_ = std::move(tables);
}

double FeasibleSet::at_least() const noexcept {
  return tables_->at_least;
}
double FeasibleSet::at_most() const noexcept {
  return tables_->at_most;
}

Arch FeasibleSet::sample(std::mt19937_64& rng) const {
  const Tables& tables = *tables_;
  if (tables.at_most == 0)
    throw Error(Fault::usage, "no architecture costs at most " + base::format_number(tables.limit) + "; the least is " +
                                  base::format_number(tables.least));
  const exact::Plan& plan = tables.plan;
  Arch arch(plan.options.size(), 0);
  for (;;) {
    std::size_t state = 0, budget = tables.budget;
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
      const auto& step = plan.steps[s];
      const auto& after = tables.completions[s + 1];
      double rest = base::draw_unit(rng) * tables.completions[s][state * (tables.budget + 1) + budget];
      std::size_t taken = step.to.size();
      for (std::size_t t = state * step.choices; t < (state + 1) * step.choices; ++t) {
        const std::size_t take = tables.takes[s][t];
        if (take > budget) continue;
        const double ways = after[step.to[t] * (tables.budget + 1) + budget - take];
        if (ways == 0) continue;
        taken = t;  // the last possible one stands where rounding leaves a rest
        rest -= ways;
        if (rest < 0) break;
      }
      exact::take_choice(step, plan.options, taken % step.choices, arch);
      budget -= tables.takes[s][taken];
      state = step.to[taken];
    }
    for (const std::size_t decision : plan.free)
      arch[decision] = static_cast<std::uint16_t>(base::draw_below(rng, plan.options[decision]));
    if (tables.cost.predict(arch.data()) <= tables.limit) return arch;
  }
}

}  // namespace hwprof

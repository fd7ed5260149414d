// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.hpp"
#include "base/text.hpp"
#include "exact/joint.hpp"
#include "exact/plan.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/limit.hpp"

namespace hwprof {

struct FeasibleSet::Tables {
  std::vector<Predictor> costs;
  std::vector<double> limits;   ///< with their tolerance
  std::string none;             ///< why there is none
  std::vector<Arch> examples;   ///< of several limits: some that keep them
  std::vector<double> weights;  ///< of several costs in their sum
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

/// The weighted sum of the costs in place of the first.
void add_up(exact::Plan& plan, const std::vector<double>& weights) {
  const auto sum = [&](auto cost_at) {
    double out = 0;
    for (std::size_t c = 0; c < weights.size(); ++c) out += weights[c] * cost_at(c);
    return out;
  };
  plan.constant[0] = sum([&](std::size_t c) { return plan.constant[c]; });
  for (auto& step : plan.steps)
    for (std::size_t t = 0; t < step.to.size(); ++t)
      step.cost[0][t] = sum([&](std::size_t c) { return step.cost[c][t]; });
}

exact::Plan plan_of(const std::vector<Predictor>& costs) {
  std::vector<const Predictor*> pointers;
  for (const auto& cost : costs) pointers.push_back(&cost);
  return exact::make_plan(pointers);
}

}  // namespace

FeasibleSet::FeasibleSet(const Predictor& cost, double limit)
    : FeasibleSet(std::vector<Predictor>{cost}, std::vector<double>{limit}) {}

FeasibleSet::FeasibleSet(const std::vector<Predictor>& costs, const std::vector<double>& limits) {
  if (costs.empty() || costs.size() != limits.size())
    throw Error(Fault::usage, "a limit for each of at least one cost is expected, found " +
                                  std::to_string(costs.size()) + " costs and " + std::to_string(limits.size()) +
                                  " limits");
  auto tables = std::make_shared<Tables>();
  std::vector<double> given;  // those limits that some architecture passes, without tolerance
  for (std::size_t c = 0; c < costs.size(); ++c) {
    if (std::isnan(limits[c])) throw Error(Fault::usage, "the limit of a cost must be a number");
    if (costs[c].num_options() != costs[0].num_options())
      throw Error(Fault::usage, "the costs belong to different spaces: their decisions differ");
    // A limit that every architecture keeps would only blunt the sum of the others.
    const bool open = limits[c] == std::numeric_limits<double>::infinity();
    if (costs.size() > 1 && (open || costliest(costs[c]).cost <= greatest_within(limits[c]))) continue;
    tables->costs.push_back(costs[c]);
    tables->limits.push_back(greatest_within(limits[c]));
    given.push_back(limits[c]);
  }
  if (tables->costs.empty()) {
    tables->costs.push_back(costs[0]);
    tables->limits.push_back(greatest_within(limits[0]));
    given.push_back(limits[0]);
  }
  tables->plan = plan_of(tables->costs);
  exact::Plan& plan = tables->plan;
  const bool one = tables->costs.size() == 1;
  tables->weights.assign(1, 1);
  for (std::size_t c = 0; c < tables->costs.size(); ++c) {
    const double least = cheapest(tables->costs[c]).cost;
    if (least <= tables->limits[c]) continue;
    tables->none = "no architecture costs at most " + base::format_number(given[c]) + "; the least is " +
                   base::format_number(least);
    break;
  }
  if (!one && tables->none.empty()) {
    exact::Joint joint = exact::join_limits(plan, tables->costs, tables->limits);
    if (joint.none) tables->none = "no architecture keeps all limits at once, though some keep each";
    tables->weights = std::move(joint.weights);
    tables->examples = std::move(joint.examples);
  }
  if (!tables->none.empty()) {
    tables_ = std::move(tables);
    return;
  }
  double greatest = 0, limit = 0;
  bool all_keep = true;
  for (std::size_t c = 0; c < tables->costs.size(); ++c) {
    const double most = costliest(tables->costs[c]).cost;
    all_keep = all_keep && most <= tables->limits[c];
    greatest += tables->weights[c] * most;
    limit += tables->weights[c] * tables->limits[c];
  }
  if (!one) add_up(plan, tables->weights);
  std::size_t states = 1;
  for (const auto& step : plan.steps) states += step.states;
  if (states > max_states)
    throw Error(Fault::unsupported, "the factors of the space hang together too much: " + std::to_string(states) +
                                        " states, of which at most " + std::to_string(max_states) + " are possible");

  // Costs are counted above the least that can follow, so that every one is at least 0 and the budget is
  // all of what the limit leaves. Rounded down, no architecture within the limit is lost. A bucket is never
  // so small that the rounding of sums could fill it.
  const auto to_go = least_to_go(plan);
  const double least = plan.constant[0] + to_go[0][0];
  // Limits that miss each other by no more than rounding can leave less than nothing.
  const double above = std::max(std::min(limit, greatest) - least, 0.0);
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
  if (one)
    tables->at_least = std::max(rounded <= budget ? completions[0][budget - rounded] * free : 1, 1.0);
  else
    tables->at_least = static_cast<double>(tables->examples.size());
  if (all_keep) tables->at_least = tables->at_most = count_archs(tables->costs[0]);
  tables_ = std::move(tables);
}

double FeasibleSet::at_least() const noexcept {
  return tables_->at_least;
}
double FeasibleSet::at_most() const noexcept {
  return tables_->at_most;
}

Arch FeasibleSet::draw(std::mt19937_64& rng) const {
  const Tables& tables = *tables_;
  const exact::Plan& plan = tables.plan;
  Arch arch(plan.options.size(), 0);
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
  return arch;
}

Arch FeasibleSet::walk(std::mt19937_64& rng) const {
  const Tables& tables = *tables_;
  const auto& options = tables.plan.options;
  Arch arch = tables.examples[base::draw_below(rng, tables.examples.size())];
  for (std::size_t step = 0; step < 20 * arch.size(); ++step) {
    const std::size_t decision = base::draw_below(rng, arch.size());
    const std::uint16_t before = arch[decision];
    arch[decision] = static_cast<std::uint16_t>(base::draw_below(rng, options[decision]));
    if (!exact::keeps_all(tables.costs, tables.limits, arch)) arch[decision] = before;
  }
  return arch;
}

Arch FeasibleSet::sample(std::mt19937_64& rng) const {
  const Tables& tables = *tables_;
  if (!tables.none.empty()) throw Error(Fault::usage, tables.none);
  constexpr int most_draws = 1000;  // of several limits; of one nearly every draw keeps it, and the cheapest always can
  for (int i = 0; tables.costs.size() == 1 || i < most_draws; ++i) {
    Arch arch = draw(rng);
    if (exact::keeps_all(tables.costs, tables.limits, arch)) return arch;
  }
  if (tables.examples.empty())
    throw Error(Fault::missing, "no architecture was found that keeps all " + std::to_string(tables.costs.size()) +
                                    " limits at once, in " + std::to_string(most_draws) +
                                    " draws; that there is none is not proven");
  return walk(rng);
}

}  // namespace hwprof

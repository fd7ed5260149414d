// SPDX-License-Identifier: Apache-2.0
// The front of a sum of independent choices is found from the fronts of the parts: what is beaten in the
// same state stays beaten whatever follows.
#include <algorithm>
#include <tuple>

#include "exact/plan.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/limit.hpp"

namespace hwprof {
namespace {

constexpr std::size_t max_points = std::size_t{1} << 23;  // over all steps

/// A partial architecture: two sums, and how it was reached.
struct Partial {
  double cost, value;
  std::uint32_t point, transition;  ///< in the step before; of the step
};

/// Leaves the points that no other beats, by ascending cost; value is to be small.
void prune(std::vector<Partial>& points) {
  std::sort(points.begin(), points.end(), [](const Partial& a, const Partial& b) {
    return std::tie(a.cost, a.value, a.transition, a.point) < std::tie(b.cost, b.value, b.transition, b.point);
  });
  std::size_t kept = 0;
  for (const auto& point : points)
    if (kept == 0 || point.value < points[kept - 1].value) points[kept++] = point;
  points.resize(kept);
}

using Fronts = std::vector<std::vector<Partial>>;  // by state

Fronts advance(const exact::Step& step, const Fronts& before, double sign, std::size_t& points) {
  Fronts after(std::size_t{*std::max_element(step.to.begin(), step.to.end())} + 1);
  // Pruned from time to time, so that the memory follows the front and not the number of ways to it.
  std::vector<std::size_t> prune_at(after.size(), 1024);
  for (std::size_t t = 0; t < step.to.size(); ++t) {
    const auto& from = before[t / step.choices];
    auto& into = after[step.to[t]];
    for (std::size_t p = 0; p < from.size(); ++p)
      into.push_back({from[p].cost + step.cost[0][t], from[p].value + sign * step.cost[1][t],
                      static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(t)});
    std::size_t& mark = prune_at[step.to[t]];
    if (into.size() < mark) continue;
    prune(into);
    mark = std::max(std::size_t{1024}, 2 * into.size());
  }
  for (auto& front : after) {
    prune(front);
    front.shrink_to_fit();
    points += front.size();
  }
  if (points > max_points)
    throw Error(Fault::unsupported,
                "the Pareto fronts of the parts of the space have more than " + std::to_string(max_points) + " points");
  return after;
}

}  // namespace

std::vector<ParetoPoint> pareto_front(const Predictor& cost, const Predictor& value, Direction of_value) {
  const exact::Plan plan = exact::make_plan({&cost, &value});
  const double sign = of_value == Direction::minimize ? 1 : -1;
  std::vector<Fronts> steps{{{{0, 0, 0, 0}}}};
  std::size_t partials = 0;
  for (const auto& step : plan.steps) steps.push_back(advance(step, steps.back(), sign, partials));

  std::vector<ParetoPoint> points;
  for (std::size_t p = 0; p < steps.back()[0].size(); ++p) {
    Arch arch(plan.options.size(), 0);
    std::size_t state = 0, point = p;
    for (std::size_t s = plan.steps.size(); s-- > 0;) {
      const auto& step = plan.steps[s];
      const Partial& partial = steps[s + 1][state][point];
      exact::take_choice(step, plan.options, partial.transition % step.choices, arch);
      state = partial.transition / step.choices;
      point = partial.point;
    }
    points.push_back({arch, cost.predict(arch.data()), value.predict(arch.data())});
  }

  // predict() adds up in another order and cuts off at 0: what that makes equal goes, and what is equal but for the
  // rounding of sums, by the measure of limits.
  std::sort(points.begin(), points.end(), [sign](const ParetoPoint& a, const ParetoPoint& b) {
    return std::tuple(a.cost, sign * a.value) < std::tuple(b.cost, sign * b.value);
  });
  std::vector<ParetoPoint> front;
  for (auto& point : points) {
    if (!front.empty() && keeps_limit(sign * front.back().value, sign * point.value)) continue;
    while (!front.empty() && keeps_limit(point.cost, front.back().cost)) front.pop_back();
    front.push_back(std::move(point));
  }
  return front;
}

}  // namespace hwprof

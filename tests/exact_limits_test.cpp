// SPDX-License-Identifier: Apache-2.0
// Limits at which costs end exactly, as tables in whole milliseconds have them, and several limits at once: against
// integers, where nothing is rounded, and against enumeration.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "factor_spaces.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/limit.hpp"
#include "hwprof/objective.hpp"
#include "hwprof/search.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

/// Units of a table: 1 to 30.
int units_a(const Prim& prim) {
  return 1 + static_cast<int>(hash(prim) % 30);
}
int units_b(const Prim& prim) {
  return 1 + static_cast<int>(hash(prim) / 1009 % 30);
}

/// A table as scripts write it: the decimal number in milliseconds, then in seconds.
PrimCost in_seconds(int (*units)(const Prim&), double per_ms) {
  return [units, per_ms](const Prim& prim) { return units(prim) / per_ms * 1e-3; };
}

/// Costs that pull apart: what is cheap by one is dear by the other.
double towards(const Prim& prim) {
  return 1e-3 * (1 + static_cast<double>(hash(prim) % 997) / 100);
}
double away(const Prim& prim) {
  return 2e-2 - towards(prim) + 1e-4 * static_cast<double>(hash(prim) / 997 % 101) / 10;
}

}  // namespace

TEST_CASE("what costs the limit to the last digit keeps it") {
  CHECK(keeps_limit(0.1 + 0.2, 0.3));
  CHECK_FALSE(keeps_limit(0.3000000001, 0.3));
  CHECK_FALSE(keeps_limit(std::nan(""), 0.3));
  CHECK(keeps_limit(1e300, INFINITY));
  CHECK(hard_limit(0.3)(0.1 + 0.2).loss_term == 0);
  CHECK(hard_limit(0.3)(0.3000000001).loss_term == INFINITY);
  CHECK(log_barrier_form(0.1 + 0.2, 1)(0.3).loss_term == INFINITY);

  const StageSpace stages(2, 2, {96, 160});
  const PositionSpace positions(5, 4);
  for (const double per_ms : {1.0, 10.0})
    for (const MixinProfilingSearchSpace* space : {static_cast<const MixinProfilingSearchSpace*>(&stages),
                                                   static_cast<const MixinProfilingSearchSpace*>(&positions)}) {
      CAPTURE(per_ms);
      const auto all = enumerate<int>(*space, units_a, units_b);
      const Predictor a(*space, in_seconds(units_a, per_ms)), b(*space, in_seconds(units_b, per_ms));
      const auto [least, most] = std::minmax_element(all.first.begin(), all.first.end());
      std::mt19937_64 rng(3);
      for (int limit = *least - 1; limit <= *most + 1; ++limit) {
        const double seconds = limit / per_ms / 1000;
        const auto within = std::count_if(all.first.begin(), all.first.end(), [&](int cost) { return cost <= limit; });
        CHECK(count_feasible({a}, {seconds}) == static_cast<std::uint64_t>(within));
        const FeasibleSet set(a, seconds);
        CHECK(set.at_least() <= static_cast<double>(within));
        CHECK(set.at_most() >= static_cast<double>(within));
        if (within == 0) continue;
        CHECK(set.at_least() >= 1);
        for (int i = 0; i < 3; ++i) CHECK(std::lround(a.predict(set.sample(rng)) * 1000 * per_ms) <= limit);
      }
      // The least that count prints is a limit that it keeps.
      CHECK(count_feasible({a}, {cheapest(a).cost}) ==
            static_cast<std::uint64_t>(std::count(all.first.begin(), all.first.end(), *least)));

      const auto [least_b, most_b] = std::minmax_element(all.second.begin(), all.second.end());
      const int middle_a = (*least + *most) / 2, middle_b = (*least_b + *most_b) / 2;
      std::uint64_t both = 0;
      for (std::size_t i = 0; i < all.first.size(); ++i) both += all.first[i] <= middle_a && all.second[i] <= middle_b;
      CHECK(count_feasible({a, b}, {middle_a / per_ms / 1000, middle_b / per_ms / 1000}) == both);

      std::vector<std::pair<int, int>> points, front;
      for (std::size_t i = 0; i < all.first.size(); ++i) points.emplace_back(all.first[i], all.second[i]);
      std::sort(points.begin(), points.end());
      for (const auto& point : points)
        if (front.empty() || point.second < front.back().second) front.push_back(point);
      const auto found = pareto_front(a, b, Direction::minimize);
      REQUIRE(found.size() == front.size());
      for (std::size_t i = 0; i < front.size(); ++i) {
        CHECK(std::lround(found[i].cost * 1000 * per_ms) == front[i].first);
        CHECK(std::lround(found[i].value * 1000 * per_ms) == front[i].second);
      }
    }
}

TEST_CASE("a search keeps what count counts") {
  const PositionSpace space(5, 4);
  const auto all = enumerate<int>(space, units_a, units_b);
  for (const double per_ms : {1.0, 10.0}) {
    const Predictor cost(space, in_seconds(units_a, per_ms));
    std::vector<int> sorted = all.first;
    std::sort(sorted.begin(), sorted.end());
    for (const std::size_t place : {0U, 5U, 40U, 200U}) {
      const int limit = sorted[place];
      const double seconds = limit / per_ms / 1000;
      SearchOptions options;
      options.algorithm = "random";
      options.evaluations = 2000;
      const FeasibleSet set(cost, seconds);
      options.sample = [&](std::mt19937_64& rng) { return set.sample(rng); };
      const auto result = run_search(
          space, [](const Arch& arch) { return static_cast<double>(arch[0]); },
          {{"latency", "s", [&](const Arch& arch) { return cost.predict(arch); }, seconds}}, options);
      CHECK(result.evaluated.size() == count_feasible({cost}, {seconds}));
      CHECK(result.infeasible == 0);
    }
  }
}

TEST_CASE("fronts of candidates take costs that differ by rounding as equal") {
  const double sum = 0.1 + 0.2;  // above 0.3
  const auto front = non_dominated({{{0}, 0.5, {0.3}}, {{1}, 0.6, {sum}}, {{2}, 0.4, {sum}}, {{3}, 0.7, {0.4}}});
  REQUIRE(front.size() == 2);
  CHECK(front[0].arch == Arch{1});
  CHECK(front[1].arch == Arch{3});
}

TEST_CASE("samples under two limits are uniform") {
  const StageSpace space(1, 2, {96, 160});
  const auto all = enumerate<int>(space, units_a, units_b);
  const Predictor a(space, in_seconds(units_a, 1)), b(space, in_seconds(units_b, 1));
  std::vector<int> sorted_a = all.first, sorted_b = all.second;
  std::sort(sorted_a.begin(), sorted_a.end());
  std::sort(sorted_b.begin(), sorted_b.end());
  const int limit_a = sorted_a[sorted_a.size() / 2], limit_b = sorted_b[sorted_b.size() / 3];
  std::map<Arch, int> counts;
  for (std::size_t i = 0; i < all.archs.size(); ++i)
    if (all.first[i] <= limit_a && all.second[i] <= limit_b) counts[all.archs[i]] = 0;
  REQUIRE(counts.size() > 5);
  const FeasibleSet set({a, b}, {limit_a / 1000.0, limit_b / 1000.0});
  CHECK(set.at_least() >= 1);
  CHECK(set.at_least() <= static_cast<double>(counts.size()));
  CHECK(set.at_most() >= static_cast<double>(counts.size()));
  std::mt19937_64 rng(17);
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    const auto found = counts.find(set.sample(rng));
    REQUIRE(found != counts.end());
    ++found->second;
  }
  const double expected = static_cast<double>(draws) / static_cast<double>(counts.size());
  const double k = static_cast<double>(counts.size() - 1);
  double chi_square = 0;
  for (const auto& [arch, count] : counts) chi_square += (count - expected) * (count - expected) / expected;
  CHECK(chi_square < k + 6 * std::sqrt(2 * k));
}

TEST_CASE("limits close to the middle of a front are kept") {
  const PositionSpace space(10, 9);
  const Predictor a(space, towards), b(space, away);
  const auto front = pareto_front(a, b, Direction::minimize);
  REQUIRE(front.size() > 50);
  const auto& middle = front[front.size() / 2];
  std::mt19937_64 rng(5);
  for (const double slack : {1.0, 1.01, 1.05}) {
    CAPTURE(slack);
    const std::vector<double> limits{slack * middle.cost, slack * middle.value};
    // By chance it is hopeless.
    std::mt19937_64 plain(1);
    int by_chance = 0;
    for (int i = 0; i < 10000; ++i) {
      const auto arch = space.sample(plain);
      by_chance += a.predict(arch) <= limits[0] && b.predict(arch) <= limits[1];
    }
    if (slack == 1.0) CHECK(by_chance == 0);
    const FeasibleSet set({a, b}, limits);
    CHECK(set.at_least() >= 1);
    for (int i = 0; i < 50; ++i) {
      const auto arch = set.sample(rng);
      CHECK(keeps_limit(a.predict(arch), limits[0]));
      CHECK(keeps_limit(b.predict(arch), limits[1]));
    }
  }
  const Predictor macs(space, [](const Prim& prim) { return static_cast<double>(prim.C_out); });
  const FeasibleSet three({a, b, macs}, {1.05 * middle.cost, 1.05 * middle.value, 1.01 * macs.predict(middle.arch)});
  for (int i = 0; i < 20; ++i) CHECK(macs.predict(three.sample(rng)) <= 1.01 * macs.predict(middle.arch));
  // A limit that is none does not count.
  const FeasibleSet open({a, b}, {INFINITY, INFINITY});
  CHECK(open.at_least() == count_archs(a));
}

TEST_CASE("a limit that everything keeps does not blunt the others") {
  const PositionSpace space(12, 8);
  const auto steep = [](const Prim& prim) { return away(prim) * (prim.spatial_size < 10 ? 10 : 1); };
  const Predictor a(space, towards), b(space, steep);
  const Predictor memory(space,
                         [](const Prim& prim) { return 1e3 * (1 + static_cast<double>(hash(prim) % 101) / 100); });
  const auto front = pareto_front(a, b, Direction::minimize);
  std::mt19937_64 rng(5);
  for (const std::size_t tenth : {1U, 5U, 9U}) {
    CAPTURE(tenth);
    const auto& point = front[front.size() * tenth / 10];
    const std::vector<double> limits{1.01 * point.cost, 1.01 * point.value};
    const FeasibleSet two({a, b}, limits);
    for (const double limit : {17e9, costliest(memory).cost}) {
      const FeasibleSet three({a, memory, b}, {limits[0], limit, limits[1]});
      CHECK(three.at_least() == two.at_least());
      CHECK(three.at_most() == two.at_most());
      for (int i = 0; i < 20; ++i) {
        const auto arch = three.sample(rng);
        CHECK(keeps_limit(a.predict(arch), limits[0]));
        CHECK(keeps_limit(b.predict(arch), limits[1]));
      }
    }
    const FeasibleSet one({memory, a}, {17e9, limits[0]});
    CHECK(one.at_least() == FeasibleSet(a, limits[0]).at_least());
  }
  CHECK(FeasibleSet({a, b}, {1e3, 1e3}).at_most() == count_archs(a));
  const Predictor other(PositionSpace(3, 2), towards);
  (void)error_of(Fault::usage, [&] { (void)FeasibleSet({a, other}, {1e3, 1e3}); });
}

TEST_CASE("limits that miss each other by less than rounding") {
  // Two pairs of costs, each of one sum whatever the architecture: 60 ms.
  const PositionSpace space(6, 3);
  const auto first = [](const Prim& prim) { return 1e-3 * (1 + static_cast<double>(hash(prim) % 9)); };
  const auto second = [](const Prim& prim) { return 1e-3 * (1 + static_cast<double>(hash(prim) / 9 % 9)); };
  const auto mirrored = [](auto cost) { return [cost](const Prim& prim) { return 1e-2 - cost(prim); }; };
  const std::vector<Predictor> costs{Predictor(space, first), Predictor(space, mirrored(first)),
                                     Predictor(space, second), Predictor(space, mirrored(second))};
  std::mt19937_64 rng(1);
  for (const double under : {1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 0.0}) {
    CAPTURE(under);
    const std::vector<double> limits{3e-2, 3e-2 - under, 3e-2, 3e-2};
    const FeasibleSet set(costs, limits);
    const auto number = static_cast<double>(count_feasible(costs, limits));
    CHECK((number > 0) == (under < 1e-13));
    CHECK(set.at_least() <= number);
    CHECK(set.at_most() >= number);
    CHECK(set.at_most() <= 729);
    if (number > 0)
      CHECK(keeps_limit(costs[3].predict(set.sample(rng)), limits[3]));
    else
      CHECK_THROWS_AS((void)set.sample(rng), Error);
  }
}

TEST_CASE("limits that cannot be kept together are told from those that were not met") {
  // 1 and 10, or 10 and 1: no weighted sum forbids 6 and 6, the front does.
  const PositionSpace space(1, 2);
  const Predictor a(space, [](const Prim& prim) { return prim.C_out == 8 ? 1.0 : 10.0; });
  const Predictor b(space, [](const Prim& prim) { return prim.C_out == 8 ? 10.0 : 1.0; });
  std::mt19937_64 rng(1);
  const FeasibleSet none({a, b}, {6, 6});
  CHECK(none.at_least() == 0);
  CHECK(none.at_most() == 0);
  CHECK(has(error_of(Fault::usage, [&] { (void)none.sample(rng); }), "all limits at once"));
  // Here a sum does.
  CHECK(FeasibleSet({a, b}, {5, 5}).at_most() == 0);
  CHECK(has(error_of(Fault::usage, [&] { (void)FeasibleSet({a, b}, {20, 0.5}).sample(rng); }), "the least is 1"));
  CHECK(FeasibleSet({a, b}, {1, 10}).sample(rng) == Arch{0});
  // With a third cost only draws could find one.
  const FeasibleSet unknown({a, b, a}, {6, 6, 7});
  CHECK(has(error_of(Fault::missing, [&] { (void)unknown.sample(rng); }), "not proven"));
  // Costs below 0 are cut off: the sum of the least says nothing of what is left of them.
  const PositionSpace two(2, 2);
  const Predictor low(two, [](const Prim& prim) { return prim.C_out == 8 ? -3.0 : 1.0; });
  const Predictor other(two, [](const Prim& prim) { return prim.C_out == 8 ? 2.0 : 1.0; });
  const FeasibleSet cut({low, other}, {0, 3});
  CHECK(count_feasible({low, other}, {0, 3}) == 2);
  CHECK(cut.at_least() <= 2);
  CHECK(cut.at_most() >= 2);
  for (int i = 0; i < 10; ++i) CHECK(other.predict(cut.sample(rng)) == 3);
  (void)error_of(Fault::usage, [&] { (void)FeasibleSet({a, b}, {1}); });
  (void)error_of(Fault::usage, [&] { (void)FeasibleSet({a, b}, {1, std::nan("")}); });
}

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/exact.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "factor_spaces.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

double made_up_value(const Prim& prim) {
  return 1 + static_cast<double>(hash(prim) / 1000003 % 977) / 100.0;
}

/// Each decision has to do with the next, so that all hang together but no two far ones do.
class ChainSpace : public MixinProfilingSearchSpace {
 public:
  explicit ChainSpace(int length) : length_(length) {}
  [[nodiscard]] std::vector<Decision> decisions() const override {
    return std::vector<Decision>(static_cast<std::size_t>(length_), {"channels", {"8", "16", "24"}});
  }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    std::vector<Prim> prims;
    for (std::size_t i = 0; i + 1 < arch.size(); ++i)
      prims.push_back({"conv_1x1", 8 + static_cast<int>(i), 8 * (1 + arch[i]), 8 * (1 + arch[i + 1]), 1, true, {}});
    return prims;
  }
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    std::vector<std::vector<std::size_t>> out;
    for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(length_); ++i) out.push_back({i, i + 1});
    return out;
  }

 private:
  int length_;
};

/// A space with a decision that changes nothing.
class IdleSpace : public PositionSpace {
 public:
  IdleSpace() : PositionSpace(3, 4) {}
  [[nodiscard]] std::vector<Decision> decisions() const override {
    auto out = PositionSpace::decisions();
    out.push_back({"idle", {"a", "b", "c"}});
    return out;
  }
};

void check_space(const MixinProfilingSearchSpace& space) {
  const Predictor cost(space, made_up_cost), value(space, made_up_value);
  const auto all = enumerate<double>(space, made_up_cost, made_up_value);
  CHECK(count_archs(cost) == static_cast<double>(all.archs.size()));

  const auto [least, most] = std::minmax_element(all.first.begin(), all.first.end());
  CHECK(cheapest(cost).cost == doctest::Approx(*least).epsilon(1e-12));
  CHECK(costliest(cost).cost == doctest::Approx(*most).epsilon(1e-12));
  CHECK(cost.predict(cheapest(cost).arch) == cheapest(cost).cost);
  CHECK(cost.predict(costliest(cost).arch) == costliest(cost).cost);

  std::mt19937_64 rng(9);
  for (const double share : {0.0, 0.001, 0.1, 0.5, 0.9, 1.0, 2.0}) {
    const double limit = *least + share * (*most - *least) + 1e-12;
    const auto exact = std::count_if(all.first.begin(), all.first.end(), [&](double c) { return c <= limit; });
    CHECK(count_feasible({cost}, {limit}) == static_cast<std::uint64_t>(exact));
    CHECK(count_feasible({cost}, {limit}, 3) == static_cast<std::uint64_t>(exact));
    const FeasibleSet set(cost, limit);
    CHECK(set.at_least() <= static_cast<double>(exact));
    CHECK(set.at_most() >= static_cast<double>(exact));
    CHECK(set.at_most() - set.at_least() <= 2 + 0.02 * static_cast<double>(exact));
    for (int i = 0; i < 20; ++i) CHECK(cost.predict(set.sample(rng)) <= limit);
  }

  for (const auto direction : {Direction::minimize, Direction::maximize}) {
    const double sign = direction == Direction::minimize ? 1 : -1;
    std::vector<std::pair<double, double>> front;
    std::vector<std::pair<double, double>> points;
    for (std::size_t i = 0; i < all.archs.size(); ++i) points.emplace_back(all.first[i], sign * all.second[i]);
    std::sort(points.begin(), points.end());
    for (const auto& point : points)
      if (front.empty() || point.second < front.back().second - 1e-9) front.push_back(point);
    const auto found = pareto_front(cost, value, direction);
    REQUIRE(found.size() == front.size());
    for (std::size_t i = 0; i < front.size(); ++i) {
      CHECK(found[i].cost == doctest::Approx(front[i].first).epsilon(1e-12));
      CHECK(found[i].value == doctest::Approx(sign * front[i].second).epsilon(1e-12));
      CHECK(cost.predict(found[i].arch) == found[i].cost);
      CHECK(value.predict(found[i].arch) == found[i].value);
    }
  }
}

}  // namespace

TEST_CASE("small spaces against enumeration") {
  SUBCASE("stages and image sizes") {
    check_space(StageSpace(2, 2, {96, 128, 160}));
  }
  SUBCASE("one stage of three") {
    check_space(StageSpace(1, 3, {224}));
  }
  SUBCASE("positions") {
    check_space(PositionSpace(5, 4));
  }
  SUBCASE("a chain of neighbours") {
    check_space(ChainSpace(8));
  }
  SUBCASE("a decision without effect") {
    check_space(IdleSpace());
  }
  SUBCASE("one architecture") {
    check_space(PositionSpace(3, 1));
  }
}

TEST_CASE("scoring visits every architecture once, with its cost") {
  const StageSpace space(1, 3, {160, 224});
  const Predictor cost(space, made_up_cost), value(space, made_up_value);
  const ExhaustiveScore scores({cost, value});
  REQUIRE(scores.size() == 2 * 3 * 729);
  std::vector<int> seen(scores.size(), 0);
  std::set<Arch> archs;
  std::mutex mutex;
  scores.visit(
      [&](const ScoreBlock& block) {
        const std::lock_guard lock(mutex);
        CHECK(block.thread >= 0);
        CHECK(block.thread < 2);
        for (std::size_t i = 0; i < block.n; ++i) {
          const Arch arch = scores.arch(block.first + i);
          ++seen[block.first + i];
          archs.insert(arch);
          REQUIRE(block.costs[0][i] == doctest::Approx(cost.predict(arch)).epsilon(1e-12));
          REQUIRE(block.costs[1][i] == doctest::Approx(value.predict(arch)).epsilon(1e-12));
        }
      },
      2);
  CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
  CHECK(archs.size() == scores.size());
  (void)error_of(Fault::usage, [&] { (void)scores.arch(scores.size()); });
  (void)error_of(Fault::usage, [&] { scores.visit([](const ScoreBlock&) {}, 0); });
  CHECK_THROWS_AS(scores.visit([](const ScoreBlock&) { throw std::runtime_error("enough"); }, 2), std::runtime_error);
}

TEST_CASE("two limits at once") {
  const StageSpace space(2, 2, {96, 160});
  const Predictor cost(space, made_up_cost), value(space, made_up_value);
  const auto all = enumerate<double>(space, made_up_cost, made_up_value);
  const double c = (cheapest(cost).cost + costliest(cost).cost) / 2,
               v = (cheapest(value).cost + costliest(value).cost) / 2;
  std::uint64_t exact = 0;
  for (std::size_t i = 0; i < all.first.size(); ++i) exact += all.first[i] <= c && all.second[i] <= v;
  CHECK(exact > 0);
  CHECK(count_feasible({cost, value}, {c, v}, 2) == exact);
}

TEST_CASE("samples under a limit are uniform") {
  const StageSpace space(1, 2, {96, 160});
  const Predictor cost(space, made_up_cost);
  const auto all = enumerate<double>(space, made_up_cost, made_up_value);
  std::vector<double> sorted = all.first;
  std::sort(sorted.begin(), sorted.end());
  const double limit = sorted[sorted.size() / 4] + 1e-12;
  std::map<Arch, int> counts;
  for (std::size_t i = 0; i < all.archs.size(); ++i)
    if (all.first[i] <= limit) counts[all.archs[i]] = 0;
  const FeasibleSet set(cost, limit);
  std::mt19937_64 rng(17);
  constexpr int draws = 40000;
  for (int i = 0; i < draws; ++i) {
    const auto found = counts.find(set.sample(rng));
    REQUIRE(found != counts.end());
    ++found->second;
  }
  // Pearson's statistic has mean k and variance 2k; six deviations are no chance.
  const double expected = static_cast<double>(draws) / static_cast<double>(counts.size());
  const double k = static_cast<double>(counts.size() - 1);
  double chi_square = 0;
  for (const auto& [arch, count] : counts) chi_square += (count - expected) * (count - expected) / expected;
  CHECK(chi_square < k + 6 * std::sqrt(2 * k));
}

TEST_CASE("a space too large to score each") {
  const StageSpace space(5, 4, {160, 192, 224});
  const Predictor cost(space, made_up_cost);
  CHECK(has(error_of(Fault::unsupported, [&] { (void)ExhaustiveScore({cost}); }), "2^63"));
  const double least = cheapest(cost).cost, most = costliest(cost).cost;
  CHECK(least < most);
  // Half of a roughly symmetric distribution, within bounds that are close together.
  const FeasibleSet set(cost, (least + most) / 2);
  CHECK(set.at_least() > 0);
  CHECK(set.at_most() <= count_archs(cost));
  CHECK((set.at_most() - set.at_least()) / set.at_most() < 0.01);
  // The share of plain samples within the limit agrees.
  std::mt19937_64 rng(4);
  int within = 0;
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i) within += cost.predict(space.sample(rng)) <= (least + most) / 2;
  CHECK(static_cast<double>(within) / draws == doctest::Approx(set.at_most() / count_archs(cost)).epsilon(0.05));
  // A limit that hardly anything keeps.
  const FeasibleSet few(cost, least * (1 + 1e-9));
  CHECK(few.at_least() >= 1);
  CHECK(cost.predict(few.sample(rng)) <= least * (1 + 1e-9));
  CHECK(FeasibleSet(cost, std::numeric_limits<double>::infinity()).at_least() == count_archs(cost));
}

TEST_CASE("questions without an answer") {
  const PositionSpace space(4, 3), other(5, 3);
  const Predictor cost(space, made_up_cost), foreign(other, made_up_cost);
  std::mt19937_64 rng(1);
  const FeasibleSet none(cost, cheapest(cost).cost * 0.9);
  CHECK(none.at_least() == 0);
  CHECK(none.at_most() == 0);
  CHECK(has(error_of(Fault::usage, [&] { (void)none.sample(rng); }), "the least is"));
  (void)error_of(Fault::usage, [&] { (void)FeasibleSet(cost, std::nan("")); });
  (void)error_of(Fault::usage, [&] { (void)pareto_front(cost, foreign, Direction::minimize); });
  (void)error_of(Fault::usage, [&] { (void)ExhaustiveScore({cost, foreign}); });
  (void)error_of(Fault::usage, [] { (void)ExhaustiveScore({}); });
  (void)error_of(Fault::usage, [&] { (void)count_feasible({cost}, {}); });
}

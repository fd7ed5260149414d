// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "hwprof/error.hpp"
#include "measure/drift.hpp"
#include "measure/estimate.hpp"

using namespace hwprof::measuring;

namespace {

Visit visit_of(int round, std::vector<Sample> samples) {
  Visit visit;
  visit.round = round;
  visit.stretch = round;
  visit.samples = std::move(samples);
  return visit;
}

}  // namespace

TEST_CASE("median polish finds rows and columns that add up exactly") {
  // rows 1, 4, 2; columns -1, 0, 3 (their median is 0)
  const std::vector<double> rows = {1, 4, 2};
  const std::vector<double> columns = {-1, 0, 3};
  std::vector<Cell> cells;
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) cells.push_back({r, c, rows[r] + columns[c]});
  const Polish fit = median_polish(cells, 3, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(fit.rows[i] == doctest::Approx(rows[i]));
    CHECK(fit.columns[i] == doctest::Approx(columns[i]));
  }
}

TEST_CASE("median polish stands outliers and holes") {
  std::vector<Cell> cells;
  const auto value = [](std::size_t r, std::size_t c) {
    return static_cast<double>(r) + 0.1 * (static_cast<double>(c) - 4);
  };
  for (std::size_t r = 0; r < 11; ++r)
    for (std::size_t c = 0; c < 9; ++c) {
      if ((r + 2 * c) % 7 == 0) continue;                      // a hole
      const double wrong = (3 * r + c) % 10 == 0 ? 5.0 : 0.0;  // one in ten is far off
      cells.push_back({r, c, value(r, c) + wrong});
    }
  const Polish fit = median_polish(cells, 12, 10);  // row 11 and column 9 are empty
  for (std::size_t r = 0; r < 11; ++r) CHECK(fit.rows[r] == doctest::Approx(static_cast<double>(r)));
  for (std::size_t c = 0; c < 9; ++c) CHECK(fit.columns[c] == doctest::Approx(0.1 * (static_cast<double>(c) - 4)));
  CHECK(fit.rows[11] == 0);
  CHECK(fit.columns[9] == 0);
}

TEST_CASE("median polish of nothing, and of a cell outside") {
  CHECK(median_polish({}, 0, 0).rows.empty());
  CHECK(median_polish({}, 2, 3).columns == std::vector<double>(3, 0.0));
  CHECK_THROWS_AS((void)median_polish({{2, 0, 1.0}}, 2, 1), hwprof::Error);
}

TEST_CASE("a drift that was put in is found and removed") {
  const std::vector<double> drift = {1.3, 1.0, 0.8, 1.0, 1.1, 0.9, 1.0};  // median 1
  std::vector<std::vector<Visit>> networks(10);
  std::mt19937 rng(5);
  std::uniform_real_distribution<double> noise(0.999, 1.001);
  for (std::size_t n = 0; n < networks.size(); ++n)
    for (std::size_t r = 0; r < drift.size(); ++r) {
      if ((n + r) % 5 == 0) continue;
      const double whole = 0.001 * static_cast<double>(n + 1) * drift[r] * noise(rng);
      networks[n].push_back(visit_of(static_cast<int>(r), {{whole, 0.75 * whole, 0.25 * whole}}));
    }
  std::vector<const std::vector<Visit>*> pointers;
  for (const auto& visits : networks) pointers.push_back(&visits);
  const Factors factors = drift_factors(pointers);
  REQUIRE(factors.size() == drift.size());
  for (std::size_t r = 0; r < drift.size(); ++r)
    CHECK(factors.at(static_cast<int>(r)) == doctest::Approx(drift[r]).epsilon(0.003));
  for (std::size_t n = 0; n < networks.size(); ++n) {
    const NetEstimate found = estimate(networks[n], 2, factors);
    const double truth = 0.001 * static_cast<double>(n + 1);
    CHECK(found.whole.value_s == doctest::Approx(truth).epsilon(0.003));
    CHECK(found.parts[0].value_s == doctest::Approx(0.75 * truth).epsilon(0.003));
    CHECK(found.parts[0].value_s + found.parts[1].value_s == doctest::Approx(found.whole.value_s).epsilon(1e-12));
  }
  // Standard deviation of the seven numbers above, by hand: mean 7.1 / 7, squares around it sum to 0.1485714.
  CHECK(drift_spread(factors) == doctest::Approx(std::sqrt(0.1485714 / 6)).epsilon(0.01));
}

TEST_CASE("a visit counts as one value, whatever its forwards") {
  // medians of the visits: 2, 4, 3
  const std::vector<Visit> visits = {visit_of(0, {{2.0}, {1.0}, {9.0}}), visit_of(1, {{4.0}}),
                                     visit_of(2, {{2.0}, {4.0}})};
  const NetEstimate found = estimate(visits, 0, {});
  CHECK(found.whole.value_s == 3);
  CHECK(found.samples == 6);
  CHECK(found.visits == 3);
  CHECK(found.whole.half_width_s == 0);  // below six visits there is no interval
  CHECK(std::isinf(relative_half_width(found)));
}

TEST_CASE("the interval of six visits is their range") {
  std::vector<Visit> visits;
  for (int i = 0; i < 6; ++i) visits.push_back(visit_of(i, {{100.0 + i}}));
  const NetEstimate found = estimate(visits, 0, {});
  CHECK(found.whole.value_s == 102.5);
  CHECK(found.whole.half_width_s == 2.5);
  CHECK(relative_half_width(found) == doctest::Approx(2.5 / 102.5));
}

TEST_CASE("disturbed visits count only where others do not suffice") {
  Visit lost = visit_of(9, {});
  lost.disturbed = {{9.0, 9.0}, {9.0, 9.0}};
  lost.dropped = 5;
  std::vector<Visit> visits = {lost};
  for (int i = 0; i < 6; ++i) {
    visits.push_back(visit_of(i, {{1.0, 1.0}}));
    visits.back().dropped = 1;
  }
  const NetEstimate enough = estimate(visits, 1, {});
  CHECK(enough.whole.value_s == 1);
  CHECK(enough.visits == 6);
  CHECK(enough.samples == 6);
  CHECK(enough.disturbed == 0);
  CHECK(enough.dropped == 6 + 5 + 2);
  visits.pop_back();
  const NetEstimate few = estimate(visits, 1, {});
  CHECK(few.visits == 6);
  CHECK(few.samples == 7);
  CHECK(few.disturbed == 1);
  CHECK(few.dropped == 5 + 5);
  CHECK(few.whole.value_s == 1);
  const NetEstimate none = estimate({lost, lost, lost}, 1, {});
  CHECK(none.disturbed == 3);
  CHECK(none.whole.value_s == 9);
  CHECK(none.samples == 6);
  CHECK(none.dropped == 15);
  const NetEstimate nothing = estimate({}, 1, {});
  CHECK(nothing.visits == 0);
  CHECK(nothing.samples == 0);
}

TEST_CASE("disturbed visits show the drift as well") {
  std::vector<std::vector<Visit>> networks(9);
  for (std::size_t n = 0; n < networks.size(); ++n)
    for (int r = 0; r < 3; ++r) {
      Visit visit = visit_of(r, {});
      const double whole = static_cast<double>(n + 1) * (r == 2 ? 2.0 : 1.0);
      (n % 2 == 0 ? visit.samples : visit.disturbed) = {{whole}};
      networks[n].push_back(visit);
    }
  std::vector<const std::vector<Visit>*> pointers;
  for (const auto& visits : networks) pointers.push_back(&visits);
  CHECK(drift_factors(pointers).at(2) == doctest::Approx(2));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "model/correlation.hpp"
#include "model_support.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

TEST_CASE("errors by hand") {
  // Relative errors 0.04, 0, 0.08, 0.20 and 0.50.
  const Evaluation e = evaluate({1.04, 2, 3.68, 4, 5}, {1, 2, 4, 5, 10});
  CHECK(e.n == 5);
  CHECK(e.mape == Approx(0.82 / 5));
  CHECK(e.median_ape == Approx(0.08));
  CHECK(e.max_ape == Approx(0.5));
  CHECK(e.rrmse == Approx(std::sqrt((0.0016 + 0 + 0.0064 + 0.04 + 0.25) / 5)));
  CHECK(e.within_5 == Approx(0.4));
  CHECK(e.within_10 == Approx(0.6));
  CHECK(e.spearman == Approx(1));
  CHECK(e.kendall == Approx(1));
  CHECK(e.left_out == 0);
  CHECK_FALSE(e.repeatability_mape.has_value());
  CHECK(evaluate({1.1, 2}, {1, 2}).median_ape == Approx(0.05));
}

TEST_CASE("correlations by hand") {
  const std::vector<double> x{1, 2, 3, 4, 5};
  const std::vector<double> y{2, 1, 4, 3, 7};
  // x: mean 3, squares 10; y: mean 3.4, squares 21.2; cross products 12.
  CHECK(model::pearson(x, y) == Approx(12 / std::sqrt(10 * 21.2)));
  // Rank differences 1, 1, 1, 1, 0: 1 - 6 * 4 / (5 * 24).
  CHECK(model::spearman(x, y) == Approx(0.8));
  // Two of ten pairs are the wrong way round.
  CHECK(model::kendall(x, y) == Approx(0.6));
}

TEST_CASE("ties share their rank and leave tau-b's norm") {
  const std::vector<double> x{1, 2, 2, 3};
  const std::vector<double> y{1, 3, 2, 2};
  // Ranks 1, 2.5, 2.5, 4 and 1, 4, 2.5, 2.5: cross products 2.25, squares 4.5 each.
  CHECK(model::spearman(x, y) == Approx(0.5));
  // Pairs: 3 concordant with the first, (2,3) tied in x, (3,4) tied in y, (2,4) discordant; norm sqrt(5 * 5).
  CHECK(model::kendall(x, y) == Approx(2.0 / 5));
  CHECK(model::kendall({1, 1, 1}, {1, 2, 3}) == 0);
  CHECK(model::pearson({1, 2, 3}, {0.1, 0.1, 0.1}) == 0);
  CHECK(model::spearman({5, 5}, {1, 2}) == 0);
  CHECK(evaluate({1}, {1}).kendall == 0);
}

TEST_CASE("Kendall's fast algorithm agrees with the definition") {
  std::mt19937_64 rng(3);
  for (int round = 0; round < 200; ++round) {
    const std::size_t n = 2 + rng() % 40;
    std::vector<double> x;
    std::vector<double> y;
    for (std::size_t i = 0; i < n; ++i) {
      x.push_back(static_cast<double>(rng() % 8));
      y.push_back(static_cast<double>(rng() % 8) + (round % 2 == 0 ? x.back() : 0));
    }
    double sum = 0;
    double untied_x = 0;
    double untied_y = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const double dx = x[i] > x[j] ? 1 : x[i] < x[j] ? -1 : 0;
        const double dy = y[i] > y[j] ? 1 : y[i] < y[j] ? -1 : 0;
        sum += dx * dy;
        untied_x += dx * dx;
        untied_y += dy * dy;
      }
    const double expected = untied_x * untied_y > 0 ? sum / std::sqrt(untied_x * untied_y) : 0;
    CHECK(model::kendall(x, y) == Approx(expected));
  }
}

TEST_CASE("numbers that make no relative error are refused") {
  CHECK(has(error_of(Fault::usage, [] { (void)evaluate({1, 2}, {1}); }), "2 and 1"));
  CHECK(has(error_of(Fault::usage, [] { (void)evaluate({}, {}); }), "at least one"));
  CHECK(has(error_of(Fault::usage, [] { (void)evaluate({1, 1}, {1, 0}); }), "measurement 1"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(error_of(Fault::usage, [&] { (void)evaluate({1}, {nan}); }), "measurement 0"));
  CHECK(has(error_of(Fault::usage, [&] { (void)evaluate({nan}, {1}); }), "prediction 0"));
}

namespace {

Model unit_model() {
  FitOptions options;
  options.kind = "table";
  return fit({record_of("t", {0, 1, 2}, {1e-3, 2e-3, 4e-3}, -1)}, options);
}

}  // namespace

TEST_CASE("validation records count where there are any, and repeats give the repeatability") {
  auto failed = record_of("f", {0}, {1}, 1e-3, "validation");
  failed.state = RunState::failed;
  auto a = record_of("v0", {0, 1}, {1, 1}, 3e-3, "validation");
  auto b = record_of("v1", {2, 1}, {1, 1}, 5e-3, "validation");
  auto a2 = record_of("r0", {0, 1}, {1, 1}, 3.3e-3, "repeat");
  auto b2 = record_of("r1", {2, 1}, {1, 1}, 4.9e-3, "repeat");
  a.arch = a2.arch = "0.1";
  b.arch = b2.arch = "2.1";
  const std::vector<NetRecord> records{record_of("c", {0}, {1}, 9e-3, "coverage"),   b2, a, failed, b,
                                       record_of("u", {7}, {1}, 1e-3, "validation"), a2};
  const Evaluation e = evaluate(unit_model(), records);
  CHECK(e.n == 2);
  CHECK(e.left_out == 2);
  CHECK(e.mape == Approx((0 + 0.2) / 2));
  CHECK(*e.repeatability_mape == Approx((0.1 + 0.02) / 2));
}

TEST_CASE("without validation records all but the repeats count; names pair where there is no architecture") {
  const std::vector<NetRecord> records{record_of("a", {0}, {1}, 2e-3), record_of("b", {1}, {1}, 2e-3),
                                       record_of("a", {0}, {1}, 1e-3, "repeat")};
  const Evaluation e = evaluate(unit_model(), records);
  CHECK(e.n == 2);
  CHECK(e.mape == Approx(0.25));
  CHECK(*e.repeatability_mape == Approx(0.5));
}

TEST_CASE("nothing to evaluate on is an error that says why") {
  NetRecord bare;
  bare.overall[Metric::latency].value = 1;
  const std::string what = error_of(Fault::missing, [&] {
    (void)evaluate(unit_model(), {bare, record_of("x", {0}, {1}, -1)});
  });
  CHECK(has(what, "of 2 records 1 hold no overall latency and 1 have primitives"));
}

TEST_CASE("the JSON form holds every figure as a plain number") {
  const Model model = unit_model();
  const auto a = record_of("a", {0}, {1}, 2e-3);
  auto again = record_of("a", {0}, {1}, 1e-3, "repeat");
  const auto json = nlohmann::json::parse(to_json(evaluate(model, {a, again}), model));
  CHECK(json["schema"] == "hwprof.validation/1");
  CHECK(json["model"] == "table");
  CHECK(json["metric"] == "latency");
  CHECK(json["unit"] == "s");
  CHECK(json["device"] == "cpu");
  for (const char* key : {"n", "mape", "median_ape", "rrmse", "max_ape", "within_5", "within_10", "pearson", "spearman",
                          "kendall", "repeatability_mape", "left_out"})
    CHECK_MESSAGE(json[key].is_number(), key);
  CHECK(json["mape"] == 0.5);
  CHECK(json["repeatability_mape"] == 0.5);
  const auto without = nlohmann::json::parse(to_json(evaluate(model, {a}), model));
  CHECK_FALSE(without.contains("repeatability_mape"));
}

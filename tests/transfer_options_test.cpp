// SPDX-License-Identifier: Apache-2.0
// Transfer models of a space of which nothing but its options is known.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <memory>

#include "hwprof/exact.hpp"
#include "hwprof/objective.hpp"
#include "hwprof/predictor.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"
#include "transfer/features.hpp"
#include "transfer_support.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

constexpr std::size_t blocks = 14;

/// A depth of 6, 10 or 14, a size, and blocks with four candidates.
const OptionSpace& space() {
  static const OptionSpace all = [] {
    std::vector<Decision> decisions{{"depth", {"6", "10", "14"}}, {"size", {"16", "24", "32", "48"}}};
    std::vector<std::vector<OptionSpace::Need>> needs(2);
    for (std::size_t b = 0; b < blocks; ++b) {
      decisions.push_back({"block" + std::to_string(b), {"small", "wide", "deep", "both"}});
      needs.emplace_back();
      if (b >= 10)
        needs.back().push_back({0, {2}});
      else if (b >= 6)
        needs.back().push_back({0, {1, 2}});
    }
    return OptionSpace(std::move(decisions), std::move(needs));
  }();
  return all;
}

/// A cost per candidate and block that is there, and one per pixel of width.
struct Device {
  std::array<double, 4> candidates;
  double per_size = 0, late = 0;  ///< later blocks cost so much more than the first

  [[nodiscard]] double cost(const Arch& arch) const {
    const std::array<std::size_t, 3> depths{6, 10, 14};
    const std::array<double, 4> sizes{16, 24, 32, 48};
    double sum = per_size * sizes[arch[1]];
    for (std::size_t b = 0; b < depths[arch[0]]; ++b)
      sum += candidates[arch[2 + b]] * (1 + late * static_cast<double>(b) / blocks);
    return 1e-3 * sum;
  }
};

const Device first{{1, 2, 1.5, 4}, .05, .5}, second{{1, 1.2, 2.5, 3}, .2, 0}, third{{2, 2.2, 3, 3.5}, .01, -.5},
    novel{{1.2, 2, 2.2, 3.6}, .1, .2};

std::vector<NetRecord> measured(const Device& device, std::size_t count, std::uint64_t seed, double noise = .02) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> normal;
  std::vector<NetRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    const Arch arch = space().sample(rng);
    records.push_back(arch_record(arch, device.cost(arch) * (1 + noise * normal(rng))));
  }
  return records;
}

const TransferBase& known() {
  static const TransferBase all(
      space(),
      {{"first", measured(first, 800, 1)}, {"second", measured(second, 800, 2)}, {"third", measured(third, 800, 3)}});
  return all;
}

}  // namespace

TEST_CASE("the columns count options and add up numbers, of what means anything") {
  const transfer::Features features(space());
  // Three counts of depths, four of sizes, four of candidates; two sums; the latter counts again, times the depth; an
  // option column each.
  CHECK(features.size() == 3 + 4 + 4 + 2 + 4 + 4 + 3 + 4 + 4 * blocks);
  REQUIRE(features.totals().size() == 2);
  const auto& sizes = features.totals()[1];
  const Arch arch = parse_arch(space(), "0.3.1.1.1.1.1.1.2.2.2.2.3.3.3.3");
  const double column = features.rows({arch})(0, static_cast<Eigen::Index>(sizes.column));
  CHECK(sizes.mean + column / sizes.scale == Approx(48));
  Arch other = arch;
  for (std::size_t b = 6; b < blocks; ++b) other[2 + b] = 0;
  CHECK((features.rows({arch}) - features.rows({other})).norm() == Approx(0));
  other[2 + 5] = 0;
  CHECK((features.rows({arch}) - features.rows({other})).norm() > .01);
  // Any line over the columns is a sum of tables.
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(features.size()), 1);
  std::mt19937_64 rng(4);
  std::normal_distribution<double> normal;
  for (Eigen::Index i = 0; i < weights.rows(); ++i) weights(i, 0) = normal(rng);
  std::vector<double> constant{.5};
  const auto tables = features.fold(weights, constant);
  for (int i = 0; i < 50; ++i) {
    const Arch drawn = space().sample(rng);
    double sum = constant[0];
    for (const auto& table : tables) {
      std::size_t index = 0, stride = 1;
      for (const std::size_t decision : table.decisions) {
        index += drawn[decision] * stride;
        stride *= features.options()[decision];
      }
      sum += table.rows[index];
    }
    CHECK(sum == Approx(.5 + features.rows({drawn}).row(0).dot(weights.col(0))).epsilon(1e-9).scale(1));
  }
}

TEST_CASE("a new device of a space of options") {
  const auto truth = measured(novel, 500, 99, 0);
  const Model model = known().fit(measured(novel, 20, 5));
  CHECK(evaluate(model, truth).spearman > .97);
  CHECK(evaluate(model, truth).median_ape < .04);
  for (const char* member : {"scaling", "stacking", "mixed", "analytic", "transfer"})
    CHECK(model.summary().coefficients.count("weight." + std::string(member)) == 1);
  CHECK(evaluate(known().fit(measured(novel, 3, 6)), truth).spearman > .8);
  // A few samples alone, then many.
  const TransferBase alone(space(), {});
  CHECK(evaluate(alone.fit(measured(novel, 20, 7)), truth).spearman > .85);
  CHECK(evaluate(alone.fit(measured(novel, 300, 8)), truth).spearman > .99);
  const Model sums = alone.fit(measured(novel, 900, 9, 0));
  CHECK(sums.from().derived);
  CHECK(evaluate(sums, truth).max_ape < 1e-4);
}

TEST_CASE("what is fitted is saved, compiled and counted; what is chosen is of the space") {
  const Model model = known().fit(measured(novel, 40, 10));
  const TempFolder folder;
  save_model(folder.file("m.json"), model);
  const Model loaded = load_model(folder.file("m.json"));
  const Predictor predictor(space(), loaded);
  REQUIRE(predictor.is_sum());
  std::mt19937_64 rng(11);
  for (int i = 0; i < 50; ++i) {
    const Arch arch = space().sample(rng);
    CHECK(predictor.predict(arch) == Approx(model.predict_arch(arch).value).epsilon(1e-9));
  }
  const auto least = cheapest(predictor);
  CHECK(least.arch[0] == 0);
  CHECK(least.arch[1] == 0);
  CHECK(count_archs(predictor) == Approx(12 * std::pow(4., blocks)));
  const auto alias = std::shared_ptr<const OptionSpace>(std::shared_ptr<void>(), &space());
  const HardwareObjective objective(alias, std::vector<Model>{loaded});
  CHECK(objective.get_perfs(least.arch) == std::vector<double>{predictor.predict(least.arch)});
  ChooseOptions options;
  options.count = 12;
  const auto chosen = TransferBase(space(), {}).choose(options);
  REQUIRE(chosen.size() == 12);
  for (const auto& arch : chosen) CHECK_NOTHROW(check_arch(space(), arch));
}

TEST_CASE("a cost that a size scales is no sum, and is described all the same") {
  // Blocks of 2 to 4 units at sizes from 16 to 48, whose square multiplies all.
  std::vector<Decision> decisions{{"size", {"16", "24", "32", "48"}}};
  for (std::size_t b = 0; b < 8; ++b) decisions.push_back({"block" + std::to_string(b), {"two", "three", "four"}});
  const OptionSpace scaled(decisions);
  const std::array<double, 4> sizes{16, 24, 32, 48};
  const auto cost = [&](const Arch& arch) {
    double sum = 1;
    for (std::size_t b = 1; b < arch.size(); ++b) sum += 2 + arch[b];
    return 1e-6 * sum * sizes[arch[0]] * sizes[arch[0]];
  };
  std::mt19937_64 rng(12);
  const auto records = [&](std::size_t count) {
    std::vector<NetRecord> out;
    for (std::size_t i = 0; i < count; ++i) {
      const Arch arch = scaled.sample(rng);
      out.push_back(arch_record(arch, cost(arch)));
    }
    return out;
  };
  const auto truth = records(300);
  const auto found = evaluate(TransferBase(scaled, {}).fit(records(200)), truth);
  // Least squares of one column an option, on 4000 of these without noise, leaves 8.5 %.
  CHECK(found.mape < .03);
}

TEST_CASE("a space without primitives that does not say so is refused") {
  struct Empty : MixinProfilingSearchSpace {
    [[nodiscard]] std::vector<Decision> decisions() const override { return {{"a", {"x", "y"}}}; }
    [[nodiscard]] std::vector<Prim> primitives(const Arch& /*arch*/) const override { return {}; }
  };
  const Empty empty;
  CHECK(has(error_of(Fault::unsupported, [&] { TransferBase(empty, {}); }), "OptionSpace"));
}

TEST_CASE("decisions of one option, and options that are too many to describe") {
  const OptionSpace constant({{"a", {"x"}}, {"b", {"x", "y", "z"}}, {"c", {"x"}}}, {{}, {{0, {0}}}, {{1, {1, 2}}}});
  std::vector<NetRecord> records;
  for (std::uint16_t i = 0; i < 3; ++i) records.push_back(arch_record({0, i, 0}, 1e-3 * (1 + i)));
  const Model model = TransferBase(constant, {}).fit(records);
  CHECK(model.predict_arch({0, 2, 0}).value > model.predict_arch({0, 0, 0}).value);

  std::vector<Decision> decisions{{"a", {"0", "1"}}};
  std::vector<std::vector<OptionSpace::Need>> needs(1);
  for (std::size_t i = 0; i < 25; ++i) {
    decisions.push_back({"d" + std::to_string(i), {"0", "1"}});
    needs.push_back({{i, {1}}});
  }
  const OptionSpace deep(decisions, needs);
  CHECK(has(error_of(Fault::unsupported, [&] { TransferBase(deep, {}); }), "at most 2^22 are possible"));
}

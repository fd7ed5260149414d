// SPDX-License-Identifier: Apache-2.0
// Several records of one network, as runs that were not averaged are: what is held out must not be known from another.
#include <doctest/doctest.h>

#include <map>

#include "model/cross_validate.hpp"
#include "model_support.hpp"
#include "neural_support.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

/// Networks of six primitives, each a factor of its own away from their sum, which nothing tells beforehand, measured
/// so many times.
std::vector<NetRecord> measured(int networks, int times) {
  std::vector<NetRecord> records;
  std::mt19937_64 rng(7);
  for (int n = 0; n < networks; ++n) {
    const double factor = 0.85 + 0.3 * static_cast<double>(rng() % 1000) / 999;
    std::vector<int> prims;
    std::vector<double> costs;
    double sum = 0;
    for (int i = 0; i < 6; ++i) {
      prims.push_back(static_cast<int>(rng() % 24));
      costs.push_back(Device::cost(prims.back()));
      sum += costs.back();
    }
    for (int t = 0; t < times; ++t)
      records.push_back(
          record_of(std::to_string(n) + "/" + std::to_string(t), prims, costs, sum * factor * (1 + 1e-4 * t)));
  }
  return records;
}

}  // namespace

TEST_CASE("records of one network are held out together, and count as one") {
  const auto records = measured(13, 4);
  const model::FitData data = model::collect(records, {});
  model::NetList nets;
  for (std::size_t i = 0; i < data.nets.size(); ++i) nets.push_back(i);
  REQUIRE(model::count_networks(data, nets) == 13);
  // Knows the networks that it was fitted on by heart, and nothing else.
  std::size_t fits = 0;
  const model::NetFitter by_heart = [&](const model::FitData& part, const model::NetList& train) {
    ++fits;
    std::map<std::vector<std::uint32_t>, double> known;
    for (const std::size_t i : train) known[part.nets[i].prims] = part.nets[i].measured;
    return std::optional<model::NetPredictor>([known](const model::FitNet& net) {
      const auto found = known.find(net.prims);
      return found == known.end() ? 0.0 : found->second;
    });
  };
  std::vector<std::string> notes;
  for (const std::size_t folds : {std::size_t{5}, std::size_t{10}, std::size_t{100}}) {
    fits = 0;
    const auto result = model::cross_validate(data, nets, 3, by_heart, notes, folds);
    CHECK(fits == std::min(folds, std::size_t{13}));
    CHECK(result.errors == std::vector<double>(13, 1.0));
    CHECK(result.standard_error() == 0);
  }
}

TEST_CASE("what is said of held-out networks does not depend on how often each was measured") {
  const auto error = [](const std::vector<NetRecord>& records, const std::string& kind) {
    FitOptions options;
    options.kind = kind;
    return fit(records, options).summary().cv_mape;
  };
  for (const std::string kind : {"table", "linear", "calibrated"}) {
    CAPTURE(kind);
    CHECK(error(measured(20, 5), kind) == Approx(error(measured(20, 1), kind)).epsilon(0.1));
  }
  // Nor do the estimates: what the records of a network share is no noise.
  const auto coefficient = [](int times, const char* name) {
    FitOptions options;
    options.kind = "calibrated";
    return fit(measured(20, times), options).summary().coefficients.at(name);
  };
  CHECK(coefficient(1, "noise") == Approx(0.3 / std::sqrt(12.0)).epsilon(0.3));
  for (const char* name : {"noise", "scale", "bias"})
    CHECK(coefficient(8, name) == Approx(coefficient(1, name)).epsilon(0.02));
  // Too few networks, however many records there are of them.
  model::register_trainer(draw_net);
  FitOptions options;
  options.kind = "mlp";
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(measured(9, 10), options); }), "found 9"));
  (void)fit(measured(10, 2), options);
  options.kind = "auto";
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(measured(1, 10), options); }), "found 1"));
  options.kind = "table";
  CHECK(fit(measured(1, 10), options).summary().notes.back() == "too few networks to cross-validate");
}

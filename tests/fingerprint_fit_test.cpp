// SPDX-License-Identifier: Apache-2.0
// Models against a made-up device whose law is not theirs, and their parts against brute force.
#include <doctest/doctest.h>

#include "base/files.hpp"
#include "fingerprint/impl.hpp"
#include "fingerprint_support.hpp"
#include "model/forest.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

const std::vector<int> levels{0, 30, 50, 70}, batches{2, 8, 16, 32};

}  // namespace

TEST_CASE("a decision tree has the best thresholds") {
  // One feature decides, at a place that a drawn threshold would hardly hit; the other is noise.
  std::mt19937_64 rng(1);
  std::vector<float> rows;
  std::vector<double> y;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(static_cast<float>(i));
    rows.push_back(static_cast<float>(base::draw_unit(rng)));
    y.push_back(i < 41 ? 1.0 : 5.0);
  }
  model::ForestOptions options;
  options.trees = 1;
  options.max_depth = 1;
  options.best_thresholds = true;
  const auto tree = model::Forest::fit(rows, 2, y, {}, options);
  CHECK(tree.nodes() == 3);
  for (const auto& [at, value] : {std::pair{40.4F, 1.0}, {40.6F, 5.0}, {0.0F, 1.0}, {99.0F, 5.0}}) {
    const float row[2] = {at, 0.5F};
    CHECK(tree.predict(row) == value);
  }
  options.max_depth = 64;
  options.min_leaf = 4;
  for (double& value : y) value += base::draw_unit(rng);
  const auto grown = model::Forest::fit(rows, 2, y, {}, options);
  CHECK(grown.nodes() > 7);
  CHECK(grown.nodes() <= 2 * 60 / 4 - 1);
}

TEST_CASE("networks that were not seen, levels that were not seen, and few rows of a new network") {
  const MadeUpDevice device;
  const auto data = measure(device, {"plain", "residual", "mobile", "fire"}, {0, 15, 30, 50, 70, 90}, batches, 0.01, 7);
  FingerprintOptions options;
  options.trees = 60;
  const auto model = fit_fingerprint(data, options);
  REQUIRE(model.fits().size() == 2);
  for (const auto& fit : model.fits()) {
    CAPTURE(to_string(fit.quantity));
    CHECK(fit.rows == 96);
    CHECK(fit.nets == 24);
    CHECK(fit.families == 4);
    CHECK(fit.held_out == "network");
    CHECK(fit.by_network.size() == 7);
    CHECK(fit.by_level.size() == 7);
    CHECK(fit.families_error.size() == 4);
    CHECK(fit.few.size() == 3);
    CHECK(!fit.importance.empty());
    CHECK(!fit.repeatability);
    const auto chosen = std::count_if(fit.by_network.begin(), fit.by_network.end(), [](auto& k) { return k.chosen; });
    CHECK(chosen == 1);
    CHECK(error_of_kind(fit.by_network, fit.kind) <= error_of_kind(fit.by_network, "forest"));
    // Few rows of the network help, on average over the networks.
    CHECK(fit.few.back().mean < fit.few.back().without);
  }
  CHECK(error_of_kind(fit_of(model, Metric::memory).by_network, fit_of(model, Metric::memory).kind) < 0.05);
  CHECK(error_of_kind(fit_of(model, Metric::latency).by_network, fit_of(model, Metric::latency).kind) < 0.15);
  CHECK(error_of_kind(fit_of(model, Metric::latency).by_level, "residual") < 0.06);

  // What the fit says of held-out networks holds for one that it never had, without noise.
  const std::vector<int> asked{4, 12, 32};
  const double memory = mean_error(model, device, "bottleneck", levels, asked, Metric::memory);
  const double latency = mean_error(model, device, "bottleneck", levels, asked, Metric::latency);
  CHECK(memory < 0.08);
  CHECK(latency < 0.25);

  // A network that takes half as much again for a reason that no feature tells.
  auto few = measure(device, {"bottleneck"}, {0, 60}, {2, 8, 24}, 0.01, 11);
  for (auto& sample : few.samples) sample.value *= 1.5;
  const auto updated = update_fingerprint(model, few);
  for (const Metric quantity : {Metric::latency, Metric::memory}) {
    CHECK(mean_error(model, device, "bottleneck", levels, asked, quantity, 1.5) > 0.25);
    CHECK(mean_error(updated, device, "bottleneck", levels, asked, quantity, 1.5) < 0.06);
  }
  const auto prediction = updated.predict(make_net("bottleneck", 30), 8, Stage::training, Metric::latency);
  CHECK(prediction.updated);
  // Others stay as they were.
  const auto other = make_net("plain", 30);
  CHECK(updated.predict(other, 8, Stage::training, Metric::latency).value ==
        model.predict(other, 8, Stage::training, Metric::latency).value);
  CHECK(!updated.predict(other, 8, Stage::training, Metric::latency).updated);

  few.from.device = "another";
  CHECK(has(error_of(Fault::usage, [&] { (void)update_fingerprint(model, few); }), "'another'"));
  CHECK(has(error_of(Fault::missing, [&] { (void)model.predict(other, 8, Stage::inference, Metric::latency); }),
            "training latency"));
}

TEST_CASE("an update never predicts nothing") {
  // The sum against the prediction times the mode of the common scale: minimises (s - 1)² + Σ (t - s)² / deviation².
  fingerprint::Update update;
  update.factors = {0.5, 0.9};
  update.bias = -0.1;
  const fingerprint::UpdateRule rule{"physical", 0.5, 0.1};
  const double scale = (1 + 4 * 0.5 + 4 * 0.9) / 9;
  const auto plain = fingerprint::updated(update, rule, {1, 1}, 2);
  CHECK(plain.value == doctest::Approx(1.3));
  CHECK(plain.apart == 0);
  for (const double column : {0.0, 0.05, 0.09}) {
    const auto low = fingerprint::updated(update, rule, {column, column}, 2 * column + 0.01);
    CHECK(low.value == doctest::Approx(scale * (2 * column + 0.01)));
    CHECK(low.apart > 0.7 * low.value);
  }

  const MadeUpDevice device;
  FingerprintOptions options;
  options.kind = "physical";
  options.trees = 10;
  const auto model =
      fit_fingerprint(measure(device, {"plain", "residual", "mobile"}, {0, 50}, {2, 8, 16}, 0, 1), options);
  // Large batches that cost less than in proportion: the line through them is below 0 at the smallest.
  auto few = measure(device, {"bottleneck"}, {0}, {64, 96, 128}, 0, 1);
  for (auto& sample : few.samples) sample.value *= std::pow(sample.batch / 96.0, 0.4);
  const auto updated = update_fingerprint(model, few);
  for (int level = 0; level <= 90; level += 30)
    for (const int batch : {1, 2, 64}) {
      const auto net = make_net("bottleneck", level);
      const auto before = model.predict(net, batch, Stage::training, Metric::latency);
      const auto after = updated.predict(net, batch, Stage::training, Metric::latency);
      CAPTURE(batch);
      CAPTURE(level);
      CHECK(after.updated);
      CHECK(after.value > 0.2 * before.value);
      CHECK(after.standard_error > 0);
      BatchLimits limits;
      limits.latency_s = 0.01 * before.value;
      CHECK(largest_batch(updated, net, Stage::training, limits) < batch);
    }
}

TEST_CASE("another algorithm from some batch on is found, and where there is none, none is made up") {
  const MadeUpDevice small;
  MadeUpDevice large = small;
  large.macs_per_s *= 3;
  const auto seen = [&](bool other) {
    auto data = measure(small, families(), {0, 30, 60}, {2, 4, 8, 16, 32}, 0.01, 4);
    std::mt19937_64 rng(8);
    for (auto& sample : data.samples)
      if (other && sample.batch >= 16 && sample.quantity == Metric::latency)
        sample.value = noisy(large.latency(data.nets[sample.net], sample.batch, true), 0.01, rng);
    return data;
  };
  FingerprintOptions options;
  options.kind = "physical";
  options.assess = false;
  const auto model = fit_fingerprint(seen(true), options);
  const TempFolder folder;
  save_fingerprint(folder.file("m.json"), model);
  const auto text = base::read_file(folder.file("m.json"));
  CHECK(has(text, "\"from_batch\""));
  const auto again = load_fingerprint(folder.file("m.json"));
  for (const int batch : {3, 12, 16, 48}) {
    CAPTURE(batch);
    double error = 0;
    for (const auto& family : families()) {
      const auto net = make_net(family, 45);
      const double truth = (batch < 16 ? small : large).latency(net, batch, true);
      const double value = model.predict(net, batch, Stage::training, Metric::latency).value;
      // Between 8 and 16 nothing was measured: either may hold.
      if (batch != 12) error += std::abs(value / truth - 1) / static_cast<double>(families().size());
      CHECK(again.predict(net, batch, Stage::training, Metric::latency).value == doctest::Approx(value).epsilon(1e-12));
    }
    CHECK(error < 0.06);
  }
  // With one algorithm the two parts agree where they meet.
  const auto plain = fit_fingerprint(seen(false), options);
  for (const auto& family : families()) {
    const auto net = make_net(family, 45);
    const double before = plain.predict(net, 15, Stage::training, Metric::latency).value;
    const double after = plain.predict(net, 16, Stage::training, Metric::latency).value;
    CHECK(after / before > 0.95);
    CHECK(after / before < 1.2);
  }
}

TEST_CASE("what was never measured is outside the range; batches beyond it are not taken for the largest seen") {
  const MadeUpDevice device;
  const auto data = measure(device, {"plain", "residual", "mobile"}, {0, 50}, {2, 8, 16}, 0, 1);
  FingerprintOptions options;
  options.kind = "residual";
  options.trees = 40;
  options.assess = false;
  const auto model = fit_fingerprint(data, options);
  const auto net = make_net("residual", 0);
  CHECK(model.predict(net, 8, Stage::training, Metric::memory).outside == 0);
  const auto far = model.predict(net, 64, Stage::training, Metric::memory);
  CHECK(far.outside > 0);
  CHECK(far.value == doctest::Approx(device.memory(net, 64, true)).epsilon(0.1));
}

TEST_CASE("trees alone: a batch beyond those measured costs what the physical sum says") {
  const MadeUpDevice device;
  const auto data = measure(device, {"plain", "residual", "mobile"}, {0, 50}, {2, 8, 16}, 0, 1);
  const auto net = make_net("residual", 0);
  for (const char* kind : {"tree", "forest", "blend"}) {
    FingerprintOptions options;
    options.kind = kind;
    options.trees = 40;
    const auto model = fit_fingerprint(data, options);
    for (const Metric quantity : {Metric::memory, Metric::latency}) {
      const double truth = quantity == Metric::memory ? device.memory(net, 256, true) : device.latency(net, 256, true);
      CHECK_MESSAGE(model.predict(net, 256, Stage::training, quantity).value == doctest::Approx(truth).epsilon(0.2),
                    kind);
    }
    BatchLimits limits;
    limits.memory_bytes = device.memory(net, 100, true);
    CHECK(std::abs(largest_batch(model, net, Stage::training, limits) - 100) < 20);
  }
}

TEST_CASE("families fitted on go by the kind that predicts their levels best, others by that for new networks") {
  const TempFolder folder;
  const MadeUpDevice device;
  // perf4sight's levels alone: some of them are left out all the same.
  const auto data = measure(device, {"plain", "residual", "mobile", "fire"}, {0, 30, 50, 70, 90}, batches, 0.01, 7);
  FingerprintOptions options;
  options.trees = 30;
  const auto model = fit_fingerprint(data, options);
  const auto few = measure(device, {"fire", "bottleneck"}, {0}, batches, 0.01, 4);
  const auto after = update_fingerprint(model, few);
  const auto file = folder.file("model.json");
  save_fingerprint(file, after);
  const auto again = load_fingerprint(file);
  bool differ = false;
  for (const auto& fit : model.fits()) {
    REQUIRE(fit.by_level.size() == 7);
    const auto least = [](const std::vector<KindError>& errors) {
      return *std::min_element(errors.begin(), errors.end(), [](auto& a, auto& b) { return a.mean < b.mean; });
    };
    const std::string kind = least(fit.by_network).kind, known = least(fit.by_level).kind;
    CHECK(fit.kind == kind);
    CHECK(fit.known_kind == known);
    for (const auto& one : fit.by_level) CHECK(one.chosen == (one.kind == known));
    differ = differ || known != kind;
    options.kind = known;
    const auto of_known = fit_fingerprint(data, options);
    options.kind = kind;
    const auto of_new = fit_fingerprint(data, options);
    for (const char* family : {"plain", "fire", "bottleneck"}) {
      const auto net = make_net(family, 40);
      const bool is_new = family == std::string("bottleneck");
      const auto predicted = model.predict(net, 8, Stage::training, fit.quantity);
      CHECK(predicted.value == (is_new ? of_new : of_known).predict(net, 8, Stage::training, fit.quantity).value);
      CHECK(predicted.standard_error / predicted.value < (is_new ? 1 : 1.5 * least(fit.by_level).most));
      const auto updated = after.predict(net, 8, Stage::training, fit.quantity);
      CHECK(updated.updated == (family != std::string("plain")));
      const double truth = fit.quantity == Metric::latency ? device.latency(net, 8, true) : device.memory(net, 8, true);
      CHECK(updated.value == doctest::Approx(truth).epsilon(0.15));
      CHECK(again.predict(net, 8, Stage::training, fit.quantity).value == updated.value);
      CHECK(again.predict(net, 8, Stage::training, fit.quantity).standard_error == updated.standard_error);
    }
  }
  CHECK(differ);
}

TEST_CASE("the largest batch that fits, against a walk over all batches") {
  const MadeUpDevice device;
  const auto data = measure(device, families(), {0, 50}, {1, 4, 16, 64}, 0, 1);
  FingerprintOptions options;
  options.kind = "physical";
  options.assess = false;
  const auto model = fit_fingerprint(data, options);
  const auto net = make_net("plain", 0);
  BatchLimits limits;
  limits.memory_bytes = device.memory(net, 37, true);
  const int largest = largest_batch(model, net, Stage::training, limits);
  CHECK(std::abs(largest - 37) <= 4);
  for (int batch = 1; batch <= largest + 1; ++batch)
    CHECK((model.predict(net, batch, Stage::training, Metric::memory).value <= *limits.memory_bytes) ==
          (batch <= largest));
  limits.latency_s = device.latency(net, 9, true);
  CHECK(largest_batch(model, net, Stage::training, limits) < largest);
  limits.latency_s = 1e-9;
  CHECK(largest_batch(model, net, Stage::training, limits) == 0);
  limits = {};
  limits.memory_bytes = 1e15;
  limits.most = 50;
  CHECK(largest_batch(model, net, Stage::training, limits) == 50);
  for (const int most : {0, -3}) {
    limits.most = most;
    CHECK(has(error_of(Fault::usage, [&] { (void)largest_batch(model, net, Stage::training, limits); }), "1 or more"));
  }
  limits.most = 50;
  CHECK(has(error_of(Fault::usage, [&] { (void)largest_batch(model, net, Stage::training, {}); }), "a limit"));
  limits.energy_j = 1;
  CHECK(has(error_of(Fault::missing, [&] { (void)largest_batch(model, net, Stage::training, limits); }), "energy"));
}

TEST_CASE("one network, one level: what can be held out is; too few rows are refused") {
  const MadeUpDevice device;
  FingerprintOptions options;
  options.trees = 10;
  const auto levels_only = fit_fingerprint(measure(device, {"plain"}, {0, 30, 60}, batches, 0.01, 1), options);
  CHECK(levels_only.fits()[0].held_out == "level");
  CHECK(levels_only.fits()[0].few.empty());
  const auto batch_only =
      fit_fingerprint(measure(device, {"plain"}, {0}, {1, 2, 4, 8, 16, 24, 32, 48}, 0.01, 1), options);
  CHECK(batch_only.fits()[0].held_out == "batch");
  auto repeated = measure(device, {"plain"}, {0}, {8, 8, 8, 8, 8, 8, 8, 8}, 0.02, 1);
  const auto rows_only = fit_fingerprint(repeated, options);
  CHECK(rows_only.fits()[0].held_out == "row");
  REQUIRE(rows_only.fits()[0].repeatability);
  CHECK(*rows_only.fits()[0].repeatability > 0.002);
  CHECK(*rows_only.fits()[0].repeatability < 0.06);
  const auto two = measure(device, {"plain"}, {0}, {1, 2}, 0, 1);
  CHECK(has(error_of(Fault::missing, [&] { (void)fit_fingerprint(two, options); }), "8 rows"));
  CHECK(has(error_of(Fault::missing, [&] { (void)fit_fingerprint({}, options); }), "no samples"));
  // A cost with too few rows beside one that can be fitted is told of.
  auto uneven = measure(device, {"plain"}, {0}, {1, 2, 4, 8, 16, 24, 32, 48}, 0.01, 1);
  std::size_t memories = 0;
  uneven.samples.erase(
      std::remove_if(uneven.samples.begin(), uneven.samples.end(),
                     [&](const CostSample& sample) { return sample.quantity == Metric::memory && ++memories > 3; }),
      uneven.samples.end());
  Notes notes;
  CHECK(fit_fingerprint(uneven, options, &notes).fits().size() == 1);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "training memory: 8 rows to fit on are needed, found 3"));
  options.by_level = true;
  const auto one_level = measure(device, {"plain", "fire"}, {0}, {1, 2, 4, 8, 16}, 0.01, 1);
  CHECK(has(error_of(Fault::usage, [&] { (void)fit_fingerprint(one_level, options); }), "not seen to choose by"));
  // A named kind need not be chosen; where one cost alone lacks such levels it is chosen by what there is.
  options.kind = "simple";
  CHECK(fit_fingerprint(one_level, options).fits().size() == 2);
  options.kind = "auto";
  auto some = measure(device, {"plain", "fire"}, {0, 30, 60}, {1, 2, 4, 8, 16}, 0.01, 1);
  some.samples.erase(std::remove_if(some.samples.begin(), some.samples.end(),
                                    [&](const CostSample& sample) {
                                      return sample.quantity == Metric::memory && some.nets[sample.net].level != 0.0;
                                    }),
                     some.samples.end());
  notes.clear();
  const auto by_either = fit_fingerprint(some, options, &notes);
  CHECK(!fit_of(by_either, Metric::latency).by_level.empty());
  CHECK(fit_of(by_either, Metric::memory).by_level.empty());
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "training memory: there are no pruning levels that were not seen to choose by"));
  CHECK(has(notes[0], "chosen by network"));
  options.by_level = false;
  options.kind = "forrest";
  CHECK(has(error_of(Fault::usage, [&] { (void)fit_fingerprint(two, options); }), "forest"));
  options.kind = "auto";
  options.assess = false;
  CHECK(has(error_of(Fault::usage, [&] { (void)fit_fingerprint(two, options); }), "held out"));
}

TEST_CASE("levels to fit on; the same call gives the same model") {
  const MadeUpDevice device;
  const auto data = measure(device, {"plain", "fire"}, {0, 20, 50, 80}, {2, 8, 32}, 0.01, 5);
  FingerprintOptions options;
  options.trees = 10;
  options.train_levels = {0, 50};
  const auto model = fit_fingerprint(data, options);
  CHECK(model.fits()[0].rows == 12);
  CHECK(!model.fits()[0].by_level.empty());
  const auto again = fit_fingerprint(data, options);
  const auto net = make_net("fire", 35);
  for (const auto& fit : model.fits())
    CHECK(model.predict(net, 5, Stage::training, fit.quantity).value ==
          again.predict(net, 5, Stage::training, fit.quantity).value);
}

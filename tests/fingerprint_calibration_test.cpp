// SPDX-License-Identifier: Apache-2.0
// Networks for calibration, and the terms that need them, on a made-up device.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/files.hpp"
#include "fingerprint_support.hpp"
#include "hwprof/jobs.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

const std::vector<int> levels{0, 30, 50, 70}, batches{2, 8, 16, 32};

/// Networks that are drawn, and what a training step of theirs takes on the device.
void add_drawn(CostData& data, int count, const MadeUpDevice& device) {
  JobPlan plan;
  plan.calibration = count;
  plan.image_size = 32;
  plan.batches = batches;
  std::mt19937_64 rng(5);
  for (const Net& job : make_jobs(plan)) {
    CostedNet net;
    net.id = job.arch;
    net.family = family_of(job.arch);
    net.parts.push_back({lower(job), {1, 3, 32, 32}});
    data.samples.push_back({data.nets.size(), job.batch, Stage::training, Metric::latency,
                            noisy(device.latency(net, job.batch, true), 0.01, rng)});
    data.nets.push_back(std::move(net));
  }
}

}  // namespace

TEST_CASE("drawn networks tell costs apart that the others do not; they are never held out") {
  const MadeUpDevice device;
  const auto few = measure(device, {"plain", "residual"}, levels, batches, 0.01, 3);
  auto more = few;
  add_drawn(more, 90, device);
  FingerprintOptions options;
  options.trees = 60;
  const auto before = fit_fingerprint(few, options), after = fit_fingerprint(more, options);
  const auto& fit = fit_of(after, Metric::latency);
  CHECK(fit.calibration == 90);
  CHECK(fit.rows == 32);
  CHECK(fit.nets == 8);
  CHECK(fit.families == 2);
  CHECK(fit.families_error.size() == 2);
  CHECK(fit.held_out == "network");
  CHECK(fit_of(after, Metric::memory).calibration == 0);
  // Depthwise convolutions are in no network that was measured.
  for (const std::string family : {"mobile", "fire", "bottleneck"}) {
    CAPTURE(family);
    const double with = mean_error(after, device, family, levels, batches, Metric::latency);
    const double without = mean_error(before, device, family, levels, batches, Metric::latency);
    CAPTURE(without);
    CHECK(with < 0.13);
    if (family == "mobile") CHECK(with < 0.7 * without);
  }
  // One network and calibration: what is held out is the network as a whole.
  CostData one = more;
  one.samples.erase(std::remove_if(one.samples.begin(), one.samples.end(),
                                   [&](const CostSample& sample) { return more.nets[sample.net].family == "plain"; }),
                    one.samples.end());
  const FingerprintModel of_one = fit_fingerprint(one, options);
  const auto& alone = fit_of(of_one, Metric::latency);
  CHECK(alone.held_out == "network");
  CHECK(alone.families_error.size() == 1);
  CHECK(alone.families_error.at("residual") < 0.15);
  // Calibration alone is judged by itself.
  one.samples.erase(std::remove_if(one.samples.begin(), one.samples.end(),
                                   [&](const CostSample& sample) {
                                     return sample.quantity == Metric::memory ||
                                            more.nets[sample.net].family != "calibration";
                                   }),
                    one.samples.end());
  const FingerprintModel of_drawn = fit_fingerprint(one, options);
  const auto& drawn = fit_of(of_drawn, Metric::latency);
  CHECK(drawn.calibration == 0);
  CHECK(drawn.rows == 90);
}

TEST_CASE("fewer rows than may be judged by: networks for calibration are held out as well, and it is told") {
  const MadeUpDevice device;
  CostData data = measure(device, {"plain"}, {0}, {8}, 0, 3);
  data.samples.pop_back();  // latency stays
  add_drawn(data, 60, device);
  FingerprintOptions options;
  options.trees = 12;
  Notes notes;
  const auto model = fit_fingerprint(data, options, &notes);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "training latency: 1 rows besides calibration, fewer than 8"));
  const auto& fit = model.fits()[0];
  CHECK(fit.rows == 61);
  CHECK(fit.calibration == 0);
  CHECK(fit.held_out == "network");
  CHECK(fit.few.empty());
  REQUIRE(fit.families_error.size() == 2);
  // What is reported is the mean over all 61, each of which was held out.
  const double mean = (fit.families_error.at("plain") + 60 * fit.families_error.at("calibration")) / 61;
  CHECK(error_of_kind(fit.by_network, fit.kind) == doctest::Approx(mean));
  const auto said = model.predict(data.nets[0], 8, Stage::training, Metric::latency);
  CHECK(said.standard_error >= 0.8 * mean * said.value);  // a root mean square, which is no less
}

TEST_CASE("terms of kernels are taken where they predict what was left out better") {
  // Time by MACs, bytes and layers alone; and by weights that are read again for every image and the like, which only
  // terms of kernels know.
  const auto index = [](const char* name) {
    const auto names = list_fingerprint_features(Stage::training);
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  const auto seen = [&](bool by_kernel) {
    auto data = measure(MadeUpDevice{}, families(), {0, 30, 60, 80}, {2, 8, 16, 32, 64}, 0, 4);
    std::mt19937_64 rng(6);
    for (auto& sample : data.samples) {
      const auto x = fingerprint_of(data.nets[sample.net], sample.batch, Stage::training);
      const double macs =
          x[index("own.macs_pointwise")] + x[index("own.macs_window")] + 4 * x[index("own.macs_grouped")];
      double sum = macs / 2e11 * (sample.batch >= 16 ? 0.8 : 1.3) + x[index("own.bytes_product")] / 2e10 +
                   3 * x[index("own.param_bytes")] / 2e10 + 2e-4 * x[index("own.launches")] / 3;
      if (by_kernel)
        sum = x[index("kernel.reread_window")] / 2e9 + x[index("kernel.values_grouped")] / 2e9 +
              1e-4 * x[index("kernel.launches_window")];
      sample.value = noisy(sum, 0.01, rng);
    }
    return data;
  };
  FingerprintOptions options;
  options.kind = "physical";
  const TempFolder folder;
  for (const bool by_kernel : {false, true}) {
    CAPTURE(by_kernel);
    const auto model = fit_fingerprint(seen(by_kernel), options);
    save_fingerprint(folder.file("m.json"), model);
    const bool taken = base::read_file(folder.file("m.json")).find("\"kernel.reread_window\": ") != std::string::npos;
    CHECK(taken == by_kernel);
    // With the other terms the error of either would be more than half as large again.
    CHECK(fit_of(model, Metric::latency).by_network[0].mean < (by_kernel ? 0.5 : 0.07));
  }
}

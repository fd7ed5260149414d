// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "torch/readings.hpp"

using namespace hwprof;

namespace {

/// As on CUDA: one forward() runs the network several times, more often once it is known how long that takes.
class ManyRuns : public TorchSubject {
 public:
  ManyRuns() : TorchSubject(0) {}
  void forward(double* seconds, bool) override {
    seconds[0] = 1e-4;
    count_runs(times_);
    times_ = 21;
  }

 private:
  std::int64_t times_ = 1;
};

/// Half a joule a run.
class HalfJoule : public measuring::EnergyCounter {
 public:
  explicit HalfJoule(const TorchSubject& subject) : subject_(subject) {}
  [[nodiscard]] double joules() override { return 0.5 * static_cast<double>(subject_.runs()); }

 private:
  const TorchSubject& subject_;
};

}  // namespace

TEST_CASE("energy is that of one run, however many a forward() makes") {
  for (const bool train : {false, true}) {
    ManyRuns subject;
    HalfJoule counter(subject);
    const auto readings = take_readings(subject, 0, torch::Device(torch::kCPU), train, counter, 0.002);
    CHECK(readings.values.at(train ? "train_energy_j" : "energy_j") == doctest::Approx(0.5));
  }
}

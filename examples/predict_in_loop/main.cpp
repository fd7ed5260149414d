// SPDX-License-Identifier: Apache-2.0
// A search loop that knows what every candidate costs on the device:
//   predict_in_loop [space.yaml model.json]
// By default it takes the small space beside this file, and the model that hwprof-cli profile made of it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/hwprof.hpp"

namespace {

using hwprof::Arch;
using Space = std::shared_ptr<const hwprof::MixinProfilingSearchSpace>;

/// Stands in for what a NAS code base brings itself, its estimate of accuracy: the logarithm of the arithmetic.
class Capacity : public hwprof::Objective {
 public:
  explicit Capacity(Space space) : space_(std::move(space)) {}
  [[nodiscard]] std::vector<std::string> perf_names() const override { return {"log10_macs"}; }
  [[nodiscard]] std::vector<double> get_perfs(const Arch& arch) const override { return {get_reward(arch)}; }
  [[nodiscard]] double get_loss(const Arch&) const override { return 0; }
  [[nodiscard]] double get_reward(const Arch& arch) const override {
    double macs = 0;
    for (const hwprof::Prim& prim : space_->primitives(arch)) macs += hwprof::count_work(prim).macs;
    return std::log10(macs);
  }

 private:
  Space space_;
};

/// Seconds that f takes, over this many calls.
template <typename F>
double seconds_for(int calls, F&& f) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const std::string& space_file, const std::string& model_file) {
  const Space space = hwprof::load_space(space_file).space;
  const hwprof::Model model = hwprof::load_model(model_file);

  // Half-way between the fastest and the slowest of some architectures.
  std::mt19937_64 rng(7);
  double fastest = model.predict(space->primitives(space->sample(rng)));
  double slowest = fastest;
  for (int i = 0; i < 100; ++i) {
    const double latency_s = model.predict(space->primitives(space->sample(rng)));
    fastest = std::min(fastest, latency_s);
    slowest = std::max(slowest, latency_s);
  }
  const double limit_s = (fastest + slowest) / 2;

  // Up to the limit a latency changes nothing; beyond, the reward falls as the latency rises (MnasNet's hard form).
  const auto hardware = std::make_shared<hwprof::HardwareObjective>(
      space, std::vector<hwprof::HardwarePerf>{{"latency", model, hwprof::mnasnet_form(limit_s, 0, -1)}});
  const hwprof::ContainerObjective total({hardware, std::make_shared<Capacity>(space)});

  Arch best = space->sample(rng);
  double best_score = total.get_reward(best);
  for (int i = 0; i < 1000; ++i) {
    const Arch arch = space->sample(rng);
    const double score = total.get_reward(arch);
    if (score > best_score) {
      best = arch;
      best_score = score;
    }
  }

  const std::vector<std::string> names = total.perf_names();
  const std::vector<double> perfs = total.get_perfs(best);
  std::cout << "limit " << limit_s * 1e3 << " ms; best of 1000: " << hwprof::describe(*space, best) << '\n';
  for (std::size_t i = 0; i < names.size(); ++i) std::cout << "  " << names[i] << " = " << perfs[i] << '\n';

  const std::vector<hwprof::Prim> prims = space->primitives(best);
  const int calls = 10000;
  const double seconds = seconds_for(calls, [&] { (void)model.predict(prims); });
  std::cout << "one prediction of " << prims.size() << " primitives: " << seconds / calls * 1e6 << " us\n";
  return perfs.front() > 0 && perfs.front() <= limit_s ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && argc != 3) {
    std::cerr << "usage: predict_in_loop [space.yaml model.json]\n";
    return 2;
  }
  try {
    const std::string folder = EXAMPLE_DIR;
    return argc == 3 ? run(argv[1], argv[2]) : run(folder + "/space.yaml", folder + "/model.json");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

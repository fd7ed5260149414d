// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>

#include "hwprof/objective.hpp"
#include "model_support.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

/// Two positions with a choice of three primitives each.
class TwoBlocks : public MixinProfilingSearchSpace {
 public:
  [[nodiscard]] std::vector<Decision> decisions() const override {
    return {{"a", {"0", "1", "2"}}, {"b", {"0", "1", "2"}}};
  }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    return {prim_of(arch.at(0)), prim_of(arch.at(1))};
  }
};

/// A task objective: accuracy as perf and reward, cross entropy as loss.
class Task : public Objective {
 public:
  [[nodiscard]] std::vector<std::string> perf_names() const override { return {"acc", "loss"}; }
  [[nodiscard]] std::vector<double> get_perfs(const Arch& arch) const override {
    return {get_reward(arch), get_loss(arch)};
  }
  [[nodiscard]] double get_reward(const Arch& arch) const override { return 0.5 + 0.1 * arch[0]; }
  [[nodiscard]] double get_loss(const Arch& arch) const override { return 2.0 + arch[1]; }
};

Model table(Metric metric, double factor) {
  auto record = record_of("t", {0, 1, 2}, {1 * factor, 2 * factor, 4 * factor}, -1);
  for (auto& prim : record.prims) prim.perf = {{metric, prim.perf.at(Metric::latency)}};
  FitOptions options;
  options.kind = "table";
  options.metric = metric;
  return fit({record}, options);
}

std::shared_ptr<const Objective> hardware() {
  return std::make_shared<HardwareObjective>(
      std::make_shared<TwoBlocks>(), std::vector<Model>{table(Metric::latency, 1e-3), table(Metric::energy, 1)});
}

}  // namespace

TEST_CASE("a hardware objective reports one cost per model and neither reward nor loss") {
  const auto objective = hardware();
  CHECK(objective->perf_names() == std::vector<std::string>{"latency", "energy"});
  const auto perfs = objective->get_perfs({0, 2});
  REQUIRE(perfs.size() == 2);
  CHECK(perfs[0] == Approx(5e-3));
  CHECK(perfs[1] == Approx(5));
  CHECK(objective->get_reward({0, 2}) == 0);
  CHECK(objective->get_loss({0, 2}) == 0);
}

TEST_CASE("a container joins perfs and adds weighted rewards and losses") {
  const auto task = std::make_shared<Task>();
  const ContainerObjective plain({task, hardware()});
  CHECK(plain.perf_names() == std::vector<std::string>{"acc", "loss", "latency", "energy"});
  CHECK(plain.get_perfs({1, 2}).size() == 4);
  CHECK(plain.get_perfs({1, 2})[0] == Approx(0.6));
  CHECK(plain.get_perfs({1, 2})[2] == Approx(6e-3));
  CHECK(plain.get_reward({1, 2}) == Approx(0.6));
  CHECK(plain.get_loss({1, 2}) == Approx(4));
  const ContainerObjective weighted({task, task, hardware()}, {0.5, 2, 7}, {1, -0.25, 3});
  CHECK(weighted.get_loss({1, 2}) == Approx(0.5 * 4 + 2 * 4));
  CHECK(weighted.get_reward({1, 2}) == Approx(0.6 - 0.25 * 0.6));
  const ContainerObjective nested({std::make_shared<ContainerObjective>(weighted), task}, {10, 1});
  CHECK(nested.get_loss({1, 2}) == Approx(104));
  CHECK(nested.perf_names().size() == 8);
}

TEST_CASE("what makes no sense is refused") {
  const auto space = std::make_shared<TwoBlocks>();
  const Model latency = table(Metric::latency, 1);
  CHECK(has(error_of(Fault::usage, [&] { HardwareObjective(nullptr, {latency}); }), "search space"));
  CHECK(has(error_of(Fault::usage, [&] { HardwareObjective(space, std::vector<Model>{}); }), "at least one"));
  CHECK(has(error_of(Fault::usage, [&] { HardwareObjective(space, {latency, latency}); }), "one model per perf"));
  const auto task = std::make_shared<Task>();
  CHECK(has(error_of(Fault::usage, [&] { ContainerObjective({task, task}, {1}); }), "loss_coefs: 2 coefficients"));
  CHECK(has(error_of(Fault::usage, [&] { ContainerObjective({task}, {}, {1, 2}); }), "reward_coefs: 1 coefficients"));
  CHECK(has(error_of(Fault::usage, [&] { ContainerObjective({task, nullptr}); }), "empty objective"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(has(error_of(Fault::usage, [&] { ContainerObjective({task}, {nan}); }), "not finite"));
}

TEST_CASE("a primitive that a model does not know is an error, not a cost of 0") {
  const auto partial = std::make_shared<HardwareObjective>(std::make_shared<TwoBlocks>(), std::vector<Model>{[] {
                                                             FitOptions options;
                                                             options.kind = "table";
                                                             return fit({record_of("t", {0, 1}, {1, 2}, -1)}, options);
                                                           }()});
  CHECK(has(error_of(Fault::missing, [&] { (void)partial->get_perfs({0, 2}); }), to_string(prim_of(2))));
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"

namespace hwprof_test {

/// A device without hardware: every primitive takes a time that follows from its hash, give or take half a
/// percent from network to network. A network takes HWPROF_FAKE_DELAY_MS to measure; when it is measured its
/// id goes to the file HWPROF_FAKE_LOG, and raw/done says so.
class FakeCompiler : public hwprof::BaseHardwareCompiler {
 public:
  explicit FakeCompiler(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string name() const override { return name_; }

  /// Without the noise [s].
  static double seconds(const hwprof::Prim& prim) {
    return 1e-5 * (1 + static_cast<double>(hwprof::hash(prim) % 1000) / 100);
  }

 private:
  static std::string done_file(const hwprof::Artifact& artifact) { return artifact.dir + "/raw/done"; }

  static std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  void do_compile(const hwprof::Artifact&) override {}

  void do_measure(const std::vector<hwprof::Artifact>& artifacts, const hwprof::MeasureOptions& options) override {
    const std::string delay = variable("HWPROF_FAKE_DELAY_MS");
    double done = 0;
    for (const auto& artifact : artifacts) {
      if (options.stop && options.stop())
        throw hwprof::Error(hwprof::Fault::interrupted, "measuring was stopped on request");
      if (std::filesystem::exists(done_file(artifact))) continue;
      if (!delay.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(delay)));
      std::filesystem::create_directories(artifact.dir + "/raw");
      if (const std::string log = variable("HWPROF_FAKE_LOG"); !log.empty())
        std::ofstream(log, std::ios::app) << artifact.net.id << '\n';
      std::ofstream(done_file(artifact)) << options.batch << '\n';
      if (options.progress) options.progress({++done, static_cast<double>(artifacts.size()), 0, "measuring"});
    }
  }

  [[nodiscard]] hwprof::NetRecord do_net_to_primitive(const hwprof::Artifact& artifact) const override {
    hwprof::NetRecord record;
    record.from.device = name_;
    record.from.compiler = "fake";
    record.from.mode = "inference";
    if (!std::filesystem::exists(done_file(artifact))) {
      record.state = hwprof::RunState::failed;
      record.reason = "was not measured";
      return record;
    }
    double total = 0;
    std::uint64_t noise = 77 + std::strtoull(artifact.net.id.c_str(), nullptr, 10);
    for (const auto& layer : artifact.net.layers) {
      noise = noise * 6364136223846793005U + 1442695040888963407U;
      const double share = static_cast<double>(noise >> 40U) / static_cast<double>(1U << 24U);
      const double value = seconds(layer.prim) * (0.995 + 0.01 * share);
      total += value;
      record.prims.push_back({layer.prim, {{hwprof::Metric::latency, {value, value * 0.001, 10, 1}}}, layer.glue});
    }
    record.overall[hwprof::Metric::latency] = {total, total * 0.001, 10, 1};
    return record;
  }

  std::string name_;
};

inline void register_fake_compiler() {
  hwprof::register_compiler("fake", [](const std::string& name) { return std::make_unique<FakeCompiler>(name); });
}

}  // namespace hwprof_test

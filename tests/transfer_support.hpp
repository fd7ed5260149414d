// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"
#include "hwprof/transfer.hpp"

namespace hwprof_test {

/// Depth, expansion, kernel and resolution, with the blocks of a phone's network.
inline constexpr const char* small_ofa = R"(kind: ofa
name: small_ofa
image_size_choice: [64, 96, 128]
stem_type: stem
stem_stride: 2
stem_activation: h_swish
primitive_type: mobilenet_v3_block
base_channels: [16, 16, 24, 40, 80, 160]
strides: [1, 2, 2, 2]
acts: [relu, relu, h_swish, h_swish]
use_ses: [false, false, true, false]
num_cell_groups: [1, 3, 3, 3]
depth_choice: [2, 3]
width_choice: [3, 4, 6]
kernel_choice: [3, 5, 7]
)";

/// A device whose cost is a sum over primitives: a launch each, time per MAC and per byte, with its own taste for types
/// of blocks; relative normal noise on top.
struct PaperDevice {
  double launch = 1e-5, per_mac = 1e-12, per_byte = 1e-11, noise = 0;
  double large_kernels = 1;  ///< what a kernel above 3 costs beside one of 3

  [[nodiscard]] double cost(const std::vector<hwprof::Prim>& prims) const {
    double sum = 0;
    for (const auto& prim : prims) {
      const std::string key = hwprof::to_string(prim);
      auto [at, fresh] = known.emplace(key, 0);
      if (fresh) {
        const auto work = hwprof::count_work(prim);
        const bool large =
            key.find("kernel_size=5") != std::string::npos || key.find("kernel_size=7") != std::string::npos;
        at->second = launch + (large ? large_kernels : 1) * per_mac * work.macs +
                     per_byte * (work.input_bytes + work.output_bytes);
      }
      sum += at->second;
    }
    return sum;
  }
  mutable std::map<std::string, double> known;
};

inline hwprof::NetRecord arch_record(const hwprof::Arch& arch, double cost,
                                     hwprof::Metric metric = hwprof::Metric::latency) {
  hwprof::NetRecord record;
  record.arch = hwprof::to_string(arch);
  record.net_id = record.arch;
  record.from.device = "paper";
  record.overall[metric].value = cost;
  return record;
}

inline std::vector<hwprof::NetRecord> measure(const hwprof::MixinProfilingSearchSpace& space, const PaperDevice& device,
                                              std::size_t count, std::uint64_t seed,
                                              hwprof::Metric metric = hwprof::Metric::latency) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> normal;
  std::vector<hwprof::NetRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    const auto arch = space.sample(rng);
    const double cost = device.cost(space.primitives(arch)) * (1 + device.noise * normal(rng));
    records.push_back(arch_record(arch, cost, metric));
  }
  return records;
}

}  // namespace hwprof_test

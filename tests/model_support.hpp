// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "hwprof/model.hpp"

namespace hwprof_test {

/// The i-th of a family of distinct valid primitives.
inline hwprof::Prim prim_of(int i) {
  hwprof::Prim prim;
  prim.prim_type = "mobilenet_v2_block";
  prim.spatial_size = 7 * (1 + i % 4);
  prim.C = 8 * (1 + i / 4);
  prim.C_out = prim.C;
  prim.attrs = {
      {"activation", std::string("relu6")}, {"expansion", std::int64_t{1 + i % 3}}, {"kernel_size", std::int64_t{3}}};
  return prim;
}

/// A record of latencies; overall < 0 means that there is none.
inline hwprof::NetRecord record_of(const std::string& id, const std::vector<int>& prims,
                                   const std::vector<double>& costs, double overall, const std::string& purpose = "") {
  hwprof::NetRecord record;
  record.net_id = id;
  record.purpose = purpose;
  record.from.device = "cpu";
  record.from.compiler = "cpu";
  record.from.mode = "inference";
  record.from.environment["threads"] = "1";
  for (std::size_t i = 0; i < prims.size(); ++i) {
    hwprof::PrimRecord prim;
    prim.prim = prim_of(prims[i]);
    prim.perf[hwprof::Metric::latency].value = costs[i];
    record.prims.push_back(prim);
  }
  if (overall >= 0) record.overall[hwprof::Metric::latency].value = overall;
  return record;
}

/// A device whose whole networks cost scale * sum + bias + per_block * blocks, with relative noise.
struct Device {
  double scale = 1.1, bias = 3e-4, per_block = 0, noise = 0, prim_noise = 0;
  int kinds = 24, least = 4, most = 14;

  [[nodiscard]] static double cost(int prim) { return 1e-4 * (1 + prim % 7) + 3e-6 * prim; }

  [[nodiscard]] std::vector<hwprof::NetRecord> measure(int nets, std::uint64_t seed,
                                                       const std::string& purpose = "") const {
    std::mt19937_64 rng(seed);
    std::normal_distribution<double> normal;
    std::vector<hwprof::NetRecord> records;
    for (int n = 0; n < nets; ++n) {
      std::vector<int> prims;
      std::vector<double> costs;
      double sum = 0;
      const int count = least + static_cast<int>(rng() % static_cast<std::uint64_t>(most - least + 1));
      for (int i = 0; i < count; ++i) {
        // The first networks walk through all kinds, so that every one is measured.
        prims.push_back(n * most + i < 2 * kinds * most ? (n * count + i) % kinds : static_cast<int>(rng() % 24));
        costs.push_back(cost(prims.back()) * (1 + prim_noise * normal(rng)));
        sum += cost(prims.back());
      }
      const double overall = (scale * sum + bias + per_block * count) * (1 + noise * normal(rng));
      records.push_back(record_of(purpose + std::to_string(n), prims, costs, overall, purpose));
      records.back().arch = std::to_string(n) + "." + std::to_string(seed);
    }
    return records;
  }
};

inline std::vector<hwprof::Prim> prims_of(const hwprof::NetRecord& record) {
  std::vector<hwprof::Prim> prims;
  for (const auto& prim : record.prims) prims.push_back(prim.prim);
  return prims;
}

}  // namespace hwprof_test

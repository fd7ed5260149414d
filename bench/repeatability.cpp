// SPDX-License-Identifier: Apache-2.0
// The two helpers of bench/repeatability.sh:
//   hwprof_bench_repeatability naive PROF_NETS_DIR OUT.jsonl   measures the packed networks as is usual: two warm-ups,
//       100 forwards in a row, the mean; nothing done about allocator, affinity or drift
//   hwprof_bench_repeatability compare A.jsonl B.jsonl         how far two runs agree on the primitives they share,
//       from all their networks and from the packed ones alone
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "hwprof/hwprof.hpp"
#include "hwprof/torch.hpp"

namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

hwprof::NetRecord measure_naively(const hwprof::Net& net) {
  constexpr int warm_ups = 2;
  constexpr int forwards = 100;
  const torch::NoGradGuard no_grad;
  torch::set_num_threads(1);
  std::vector<int> op_layers;
  const hwprof::Shape shape{1, net.image_channels, net.image_size, net.image_size};
  hwprof::GraphModule module(hwprof::lower(net, &op_layers), shape);
  const auto input = torch::rand({shape[0], shape[1], shape[2], shape[3]});
  std::vector<double> layers(net.layers.size(), 0.0);
  double whole = 0;
  for (int i = -warm_ups; i < forwards; ++i) {
    const double begin = now_s();
    double last = begin;
    std::vector<double> times(layers.size(), 0.0);
    (void)module.forward(input, [&](int op) {
      const double now = now_s();
      const int layer = op_layers[static_cast<std::size_t>(op)];
      if (layer >= 0) times[static_cast<std::size_t>(layer)] += now - last;
      last = now;
    });
    if (i < 0) continue;
    whole += (now_s() - begin) / forwards;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) layers[layer] += times[layer] / forwards;
  }
  hwprof::NetRecord record;
  record.net_id = net.id;
  record.purpose = "coverage";
  record.from = {"cpu", "naive", "inference", {}, false};
  const auto mean = [](double value) { return hwprof::Perf{{hwprof::Metric::latency, {value, 0, forwards, 0}}}; };
  record.overall = mean(whole);
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    record.prims.push_back({net.layers[layer].prim, mean(layers[layer]), net.layers[layer].glue});
  return record;
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

/// Median over the places where a primitive was met.
std::map<hwprof::Prim, double> latencies(const std::string& file, bool packed_only) {
  std::map<hwprof::Prim, std::vector<double>> met;
  for (const auto& record : hwprof::load_records(file)) {
    if (packed_only && record.purpose != "coverage") continue;
    for (const auto& row : record.prims)
      if (const auto found = row.perf.find(hwprof::Metric::latency); !row.glue && found != row.perf.end())
        met[row.prim].push_back(found->second.value);
  }
  std::map<hwprof::Prim, double> out;
  for (const auto& [prim, values] : met) out[prim] = quantile(values, 0.5);
  return out;
}

bool compare(const std::string& file_a, const std::string& file_b, bool packed_only) {
  const auto a = latencies(file_a, packed_only);
  const auto b = latencies(file_b, packed_only);
  std::vector<double> differences;
  for (const auto& [prim, value] : a)
    if (const auto other = b.find(prim); other != b.end())
      differences.push_back(std::abs(value - other->second) / (0.5 * (value + other->second)));
  if (differences.empty()) {
    std::cerr << "no primitive is in both files\n";
    return false;
  }
  std::printf("%-15s %zu primitives: median difference %.2f %%, 95th percentile %.2f %%, largest %.1f %%\n",
              packed_only ? "packed networks" : "all networks", differences.size(), 100 * quantile(differences, 0.5),
              100 * quantile(differences, 0.95), 100 * quantile(differences, 1));
  return true;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == "naive") {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    std::vector<hwprof::NetRecord> records;
    for (const auto& file : files)
      if (const auto net = hwprof::load_net(file); net.purpose == "coverage") records.push_back(measure_naively(net));
    hwprof::save_records(arguments[2], records);
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "compare")
    return compare(arguments[1], arguments[2], false) && compare(arguments[1], arguments[2], true) ? 0 : 1;
  std::cerr << "usage: hwprof_bench_repeatability naive PROF_NETS_DIR OUT.jsonl | compare A.jsonl B.jsonl\n";
  return 2;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

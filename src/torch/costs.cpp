// SPDX-License-Identifier: Apache-2.0
#include "torch/costs.hpp"

#include <numeric>

#include "base/text.hpp"
#include "record/jsonl.hpp"

namespace hwprof {
namespace {

using measuring::Estimate;
using measuring::NetEstimate;

Measured measured(const Estimate& found, const NetEstimate& of) {
  return {found.value_s, found.half_width_s, of.samples, of.dropped};
}

/// Visits whose samples have the four phases as parts.
std::vector<measuring::Visit> by_phase(std::vector<measuring::Visit> visits, std::size_t layers) {
  const auto merge = [layers](measuring::Sample& sample) {
    const auto at = [&sample](std::size_t part) { return sample.begin() + static_cast<std::ptrdiff_t>(1 + part); };
    sample = {sample[0], std::accumulate(at(0), at(layers), 0.0), *at(layers),
              std::accumulate(at(layers + 1), at(2 * layers + 1), 0.0), *at(2 * layers + 1)};
  };
  for (auto& visit : visits)
    for (auto* samples : {&visit.samples, &visit.disturbed})
      for (auto& sample : *samples) merge(sample);
  return visits;
}

/// Share of the parameters that each layer has; equal shares where there are none.
std::vector<double> parameter_shares(const Net& net) {
  std::vector<int> layers;
  const Graph graph = lower(net, &layers);
  std::vector<double> shares(net.layers.size());
  double sum = 0;
  const auto work = count_work(graph, {1, net.image_channels, net.image_size, net.image_size});
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (layers[i] < 0) continue;
    shares[static_cast<std::size_t>(layers[i])] += work[i].params;
    sum += work[i].params;
  }
  for (double& share : shares) share = sum > 0 ? share / sum : 1 / static_cast<double>(shares.size());
  return shares;
}

}  // namespace

void put_forward_costs(NetRecord& record, const Net& net, const std::vector<measuring::Visit>& visits,
                       const measuring::Factors& factors) {
  const auto found = measuring::estimate(visits, net.layers.size(), factors);
  record.overall[Metric::latency] = measured(found.whole, found);
  for (std::size_t i = 0; i < net.layers.size(); ++i)
    record.prims.push_back(
        {net.layers[i].prim, {{Metric::latency, measured(found.parts[i], found)}}, net.layers[i].glue});
}

void put_training_costs(NetRecord& record, const Net& net, const std::vector<measuring::Visit>& visits,
                        std::size_t parts, bool whole_only, const measuring::Factors& factors) {
  const std::size_t layers = parts / 2 - 1;
  const auto phases = measuring::estimate(by_phase(visits, layers), 4, factors);
  record.overall[Metric::train_latency] = measured(phases.whole, phases);
  for (const Layer& layer : net.layers) record.prims.push_back({layer.prim, {}, layer.glue});
  if (whole_only) return;
  const Metric metrics[] = {Metric::forward_latency, Metric::loss_latency, Metric::backward_latency,
                            Metric::optimizer_latency};
  for (std::size_t i = 0; i < 4; ++i) record.overall[metrics[i]] = measured(phases.parts[i], phases);
  if (layers != net.layers.size()) return;  // layers were not told apart
  const auto found = measuring::estimate(visits, parts, factors);
  const auto shares = parameter_shares(net);
  record.overhead[Metric::train_latency] = measured(found.parts[layers], found);
  const Estimate& optimizer = found.parts[2 * layers + 1];
  for (std::size_t i = 0; i < layers; ++i) {
    const Estimate &forward = found.parts[i], &backward = found.parts[layers + 1 + i];
    const Estimate sum{forward.value_s + backward.value_s + shares[i] * optimizer.value_s,
                       forward.half_width_s + backward.half_width_s + shares[i] * optimizer.half_width_s};
    record.prims[i].perf = {{Metric::train_latency, measured(sum, found)},
                            {Metric::forward_latency, measured(forward, found)},
                            {Metric::backward_latency, measured(backward, found)}};
  }
}

void put_readings(NetRecord& record, const std::vector<measuring::Readings>& readings) {
  for (const auto& reading : readings) {
    for (const Metric metric : list_metrics()) {
      const auto value = reading.values.find(record::key_of(metric));
      if (value != reading.values.end()) record.overall[metric] = {value->second, 0, 1, 0};
    }
    for (const auto& [name, reason] : reading.absent) record.from.environment["no_" + name] = reason;
  }
}

}  // namespace hwprof

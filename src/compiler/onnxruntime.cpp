// SPDX-License-Identifier: Apache-2.0
#include "compiler/onnxruntime.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/stats.hpp"
#include "base/text.hpp"
#include "compiler/ort_measuring.hpp"
#include "compiler/ort_profile.hpp"
#include "compiler/sampled.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"

namespace hwprof::compiling {
namespace {

Perf latency(double value, double spread, std::size_t samples, std::int64_t dropped = 0) {
  return {{Metric::latency, Measured{value, spread, static_cast<std::int64_t>(samples), dropped}}};
}

/// Seconds that a call costs without any work in it; at most half of what the network took.
double launch_of(const measuring::Outcome& outcome, double whole_s) {
  const auto found = outcome.environment.find(launch_key);
  const auto value = found == outcome.environment.end() ? std::nullopt : base::to_double(found->second);
  if (!value || !(*value >= 0)) return 0;
  return std::min(*value, whole_s / 2);
}

}  // namespace

void OrtCompiler::do_check_options(const MeasureOptions& options) const {
  (void)OrtOptions(options.device_options);
}

void OrtCompiler::do_compile(const Artifact& artifact) {
  const OrtFiles files(artifact.dir);
  const Net& net = artifact.net;
  std::vector<int> layers;
  const Graph graph = lower(net, &layers);
  write_onnx(files.model, graph_of(artifact), {1, net.image_channels, net.image_size, net.image_size});
  base::write_file(files.map, to_json(op_map(graph, layers), net.id));
}

void OrtCompiler::do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) {
  OrtMeasuring(artifacts, options).run();
}

NetRecord OrtCompiler::do_net_to_primitive(const Artifact& artifact) const {
  NetRecord record;
  record.from.device = name();
  record.from.compiler = "onnxruntime";
  record.from.mode = "inference";
  const OrtFiles files(artifact.dir);
  const auto sampled = read_sampled(record, files.journal, files.outcome);
  if (!sampled.has_times) return record;
  if (!base::exists(files.profile))
    return not_measured(std::move(record), "the budget was spent before its kernels were profiled");
  const auto found = measuring::estimate(sampled.journal.visits, 0, sampled.outcome.factors);
  const double whole = found.whole.value_s;
  const double launch = launch_of(sampled.outcome, whole);

  const auto nodes = read_ort_profile(base::read_file(files.profile), files.profile, profile_skip);
  const auto shares = attribute(nodes, load_op_map(files.map, artifact.net.layers.size()));
  std::vector<double> layers(artifact.net.layers.size(), 0);
  double sum = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double seconds = base::median(nodes[i].seconds);
    layers[static_cast<std::size_t>(shares[i].layer)] += seconds;
    sum += seconds;
    record.nodes.push_back({nodes[i].name, shares[i].ops,
                            latency(seconds, base::median_half_width(nodes[i].seconds), nodes[i].seconds.size())});
  }
  if (!(sum > 0)) return not_measured(std::move(record), "its profile shows no time at all");
  record.overall = latency(whole, found.whole.half_width_s, static_cast<std::size_t>(found.samples), found.dropped);
  record.overhead = latency(launch, 0, 0);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = artifact.net.layers[i];
    record.prims.push_back(
        {layer.prim, latency((whole - launch) * layers[i] / sum, 0, nodes.front().seconds.size()), layer.glue});
  }
  return record;
}

std::unique_ptr<BaseHardwareCompiler> make_onnxruntime(const std::string& name) {
  if (name != "onnxruntime")
    throw Error(Fault::usage, "device " + base::in_quotes(name) + ": onnxruntime takes nothing behind its name");
  return std::make_unique<OrtCompiler>();
}

}  // namespace hwprof::compiling

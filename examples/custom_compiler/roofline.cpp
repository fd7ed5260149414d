// SPDX-License-Identifier: Apache-2.0
// A compiler for a device that does not exist yet: it estimates every layer by the roofline rule
// (Williams, Waterman, Patterson 2009), which bounds an op by what it computes or by what it moves,
// whichever takes longer. Built as a plug-in; load it with --plugin or from HWPROF_PLUGIN_PATH.
#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"

namespace {

struct Chip {
  double macs_per_s = 1e12;
  double bytes_per_s = 2e10;
  double start_s = 2e-6;  ///< to begin an op
};

/// What an op takes on the chip [s]; nothing where nothing is computed or moved.
double seconds(const hwprof::Work& work, const Chip& chip) {
  const double bytes = work.weight_bytes + work.input_bytes + work.output_bytes;
  if (work.macs == 0 && bytes == 0) return 0;
  return chip.start_s + std::max(work.macs / chip.macs_per_s, bytes / chip.bytes_per_s);
}

class RooflineCompiler : public hwprof::BaseHardwareCompiler {
 public:
  [[nodiscard]] std::string name() const override { return "roofline"; }

 private:
  /// Nothing is needed beside net.yaml; a network that cannot be lowered is refused now.
  void do_compile(const hwprof::Artifact& artifact) override { (void)hwprof::lower(artifact.net); }

  void do_measure(const std::vector<hwprof::Artifact>&, const hwprof::MeasureOptions&) override {
    throw hwprof::Error(hwprof::Fault::unsupported,
                        "roofline: there is no device to measure on; parse the compiled folders as they are");
  }

  [[nodiscard]] hwprof::NetRecord do_net_to_primitive(const hwprof::Artifact& artifact) const override {
    const hwprof::Net& net = artifact.net;
    std::vector<int> layer_of;
    const hwprof::Graph graph = hwprof::lower(net, &layer_of);
    const auto works = hwprof::count_work(graph, {1, net.image_channels, net.image_size, net.image_size});

    hwprof::NetRecord record;
    record.from.device = "roofline";
    record.from.compiler = "roofline";
    record.from.mode = "inference";
    record.from.derived = true;  // calculated, not measured
    for (const auto& layer : net.layers) record.prims.push_back({layer.prim, {}, layer.glue});
    auto& overall = record.overall[hwprof::Metric::latency].value;
    for (std::size_t i = 0; i < works.size(); ++i) {
      if (layer_of[i] < 0) continue;
      const double time = seconds(works[i], Chip{});
      record.prims[static_cast<std::size_t>(layer_of[i])].perf[hwprof::Metric::latency].value += time;
      record.nodes.push_back({graph.ops[i].name, {to_string(graph.ops[i].kind)}, {{hwprof::Metric::latency, {time}}}});
      overall += time;
    }
    return record;
  }
};

}  // namespace

HWPROF_PLUGIN {
  hwprof::register_compiler("roofline", [](const std::string&) { return std::make_unique<RooflineCompiler>(); });
}

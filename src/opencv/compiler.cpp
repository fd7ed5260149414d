// SPDX-License-Identifier: Apache-2.0
#include "opencv/compiler.hpp"

#include <cmath>
#include <map>
#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compiler/sampled.hpp"
#include "format/caffe_layers.hpp"
#include "hwprof/attribution.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "hwprof/opencv.hpp"
#include "opencv/measuring.hpp"

namespace hwprof {
namespace opencv {
namespace {

constexpr const char* layers_schema = "hwprof.caffe-layers";

Perf latency(double value, double spread, const measuring::NetEstimate& of) {
  return {{Metric::latency, Measured{value, spread, of.samples, of.dropped}}};
}

/// A layer's op: that of its own name, or for a helper ("L3.pool/crop_h") that of the name before the slash.
std::string op_of(const std::string& layer, const std::set<std::string>& ops) {
  return ops.count(layer) != 0 ? layer : layer.substr(0, layer.rfind('/'));
}

/// One node an op, in the order of the layers; layers that took no time ran as parts of others.
std::vector<NodeRecord> nodes_of(const std::vector<std::string>& layers, const measuring::NetEstimate& found,
                                 const OpMap& map) {
  std::vector<NodeRecord> nodes;
  std::set<std::string> ops;
  for (const auto& op : map.ops) ops.insert(op.name);
  std::map<std::string, std::size_t> at;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const measuring::Estimate& part = found.parts[i];
    if (!(part.value_s > 0)) continue;
    const std::string name = op_of(layers[i], ops);
    const auto [place, fresh] = at.emplace(name, nodes.size());
    if (fresh) {
      NodeRecord node;
      node.name = name;
      node.perf = latency(part.value_s, part.half_width_s, found);
      nodes.push_back(std::move(node));
    } else {
      Measured& sum = nodes[place->second].perf[Metric::latency];
      sum.value += part.value_s;
      sum.spread = std::hypot(sum.spread, part.half_width_s);
    }
  }
  return nodes;
}

}  // namespace

std::vector<std::string> load_layers(const std::string& file) {
  const auto json = base::JsonReader::load(file);
  (void)json.schema(layers_schema, 1);
  std::vector<std::string> out;
  for (const auto& row : json["layers"].list()) out.push_back(row.text());
  return out;
}

void OpenCvCompiler::do_check_options(const MeasureOptions& options) const {
  if (options.channels_last) throw Error(Fault::unsupported, "device opencv: Caffe is contiguous");
  if (!options.device_options.empty())
    throw Error(Fault::usage,
                "device opencv: takes no option " + base::in_quotes(options.device_options.begin()->first));
}

void OpenCvCompiler::do_compile(const Artifact& artifact) {
  const Files files(artifact.dir);
  const Net& net = artifact.net;
  CaffeOptions options;
  options.layers = CaffeLayers::all;
  write_caffe(files.stem, graph_of(artifact), {1, net.image_channels, net.image_size, net.image_size}, options);
  base::Json json;
  json["schema"] = std::string(layers_schema) + "/1";
  json["layers"] = format::caffe_layer_names(base::read_file(files.prototxt), files.prototxt);
  base::save_json(files.layers, json);
}

void OpenCvCompiler::do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) {
  Measuring(artifacts, options).run();
}

NetRecord OpenCvCompiler::do_net_to_primitive(const Artifact& artifact) const {
  NetRecord record;
  record.net_id = artifact.net.id;
  record.from.device = name();
  record.from.compiler = "opencv";
  record.from.mode = "inference";
  const Files files(artifact.dir);
  const auto sampled = compiling::read_sampled(record, files.journal, files.outcome);
  if (!sampled.has_times) return record;
  const auto layers = load_layers(files.layers);
  const std::size_t parts = sampled.journal.head.parts;
  if (parts != layers.size() + 1)
    return compiling::not_measured(std::move(record), "the journal is damaged: " + std::to_string(parts) +
                                                          " parts of " + std::to_string(layers.size()) + " layers");
  const auto found = measuring::estimate(sampled.journal.visits, parts, sampled.outcome.factors);
  record.overall = latency(found.whole.value_s, found.whole.half_width_s, found);
  const auto& rest = found.parts.back();
  record.overhead = latency(rest.value_s, rest.half_width_s, found);
  const OpMap map = op_map(artifact.net);
  record.nodes = nodes_of(layers, found, map);
  return attribute(std::move(record), map);
}

}  // namespace opencv

void register_opencv_compiler() {
  register_compiler("opencv", [](const std::string& name) -> std::unique_ptr<BaseHardwareCompiler> {
    if (name != "opencv")
      throw Error(Fault::usage, "device " + base::in_quotes(name) + ": opencv takes nothing behind its name");
    return std::make_unique<opencv::OpenCvCompiler>();
  });
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "compiler/dpu_compiler.hpp"

#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/stats.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "hwprof/vitis.hpp"
#include "record/device_log.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

std::string at(const std::string& dir, const std::string& relative) {
  return (fs::path(dir) / relative).string();
}

NetRecord without_times(NetRecord record, RunState state, const std::string& reason) {
  record.state = state;
  record.reason = reason;
  return record;
}

/// Why there are no times: the step that went wrong, or that nothing was done.
NetRecord not_measured(NetRecord record, const DpuState& state) {
  for (const auto& [step, one] : state.steps)
    if (!one.done()) return without_times(std::move(record), one.state, to_string(step) + (": " + one.reason));
  return without_times(std::move(record), RunState::failed, "was not measured");
}

void add(std::map<std::string, std::string>& environment, const DpuState& state) {
  for (const auto& [step, one] : state.steps) {
    for (const auto& [key, value] : one.options) environment[key] = value;
    environment[std::string(to_string(step)) + "_by"] = one.by;
  }
  for (const auto& [key, value] : state.environment) environment[key] = value;
}

Perf latency_of(double value, double spread, std::size_t samples) {
  return {{Metric::latency, Measured{value, spread, static_cast<std::int64_t>(samples), 0}}};
}

/// Where the calibration images lie, and what the network is used to.
CaffeImages images_of(const Artifact& artifact) {
  constexpr double brightest = 255;
  CaffeImages images;
  images.list = calibration_list;
  images.folder = calibration_folder;
  if (!artifact.trained || artifact.trained->mean.empty()) return images;
  for (std::size_t c = 0; c < static_cast<std::size_t>(artifact.net.image_channels); ++c) {
    images.mean.at(c) = artifact.trained->mean.at(c) * brightest;
    images.deviation.at(c) = artifact.trained->deviation.at(c) * brightest;
  }
  return images;
}

/// Times of whole runs in place of the nodes' sum; by how much they differ says what running nodes one by one costs.
void take_runs(const std::string& file, bool has_nodes, NetRecord& record) {
  const auto runs = parse_normal_runs(base::read_file(file, std::uint64_t{1} << 30), file);
  const double whole = base::median(runs);
  if (has_nodes)
    record.from.environment["nodes_over_total"] = base::format_number(record.overall.at(Metric::latency).value / whole);
  record.overall = latency_of(whole, base::median_half_width(runs), runs.size());
  record.overhead.clear();
}

/// What the board said of itself; times are none the worse where that cannot be read.
void describe_board_of(const std::string& dir, NetRecord& record, Notes& notes) {
  const std::string file = at(dir, "raw/board.txt");
  if (!base::exists(file)) return;
  try {
    record::describe_board(load_dpu_board(file), record);
  } catch (const Error& error) {
    if (error.fault() != Fault::input) throw;
    notes.emplace_back(error.what());
  }
}

class DpuCompiler final : public BaseHardwareCompiler {
 public:
  [[nodiscard]] std::string name() const override { return "dpu"; }
  [[nodiscard]] bool takes_weights() const override { return true; }

 private:
  void do_check_options(const MeasureOptions& options) const override { (void)read_dpu_options(options); }

  /// What Caffe cannot express is put down and does not stop the other
  /// networks.
  void do_compile(const Artifact& artifact) override {
    const Net& net = artifact.net;
    base::Json json{{"schema", "hwprof.dpu-export/1"}};
    try {
      if (net.image_channels != 3 && net.image_channels != 1)
        throw Error(Fault::unsupported, "net " + base::in_quotes(net.id) + " takes " +
                                            std::to_string(net.image_channels) +
                                            " channels, and calibration images have 3 or 1; pack the primitives into "
                                            "networks (without --isolated)");
      CaffeOptions options;
      options.images = images_of(artifact);
      (void)write_caffe(at(artifact.dir, "net"), graph_of(artifact),
                        {1, net.image_channels, net.image_size, net.image_size}, options);
    } catch (const Error& error) {
      if (error.fault() != Fault::unsupported || !has_caffe()) throw;
      json["refused"] = error.what();
    }
    base::save_json(at(artifact.dir, export_file), json);
  }

  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override {
    std::vector<DpuJob> jobs;
    for (const auto& artifact : artifacts) jobs.push_back({artifact.net.id, artifact.dir});
    for (const DpuStep step : {DpuStep::quantize, DpuStep::compile, DpuStep::measure})
      (void)run_dpu(step, jobs, options);
  }

  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact& artifact) const override {
    const Net& net = artifact.net;
    NetRecord record;
    const auto label = [&record] {
      record.from.device = "dpu";
      record.from.compiler = "dpu";
      record.from.mode = "inference";
    };
    label();
    const DpuState state = load_state(artifact.dir);
    const std::string debug = at(artifact.dir, latency_file(net.id));
    const std::string normal = at(artifact.dir, normal_file(net.id));
    const bool has_debug = base::exists(debug);
    const bool has_normal = base::exists(normal);
    const auto wanted = state.environment.find("latency");
    const bool by_normal =
        has_normal && (!has_debug || (wanted != state.environment.end() && wanted->second == "normal"));
    if (!has_debug && !has_normal) {
      const std::string exported = at(artifact.dir, export_file);
      const auto json = base::JsonReader::load(exported);
      (void)json.schema("hwprof.dpu-export", 1);
      if (json.has("refused")) return without_times(std::move(record), RunState::unsupported, json["refused"].text());
      return not_measured(std::move(record), state);
    }
    Notes notes;
    try {
      if (has_debug) record = load_result(debug, {net.id, artifact.dir}, &notes);
      label();
      add(record.from.environment, state);
      describe_board_of(artifact.dir, record, notes);
      if (by_normal) take_runs(normal, has_debug, record);
      record.from.environment["dpu_mode"] = by_normal ? "normal" : "debug";
      give_layers(net, record, &notes);
    } catch (const Error& error) {  // of this network's files; it costs none of the others
      if (error.fault() != Fault::input) throw;
      record = {};
      label();
      return without_times(std::move(record), RunState::failed, error.what());
    }
    if (!notes.empty()) record.from.environment["notes"] = base::join(notes, "; ").substr(0, 2000);
    return record;
  }
};

}  // namespace

std::unique_ptr<BaseHardwareCompiler> make_dpu(const std::string& name) {
  if (name != "dpu")
    throw Error(Fault::usage, "device " + base::in_quotes(name) + ": dpu takes nothing behind its name");
  return std::make_unique<DpuCompiler>();
}

}  // namespace hwprof::compiling

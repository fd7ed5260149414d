// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_compiler.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/snpe_options.hpp"
#include "compiler/snpe_session.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/snpe.hpp"

namespace hwprof::compiling {
namespace {

constexpr double seconds_per_us = 1e-6;

Shape image_of(const Net& net) {
  return {1, net.image_channels, net.image_size, net.image_size};
}

SnpeJob job_of(const Artifact& artifact) {
  return {artifact.net.id, artifact.dir, "image", image_of(artifact.net)};
}

Perf latency_of(double us, std::int64_t samples) {
  Measured measured;
  measured.value = us * seconds_per_us;
  measured.samples = samples;
  return {{Metric::latency, measured}};
}

/// "L12.dw" is of layer 12, however the converter spells what follows the number. -1: of none.
int layer_of(const std::string& name, std::size_t layers) {
  if (name.size() < 3 || name[0] != 'L') return -1;
  const auto end = name.find_first_not_of("0123456789", 1);
  if (end == std::string::npos || end == 1 || end > 9) return -1;
  const bool separated = name[end] == '.' || name[end] == '_' || name[end] == '/' || name[end] == ':';
  const auto number = std::stoul(name.substr(1, end - 1));
  return separated && number < layers ? static_cast<int>(number) : -1;
}

NetRecord without_times(NetRecord record, const std::string& reason) {
  record.state = RunState::failed;
  record.reason = reason;
  return record;
}

struct Found {
  SnpeRun run;
  bool quantized = false;
};

/// The runtime that is asked for, as results call it; else the first that the session was to bench, whatever became of
/// it.
std::string wanted_of(const Session& session, const std::string& runtime) {
  const auto first = [&session](const char* key) {
    const auto at = session.options.find(key);
    return at == session.options.end() ? std::string() : at->second.substr(0, at->second.find(','));
  };
  return runtime.empty() ? SnpeOptions::result_name(first("runtimes"), first("buffer_types")) : runtime;
}

std::optional<Found> find_run(const Artifact& artifact, const Session& session, const std::string& runtime) {
  for (std::size_t i = 0; i < session.results.size(); ++i) {
    const std::string file = base::inside(artifact.dir, session.results[i]);
    for (auto& run : parse_snpe_results(base::read_file(file), file).runs)
      if (run.runtime == runtime) return Found{std::move(run), session.quantized[i]};
  }
  return {};
}

/// Layers and overhead out of the rows; together exactly the whole.
void attribute(NetRecord& record, const Artifact& artifact, const SnpeRun& run, double total_us, std::int64_t samples) {
  const std::size_t count = artifact.net.layers.size();
  std::vector<double> layers(count, 0);
  double sum = 0;
  int strange = 0;
  for (const auto& row : run.layers) {
    record.nodes.push_back({row.name, {row.type}, latency_of(row.time.avg_us, samples)});
    if (row.is_data()) continue;
    const int layer = layer_of(row.name, count);
    if (layer < 0) {
      ++strange;
      continue;
    }
    layers[static_cast<std::size_t>(layer)] += row.time.avg_us;
    sum += row.time.avg_us;
  }
  // With detailed profiling a runtime may wait after every layer, and then the layers take longer than the whole.
  const double factor = sum > total_us ? total_us / sum : 1;
  if (factor < 1) record.from.environment["layers_over_total"] = base::format_number(sum / total_us);
  if (strange > 0) record.from.environment["layers_of_no_primitive"] = std::to_string(strange);
  record.overall = latency_of(total_us, samples);
  record.overhead = latency_of(std::max(0.0, total_us - sum * factor), samples);
  for (std::size_t i = 0; i < count; ++i) {
    PrimRecord prim;
    prim.prim = artifact.net.layers[i].prim;
    prim.glue = artifact.net.layers[i].glue;
    if (!run.layers.empty()) prim.perf = latency_of(layers[i] * factor, samples);
    record.prims.push_back(std::move(prim));
  }
}

class SnpeCompiler final : public BaseHardwareCompiler {
 public:
  explicit SnpeCompiler(const std::string& name) {
    const auto colon = name.find(':');
    if (colon != std::string::npos) runtime_ = name.substr(colon + 1);
  }
  [[nodiscard]] std::string name() const override { return "snpe"; }
  [[nodiscard]] bool takes_weights() const override { return true; }

 private:
  /// Of "snpe:DSP" that is the runtime, unless others are named.
  [[nodiscard]] MeasureOptions with_runtime(MeasureOptions options) const {
    if (!runtime_.empty()) options.device_options.emplace("runtime", runtime_);
    return options;
  }

  void do_check_options(const MeasureOptions& options) const override {
    const auto read = read_snpe_options(with_runtime(options));
    if (runtime_.empty()) return;
    for (const auto& runtime : read.runtimes)
      for (const auto& buffer : read.buffers)
        if (SnpeOptions::result_name(runtime, buffer) == runtime_) return;
    throw Error(Fault::usage,
                "device snpe:" + runtime_ + ": is not among the runtimes and buffer types that are asked for");
  }

  void do_compile(const Artifact& artifact) override {
    write_onnx(artifact.dir + "/" + model_name, graph_of(artifact), image_of(artifact.net));
  }

  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override {
    std::vector<SnpeJob> jobs;
    for (const auto& artifact : artifacts) jobs.push_back(job_of(artifact));
    (void)bench_snpe(jobs, with_runtime(options));
  }

  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact& artifact) const override {
    NetRecord record;
    record.from.compiler = "snpe";
    record.from.mode = "inference";
    record.from.device = "snpe" + (runtime_.empty() ? "" : ":" + runtime_);
    std::string problem;
    const auto session = look(artifact.dir, problem);
    if (!session) return without_times(std::move(record), problem);
    if (!session->done) return without_times(std::move(record), session->asked ? "was not measured" : session->reason);
    const std::string runtime = wanted_of(*session, runtime_);
    record.from.device = "snpe:" + runtime;
    if (auto why = session->why_missing(runtime); !why.empty()) return without_times(std::move(record), why);
    std::optional<Found> found;
    try {
      found = find_run(artifact, *session, runtime);
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      return without_times(std::move(record), error.what());
    }
    if (!found) return without_times(std::move(record), "the results have no runtime " + runtime);
    for (const auto& values : {session->options, session->environment})
      for (const auto& [key, value] : values) record.from.environment[key] = value;
    record.from.environment["precision"] = precision_of(found->run.runtime, found->quantized);
    if (!found->run.problem.empty()) return without_times(std::move(record), found->run.problem);
    const bool forward = session->key == "forward";
    const auto& whole = forward ? found->run.forward : found->run.total;
    if (!whole)
      return without_times(std::move(record),
                           std::string("the results lack ") + (forward ? "Forward Propagate" : "Total Inference Time"));
    const auto number = [&session](const char* key) {
      const auto at = session->options.find(key);
      return at == session->options.end() ? std::int64_t{0} : base::to_int(at->second).value_or(0);
    };
    attribute(record, artifact, found->run, whole->avg_us, number("runs") * number("inputs"));
    return record;
  }

  std::string runtime_;
};

}  // namespace

std::unique_ptr<BaseHardwareCompiler> make_snpe(const std::string& name) {
  return std::make_unique<SnpeCompiler>(name);
}

}  // namespace hwprof::compiling

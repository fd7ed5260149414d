// SPDX-License-Identifier: Apache-2.0
#include "torch/online_compiler.hpp"

#include <torch/cuda.h>

#include "base/text.hpp"
#include "compiler/run_state.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "measure/outcome.hpp"
#include "torch/measuring.hpp"

namespace hwprof {
namespace {

NetRecord not_measured(NetRecord record, const std::string& reason) {
  record.state = RunState::failed;
  record.reason = reason;
  return record;
}

Perf perf_of(const measuring::Estimate& found, const measuring::NetEstimate& of) {
  return {{Metric::latency, Measured{found.value_s, found.half_width_s, of.samples, of.dropped}}};
}

}  // namespace

torch::Device parse_device(const std::string& name) {
  if (name == "cpu" || name == "-1") return {torch::kCPU};
  if (name == "cuda") return {torch::kCUDA, 0};
  const std::string prefix = "cuda:";
  constexpr std::int64_t most = 127;
  if (base::starts_with(name, prefix)) {
    const auto index = base::to_int(name.substr(prefix.size()));
    if (index && *index >= 0 && *index <= most) return {torch::kCUDA, static_cast<c10::DeviceIndex>(*index)};
  }
  throw Error(Fault::usage, "device " + base::in_quotes(name) + ": expected cpu, -1, cuda or cuda:<number>");
}

void register_torch_compilers() {
  const auto make = [](const std::string& name) { return std::make_unique<OnlineCompiler>(parse_device(name)); };
  for (const char* name : {"cpu", "-1", "cuda"}) register_compiler(name, make);
}

void OnlineCompiler::require_device() const {
  if (!device_.is_cuda()) return;
  if (!torch::cuda::is_available())
    throw Error(Fault::unsupported, "device " + name() + ": libtorch sees no CUDA device here; build hwprof with " +
                                        "CMAKE_PREFIX_PATH pointing to a libtorch with CUDA, and run it on a machine " +
                                        "with an NVIDIA driver");
  const auto count = static_cast<std::size_t>(torch::cuda::device_count());
  if (static_cast<std::size_t>(device_.index()) >= count)
    throw Error(Fault::usage, "device " + name() + ": this machine has " + std::to_string(count) + " CUDA devices");
}

/// net.yaml is all that the device needs; that it can be built is checked now rather than when measuring.
void OnlineCompiler::do_compile(const Artifact& artifact) {
  (void)lower(artifact.net);
}

void OnlineCompiler::do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) {
  require_device();
  if (!options.device_options.empty())
    throw Error(Fault::usage, name() + ": takes no option '" + options.device_options.begin()->first + "'");
  Measuring(artifacts, options, device_).run();
}

NetRecord OnlineCompiler::do_net_to_primitive(const Artifact& artifact) const {
  NetRecord record;
  record.from.device = name();
  record.from.compiler = "torch";
  record.from.mode = "inference";
  const auto files = raw_files(artifact);
  const auto journal = measuring::load_journal(files.journal);
  if (!journal.begun) return not_measured(std::move(record), "was not measured");
  const auto batch = journal.head.settings.find("batch");
  const auto images = batch == journal.head.settings.end() ? std::nullopt : base::to_int(batch->second);
  if (!images || *images < 1 || *images > std::numeric_limits<int>::max())
    throw Error(Fault::input, files.journal + ": its settings have no batch");
  record.batch = static_cast<int>(*images);
  const auto outcome = measuring::find_outcome(files.outcome);
  if (!outcome) return not_measured(std::move(record), "measuring was not finished; it can be resumed");
  record.state = compiling::parse_state(outcome->state, files.outcome);
  record.reason = outcome->reason;
  record.from.environment = outcome->environment;
  record.from.environment.insert({{"measuring_rounds", std::to_string(outcome->session.rounds)},
                                  {"measuring_seconds", base::format_number(outcome->session.seconds)},
                                  {"drift_spread", base::format_number(outcome->session.drift_spread)}});
  const auto warning = outcome->environment.find("warning");
  if (warning != outcome->environment.end()) record.reason += (record.reason.empty() ? "" : "; ") + warning->second;
  if (record.state != RunState::measured && record.state != RunState::unsteady) return record;
  auto visits = journal.visits;
  const std::size_t layers = artifact.net.layers.size();
  if (visits.size() < outcome->visits || journal.head.parts != layers)
    return not_measured(std::move(record), "the journal is damaged: " + std::to_string(visits.size()) + " of " +
                                               std::to_string(outcome->visits) + " visits, " +
                                               std::to_string(journal.head.parts) + " of " + std::to_string(layers) +
                                               " layers");
  visits.resize(outcome->visits);  // a later call that was killed may have added some
  const auto found = measuring::estimate(visits, layers, outcome->factors);
  record.overall = perf_of(found.whole, found);
  for (std::size_t i = 0; i < layers; ++i) {
    const Layer& layer = artifact.net.layers[i];
    record.prims.push_back({layer.prim, perf_of(found.parts[i], found), layer.glue});
  }
  return record;
}

}  // namespace hwprof

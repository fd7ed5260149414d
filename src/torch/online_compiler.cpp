// SPDX-License-Identifier: Apache-2.0
#include "torch/online_compiler.hpp"

#include <torch/cuda.h>

#include <cmath>

#include "base/text.hpp"
#include "compiler/sampled.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "measure/outcome.hpp"
#include "torch/costs.hpp"
#include "torch/measuring.hpp"
#include "torch/options.hpp"
#include "torch/train_subject.hpp"

namespace hwprof {
namespace {

/// "resnet18/random/0.3/1" as generate_jobs() names pruned networks, by what fingerprint() pairs them with.
void put_arch(std::map<std::string, std::string>& environment, const Net& net) {
  const auto parts = base::split(net.arch, '/');
  if (!net.graph && parts.size() != 1) return;
  constexpr std::size_t pruned = 4;
  if (parts.size() != pruned && parts.size() != 1) return;
  const auto level = parts.size() == pruned ? base::to_double(parts[2]) : std::optional<double>(0);
  if (!level || net.arch.empty() || net.mode.empty()) return;  // an architecture of a space
  environment.insert(
      {{"net_name", parts[0]}, {"model", net.arch}, {"level", base::format_number(std::round(1e6 * *level) / 1e4)}});
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

void OnlineCompiler::do_check_options(const MeasureOptions& options) const {
  (void)read_torch_options(device_.str(), options);
}

/// net.yaml is all that the device needs; that it can be built is checked now rather than when measuring.
void OnlineCompiler::do_compile(const Artifact& artifact) {
  (void)lower(artifact.net);
}

void OnlineCompiler::do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) {
  require_device();
  Measuring(artifacts, options, device_).run();
}

NetRecord OnlineCompiler::do_net_to_primitive(const Artifact& artifact) const {
  NetRecord record;
  record.from.device = name();
  record.from.compiler = "torch";
  record.from.mode = "inference";
  const auto files = raw_files(artifact);
  const auto sampled = compiling::read_sampled(record, files.journal, files.outcome);
  const auto& head = sampled.journal.head;
  const bool train = head.settings.count("mode") != 0;
  if (train) record.from.mode = "train";
  const auto warning = sampled.outcome.environment.find("warning");
  if (warning != sampled.outcome.environment.end())
    record.reason += (record.reason.empty() ? "" : "; ") + warning->second;
  put_arch(record.from.environment, artifact.net);
  if (!sampled.has_times) return record;
  const std::size_t layers = artifact.net.layers.size(), parts = head.parts;
  const bool fits = train ? parts == train_parts(layers) || parts == train_parts(0) : parts == layers;
  if (!fits)
    return compiling::not_measured(std::move(record), "the journal is damaged: " + std::to_string(parts) +
                                                          " parts of " + std::to_string(layers) + " layers");
  if (train)
    put_training_costs(record, artifact.net, sampled.journal.visits, parts, head.settings.count("cuda_graph") != 0,
                       sampled.outcome.factors);
  else
    put_forward_costs(record, artifact.net, sampled.journal.visits, sampled.outcome.factors);
  put_readings(record, sampled.journal.readings);
  return record;
}

}  // namespace hwprof

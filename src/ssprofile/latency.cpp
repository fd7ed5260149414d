// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "run/plan.hpp"
#include "run/steps.hpp"
#include "ssprofile/job.hpp"

namespace hwprof::ssprofiling {
namespace {

/// Every network, then, where asked for, every block alone.
std::vector<Net> networks(const Job& job) {
  std::vector<Net> nets;
  for (const auto& net : job.nets) nets.push_back(job.network(net));
  if (!job.config.isolated) return nets;
  std::set<Prim> alone;
  for (const auto& layer : ssbn_layer_prims(job.config.space)) alone.insert(layer.begin(), layer.end());
  std::size_t number = 0;
  for (const auto& prim : alone) {
    Net net = run::isolated_net(prim);
    net.id = isolated_prefix + std::to_string(number++);
    nets.push_back(std::move(net));
  }
  return nets;
}

/// A block takes the same time wherever it stands in a family, so that the tables make sense.
NetRecord drawn(const Net& net, std::uint64_t seed) {
  NetRecord record;
  record.net_id = net.id;
  record.purpose = net.purpose;
  record.from.device = record.from.mode = "dry-run";
  record.from.compiler = "random numbers";
  double sum = 0;
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    constexpr double most_s = 2e-4;
    const Prim& prim = net.layers[l].prim;
    const double value = most_s * (0.01 + 0.99 * random_unit(seed, "latency " + to_string(prim)));
    sum += value;
    record.prims.push_back({prim, {{Metric::latency, Measured{value, 0, 0, 0}}}, false});
  }
  record.overall[Metric::latency] = Measured{sum, 0, 0, 0};
  return record;
}

/// What a network has learned.
std::shared_ptr<const Trained> trained(const Job& job, const Net& net, NetworkTrainer& trainer) {
  auto out = std::make_shared<Trained>();
  out->graph = trainer.with_checkpoint(lower(net), {1, net.image_channels, net.image_size, net.image_size},
                                       job.checkpoint(net.id));
  const auto data = base::JsonReader::load(job.folder.path(data_file));
  out->mean = data["mean"].numbers();
  out->deviation = data["deviation"].numbers();
  return out;
}

/// Writes for the device what is not there yet; the folders in the order of the networks.
std::vector<std::string> compile(const Job& job, const std::vector<Net>& nets, const std::string& dir) {
  const auto compiler = make_compiler(job.options.device);
  std::unique_ptr<NetworkTrainer> trainer;
  std::vector<std::string> artifacts;
  for (const Net& net : nets) {
    check_stop(job);
    artifacts.push_back(dir + "/" + std::to_string(artifacts.size()));
    if (base::is_folder(artifacts.back())) base::sweep_folder(artifacts.back());
    std::shared_ptr<const Trained> weights;
    if (compiler->takes_weights() && job.has_weights(net.id)) {
      if (!trainer) trainer = make_network_trainer(job.options.train_device);
      weights = trained(job, net, *trainer);
    }
    compiler->compile(net, artifacts.back(), weights);
  }
  return artifacts;
}

}  // namespace

std::vector<NetRecord> find_latencies(const Job& job) {
  const auto nets = networks(job);
  std::vector<NetRecord> records;
  if (job.options.dry_latency) {
    for (const auto& net : nets) records.push_back(drawn(net, job.options.seed));
    return records;
  }
  const std::string dir = job.folder.path(std::string(run::hardwares_folder) + "/0-" + job.options.device);
  const auto artifacts = compile(job, nets, dir);
  const auto share = [&job, &artifacts] {
    if (job.options.device == dpu) share_dpu_files(job, artifacts);
  };
  share();
  MeasureOptions options = job.options.measure;
  options.seed = job.options.seed;
  options.progress = job.options.progress;
  options.stop = job.options.stop;
  if (!(options.budget_s > 0)) options.budget_s = job.config.budget_s;
  try {
    (void)run::measure_artifacts(&job.folder, dir, options);
  } catch (const Error&) {
    share();  // what was done until somebody else has to go on
    throw;
  }
  share();
  records = parse(dir);
  return records;
}

}  // namespace hwprof::ssprofiling

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
std::vector<std::string> compile(const Job& job, const std::vector<Net>& nets, const std::string& relative) {
  const auto compiler = make_compiler(job.options.device);
  std::vector<std::string> dirs, files;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    dirs.push_back(relative + "/" + std::to_string(i));
    for (const char* name : {"/net.yaml", "/artifact.json"}) files.push_back(dirs.back() + name);
  }
  job.folder.note(files);
  std::unique_ptr<NetworkTrainer> trainer;
  std::vector<std::string> artifacts;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    check_stop(job);
    artifacts.push_back(job.folder.path(dirs[i]));
    std::shared_ptr<const Trained> weights;
    const bool is_compiled = base::exists(artifacts.back() + "/artifact.json");
    if (!is_compiled && compiler->takes_weights() && job.has_weights(nets[i].id)) {
      if (!trainer) trainer = make_network_trainer(job.options.train_device);
      weights = trained(job, nets[i], *trainer);
    }
    run::compile(job.folder, *compiler, nets[i], dirs[i], weights);
  }
  return artifacts;
}

/// A network whose result, carried here, cannot be taken.
void leave_out(NetRecord& record, const std::string& why) {
  NetRecord out;
  out.net_id = record.net_id;
  out.purpose = record.purpose;
  out.from = record.from;
  out.state = RunState::failed;
  out.reason = why;
  record = std::move(out);
}

}  // namespace

std::vector<NetRecord> find_latencies(const Job& job) {
  const auto nets = networks(job);
  std::vector<NetRecord> records;
  if (job.options.dry_latency) {
    for (const auto& net : nets) records.push_back(drawn(net, job.options.seed));
    return records;
  }
  const std::string relative = std::string(run::hardwares_folder) + "/0-" + job.options.device;
  const std::string dir = job.folder.path(relative);
  const auto artifacts = compile(job, nets, relative);
  std::map<std::string, std::string> refused;
  const auto share = [&] {
    if (job.options.device == dpu) refused = share_dpu_files(job, artifacts);
  };
  share();
  std::set<std::string> left_out;
  for (const auto& [id, why] : refused) left_out.insert(id);
  try {
    (void)run::measure_artifacts(&job.folder, dir, job.options.measure, left_out);
  } catch (const Error&) {
    share();  // what was done until somebody else has to go on
    throw;
  }
  share();
  records = parse(dir);
  for (auto& record : records)
    if (const auto found = refused.find(record.net_id); found != refused.end()) leave_out(record, found->second);
  return records;
}

}  // namespace hwprof::ssprofiling

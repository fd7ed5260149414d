// SPDX-License-Identifier: Apache-2.0
#include "hwprof/compiler.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "net/graph_yaml.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

constexpr const char* net_file = "net.yaml";
constexpr const char* artifact_file = "artifact.json";
constexpr const char* schema_name = "hwprof-artifact";
constexpr int schema_version = 1;

std::string in(const std::string& dir, const char* name) {
  return (fs::path(dir) / name).string();
}

bool same(const Net& a, const Net& b) {
  if (a.id != b.id || a.purpose != b.purpose || a.arch != b.arch || a.image_size != b.image_size ||
      a.image_channels != b.image_channels || a.batch != b.batch || a.mode != b.mode ||
      a.layers.size() != b.layers.size() || static_cast<bool>(a.graph) != static_cast<bool>(b.graph))
    return false;
  if (a.graph && net::graph_text(*a.graph, "") != net::graph_text(*b.graph, "")) return false;
  for (std::size_t i = 0; i < a.layers.size(); ++i)
    if (a.layers[i].prim != b.layers[i].prim || a.layers[i].glue != b.layers[i].glue ||
        a.layers[i].inputs != b.layers[i].inputs)
      return false;
  return true;
}

/// The name of the compiler that finished its work in dir; empty when none did.
std::string finished_by(const std::string& dir) {
  const std::string file = in(dir, artifact_file);
  if (!base::exists(file)) return {};
  const auto json = base::JsonReader::load(file);
  (void)json.schema(schema_name, schema_version);
  return json["compiler"].text();
}

void check(const MeasureOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "measuring: " + what); };
  if (options.batch < 1) refuse("batch must be at least 1, found " + std::to_string(options.batch));
  if (options.mode != "inference" && options.mode != "train")
    refuse("mode must be inference or train, found " + base::in_quotes(options.mode));
  if (options.threads < 1) refuse("threads must be at least 1, found " + std::to_string(options.threads));
  if (!(options.max_rel_ci > 0) || !(options.max_rel_ci < 1))
    refuse("the relative interval must be within 0 to 1, found " + base::format_number(options.max_rel_ci));
  if (!(options.budget_s > 0) || !std::isfinite(options.budget_s))
    refuse("the budget must be a number of seconds above 0, found " + base::format_number(options.budget_s));
}

double value_of(const Perf& perf, Metric metric) {
  const auto found = perf.find(metric);
  return found == perf.end() ? 0 : found->second.value;
}

/// What a compiler's record must keep to, whoever wrote the compiler.
void check(const NetRecord& record, const Artifact& artifact) {
  const auto refuse = [&artifact](const std::string& what) {
    throw Error(Fault::internal, artifact.dir + ": the compiler's record " + what);
  };
  if (record.state != RunState::measured && record.state != RunState::unsteady) {
    if (record.reason.empty()) refuse(std::string("is ") + to_string(record.state) + " without a reason");
    return;
  }
  if (record.overall.empty()) refuse("has no overall cost");
  if (record.prims.size() != artifact.net.layers.size())
    refuse("has " + std::to_string(record.prims.size()) + " primitives, the network " +
           std::to_string(artifact.net.layers.size()) + " layers");
  for (std::size_t i = 0; i < record.prims.size(); ++i)
    if (record.prims[i].prim != artifact.net.layers[i].prim)
      refuse("has another primitive than the network at layer " + std::to_string(i));
  if (artifact.net.graph) return;  // it has no layers that costs could be attributed to
  const double overall = value_of(record.overall, Metric::latency);
  const double overhead = value_of(record.overhead, Metric::latency);
  if (!(overhead >= 0)) refuse("has an overhead of " + base::format_number(overhead) + " s");
  double sum = overhead;
  for (const auto& row : record.prims) sum += value_of(row.perf, Metric::latency);
  constexpr double tolerance = 1e-6;
  if (std::abs(sum - overall) > tolerance * overall)
    refuse("attributes " + base::format_number(sum) + " s of " + base::format_number(overall) +
           " s to the layers and the overhead");
}

/// Nothing in it, but what somebody may have put into its raw/, and what a compiler that was killed had begun to write.
bool is_free(const std::string& dir) {
  const auto names = base::list_folder(dir);
  return std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name == "raw" || base::is_temporary(name); });
}

}  // namespace

BaseHardwareCompiler::~BaseHardwareCompiler() = default;

Graph graph_of(const Artifact& artifact) {
  return artifact.trained ? artifact.trained->graph : lower(artifact.net);
}

Artifact BaseHardwareCompiler::compile(const Net& net, const std::string& dir, std::shared_ptr<const Trained> trained) {
  const std::string file = in(dir, net_file);
  if (trained && net::graph_text(trained->graph, "") != net::graph_text(lower(net), ""))
    throw Error(Fault::usage, dir + ": the weights are of another network than " + base::in_quotes(net.id));
  const auto channels = static_cast<std::size_t>(net.image_channels);
  if (trained && !(trained->mean.empty() && trained->deviation.empty()) &&
      (trained->mean.size() != channels || trained->deviation.size() != channels))
    throw Error(Fault::usage, dir + ": a mean and a deviation a channel are expected");
  Artifact artifact{net, dir, std::move(trained)};
  if (base::exists(file)) {
    if (!same(load_net(file), net)) throw Error(Fault::usage, dir + ": already holds another network");
    const std::string before = finished_by(dir);
    if (before == name()) return artifact;
    if (!before.empty())
      throw Error(Fault::usage,
                  dir + ": was compiled by " + base::in_quotes(before) + ", now it is " + base::in_quotes(name()));
  } else if (base::exists(dir) && (!base::is_folder(dir) || !is_free(dir))) {
    throw Error(Fault::usage, dir + ": holds something else than a compiled network");
  }
  base::make_folder(dir);
  base::sweep_folder(dir);
  save_net(file, net);
  do_compile(artifact);
  base::Json json;
  json["schema"] = std::string(schema_name) + "/" + std::to_string(schema_version);
  json["compiler"] = name();
  json["net"] = net.id;
  base::save_json(in(dir, artifact_file), json);
  return artifact;
}

Artifact BaseHardwareCompiler::open(const std::string& dir) {
  if (finished_by(dir).empty())
    throw Error(Fault::missing, dir + ": holds no compiled network (no " + artifact_file + ")");
  return {load_net(in(dir, net_file)), dir, nullptr};
}

void BaseHardwareCompiler::check_options(const MeasureOptions& options) const {
  check(options);
  do_check_options(options);
}

void BaseHardwareCompiler::measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) {
  check_options(options);
  std::set<std::string> dirs;
  for (const Artifact& artifact : artifacts) {
    const std::string by = finished_by(artifact.dir);
    if (by.empty()) throw Error(Fault::missing, artifact.dir + ": holds no compiled network");
    if (by != name())
      throw Error(Fault::usage,
                  artifact.dir + ": was compiled by " + base::in_quotes(by) + ", not by " + base::in_quotes(name()));
    if (!dirs.insert(fs::weakly_canonical(artifact.dir).string()).second)
      throw Error(Fault::usage, artifact.dir + ": is to be measured twice in one call");
  }
  if (artifacts.empty()) throw Error(Fault::usage, "measuring: there is no network to measure");
  if (can_train()) return do_measure(artifacts, options);
  std::map<int, std::vector<Artifact>> by_batch;
  for (const Artifact& artifact : artifacts) {
    const std::string& mode = artifact.net.mode.empty() ? options.mode : artifact.net.mode;
    if (mode != "inference")
      throw Error(Fault::unsupported, artifact.dir + ": " + base::in_quotes(name()) +
                                          " measures inference only; cpu and cuda measure training");
    by_batch[artifact.net.batch > 0 ? artifact.net.batch : options.batch].push_back(artifact);
  }
  for (const auto& [batch, group] : by_batch) {
    MeasureOptions own = options;
    own.batch = batch;
    do_measure(group, own);
  }
}

NetRecord BaseHardwareCompiler::hwobj_net_to_primitive(const Artifact& artifact) const {
  NetRecord record = do_net_to_primitive(artifact);
  record.net_id = artifact.net.id;
  record.purpose = artifact.net.purpose;
  record.arch = artifact.net.arch;
  check(record, artifact);
  return record;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_session.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr const char* schema_name = "hwprof.snpe-session";
constexpr int schema_version = 1;

std::string session_file(const std::string& dir) {
  return dir + "/raw/session.json";
}

std::map<std::string, std::string> read_map(const base::JsonReader& json) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : json.items()) out[key] = value.text();
  return out;
}

/// Why no runtime has times; empty where one has.
std::string problem_of(std::string_view text, const std::string& file) {
  std::vector<std::string> problems;
  for (const auto& run : parse_snpe_results(text, file).runs) {
    if (run.problem.empty()) return {};
    problems.push_back(run.runtime + ": " + run.problem);
  }
  return base::join(problems, "; ");
}

}  // namespace

std::vector<Group> groups_of(const SnpeOptions& options) {
  if (options.quantize != "auto") return {{options.runtimes, options.quantize == "yes"}};
  Group plain;
  Group quantized{{}, true};
  for (const auto& runtime : options.runtimes) (runtime == "DSP" ? quantized : plain).runtimes.push_back(runtime);
  std::vector<Group> groups;
  for (auto& group : {plain, quantized})
    if (!group.runtimes.empty()) groups.push_back(group);
  return groups;
}

std::string dlc_path(bool quantized) {
  return quantized ? "raw/model_quantized.dlc" : "raw/model.dlc";
}
std::string results_folder(std::size_t group) {
  return "raw/bench-" + std::to_string(group);
}
std::string results_path(std::size_t group) {
  return "raw/results-" + std::to_string(group) + ".json";
}
std::string config_path(std::size_t group) {
  return "raw/config-" + std::to_string(group) + ".json";
}

void save_session(const std::string& dir, const Session& session) {
  base::Json json{{"schema", std::string(schema_name) + "/" + std::to_string(schema_version)},
                  {"state", session.done ? "done" : "failed"}};
  if (!session.done) json["reason"] = session.reason;
  json["options"] = session.options;
  json["key"] = session.key;
  json["environment"] = session.environment;
  json["results"] = base::Json::array();
  for (std::size_t i = 0; i < session.results.size(); ++i)
    json["results"].push_back({{"file", session.results[i]}, {"quantized", static_cast<bool>(session.quantized[i])}});
  base::save_json(session_file(dir), json);
}

std::optional<Session> find_session(const std::string& dir) {
  if (!base::exists(session_file(dir))) return {};
  const auto json = base::JsonReader::load(session_file(dir));
  (void)json.schema(schema_name, schema_version);
  json.only({"schema", "state", "reason", "options", "key", "environment", "results"});
  Session session;
  session.done = json["state"].text() == "done";
  if (json.has("reason")) session.reason = json["reason"].text();
  session.options = read_map(json["options"]);
  session.environment = read_map(json["environment"]);
  session.key = json["key"].text();
  for (const auto& one : json["results"].list()) {
    session.results.push_back(one["file"].text());
    session.quantized.push_back(one["quantized"].boolean());
  }
  if (!session.done && session.reason.empty()) json.fail("a session that is not done needs a reason");
  return session;
}

std::optional<Session> adopt(const std::string& dir, const SnpeOptions& options) {
  Session session;
  const auto groups = groups_of(options);
  std::vector<std::string> problems;
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const std::string file = dir + "/" + results_path(k);
    if (!base::exists(file)) return {};
    if (auto problem = problem_of(base::read_file(file), file); !problem.empty())
      problems.push_back(std::move(problem));
    session.results.push_back(results_path(k));
    session.quantized.push_back(groups[k].quantized);
  }
  if (problems.size() == groups.size()) throw Error(Fault::device, base::join(problems, "; "));
  session.done = true;
  session.options = options.describe();
  session.key = options.key;
  session.environment["measured_by"] = "script";
  return session;
}

Taken take_results(const std::string& dir, std::size_t group) {
  const std::string folder = dir + "/" + results_folder(group) + "/latest_results";
  std::vector<std::string> files;
  if (base::is_folder(folder))
    for (const auto& name : base::list_folder(folder))
      if (base::ends_with(name, ".json")) files.push_back(folder + "/" + name);
  if (files.size() != 1)
    throw Error(Fault::device, folder + ": one results file of snpe_bench is expected, found " +
                                   (files.empty() ? std::string("none") : std::to_string(files.size())));
  Taken taken{base::read_file(files.front()), {}};
  taken.problem = problem_of(taken.text, files.front());
  return taken;
}

}  // namespace hwprof::compiling

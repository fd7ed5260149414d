// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_session.hpp"

#include <filesystem>
#include <set>

#include "base/crc32.hpp"
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

/// A script's results of a group; erased, and nothing, when they are damaged or of other runtimes.
std::optional<SnpeResults> carried(const std::string& file, const Group& group, const SnpeOptions& options) {
  std::set<std::string> expected;
  for (const auto& runtime : group.runtimes)
    for (const auto& buffer : options.buffers) expected.insert(SnpeOptions::result_name(runtime, buffer));
  try {
    auto results = parse_snpe_results(base::read_file(file), file);
    std::set<std::string> found;
    for (const auto& run : results.runs) found.insert(run.runtime);
    if (found == expected) return results;
  } catch (const Error&) {
    // As good as none.
  }
  std::filesystem::remove_all(file);
  return {};
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
  if (options.quantize != "auto") return {{"0", options.runtimes, options.quantize == "yes"}};
  Group plain;
  Group quantized{{}, {}, true};
  for (const auto& runtime : options.runtimes) (runtime == "DSP" ? quantized : plain).runtimes.push_back(runtime);
  std::vector<Group> groups;
  for (auto& group : {plain, quantized})
    if (!group.runtimes.empty()) {
      groups.push_back(group);
      groups.back().name = std::to_string(groups.size() - 1);
    }
  return groups;
}

std::vector<Group> Group::apart() const {
  std::vector<Group> parts;
  for (const auto& runtime : runtimes) parts.push_back({name + "-" + runtime, {runtime}, quantized});
  return parts;
}

std::string dlc_path(bool quantized) {
  return quantized ? "raw/model_quantized.dlc" : "raw/model.dlc";
}
std::string results_folder(const Group& group) {
  return "raw/bench-" + group.name;
}
std::string results_path(const Group& group) {
  return "raw/results-" + group.name + ".json";
}
std::string config_path(const Group& group) {
  return "raw/config-" + group.name + ".json";
}

std::string failure_path(const Group& group) {
  return "raw/failed-" + group.name + ".txt";
}

std::string Session::why_missing(const std::string& result_name) const {
  for (const auto& [runtime, why] : missing)
    for (const char* buffer : {"float", "ub_float", "ub_tf8"})
      if (SnpeOptions::result_name(runtime, buffer) == result_name) return why;
  return {};
}

std::string precision_of(const std::string& result_name, bool quantized) {
  if (quantized || base::starts_with(result_name, "DSP")) return "int8";
  return base::starts_with(result_name, "GPU_FP16") ? "fp16" : "fp32";
}

std::string print_of(const std::string& dir) {
  const std::string bytes = base::read_file(dir + "/" + model_name, std::uint64_t{1} << 31);
  return std::to_string(bytes.size()) + "-" + std::to_string(base::crc32(bytes));
}

void save_session(const std::string& dir, const Session& session) {
  base::Json json{{"schema", std::string(schema_name) + "/" + std::to_string(schema_version)},
                  {"state", session.done    ? "done"
                            : session.asked ? "asked"
                                            : "failed"}};
  if (!session.done) json["reason"] = session.reason;
  if (!session.model.empty()) json["model"] = session.model;
  json["options"] = session.options;
  json["key"] = session.key;
  json["environment"] = session.environment;
  json["results"] = base::Json::array();
  for (std::size_t i = 0; i < session.results.size(); ++i)
    json["results"].push_back({{"file", session.results[i]}, {"quantized", static_cast<bool>(session.quantized[i])}});
  if (!session.missing.empty()) json["missing"] = session.missing;
  base::save_json(session_file(dir), json);
}

std::optional<Session> find_session(const std::string& dir) {
  if (!base::exists(session_file(dir))) return {};
  const auto json = base::JsonReader::load(session_file(dir));
  (void)json.schema(schema_name, schema_version);
  json.only({"schema", "state", "reason", "model", "options", "key", "environment", "results", "missing"});
  Session session;
  const std::string state = json["state"].text();
  session.done = state == "done";
  session.asked = state == "asked";
  if (!session.done && !session.asked && state != "failed") json["state"].fail("done, asked or failed is expected");
  if (json.has("model")) session.model = json["model"].text();
  if (json.has("missing")) session.missing = read_map(json["missing"]);
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

std::optional<Session> look(const std::string& dir, std::string& problem) {
  std::optional<Session> session;
  try {
    session = find_session(dir);
  } catch (const Error& error) {
    problem = error.what();
    return {};
  }
  if (!session)
    problem = "was not measured";
  else if (!session->model.empty() && (!base::exists(dir + "/" + model_name) || print_of(dir) != session->model))
    problem = std::string(model_name) + " is not the one that was measured";
  else
    return session;
  return {};
}

bool is_whole(const std::string& dir, const Session& session) {
  try {
    for (const auto& name : session.results) {
      const std::string file = base::inside(dir, name);
      (void)parse_snpe_results(base::read_file(file), file);
    }
    return !session.results.empty();
  } catch (const Error&) {
    return false;
  }
}

std::optional<Session> adopt(const std::string& dir, const Session& asked, const SnpeOptions& options) {
  Session session = asked;
  session.done = false;
  session.asked = false;
  session.results.clear();
  session.quantized.clear();
  session.missing.clear();
  session.environment["measured_by"] = "script";
  const auto groups = groups_of(options);
  std::vector<std::string> problems;
  for (const auto& group : groups) {
    const std::string file = dir + "/" + results_path(group);
    const auto results = base::exists(file) ? carried(file, group, options) : std::nullopt;
    if (!results) {
      if (!base::exists(dir + "/" + failure_path(group))) return {};
      for (const auto& runtime : group.runtimes) {
        session.missing[runtime] = "failed in the script, see raw/script.log";
        problems.push_back(runtime + ": " + session.missing[runtime]);
      }
      continue;
    }
    for (const auto& run : results->runs) {
      session.done = session.done || run.problem.empty();
      if (!run.problem.empty()) problems.push_back(run.runtime + ": " + run.problem);
    }
    session.results.push_back(results_path(group));
    session.quantized.push_back(group.quantized);
  }
  if (session.done) {
    session.reason.clear();
    return session;
  }
  session.reason = base::join(problems, "; ");
  session.results.clear();
  session.quantized.clear();
  session.missing.clear();
  for (const auto& group : groups) base::write_file(dir + "/" + failure_path(group), "failed\n");
  return session;
}

void forget_results(const std::string& dir) {
  namespace fs = std::filesystem;
  if (!base::is_folder(dir + "/raw")) return;
  for (const auto& name : base::list_folder(dir + "/raw")) {
    const bool results =
        base::starts_with(name, "results-") && (base::ends_with(name, ".json") || base::ends_with(name, ".part"));
    const bool failure = base::starts_with(name, "failed-") && base::ends_with(name, ".txt");
    if (results || failure || base::starts_with(name, "bench-")) fs::remove_all(dir + "/raw/" + name);
  }
  for (const bool quantized : {false, true}) fs::remove(dir + "/" + dlc_path(quantized));
}

Taken take_results(const std::string& dir, const Group& group) {
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

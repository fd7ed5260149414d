// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/snpe_options.hpp"
#include "hwprof/latency_table.hpp"
#include "hwprof/snpe.hpp"

namespace hwprof::compiling {

inline constexpr const char* model_name = "model.onnx";

/// Runtimes that run the same DLC, and so share one call of snpe_bench.
struct Group {
  std::vector<std::string> runtimes;
  bool quantized = false;
};
[[nodiscard]] std::vector<Group> groups_of(const SnpeOptions& options);

/// Where things lie, relative to a job's folder, which is where the tools run.
[[nodiscard]] std::string dlc_path(bool quantized);
[[nodiscard]] std::string results_folder(std::size_t group);
[[nodiscard]] std::string results_path(std::size_t group);
[[nodiscard]] std::string config_path(std::size_t group);

/// How benching a network ended: raw/session.json.
struct Session {
  bool done = false;
  std::string reason;  ///< where not done
  std::map<std::string, std::string> options, environment;
  std::string key = "total";
  std::vector<std::string> results;  ///< relative paths
  std::vector<bool> quantized;       ///< of each
};

void save_session(const std::string& dir, const Session& session);
/// Nothing when there is none. @throws Error(Fault::input) for a damaged file.
[[nodiscard]] std::optional<Session> find_session(const std::string& dir);

/// A session of results that were carried here: all files are there and at least one runtime has times.
[[nodiscard]] std::optional<Session> adopt(const std::string& dir, const SnpeOptions& options);

/// A group's results as snpe_bench left them.
struct Taken {
  std::string text;
  std::string problem;  ///< why no runtime of them has times; empty where one has
};
/// @throws Error(Fault::device) when there are none, Error(Fault::input) when they are damaged.
[[nodiscard]] Taken take_results(const std::string& dir, std::size_t group);

/// The script that does here undone jobs elsewhere. @throws Error(Fault::unsupported) always, saying how to go on.
[[noreturn]] void write_script(const std::vector<SnpeJob>& jobs, const SnpeOptions& options, const Tools& tools);

}  // namespace hwprof::compiling

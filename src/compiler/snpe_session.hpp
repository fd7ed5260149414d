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
  std::string name;  ///< of its files: "0", "1"; of a runtime benched alone "0-GPU"
  std::vector<std::string> runtimes;
  bool quantized = false;
  /// Each of its runtimes alone.
  [[nodiscard]] std::vector<Group> apart() const;
};
[[nodiscard]] std::vector<Group> groups_of(const SnpeOptions& options);

/// Where things lie, relative to a job's folder, which is where the tools run.
[[nodiscard]] std::string dlc_path(bool quantized);
[[nodiscard]] std::string results_folder(const Group& group);
[[nodiscard]] std::string results_path(const Group& group);
[[nodiscard]] std::string config_path(const Group& group);
[[nodiscard]] std::string failure_path(const Group& group);  ///< what of the group is tried when a script is run again

/// How benching a network ended: raw/session.json.
struct Session {
  bool done = false;
  bool asked = false;  ///< a script was written, whose results are waited for
  std::string reason;  ///< where not done
  std::string model;   ///< print_of() the model that was benched; empty in files of older versions
  std::map<std::string, std::string> options, environment;
  std::string key = "total";
  std::vector<std::string> results;  ///< relative paths
  std::vector<bool> quantized;       ///< of each
  /// Runtimes that failed where others did not, and why; tried again by the next call.
  std::map<std::string, std::string> missing;
  /// Why this runtime, as results call it, is missing; empty where it is not.
  [[nodiscard]] std::string why_missing(const std::string& result_name) const;
};

/// Size and checksum of the model in dir, by which a changed one is told.
[[nodiscard]] std::string print_of(const std::string& dir);

void save_session(const std::string& dir, const Session& session);
/// Nothing when there is none. @throws Error(Fault::input) for a damaged file.
[[nodiscard]] std::optional<Session> find_session(const std::string& dir);

/// The session of a network that is as it was benched; where there is none, why in `problem`.
[[nodiscard]] std::optional<Session> look(const std::string& dir, std::string& problem);

/// In which numbers a runtime, as results call it, computes: "fp32", "fp16", "int8".
[[nodiscard]] std::string precision_of(const std::string& result_name, bool quantized);

/// Whether the results of a session that is done can be read.
[[nodiscard]] bool is_whole(const std::string& dir, const Session& session);

/// The session of a script's results that were carried here: done when each group has results, of the runtimes that
/// were asked for and of no others, or is known to have failed, and a runtime has times; with the reason where none
/// has. Nothing as long as a group has neither; damaged results and those of other runtimes are erased. What may be
/// tried again is marked, so that the next run of the script does.
[[nodiscard]] std::optional<Session> adopt(const std::string& dir, const Session& asked, const SnpeOptions& options);

/// Erases results and converted networks of earlier tries: what is tried again may be so with another converter.
void forget_results(const std::string& dir);

/// A group's results as snpe_bench left them.
struct Taken {
  std::string text;
  std::string problem;  ///< why no runtime of them has times; empty where one has
};
/// @throws Error(Fault::device) when there are none, Error(Fault::input) when they are damaged.
[[nodiscard]] Taken take_results(const std::string& dir, const Group& group);

/// The script that does here undone jobs elsewhere, and tries those that failed in one again.
/// @throws Error(Fault::unsupported) always, saying how to go on.
[[noreturn]] void write_script(const std::vector<SnpeJob>& jobs, const std::vector<SnpeJob>& again,
                               const SnpeOptions& options, const Tools& tools);

}  // namespace hwprof::compiling

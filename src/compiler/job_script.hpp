// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "compiler/tools.hpp"

namespace hwprof::compiling {

/// What a script does for one network: lines of a POSIX shell, run in the network's folder, which end at the first that
/// fails.
struct ScriptJob {
  std::string id, dir, steps;
};

/// Writes raw/steps.sh into every network's folder and a script that runs them one after the other, as often as one
/// likes, and reports those that fail. about: what it is for, as comment lines ("# …\n").
/// @throws Error(Fault::usage) when the script would not lie in a folder around all networks, with which it is carried.
void write_job_script(const std::string& file, const std::string& about, const std::vector<ScriptJob>& jobs);

/// One word for a POSIX shell. hwprof itself never starts one; who runs the script does.
[[nodiscard]] std::string shell_word(const std::string& word);

/// A tool's call in quotes.
[[nodiscard]] std::string script_line(const Tools& tools, const std::string& tool,
                                      const std::vector<std::string>& arguments);

}  // namespace hwprof::compiling

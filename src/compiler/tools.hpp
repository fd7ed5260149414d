// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/subprocess.hpp"

namespace hwprof::compiling {

/// Where a vendor's programs run.
struct ToolPlace {
  std::vector<std::string> folders;                ///< searched before PATH
  std::map<std::string, std::string> environment;  ///< not in a container
  std::vector<std::string> launcher;               ///< words before every program
  std::string container, container_tool = "docker";
  std::vector<std::string> container_arguments;  ///< of `run`, besides the folder
};

/// Runs a vendor's programs, in a container if so asked. No shell is involved.
class Tools {
 public:
  Tools(ToolPlace place, std::function<bool()> stop) : place_(std::move(place)), stop_(std::move(stop)) {}

  /// The program and its arguments as they will be started in dir, which the container sees under the same name.
  [[nodiscard]] std::vector<std::string> argv(const std::string& tool, const std::vector<std::string>& arguments,
                                              const std::string& dir, const std::string& container_name) const;
  /// Whether the program is there; inside a container, or behind a launcher, nobody knows before it runs, so that the
  /// container's tool or the launcher is looked for.
  [[nodiscard]] bool find(const std::string& tool) const;
  /// Runs a tool in dir with its output in dir/<log>, or in the result where log is empty.
  /// @throws Error(Fault::device) when it fails, naming the log, and Error(Fault::interrupted) after a stop.
  base::CommandResult run(const std::string& tool, const std::vector<std::string>& arguments, const std::string& dir,
                          const std::string& log, double timeout_s) const;
  /// The same without an error for a bad exit status.
  base::CommandResult attempt(const std::string& tool, const std::vector<std::string>& arguments,
                              const std::string& dir, const std::string& log, double timeout_s) const;

 private:
  [[nodiscard]] std::string path() const;  ///< the place's folders before our PATH
  const ToolPlace place_;
  std::function<bool()> stop_;
};

}  // namespace hwprof::compiling

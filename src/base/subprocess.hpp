// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hwprof::base {

/// A program to run: no shell sees it, its standard input is empty, it inherits no file of ours, and it leads a
/// process group of its own, so that a Ctrl-C reaches us alone and `stop` decides.
struct Command {
  std::vector<std::string> argv;                   ///< argv[0] with a slash is that file, otherwise looked for on PATH
  std::string directory;                           ///< where it runs; empty: where we do
  std::map<std::string, std::string> environment;  ///< on top of ours; a PATH given here is the one searched
  std::string output_file;  ///< gets both outputs in the order written; empty: they are kept in the result
  double timeout_s = 600;   ///< wall clock; then SIGTERM to the group, and SIGKILL after grace_s more
  double grace_s = 5;
  std::size_t max_output = std::size_t{1} << 22;  ///< bytes kept of each output; of more, the first and last half
  std::function<bool()> stop;                     ///< asked some ten times a second; true ends it like a timeout
};

struct CommandResult {
  int exit_status = 0;                      ///< where it ended by itself
  int signal = 0;                           ///< that killed it, else 0
  bool timed_out = false, stopped = false;  ///< ended by us, whatever its status says
  std::string output, errors;               ///< standard output and error, where not in a file
  std::size_t bytes_dropped = 0;            ///< beyond max_output, both outputs together
  double wall_s = 0;

  [[nodiscard]] bool good() const noexcept { return exit_status == 0 && signal == 0 && !timed_out && !stopped; }
  /// "exit status 3", "killed by signal 11 (Segmentation fault)", "took longer than 5 s"; then the last
  /// line that it wrote, if one was kept.
  [[nodiscard]] std::string describe() const;
};

/// The program's file, or nothing. path as in PATH; empty: our own PATH.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name, const std::string& path = {});

/// Runs it and waits; when this returns or throws, whatever was left of its process group has been killed. What made a
/// session of its own (a daemon) stays, and is not waited for even if it holds the outputs open. Thread-safe.
/// @throws Error(Fault::device) naming the program when there is none or it cannot be started, Error(Fault::usage)
/// for an empty argv or a NUL in it, Error(Fault::input) for an output file that cannot be written.
[[nodiscard]] CommandResult run_command(const Command& command);

}  // namespace hwprof::base

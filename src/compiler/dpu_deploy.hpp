// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/dpu_state.hpp"

namespace hwprof::compiling {

/// Something that runs compiled networks and gives their times. One network at a time; not thread-safe.
class DpuBoard {
 public:
  virtual ~DpuBoard();
  /// Before the first network. @throws Error(Fault::device) when the board cannot be reached.
  virtual void begin() {}
  /// Brings a compiled network there. @throws Error(Fault::device) for what keeps this network from it, and
  /// BoardLost when none can be brought.
  virtual void deploy(const DpuJob& job) = 0;
  /// Runs it and puts down its times; deploy() was called before, perhaps by an earlier program.
  virtual void measure(const DpuJob& job, std::map<std::string, std::string>& environment) = 0;
  /// After the last. @throws Error(Fault::unsupported) when somebody has to do something now, saying what.
  virtual void end() {}
  [[nodiscard]] virtual std::string by() const = 0;  ///< StepState::by
};

/// The board has gone: no reason to try the next network.
struct BoardLost {
  std::string what;
};
/// Thrown by measure(): somebody has to do something first, which end() will say.
struct Waits {};

/// By the options: server, host or board. Null: none is named. @throws Error(Fault::input) for a token file that cannot
/// be read.
[[nodiscard]] std::unique_ptr<DpuBoard> make_board(const DpuOptions& options, std::function<bool()> stop);

/// Takes a log as a network's result when it holds times: it appears as result_file(). environment gets what it says.
/// @throws Error(Fault::device) when it does not; it is kept beside as "<id>.refused.txt" then.
void take_result(const DpuJob& job, const std::string& mode, const std::string& text);

/// Wall-clock times of hwprof_run in mode normal [s]. @throws Error(Fault::input) for runs that were not finished, or
/// that are fewer than it says.
[[nodiscard]] std::vector<double> parse_normal_runs(std::string_view text, const std::string& source);

/// The nodes' times to the network's layers. Where the device has none, or none by names of ours, all of it is
/// overhead.
/// @throws Error(Fault::input) as attribute().
void give_layers(const Net& net, NetRecord& record, Notes* notes);

/// The record of a result in debug mode: of the network's kernel, with its nodes where the format has them.
/// @throws Error(Fault::input) when it holds no time, or says that its times are another kernel's.
[[nodiscard]] NetRecord load_result(const std::string& file, const DpuJob& job, Notes* notes);

/// Words before the board's name, for ssh and scp alike.
[[nodiscard]] std::vector<std::string> ssh_words(const DpuOptions& options, const std::string& program);

}  // namespace hwprof::compiling

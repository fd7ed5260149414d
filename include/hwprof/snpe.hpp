// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hwprof/compiler.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/latency_table.hpp"

// The compiler "snpe" runs networks on Qualcomm phones with the SNPE SDK: ONNX here, DLC and snpe_bench by the SDK's
// own programs. docs/snpe.md: what they are asked, the options, and what this was tested against.
namespace hwprof {

/// A network to be benched: a folder that holds model.onnx; all that comes of it goes to dir/raw.
struct SnpeJob {
  std::string id, dir;
  std::string input;    ///< its name; only the script form, which cannot ask the DLC, needs it
  Shape input_shape{};  ///< N C H W
};

struct SnpeSummary {
  std::size_t jobs = 0, done = 0, failed = 0;
  std::size_t before = 0;             ///< of done: this call benched nothing of them, the script or an earlier one did
  std::vector<std::string> failures;  ///< "id: reason"
  std::vector<std::string> lost;      ///< phones that were not there or went away, "serial: state"
  std::vector<std::string> missing;   ///< "id: runtime: reason" of runtimes that failed where others of it are done
};

/// Converts and benches the networks that have no results yet, or whose model.onnx is another now; the phones share the
/// work. A network that fails is noted in its dir/raw and tried again by the next call; so is a runtime of it that
/// fails alone, without a loss for the others. In the script form the next run of the script tries both again.
/// options.device_options as docs/snpe.md lists them; budget, interval, threads and layout mean nothing here: runs and
/// inputs decide.
/// @throws Error(Fault::device) for a tool or phone that is not there, with what to do, and when no phone is left
/// (what was benched is kept), unless all that waits are runtimes that failed alone before: they stay missing;
/// Error(Fault::usage) for unknown options and for results of other options; Error(Fault::interrupted) after a stop;
/// Error(Fault::unsupported) when it only wrote the script to be run elsewhere.
SnpeSummary bench_snpe(const std::vector<SnpeJob>& jobs, const MeasureOptions& options);

/// Results of networks that were benched, of all runtimes, as a table keyed by uids (by position). problems, if given,
/// gets "id: runtime: reason" for what has no row, damaged files included; without it they are passed over, and
/// @throws Error(Fault::input) for a damaged file.
[[nodiscard]] LatencyTable collect_snpe(const std::vector<SnpeJob>& jobs, const std::vector<std::string>& uids,
                                        std::vector<std::string>* problems = nullptr);

}  // namespace hwprof

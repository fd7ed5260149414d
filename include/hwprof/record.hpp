// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hwprof/prim.hpp"

namespace hwprof {

/// What a device was asked; one unit each, in memory and on disk alike: seconds, bytes, joules. latency, memory (the
/// peak) and energy are of one forward. Of a training step, forward to optimiser, are train_latency and its four
/// phases, train_memory and train_energy; reserved_memory and process_memory are of either. See docs/training.md.
enum class Metric {
  latency,
  memory,
  energy,
  train_latency,
  forward_latency,
  loss_latency,
  backward_latency,
  optimizer_latency,
  train_memory,
  train_energy,
  reserved_memory,
  process_memory
};
/// All of them, in their order.
[[nodiscard]] const std::vector<Metric>& list_metrics();
/// Metric::latency, memory or energy: what a metric is of, whatever the phase.
[[nodiscard]] Metric quantity(Metric metric) noexcept;
[[nodiscard]] const char* to_string(Metric metric) noexcept;
/// @throws Error(Fault::usage) listing the names.
[[nodiscard]] Metric parse_metric(const std::string& name);
[[nodiscard]] const char* unit(Metric metric) noexcept;

/// A measured quantity with its spread.
struct Measured {
  double value = 0;          ///< robust centre (median unless the source only has a mean)
  double spread = 0;         ///< half width of the 95 % interval of value; 0 when unknown
  std::int64_t samples = 0;  ///< behind value; 0 when the source does not say
  std::int64_t dropped = 0;  ///< interrupted or outlying samples left out
};
using Perf = std::map<Metric, Measured>;

struct PrimRecord {
  Prim prim;
  Perf perf;
  bool glue = false;
};

/// A row of the device's own report, before it was attributed to primitives.
struct NodeRecord {
  std::string name;
  std::vector<std::string> ops;
  Perf perf;
  double macs = 0;  ///< multiply-accumulates by the device's own count; 0 when it does not say
};

enum class RunState { measured, unsteady, failed, unsupported, out_of_memory };
[[nodiscard]] const char* to_string(RunState state) noexcept;

/// Where a number comes from: enough to repeat it, and to refuse to mix what does not belong together.
struct Provenance {
  std::string device, compiler, mode;              ///< "cpu", "torch", "inference" | "train"
  std::map<std::string, std::string> environment;  ///< CPU, clocks, threads, libraries, power mode, ...
  bool derived = false;                            ///< a sum or an interpolation, not a measurement
};

/// One run of one network. `measured` is steady; `unsteady` has numbers whose interval stayed wider than
/// asked for; the other states carry a reason and no number that a fit may use.
struct NetRecord {
  std::string net_id;
  std::string purpose;  ///< as Net::purpose; empty when the source does not say
  std::string arch;     ///< as Net::arch
  RunState state = RunState::measured;
  std::string reason;
  int batch = 1;
  Perf overall;
  Perf overhead;  ///< what of overall no layer caused: launching the network, moving its input and output
  std::vector<PrimRecord> prims;  ///< in execution order, one per layer
  std::vector<NodeRecord> nodes;
  Provenance from;
};

/// Notes on what a reader skipped or mended, each naming its place.
using Notes = std::vector<std::string>;

/// Reads measurements, recognising the format by content, not by name:
///  - hwprof's JSON lines. A torn last line is reported in notes, not believed.
///  - aw_nas' result YAML of all generations: runs, lists of primitives, lists of such lists. Latency is taken
///    in ms, energy in mJ, memory in bytes; power in µW times the latency gives the energy where none stands.
///  - latency tables of ProxylessNAS and Once-for-all, in ms: a record of primitives without an overall cost.
///  - CSV of whole architectures: a header with `arch` and at least one of latency_s, latency_ms, latency_us,
///    energy_j, energy_mj, memory_bytes.
///  - tables and results of SNPE and nnabla-nas (latency_table.hpp): a record per module and runtime.
///  - logs of perf4sight (perf4sight.hpp): a record per row.
///  - logs of DPU tools and trtexec (device_log.hpp, docs/dpu.md): a record per network, with the device's nodes.
/// A folder: hwprof's own (its records.jsonl alone), or aw_nas' DIR/<net>/<run>.yaml, where the runs of a
/// network become one record with the median of each cost; Measured::samples is the number of runs then, and
/// the spread is 0 below six of them. JSON lines, CSV files and device logs in a folder and below are
/// read too, a folder of VART's files as one record of the block that it is named after; what else lies there is noted.
/// @throws Error(Fault::input) with file:line for anything that does not fit, and for costs that are not
/// finite or below 0.
[[nodiscard]] std::vector<NetRecord> load_records(const std::string& file, Notes* notes = nullptr);

/// JSON lines, one record a line, written by atomic rename.
/// @throws Error(Fault::internal) for a cost that is not finite or below 0, naming the net and primitive.
void save_records(const std::string& file, const std::vector<NetRecord>& records);

}  // namespace hwprof

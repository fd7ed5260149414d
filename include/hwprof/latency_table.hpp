// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hwprof/record.hpp"

// What snpe_bench reports, and the tables that nnabla-nas makes of it. The numbers are those of the files:
// microseconds.
namespace hwprof {

/// The only statistics that snpe_bench gives of a time.
struct LatencyStats {
  double min_us = 0, avg_us = 0, max_us = 0;
};

/// A layer of the DLC. The one of type "data" is the network's input and no work of the network.
struct SnpeLayer {
  std::string name, type;
  LatencyStats time;
  [[nodiscard]] bool is_data() const { return type == "data"; }
};

/// What one runtime did with one network.
struct SnpeRun {
  std::string runtime;                         ///< "GPU", or with the buffer type: "DSP_ub_tf8"
  std::string problem;                         ///< why there are no times: absent, a time that is no number, …
  std::optional<LatencyStats> forward, total;  ///< "Forward Propagate", "Total Inference Time"
  std::vector<SnpeLayer> layers;               ///< none with the profiling level basic
  /// "Layers Time": the sum over all layers but the input; nothing when they take no time. The sums of the minima and
  /// maxima are not the minimum and maximum of the sum.
  [[nodiscard]] std::optional<LatencyStats> layers_time() const;
};

struct SnpeResults {
  std::vector<SnpeRun> runs;                              ///< one per runtime that was asked for, in that order
  std::vector<std::pair<std::string, std::string>> meta;  ///< phone, SDK, date, as the file has them
};

/// A results file of snpe_bench. A runtime that is missing or has a time that is no positive number has a problem and
/// no times; the others keep theirs. @throws Error(Fault::input) with the place for what is no such file.
[[nodiscard]] SnpeResults parse_snpe_results(std::string_view text, const std::string& source);

/// <ModuleUID>, <Runtime> and the three times that nnabla-nas keeps of each, where they are known.
struct LatencyRow {
  std::string uid;      ///< a module's text as in to_module_uid(), or the name of a whole network
  std::string runtime;  ///< "GPU", or of nnabla's own tables "cudnn:float"
  std::optional<LatencyStats> forward, total, layers;
  std::optional<double> latency_ms;  ///< of nnabla's own tables, which hold nothing else
  std::vector<SnpeLayer> per_layer;
};

struct LatencyTable {
  std::vector<LatencyRow> rows;
  std::vector<std::pair<std::string, std::string>> meta;
  bool carriage_returns = false;       ///< lines of the CSV end as Python's csv module ends them, which is by its first
  bool meta_carriage_returns = false;  ///< and those of the .meta
  /// What meta calls the precision of a runtime ("fp32", "fp16", "int8").
  [[nodiscard]] static std::string precision_key(const std::string& runtime) { return "precision " + runtime; }
};

/// Puts what one network's results say into the table. Returns the problems, "GPU: …", of runtimes that have no row.
std::vector<std::string> add_results(LatencyTable& table, const std::string& uid, const SnpeResults& results);

/// Writes STEM.json, STEM.csv and STEM.meta as nnabla-nas' create_latency_table does, and STEM.layers.csv with the
/// layers where there are some. A CSV and a .meta as nnabla-nas writes them come back byte for byte, each with the line
/// ends of its first line. Not kept are a byte order mark, empty lines, a last line without an end, other orders of a
/// row's statistics, and numbers and quotes that Python would write otherwise. Returns the files. @throws
/// Error(Fault::input) for a file that cannot be written.
std::vector<std::string> save_latency_table(const std::string& stem, const LatencyTable& table);

/// STEM.csv or STEM.json of either generation of tables, with STEM.meta beside it where there is one; a byte order mark
/// and carriage returns before line feeds are passed over. Values that are no finite number >= 0, and keys that are not
/// known, are noted and left out, and so is a .meta of another form. @throws Error(Fault::input) with the line for rows
/// that do not fit and values given twice; without notes for the others too.
[[nodiscard]] LatencyTable load_latency_table(const std::string& file, Notes* notes = nullptr);

/// Whether dir is what nnabla-nas' nas_snpe_bench leaves: <name>/<ModuleUID>/latest_results/*.json.
[[nodiscard]] bool is_bench_folder(const std::string& dir);

/// The table of such a folder, a module per folder in it. What is damaged or absent is noted.
/// @throws Error(Fault::input) when no results are in it.
[[nodiscard]] LatencyTable load_bench_folder(const std::string& dir, Notes& notes);

/// A record per row. Device "snpe:GPU" (of nnabla's own tables "nnabla:cudnn:float"); overall is Total Inference
/// Time, or Forward Propagate where that is missing or meta has latency_key:forward, the primitive's cost Layers Time,
/// and what is between them the overhead. Rows that name no module become records of whole networks. What cannot be one
/// is noted.
[[nodiscard]] std::vector<NetRecord> to_records(const LatencyTable& table, Notes* notes = nullptr);

}  // namespace hwprof

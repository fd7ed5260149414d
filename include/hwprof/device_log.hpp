// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof {

// What DPU tools print, row by row, where a NetRecord would lose detail. load_records() reads the same files into
// records. Everything here is read by the names in the file's own header, never by column position.

/// One row of a report on a network's nodes. Empty: the report has no such column, or inf or nan in it.
struct NodeRow {
  std::string name;
  std::optional<double> operations;        ///< workload; 2 for a multiply-accumulate
  std::optional<double> runtime_s;         ///< of one run, or the report's mean over its runs
  std::optional<double> moved_bytes;       ///< feature maps, weights and code together
  std::optional<double> operations_per_s;  ///< performance
  std::optional<double> utilization;       ///< of the core's peak; 1.0 is 100 %
  std::optional<double> bytes_per_s;       ///< memory traffic
};

/// One table of DNNDK's profile mode: one run of one kernel compiled in debug mode.
struct NodeTable {
  std::string kernel, task;
  std::size_t line = 0;  ///< where it begins in the file
  std::vector<NodeRow> rows;
  NodeRow total;  ///< the row "All"; its runtime is the sum over the rows, not wall time
  double resolution_s = 0, resolution_operations = 0;  ///< last digits of runtimes and workloads
};

/// Calls take for every complete table, in the file's order. Memory does not grow with the file.
/// Truncated tables, tables without a header or with a runtime below 0 are counted in notes.
/// @throws Error(Fault::input) when the file cannot be read.
void read_node_tables(const std::string& file, const std::function<void(const NodeTable&)>& take,
                      Notes* notes = nullptr);

struct DpuCore {
  std::string name, arch, version, fingerprint;  ///< "#0", "B4096", "v1.4.0"; what the tool says, empty where nothing
  double frequency_hz = 0;                       ///< 0 where the tool does not say
  std::map<std::string, std::string> features;   ///< every other line of the core
};

/// What `dexplorer -w` or `xdputil query` say of a board.
struct DpuBoard {
  std::vector<DpuCore> cores;
  std::map<std::string, std::string> facts;  ///< of the IP and the libraries
};

/// @throws Error(Fault::input) for a file that describes no DPU core.
[[nodiscard]] DpuBoard load_dpu_board(const std::string& file);

/// Operations per cycle that stand in the name (B4096) times the clock; 0 where either is unknown.
[[nodiscard]] double peak_operations_per_s(const DpuCore& core);

struct DpuTensor {
  std::string name;
  std::uint32_t height = 0, width = 0, channels = 0;
  std::uint32_t bytes = 0, bits = 0;  ///< bits of one value
  std::int32_t fix_position = 0;      ///< value = stored integer / 2^fix_position
  bool input = false, output = false;
};

struct DpuNode {
  std::string name;
  bool on_cpu = false;
  double operations = 0;                                         ///< 2 for a multiply-accumulate
  std::vector<std::uint32_t> inputs, outputs;                    ///< in DpuKernel::tensors
  double code_bytes = 0, parameter_bytes = 0, weight_bytes = 0;  ///< weight_bytes: the parameters named as weights
};

/// A network as the compiler left it in an ELF file.
struct DpuKernel {
  std::string name, arch, compiler;
  bool debug = false;  ///< one node a layer, so that nodes can be timed
  std::uint32_t io_bytes = 0;
  std::vector<DpuTensor> tensors;
  std::vector<DpuNode> nodes;
  /// Feature maps in and out, code and parameters of a node: what DNNDK prints as Mem.
  [[nodiscard]] double moved_bytes(const DpuNode& node) const;
};

/// The kernels of a dpu_*.elf (sections .deephi.*), by name.
/// @throws Error(Fault::input) naming the section for offsets, sizes and indices that lead out of the file.
[[nodiscard]] std::vector<DpuKernel> load_dpu_elf(const std::string& file);

struct PowerOptions {
  std::string column;       ///< of the log, by its header's name or number from 1; empty: the first after the time
  double log_offset_s = 0;  ///< added to the log's times so that both clocks agree
  double edge_s = 0.5;      ///< left out at both ends of every window
  double runs = 1;          ///< inferences in a window
  double per_watt = 1e6;    ///< the log's numbers make one watt of so many
};

/// Power while one network ran.
struct PowerWindow {
  std::string name;
  double duration_s = 0;
  std::int64_t samples = 0;
  double mean_w = 0, idle_w = 0;
  std::optional<double> energy_j;  ///< of one inference, (mean - idle) * duration / runs; none when that is below 0
};

/// Cuts a power log (time, numbers…) by a file of lines "name start end" and subtracts the median power outside of
/// all windows. Lines that are no sample are counted in notes; so are windows without one, which are left out.
/// Local times without a zone are taken as they stand: log_offset_s makes them agree.
/// @throws Error(Fault::input) when no window holds a sample (naming the whole hours that would make them meet) or no
/// sample lies outside of them.
[[nodiscard]] std::vector<PowerWindow> cut_power(const std::string& log, const std::string& stamps,
                                                 const PowerOptions& options = {}, Notes* notes = nullptr);

}  // namespace hwprof

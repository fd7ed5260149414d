// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/device_log.hpp"
#include "record/lines.hpp"
#include "record/node_table.hpp"
#include "record/vaitrace.hpp"

namespace hwprof::record {

enum class LogKind {
  none,
  node_tables,      ///< DNNDK's profile mode
  vaitrace,         ///< vaitrace --txt_summary
  profile_summary,  ///< VART's CSV files
  vart_trace,
  throughput,
  board,  ///< dexplorer -w, xdputil query
  xdputil_benchmark,
  trtexec,
  elf
};

/// By what stands in the first part of a file; none for what load_records reads otherwise.
[[nodiscard]] LogKind recognise(std::string_view head);
/// By the first megabyte; none for what cannot be read.
[[nodiscard]] LogKind recognise_file(const std::string& file);

/// The records of a log of any kind but none. A board or an ELF file is no measurement: it gives a note, and no
/// records.
[[nodiscard]] std::vector<NetRecord> read_log(LogKind kind, Lines& lines, Notes& notes);

[[nodiscard]] std::vector<NetRecord> read_xdputil_benchmark(Lines& lines, Notes& notes);
[[nodiscard]] std::vector<NetRecord> read_trtexec(Lines& lines, Notes& notes);

[[nodiscard]] DpuBoard parse_board(std::string_view text, const std::string& source);
[[nodiscard]] std::vector<DpuKernel> parse_elf(std::string_view bytes, const std::string& source);

/// @throws Error(Fault::input) for a cost of the record that is not finite or beyond any device's; sums of huge
/// numbers.
void check_costs(const NetRecord& record, const std::string& source);

/// Puts what a board file says into the environment of records measured there.
void describe_board(const DpuBoard& board, NetRecord& record);

/// Checks a DNNDK log's record against the network that was compiled, where one of the kernels has its name: nodes that
/// the file lacks and other workloads go to notes, workloads that the log lacks and the compiler into the record.
void join_compiled(const std::vector<DpuKernel>& kernels, NetRecord& record, Notes& notes);

/// A folder of VART's files, or of one network's logs.
[[nodiscard]] bool is_vart_folder(const std::string& dir);
/// One record, with the block that the folder's name stands for; nothing, with a note, when there is no time in it.
[[nodiscard]] std::optional<NetRecord> load_vart_folder(const std::string& dir, Complaints& complaints, Notes& notes);

}  // namespace hwprof::record

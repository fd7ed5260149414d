// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/record.hpp"
#include "record/lines.hpp"
#include "record/tally.hpp"

namespace hwprof::record {

/// vaitrace --txt_summary of Vitis AI 1.3 to 3.5: one record per table of the section "DPU Summary", named after the
/// file. Columns are found by their titles. Overall is the sum over subgraphs and CPU ops of the graph, of the
/// software's time where there is one; what the hardware did not need of it is overhead.
[[nodiscard]] std::vector<NetRecord> read_vaitrace(Lines& lines, Notes& notes);

/// A row of VART's profile_summary.csv.
struct SummaryRow {
  std::string kernel, cu;
  std::int64_t runs = 0;
  double least_s = 0, mean_s = 0, most_s = 0;
  double operations = 0;
};
/// @throws Error(Fault::input) with file:line for a row whose times are no times.
[[nodiscard]] std::vector<SummaryRow> read_profile_summary(Lines& lines, Complaints& complaints);

/// Runtimes in VART's vart_trace.csv by kernel: its events are beginnings and ends.
[[nodiscard]] std::map<std::string, Tally> read_vart_trace(Lines& lines, Complaints& complaints);

/// vitis_ai_profile.csv as far as the DPU is concerned.
struct ThroughputProfile {
  Tally frames_per_s;
  std::size_t bandwidth_rows = 0;  ///< rows of DDR ports, which belong to the whole board and are not kept
};
[[nodiscard]] ThroughputProfile read_throughput(Lines& lines, Complaints& complaints);

/// The rows of a summary as one record: the sum over the kernels, each as often as it ran per run of the network.
/// Traces lend the spread, and are checked against the summary.
[[nodiscard]] NetRecord summary_record(const std::vector<SummaryRow>& rows, const std::map<std::string, Tally>& traces,
                                       const std::string& place, Complaints& complaints);

/// The block that a folder's name stands for: Class-in_CxHxW-out_C-k_K-e_E-s_S-act_A-use_se_B, or
/// Class_in-CxHxW_out-C_k-K_act-A, fields in any order, with the usual other spellings of keys and activations.
/// operations: what the device counted, which decides the stride of a convolution whose name has none; 0: not known.
/// @throws Error(Fault::input) saying what does not fit.
[[nodiscard]] Prim prim_of_folder(const std::string& name, double operations = 0);

}  // namespace hwprof::record

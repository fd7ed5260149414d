// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/compiler.hpp"

// The compiler "dpu" takes networks to a Xilinx DPU: Caffe here, quantised and compiled by the programs of Vitis AI,
// run by a server or a board. docs/dpu.md: what they are asked, the options, and what this was tested against.
namespace hwprof {

/// A tensor in the compiler's list; by its own names, "conv_1:0(0)".
struct DpuPort {
  std::string name;
  std::array<std::int64_t, 3> shape{};  ///< height, width, channels
};

/// A piece of a network in the list that the compiler prints. Empty: the list does not say.
struct DpuKernelInfo {
  std::string name;
  bool on_cpu = false;
  std::optional<double> code_bytes, parameter_bytes, io_bytes;  ///< a printed MB is taken as 1024 · 1024
  std::optional<double> operations;                             ///< "Workload MACs", in which 1 MAC counts as 2
  std::optional<std::int64_t> tensors, nodes;
  std::vector<DpuPort> inputs, outputs;            ///< boundary tensors
  std::vector<DpuPort> input_nodes, output_nodes;  ///< what stands under Input Node(s) and Output Node(s)
};

/// What vai_c_caffe, dnnc or vai_c_xir wrote on its way.
struct DpuCompilerReport {
  std::string network;
  std::vector<DpuKernelInfo> kernels;                    ///< none from vai_c_xir
  std::optional<std::int64_t> subgraphs, dpu_subgraphs;  ///< vai_c_xir: on any device, on the DPU
  std::vector<std::string> errors, warnings;             ///< lines that the programs mark so, the first 50 each
  std::vector<std::string> advice;                       ///< what is known of these errors and what to do
};

/// Reads a log of these programs, or of vai_q_caffe, in all the spellings of the kernel list; what else is printed in
/// between is passed over. source is how messages call it.
/// @throws Error(Fault::input) with source:line for a value that is not what its key promises.
[[nodiscard]] DpuCompilerReport parse_compiler_report(std::string_view text, const std::string& source);

/// A network on its way to a DPU: a folder that compile() of the compiler "dpu" made.
struct DpuJob {
  std::string id, dir;
};

enum class DpuStep {
  check,  ///< vai_q_caffe's check: raw/check.log, raw/check_results.txt; decides nothing, and is repeated by every call
  quantize,  ///< vai_q_caffe: raw/quantized
  compile,   ///< vai_c_caffe or vai_c_xir: raw/compiled
  deploy,    ///< to a server, which measures it, or onto a board: raw/<id>.latency.txt of a server
  measure    ///< on a board: raw/<id>.latency.txt, raw/<id>.normal.txt
};
[[nodiscard]] const char* to_string(DpuStep step) noexcept;

struct DpuSummary {
  std::size_t jobs = 0, done = 0, failed = 0;
  std::size_t before = 0;             ///< of done: by an earlier call, or elsewhere and carried here
  std::size_t waiting = 0;            ///< an earlier step is still to be done
  std::vector<std::string> failures;  ///< "id: reason"
  std::vector<std::string> notes;     ///< of DpuStep::check: "id: what its check does not know, and lets pass"
};

/// One step of the networks that are ready for it and have it not behind them; option `jobs` of them at once, a board
/// or server one at a time. A network that fails is noted in its dir/raw and tried again by the next call.
/// options.device_options as docs/dpu.md lists them; budget, interval, threads and layout mean nothing here.
/// @throws Error(Fault::unsupported) when programs or a board are missing, saying what to do, and when it only wrote
/// the script or the folder that does the step elsewhere; Error(Fault::device) for a board or server that cannot be
/// reached, and a container's tool or launcher that does not start; Error(Fault::usage) for unknown options, for
/// results of other options and for a folder to be carried that served another run; Error(Fault::missing) and
/// Error(Fault::input) for files of a network or options that are not there or damaged; Error(Fault::interrupted) after
/// a stop.
DpuSummary run_dpu(DpuStep step, const std::vector<DpuJob>& jobs, const MeasureOptions& options);

}  // namespace hwprof

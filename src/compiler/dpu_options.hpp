// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/tools.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/vitis.hpp"

namespace hwprof::compiling {

/// MeasureOptions::device_options of "dpu", read and checked. docs/dpu.md describes them.
struct DpuOptions {
  // The network, and how it is made into what the DPU runs.
  std::string target = "B4096";  ///< whose rules are asked before anything is run; "none": no rules
  std::string images;            ///< folder of calibration images; empty: made-up ones
  int calib_iter = 10, method = 1;
  std::string gpu;  ///< number for vai_q_caffe --gpu; empty: the flag is not given
  bool keep_fixed_neuron = false;
  std::string arch = "/opt/vitis_ai/compiler/arch/dpuv2/ZCU102/ZCU102.json";
  std::string compiler = "vai_c_caffe";  ///< or vai_c_xir
  std::vector<std::string> modes{"debug"};
  std::string latency = "auto";  ///< debug, normal; auto: debug where it was measured
  // Where the programs run.
  int jobs = 1;
  double tool_timeout_s = 1800;
  std::string container, container_tool = "docker";
  std::vector<std::string> launcher;
  std::string script;
  // Who measures.
  int runs = 100, warmup = 10;
  double measure_timeout_s = 600;
  std::string server, token_file, ca_file;
  int attempts = 3;
  std::string host, identity, folder = "hwprof-dpu";
  int port = 0;
  std::string board;
  std::uint64_t seed = 0;  ///< of the made-up images

  /// What decides a step's results, for a file and for comparing with an earlier call.
  [[nodiscard]] std::map<std::string, std::string> describe(DpuStep step) const;
};

/// @throws Error(Fault::usage) naming an option or value that is not known, with the nearest, and what excludes what.
[[nodiscard]] DpuOptions read_dpu_options(const MeasureOptions& options);

[[nodiscard]] ToolPlace tool_place(const DpuOptions& options);

/// Those of device_options that decide numbers. The others say where and by whom steps are done, and may change from
/// one call to the next.
[[nodiscard]] std::map<std::string, std::string> lasting_dpu_options(const std::map<std::string, std::string>& options);

}  // namespace hwprof::compiling

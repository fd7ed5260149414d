// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/dpu_state.hpp"
#include "compiler/tools.hpp"

namespace hwprof::compiling {

/// The programs that the steps up to compile need.
[[nodiscard]] std::vector<std::string> tools_of(DpuStep step, const DpuOptions& options);

/// Has vai_q_caffe check the layers of a network; its exit status is 0 whatever it finds. Returns what it does not know
/// and lets pass. @throws Error(Fault::device) naming the layers that it refuses, and as quantize_one.
[[nodiscard]] std::string check_one(const DpuJob& job, const DpuOptions& options, const Tools& tools);

/// Do one step of one network; what they make appears as a whole. environment: what the programs said of the network.
/// @throws Error(Fault::device) when a program fails or leaves nothing, with the log's reason, and as Tools::run.
void quantize_one(const DpuJob& job, const DpuOptions& options, const Tools& tools,
                  std::map<std::string, std::string>& environment);
void compile_one(const DpuJob& job, const DpuOptions& options, const Tools& tools,
                 std::map<std::string, std::string>& environment);

/// Writes the script that does both steps of these networks elsewhere.
void write_tool_script(const std::vector<DpuJob>& jobs, const DpuOptions& options, const Tools& tools);

/// Why this step of a network failed in such a script, by what its programs printed; empty when it did not, or when the
/// script was given other options.
[[nodiscard]] std::string failed_in_script(DpuStep step, const DpuJob& job, const DpuOptions& options);

}  // namespace hwprof::compiling

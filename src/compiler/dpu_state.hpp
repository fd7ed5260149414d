// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/dpu_options.hpp"
#include "hwprof/record.hpp"
#include "hwprof/vitis.hpp"

namespace hwprof::compiling {

// What lies in a network's folder, relative to it: tools run there, and a folder that was carried elsewhere still fits.
inline constexpr const char* deploy_prototxt = "net.prototxt";
inline constexpr const char* calibration_prototxt = "net.calibration.prototxt";
inline constexpr const char* caffemodel = "net.caffemodel";
inline constexpr const char* export_file = "export.json";  ///< whether Caffe could express the network
inline constexpr const char* calibration_folder = "raw/calibration/";
inline constexpr const char* calibration_list = "raw/calibration/calibration.txt";
inline constexpr const char* quantized_folder = "raw/quantized";
[[nodiscard]] std::string compiled_folder(const std::string& mode);
[[nodiscard]] std::string latency_file(const std::string& id);  ///< "raw/<id>.latency.txt", debug mode
[[nodiscard]] std::string normal_file(const std::string& id);   ///< "raw/<id>.normal.txt"
[[nodiscard]] std::string result_file(const std::string& id, const std::string& mode);

/// What vai_c_caffe -n is given: letters, digits and '_', another one for each id and mode.
[[nodiscard]] std::string kernel_name(const std::string& id, const std::string& mode);

/// A file that the DPU's runtime loads.
struct DpuBinary {
  std::string mode, file, kernel;  ///< file relative to the network's folder
};
/// What the compiler left in raw/compiled. @throws Error(Fault::device) for a mode in which it left nothing, and for a
/// network that it cut into several pieces, whose time nobody would know, and for names of files and kernels with other
/// characters than A-Z a-z 0-9 _ . -; Error(Fault::input) for a damaged ELF file.
[[nodiscard]] std::vector<DpuBinary> find_binaries(const std::string& dir, const DpuOptions& options);

/// How a step ended.
struct StepState {
  RunState state = RunState::failed;  ///< measured: it is done
  std::string reason;                 ///< where not done
  std::string by;                     ///< "here", "elsewhere", "server", "ssh", "carried"
  std::map<std::string, std::string> options;
  double wall_s = 0;  ///< [s]; 0 where it was done elsewhere
  [[nodiscard]] bool done() const noexcept { return state == RunState::measured; }
};

/// raw/dpu.json
struct DpuState {
  std::map<DpuStep, StepState> steps;
  std::map<std::string, std::string> environment;
};

void save_state(const std::string& dir, const DpuState& state);
/// Empty when there is none. @throws Error(Fault::input) for a damaged file.
[[nodiscard]] DpuState load_state(const std::string& dir);

/// Whether the step's files are there, whoever made them.
[[nodiscard]] bool has_output(DpuStep step, const DpuJob& job, const DpuOptions& options);

/// @throws Error(Fault::usage) when the step was done with other options, naming them.
void check_same_options(DpuStep step, const DpuJob& job, const DpuOptions& options, const DpuState& state);

/// Whether a step is behind a network; its state is put down for files that were carried here.
/// @throws Error(Fault::usage) as check_same_options().
[[nodiscard]] bool is_done(DpuStep step, const DpuJob& job, const DpuOptions& options, DpuState& state);

/// Why the target's rules refuse a network; empty when they do not.
[[nodiscard]] std::string broken_rules(const Net& net, const DpuOptions& options);
/// Why Caffe or the target's rules refuse the network; empty when they do not.
[[nodiscard]] std::string refusal(const DpuJob& job, const DpuOptions& options);

}  // namespace hwprof::compiling

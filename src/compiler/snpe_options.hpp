// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "compiler/tools.hpp"
#include "hwprof/compiler.hpp"

namespace hwprof::compiling {

/// MeasureOptions::device_options of "snpe", read and checked. docs/snpe.md describes them.
struct SnpeOptions {
  std::vector<std::string> runtimes{"GPU"};   ///< CPU, GPU, GPU_FP16, DSP
  std::vector<std::string> buffers{"float"};  ///< float, ub_float, ub_tf8
  std::vector<std::string> measurements{"timing"};
  std::vector<std::string> phones;  ///< adb serials; none: the only one that is attached
  std::string perf_profile = "sustained_high_performance", profiling_level = "detailed", input_type = "float32";
  std::string quantize = "auto";  ///< auto: for the DSP alone
  std::string key = "total";      ///< total or forward: what a network's latency is
  std::string device_path = "/data/local/tmp/snpebenchmark", host = "localhost";
  std::string sdk;        ///< folder of the SDK, searched for tools before PATH
  std::string container;  ///< image to run the tools in
  std::string container_tool = "docker";
  std::string script;  ///< file to write instead of measuring
  bool cpu_fallback = false;
  int runs = 5, inputs = 10;
  double tool_timeout_s = 600, bench_timeout_s = 3600;
  std::uint64_t seed = 0;  ///< of the random inputs

  /// What decides a number, for a file and for comparing with an earlier call.
  [[nodiscard]] std::map<std::string, std::string> describe() const;
  /// How results call a runtime with a buffer type.
  [[nodiscard]] static std::string result_name(const std::string& runtime, const std::string& buffer);
};

/// @throws Error(Fault::usage) naming an option or value that is not known, with the nearest.
[[nodiscard]] SnpeOptions read_snpe_options(const MeasureOptions& options);

/// Where the SDK's programs run.
[[nodiscard]] ToolPlace tool_place(const SnpeOptions& options);

}  // namespace hwprof::compiling

// SPDX-License-Identifier: Apache-2.0
#include "compiler/dpu_deploy.hpp"
#include "fuzz.hpp"
#include "hwprof/vitis.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)try_parse(data, size, [](std::string_view text) {
    for (const double seconds : hwprof::compiling::parse_normal_runs(text, "input"))
      if (!(seconds > 0 && seconds < 1e6)) std::abort();
  });
  return try_parse(data, size, [](std::string_view text) {
    const auto report = hwprof::parse_compiler_report(text, "input");
    if (report.errors.size() > 50 || report.warnings.size() > 50) std::abort();
    for (const auto& kernel : report.kernels) {
      if (kernel.name.empty() || (kernel.nodes && *kernel.nodes < 0)) std::abort();
      for (const auto& size_of : {kernel.code_bytes, kernel.parameter_bytes, kernel.io_bytes, kernel.operations})
        if (size_of && !(*size_of >= 0 && *size_of < 1e24)) std::abort();
    }
  });
}

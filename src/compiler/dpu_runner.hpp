// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof::compiling {

/// The texts of tools/runners/dpu/measure.sh and hwprof_run.cpp.
extern const char* const dpu_measure_script;
extern const char* const dpu_run_source;

}  // namespace hwprof::compiling

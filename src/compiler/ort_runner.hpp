// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof::compiling {

/// The text of tools/runners/onnxruntime.js.
extern const char* const ort_runner;

}  // namespace hwprof::compiling

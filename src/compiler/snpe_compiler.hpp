// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof::compiling {

/// "snpe", whose records are of the first runtime that was benched, or "snpe:DSP" of that one.
[[nodiscard]] std::unique_ptr<BaseHardwareCompiler> make_snpe(const std::string& name);

}  // namespace hwprof::compiling

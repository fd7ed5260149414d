// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof::compiling {

/// "dpu". @throws Error(Fault::usage) for a name with anything behind a colon.
[[nodiscard]] std::unique_ptr<BaseHardwareCompiler> make_dpu(const std::string& name);

}  // namespace hwprof::compiling

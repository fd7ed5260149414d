// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli.hpp"
#include "hwprof/vitis.hpp"

namespace hwprof_cli {

/// A verb that does one step on the way to a DPU with the networks of a run or compiler folder.
void add_step(Cli& cli, hwprof::DpuStep step, const std::string& description, const std::string& next);

}  // namespace hwprof_cli

// SPDX-License-Identifier: Apache-2.0
#include "step.hpp"

namespace hwprof_cli {

void add_compile(Cli& cli) {
  add_step(cli, hwprof::DpuStep::compile, "Compile quantised networks for a DPU", "deploy");
}

}  // namespace hwprof_cli

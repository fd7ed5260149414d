// SPDX-License-Identifier: Apache-2.0
#include "step.hpp"

namespace hwprof_cli {

void add_deploy(Cli& cli) {
  add_step(cli, hwprof::DpuStep::deploy, "Bring compiled networks to a DPU", "measure");
}

}  // namespace hwprof_cli

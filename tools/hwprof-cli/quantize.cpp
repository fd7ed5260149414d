// SPDX-License-Identifier: Apache-2.0
#include "step.hpp"

namespace hwprof_cli {

void add_quantize(Cli& cli) {
  add_step(cli, hwprof::DpuStep::quantize, "Quantise networks for a DPU", "compile");
}

}  // namespace hwprof_cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

namespace hwprof::measuring {

/// Memory of this process that lies in RAM, as the kernel counts it [bytes]; nothing where it does not tell.
struct ProcessMemory {
  double now = 0, peak = 0;
};
[[nodiscard]] std::optional<ProcessMemory> process_memory();

/// What the machine can still give, as the kernel estimates it [bytes].
[[nodiscard]] std::optional<double> available_memory();

/// Lets the peak begin at what there is now. False where the kernel refuses.
[[nodiscard]] bool reset_process_peak();

}  // namespace hwprof::measuring

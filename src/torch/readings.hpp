// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <memory>

#include "measure/energy.hpp"
#include "measure/journal.hpp"
#include "torch/subject.hpp"

namespace hwprof {

/// The counter for a device: NVML for CUDA, RAPL otherwise.
[[nodiscard]] std::unique_ptr<measuring::EnergyCounter> make_counter(const torch::Device& device);

/// Memory and energy of a subject with so many parts, which is run for them and at rest before and after. Names are
/// those of Metric with its unit, of training or inference. energy_s: seconds to run for energy, 0 for none.
[[nodiscard]] measuring::Readings take_readings(TorchSubject& subject, std::size_t parts, const torch::Device& device,
                                                bool train, measuring::EnergyCounter& counter, double energy_s);

}  // namespace hwprof

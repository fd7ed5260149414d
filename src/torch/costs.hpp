// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/compiler.hpp"
#include "measure/estimate.hpp"
#include "measure/journal.hpp"

namespace hwprof {

/// Puts what visits say about forwards, or training steps, into the record: the whole and the layers.
void put_forward_costs(NetRecord& record, const Net& net, const std::vector<measuring::Visit>& visits,
                       const measuring::Factors& factors);

/// parts: train_parts() of the journal. Layers get their forward and backward, and by their parameters of the
/// optimiser; the loss is nobody's. whole_only: phases were not told apart.
void put_training_costs(NetRecord& record, const Net& net, const std::vector<measuring::Visit>& visits,
                        std::size_t parts, bool whole_only, const measuring::Factors& factors);

/// Memory and energy; what is absent, "energy_j", goes to the environment as "no_energy_j" with its reason.
void put_readings(NetRecord& record, const std::vector<measuring::Readings>& readings);

}  // namespace hwprof

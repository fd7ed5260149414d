// SPDX-License-Identifier: Apache-2.0
#pragma once

// What all compilers share whose networks are sampled on this machine: from the options to the sampler, and from the
// journal and the outcome to the head of a record.

#include <cstddef>
#include <string>

#include "hwprof/compiler.hpp"
#include "measure/journal.hpp"
#include "measure/outcome.hpp"
#include "measure/sampler.hpp"

namespace hwprof::compiling {

/// The sampler's options and progress for so many networks; what is not in MeasureOptions is left as it is.
[[nodiscard]] measuring::SamplerOptions sampler_options(const MeasureOptions& options, std::size_t networks);

/// The record as that of a network that has no times, for this reason.
[[nodiscard]] NetRecord not_measured(NetRecord record, const std::string& reason);

/// What was kept of sampling one network; the journal's visits are those that the outcome was drawn from.
struct Sampled {
  measuring::JournalContent journal;
  measuring::Outcome outcome;
  bool has_times = false;
};

/// Puts batch, state, reason and environment of a sampled network into its record. Where there are no times, state and
/// reason of the record say why.
/// @throws Error(Fault::input) for a journal without a batch, and as load_journal() and find_outcome().
[[nodiscard]] Sampled read_sampled(NetRecord& record, const std::string& journal, const std::string& outcome);

}  // namespace hwprof::compiling

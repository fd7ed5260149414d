// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/record.hpp"
#include "hwprof/space.hpp"

namespace hwprof::space {

/// What tells a space from others: a hash of decisions and options and, where there are some, of the primitives.
[[nodiscard]] std::string fingerprint(const MixinProfilingSearchSpace& space);

/// The records with the fingerprint of their space in the environment, which models that are fitted to them keep.
[[nodiscard]] std::vector<NetRecord> stamped(std::vector<NetRecord> records, const MixinProfilingSearchSpace& space);

}  // namespace hwprof::space

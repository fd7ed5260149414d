// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof::record {

/// Whether the first line is the header of a table of architectures: one of its cells is "arch".
[[nodiscard]] bool is_csv(std::string_view text);

/// `arch` and at least one of latency_s, latency_ms, latency_us, energy_j, energy_mj, memory_bytes; cells
/// may stand in double quotes. A row gives a record with an architecture and its overall cost, no primitives.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] std::vector<NetRecord> parse_csv(std::string_view text, const std::string& source);

}  // namespace hwprof::record

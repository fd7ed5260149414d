// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof::record {

/// What aw_nas and its companions write as YAML:
///  - a run: {overall_latency, block_sum_latency, primitives: [...]} (the block sum is left to be recomputed);
///  - a list of primitives with their costs: rows of a table, a record without overall cost;
///  - a list of such lists: one record each.
/// A primitive's costs stand under `performances` or, in the first generation, beside its parameters.
/// Units: latency in ms, energy in mJ, memory in bytes, power in µW (its product with the latency is the
/// energy where none is given). Costs of other names are left out and noted.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] std::vector<NetRecord> parse_awnas(const std::string& text, const std::string& source, Notes& notes);

/// Runs of networks, one per file. Runs with the same primitives are one network: each cost becomes the
/// median over its runs, with the half width of the median's 95 % interval. With an id given all files must
/// be runs of the network of that id; without, each network is named after its first file.
[[nodiscard]] std::vector<NetRecord> load_awnas_runs(const std::vector<std::string>& files, const std::string& id,
                                                     Notes& notes);

[[nodiscard]] bool is_yaml_name(const std::string& name);

}  // namespace hwprof::record

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "hwprof/record.hpp"

namespace hwprof::record {

/// Name and unit as they stand in JSON: "latency_s", "memory_bytes", "energy_j".
[[nodiscard]] std::string key_of(Metric metric);

[[nodiscard]] base::Json to_json(const Provenance& from);
[[nodiscard]] Provenance provenance_from_json(const base::JsonReader& json);

[[nodiscard]] double cost_from_json(const base::JsonReader& json);

/// A primitive's canonical text. @throws Error(Fault::input) naming its place in the file and the column.
[[nodiscard]] Prim prim_from_json(const base::JsonReader& json);

/// One line of records.jsonl, without the line's end.
/// @throws Error(Fault::internal) for a cost that is not finite or below 0.
[[nodiscard]] std::string to_line(const NetRecord& record);
[[nodiscard]] NetRecord from_json(const base::JsonReader& json);

/// Every line is a record. A last line that is torn (no line's end, not JSON) goes to notes.
/// @throws Error(Fault::input) with file:line for any other line that is not a record.
[[nodiscard]] std::vector<NetRecord> parse_lines(std::string_view text, const std::string& source, Notes& notes);

}  // namespace hwprof::record

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "hwprof/latency_table.hpp"

namespace hwprof::record {

/// Thirty years; whatever is beyond is no time.
inline constexpr double most_us = 1e15;

/// Python writes NaN and Infinity where JSON has no word for them; here they become null.
[[nodiscard]] std::string without_nan(std::string_view text);

/// {Min_Time, Avg_Time, Max_Time}; other members, such as "Runtime", are passed over.
[[nodiscard]] LatencyStats read_stats(const base::JsonReader& json);

/// Whether it is a table as nnabla-nas writes them, or a results file of snpe_bench.
[[nodiscard]] bool is_latency_csv(std::string_view text);
[[nodiscard]] bool is_latency_json(std::string_view text);
[[nodiscard]] bool is_snpe_results(std::string_view text);

/// Values that are no times and keys that are not known are noted and left out; without notes they are errors.
[[nodiscard]] LatencyTable parse_latency_csv(std::string_view text, const std::string& source, Notes* notes = nullptr);
[[nodiscard]] LatencyTable parse_latency_json(std::string_view text, const std::string& source, Notes* notes = nullptr);

/// A results file of snpe_bench as records of one network, a runtime each, named after the file.
[[nodiscard]] std::vector<NetRecord> parse_bench(std::string_view text, const std::string& source, Notes& notes);

/// One line of a CSV file as Python's csv module has it; a quoted cell may hold line feeds. Takes the line off text
/// and counts the lines in number. @throws Error(Fault::input) for a quote that is not closed.
[[nodiscard]] std::vector<std::string> take_csv_row(std::string_view& text, const std::string& source,
                                                    std::size_t& number, char separator = ',');
/// In double quotes where it needs them.
[[nodiscard]] std::string csv_cell(std::string_view text, char separator = ',');

}  // namespace hwprof::record

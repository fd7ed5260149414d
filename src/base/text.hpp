// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hwprof::base {

[[nodiscard]] std::string_view trim(std::string_view text);
/// "a,,b" gives three parts; an empty text gives one empty part.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string lower_case(std::string_view text);
[[nodiscard]] bool starts_with(std::string_view text, std::string_view prefix);
[[nodiscard]] bool ends_with(std::string_view text, std::string_view suffix);

/// The whole text as a number, or nothing. "1." and "1.e-5" count, as in Python; "inf" and "nan" do too.
[[nodiscard]] std::optional<double> to_double(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> to_int(std::string_view text);

/// Shortest decimal text that reads back as the same double; integral values have no point.
[[nodiscard]] std::string format_number(double value);
/// For people: significant digits and a unit that fits, e.g. "3.21 ms".
[[nodiscard]] std::string format_seconds(double seconds);

/// Up to three candidates that look like name, best first.
[[nodiscard]] std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& candidates);
/// " (did you mean a, b?)" or, when nothing is near, " (known: a, b, c …)".
[[nodiscard]] std::string suggest(std::string_view name, const std::vector<std::string>& candidates);

/// Text in single quotes, control characters escaped, cut at 80 characters: safe to put into a message.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace hwprof::base

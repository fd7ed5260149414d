// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "hwprof/device_log.hpp"
#include "record/lines.hpp"

namespace hwprof::record {

/// Seconds since 1970 of a local time without zone: "2020-11-19 05:17:44.539692", with T or a blank, or
/// "Thu Nov 19 21:17:24 2020" with any number of blanks; nothing for anything else.
[[nodiscard]] std::optional<double> parse_time(std::string_view text);

[[nodiscard]] std::vector<PowerWindow> cut_power(Lines& log, Lines& stamps, const PowerOptions& options, Notes& notes);

}  // namespace hwprof::record

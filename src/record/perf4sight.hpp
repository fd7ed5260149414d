// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hwprof/perf4sight.hpp"

namespace hwprof::record {

/// Whether the first line has a cell `passed` and one of a memory or a latency.
[[nodiscard]] bool is_perf4sight_log(std::string_view text);

/// The file's name of a model, without a folder and an ending of letters: resnet18_0.3 of a/resnet18_0.3.py.
[[nodiscard]] std::string model_stem(const std::string& path);

[[nodiscard]] std::vector<NetRecord> parse_perf4sight_log(std::string_view text, const std::string& source,
                                                          Notes& notes);

[[nodiscard]] Perf4sightConfig parse_perf4sight_config(std::string_view text, const std::string& source);

}  // namespace hwprof::record

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/perf4sight.hpp"

namespace hwprof::record {

/// Whether the first line has a cell `passed` and one of a memory or a latency.
[[nodiscard]] bool is_perf4sight_log(std::string_view text);

/// The file's name of a model, without a folder and an ending of letters: resnet18_0.3 of a/resnet18_0.3.py.
[[nodiscard]] std::string model_stem(const std::string& path);

/// The pruning level [%] of a job's arch, network/strategy/level/repeat: 30 of resnet18/random/0.3/1.
[[nodiscard]] std::optional<double> level_of_job(const std::string& arch);
/// The same, else the number at the end of a name, behind '_' or '-': 30 of resnet18_30 and of resnet18-0.3.
[[nodiscard]] std::optional<double> level_of_name(const std::string& name);

[[nodiscard]] std::vector<NetRecord> parse_perf4sight_log(std::string_view text, const std::string& source,
                                                          Notes& notes);

[[nodiscard]] Perf4sightConfig parse_perf4sight_config(std::string_view text, const std::string& source);

}  // namespace hwprof::record

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

/// The file's name of a model, without a folder and endings of letters: resnet18_0.3 of a/resnet18_0.3.pth.tar.
[[nodiscard]] std::string model_stem(const std::string& path);

/// The pruning level [%] of a job's arch, network/strategy/level/repeat: 30 of resnet18/random/0.3/1.
[[nodiscard]] std::optional<double> level_of_job(const std::string& arch);
/// What a log's name says of its kind and not of its network: gt, memory, latency, train, …
[[nodiscard]] bool is_log_word(const std::string& word);
/// A log's name without such words at its end: resnet18_30 of resnet18_30-memory-gt.
[[nodiscard]] std::string without_log_words(const std::string& name);
/// The same as of a job, else the number at the end of a name, behind '_' or '-', but for words of logs: 30 of
/// resnet18_30, of resnet18_p30-gt and of resnet18-0.3.
[[nodiscard]] std::optional<double> level_of_name(const std::string& name);
/// Whether a log is called by its network, whatever stands before and behind: memory_resnet18_30 of resnet18.
[[nodiscard]] bool is_called_by(const std::string& log, const std::string& net);
/// What a log's name says of its network's level: the last number behind the network's name, else level_of_name().
[[nodiscard]] std::optional<double> level_of_log(const std::string& log, const std::string& net);

[[nodiscard]] std::vector<NetRecord> parse_perf4sight_log(std::string_view text, const std::string& source,
                                                          Notes& notes);

[[nodiscard]] Perf4sightConfig parse_perf4sight_config(std::string_view text, const std::string& source);

}  // namespace hwprof::record

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "base/yaml.hpp"
#include "hwprof/objective.hpp"

namespace hwprof::objective {

/// The number of that key; fallback without the key, and without a configuration.
[[nodiscard]] double number_or(const base::Yaml* cfg, const char* key, double fallback);

/// What aw_nas' objectives other than `hardware` do with a cost, apart from the task's own reward and loss, which
/// they hold as well. cfg: their objective_cfg; files are relative to folder.

/// `latency`, of the plug-ins FBNet and BBSSP: latency_file holds a line for each layer, which is a decision of the
/// space, and in it the latency of each option.
[[nodiscard]] std::shared_ptr<const Objective> table_latency(
    const base::Yaml* cfg, const std::filesystem::path& folder,
    const std::shared_ptr<const MixinProfilingSearchSpace>& space);

/// `classification-with-flops-reg`: two operations for each multiply-accumulate, as aw_nas counts.
[[nodiscard]] std::shared_ptr<const Objective> flops_budget(
    const base::Yaml* cfg, const std::shared_ptr<const MixinProfilingSearchSpace>& space);

/// `flops`: reported only. aw_nas' reward is the number itself, which a search would raise.
[[nodiscard]] std::shared_ptr<const Objective> flops(const base::Yaml* cfg,
                                                     const std::shared_ptr<const MixinProfilingSearchSpace>& space);

}  // namespace hwprof::objective

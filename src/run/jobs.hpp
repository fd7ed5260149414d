// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/jobs.hpp"

namespace hwprof::run {

/// The plan of perf4sight's config.ini. @throws Error(Fault::input) for networks whose files are not found.
[[nodiscard]] JobPlan plan_of_config(const std::string& file);

}  // namespace hwprof::run

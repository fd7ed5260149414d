// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/record.hpp"

namespace hwprof::compiling {

/// The state of that name. @throws Error(Fault::input) beginning with place for another.
[[nodiscard]] RunState parse_state(const std::string& name, const std::string& place);

}  // namespace hwprof::compiling

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/attribution.hpp"

namespace hwprof::compiling {

/// As load_op_maps of a file, from its text, a network's YAML excepted.
[[nodiscard]] std::vector<OpMap> parse_op_maps(const std::string& text, const std::string& source,
                                               const std::vector<Prim>& prims, Notes& notes);

}  // namespace hwprof::compiling

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace YAML {
class Node;
}

namespace hwprof::base {

/// The value as YAML text again. What was in quotes stays so ("1.0" is no number, "yes" no truth value), tags and
/// styles stay, aliases are written out, comments are lost.
[[nodiscard]] std::string yaml_text(const YAML::Node& node);

}  // namespace hwprof::base

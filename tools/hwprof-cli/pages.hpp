// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace hwprof_cli {

/// A page of docs/cli by its name without ".md"; compiled in. Empty for a name without a page.
[[nodiscard]] std::string page(const std::string& name);
[[nodiscard]] std::vector<std::string> page_names();

}  // namespace hwprof_cli

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/error.hpp"

#include "base/text.hpp"

namespace hwprof {

Error::Error(Fault fault, const std::string& what) : std::runtime_error(what), fault_(fault) {}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& known) {
  return base::suggest(name, known);
}

}  // namespace hwprof

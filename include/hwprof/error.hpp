// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hwprof {

/// What went wrong. The command line exits with the number.
enum class Fault {
  usage = 2,        ///< the caller asked for something that makes no sense
  input = 3,        ///< a file, text or log is not what it should be
  unsupported = 4,  ///< right in itself, but not possible here (op, device, build)
  device = 5,       ///< a tool, board, phone or server failed or timed out
  missing = 6,      ///< a primitive or sample that the answer needs is not there
  interrupted = 7,  ///< stopped on request; what was measured is kept and `--resume` goes on
  internal = 70     ///< a bug of ours
};

/// The one exception hwprof throws. what() names the place (file:line:column, key, layer, net),
/// what was expected there and what was found.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& what);
  [[nodiscard]] Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// What hwprof's own messages about an unknown name end with: " (did you mean a, b?)", or the known names
/// when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace hwprof

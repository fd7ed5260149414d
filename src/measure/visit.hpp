// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace hwprof::measuring {

/// One forward: [0] the whole, [1 + i] part i [s].
using Sample = std::vector<double>;

/// What one visit to one network gave.
struct Visit {
  int round = 0;
  int stretch = 0;              ///< piece of a round, counted on over all rounds; its visits share one drift factor
  double at_s = 0;              ///< measuring time spent when it ended, over all calls
  std::vector<Sample> samples;  ///< of undisturbed forwards
  /// Of forwards that lost the processor for a while, in processor time where the subject can tell it; only
  /// taken when all others of the visit were interrupted too.
  std::vector<Sample> disturbed;
  std::int64_t dropped = 0;  ///< interrupted forwards that were thrown away
};

}  // namespace hwprof::measuring

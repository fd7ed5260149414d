// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/objective.hpp"

namespace hwprof::objective {

/// What both do to a reward and a loss: factors multiply, terms add up.
[[nodiscard]] inline Effect combined(const Effect& a, const Effect& b) {
  return {a.reward_factor * b.reward_factor, a.reward_term + b.reward_term, a.loss_factor * b.loss_factor,
          a.loss_term + b.loss_term};
}

}  // namespace hwprof::objective

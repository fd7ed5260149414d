// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "exact/plan.hpp"
#include "hwprof/predictor.hpp"

namespace hwprof::exact {

/// Several limits as one: what keeps them all keeps Σ weights[c] · cost c <= Σ weights[c] · limits[c].
struct Joint {
  std::vector<double> weights;
  bool none = false;           ///< that no architecture keeps all limits is proven
  std::vector<Arch> examples;  ///< some that do; may be empty though there are such
};

/// Weights under which the fewest architectures pass that do not keep the limits: those of the Lagrangian dual, by
/// some hundred steps of multiplicative weights, of which each is a shortest path. Of two costs without an
/// example on the way the Pareto front decides. limits: with the tolerance of limit.hpp in them already.
[[nodiscard]] Joint join_limits(const Plan& plan, const std::vector<Predictor>& costs,
                                const std::vector<double>& limits);

/// Whether all limits, with their tolerance in them, are kept.
[[nodiscard]] bool keeps_all(const std::vector<Predictor>& costs, const std::vector<double>& limits, const Arch& arch);

}  // namespace hwprof::exact

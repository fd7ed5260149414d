// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hwprof/predictor.hpp"

namespace hwprof::exact {

/// One factor taken into account. A state is an assignment of the decisions that earlier factors have seen
/// and later ones will see again; the step goes from each of them, with each choice of the decisions that
/// come in, to a state of the next step.
struct Step {
  std::size_t states = 1;                 ///< before the step
  std::size_t choices = 1;                ///< of the decisions that come in
  std::vector<std::size_t> fresh;         ///< those decisions, the first varying fastest in the choice
  std::vector<std::uint32_t> to;          ///< state after, at [state * choices + choice]
  std::vector<std::vector<double>> cost;  ///< per predictor, at the same place
};

/// An order of factors that keeps the states few (dynamic programming along a path decomposition of the
/// factor graph). Begins in one state and ends in one.
struct Plan {
  std::vector<std::size_t> options;
  std::vector<double> constant;  ///< per predictor
  std::vector<Step> steps;
  std::vector<std::size_t> free;  ///< decisions of several options that no factor sees
};

/// @throws Error(Fault::usage) for predictors of different spaces, Error(Fault::unsupported) when a step
/// would have too many states.
[[nodiscard]] Plan make_plan(const std::vector<const Predictor*>& costs);

/// The architecture of the least sum of weights[c] times cost c; it does not look at costs without a weight.
[[nodiscard]] Arch extreme_arch(const Plan& plan, const std::vector<double>& weights);

/// Sets the decisions that come in with a step.
void take_choice(const Step& step, const std::vector<std::size_t>& options, std::size_t choice, Arch& arch);

}  // namespace hwprof::exact

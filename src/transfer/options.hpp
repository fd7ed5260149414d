// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "transfer/features.hpp"

namespace hwprof::transfer {

/// What options alone say of an architecture: how often each stands in decisions that are alike, which are those with
/// the same options; and the sum of the options over such decisions where these are numbers. Decisions that mean
/// nothing do not count.
struct OptionFactors {
  std::vector<Predictor::Factor> factors;  ///< cost: a row of numbers per combination
  std::vector<Group> groups;               ///< of the numbers
  std::vector<std::size_t> sums;           ///< which of the numbers are sums of options
};

/// @throws Error(Fault::unsupported) for factors that are too large.
[[nodiscard]] OptionFactors option_factors(const OptionSpace& space);

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/fit_data.hpp"

namespace hwprof::model {

/// What a fitted model says of a network.
using NetPredictor = std::function<double(const FitNet& net)>;

/// A model from what the data hold and the networks to fit on; nothing when they do not determine one.
using NetFitter = std::function<std::optional<NetPredictor>(const FitData& data, const NetList& nets)>;

/// Relative error of the model for each of the networks, predicted / measured - 1.
/// @throws Error(Fault::input) naming a network whose cost is too small for one.
[[nodiscard]] std::vector<double> relative_errors(const FitData& data, const NetList& nets, const NetPredictor& model);

inline constexpr std::size_t most_folds = 10;

/// Errors of held-out networks.
struct CrossValidation {
  /// Absolute and relative, a network each (of its records the mean) whose fold could be fitted.
  std::vector<double> errors;
  std::size_t failed = 0;  ///< folds that could not

  [[nodiscard]] double mean() const;
  [[nodiscard]] double standard_error() const;  ///< of the mean; 0 for one network
};

/// Errors for networks of which the fit has seen nothing, neither the whole nor its primitives nor another record of
/// the same network, in up to `folds` folds drawn with the seed. A primitive that occurs in held-out networks only
/// keeps its measurement; such cases and folds without a model are noted. The same networks and seed give the same
/// folds.
[[nodiscard]] CrossValidation cross_validate(const FitData& data, const NetList& nets, std::uint64_t seed,
                                             const NetFitter& fit, std::vector<std::string>& notes,
                                             std::size_t folds = most_folds);

}  // namespace hwprof::model

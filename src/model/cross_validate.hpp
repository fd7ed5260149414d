// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "model/additive.hpp"
#include "model/fit_data.hpp"

namespace hwprof::model {

/// Numbers of networks in FitData::nets.
using NetList = std::vector<std::size_t>;

[[nodiscard]] double sum_of(const FitNet& net, const std::vector<Measured>& costs);

/// Relative errors of the line over the networks, in their order.
[[nodiscard]] std::vector<double> relative_errors(const FitData& data, const std::vector<Measured>& costs,
                                                  const NetList& nets, const Line& line);

/// A line from a table and the networks to fit on; nothing when they do not determine one.
using LineFitter = std::function<std::optional<Line>(const std::vector<Measured>& costs, const NetList& nets)>;

/// Mean relative error over networks that neither the table nor the line has seen, in up to ten folds drawn
/// with the seed. A primitive that occurs in held-out networks only keeps its measurement; such cases
/// and folds without a line are noted. Nothing when no fold gives a line.
[[nodiscard]] std::optional<double> cross_validate(const FitData& data, const NetList& nets, std::uint64_t seed,
                                                   const LineFitter& fit, std::vector<std::string>& notes);

}  // namespace hwprof::model

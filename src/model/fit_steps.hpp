// SPDX-License-Identifier: Apache-2.0
// Steps that the fits of several kinds share.
#pragma once

#include "model/cross_validate.hpp"

namespace hwprof::model {

/// Options of the kind 'linear' given to another one. @throws Error(Fault::usage).
void refuse_linear_options(const FitOptions& options);

/// build_table() with its counts in the summary. @throws Error(Fault::missing) when no primitive has a cost.
[[nodiscard]] std::vector<Measured> make_table(FitData& data);

/// The rows that have a cost, in the order of the primitives.
[[nodiscard]] PrimTable known_costs(const FitData& data, const std::vector<Measured>& costs);

/// Networks with an overall cost whose primitives are all known; only whole architectures ("calibration") where
/// there are eight or more of these.
[[nodiscard]] NetList comparable(FitData& data, const std::vector<Measured>& costs);

[[nodiscard]] double sum_of(const FitNet& net, const std::vector<Measured>& costs);

/// Takes networks out of nets that are further than 5 robust deviations (at least 5 %) from a Huber fit of a line over
/// the sums (and the number of blocks). The line is free: what a constraint cannot follow is no outlier.
void drop_outliers(FitData& data, const std::vector<Measured>& costs, NetList& nets, bool num_blocks);

/// Errors of a model into the summary, in-sample and, with the fitter, held out. Returns the standard deviation of
/// the relative error in-sample, corrected for the number of coefficients.
double assess(FitData& data, const NetList& nets, std::size_t coefficients, std::uint64_t seed,
              const NetPredictor& model, const NetFitter& fit, std::size_t folds = most_folds);

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/additive.hpp"
#include "model/fit_data.hpp"

namespace hwprof::model {

/// Kind "table": a cost per primitive; the cost of a network is their sum.
/// @throws Error(Fault::missing) when no primitive has a cost.
[[nodiscard]] std::shared_ptr<const Model::Impl> fit_table(FitData data, const FitOptions& options);

/// Kind "linear": scale * sum + bias (+ per_block * number of primitives) over the table, by least squares of the
/// relative error. The sums are those of the averaged table, as in prediction. Whole architectures
/// ("calibration") decide alone where there are eight or more. Networks further than 5 robust deviations (at
/// least 5 %) from a Huber fit are dropped, unless the fit itself is to be Huber's.
/// @throws Error(Fault::missing) for too few or too similar networks.
[[nodiscard]] std::shared_ptr<const Model::Impl> fit_linear(FitData data, const FitOptions& options);

}  // namespace hwprof::model

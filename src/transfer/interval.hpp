// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <vector>

#include "transfer/members.hpp"

namespace hwprof::transfer {

/// Lines in the columns whose squares add up to the variance of the regression, largest first, over that of the
/// scale; and what they leave out, on average.
struct Spread {
  Eigen::MatrixXd weights;  ///< columns x directions
  Eigen::VectorXd level;
  double rest = 0;
};

[[nodiscard]] Spread spread_lines(const BayesFit& fit, const Sample& sample, const Sample& reference,
                                  const std::vector<SourceModel>& sources, const std::vector<Group>& groups);

/// What the members disagree by, weighed with their shares: the part that averaging over models adds to the variance.
/// Lines whose squares add up to it; and its root in the leave-one-out of each sample.
struct Disagreement {
  Eigen::MatrixXd weights;
  Eigen::VectorXd level;
  Eigen::VectorXd loo;
};

[[nodiscard]] Disagreement disagreement(const std::vector<Member>& members, const Member& combined);

/// How much wider the errors of leaving one out are than they should be, and whether they grow with the cost.
struct Calibration {
  double factor = 1;
  bool relative = false;
};

/// From the costs, their predictions from the others, and the deviations these should have.
[[nodiscard]] Calibration calibrate(const Eigen::VectorXd& loo, const Eigen::VectorXd& spread,
                                    const Eigen::VectorXd& cost);

}  // namespace hwprof::transfer

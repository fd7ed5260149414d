// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

namespace hwprof::fingerprint {

/// The c >= 0 that minimises |a c - b|² + ridge |c|² over columns of length 1, by the active sets of Lawson and Hanson
/// (Solving Least Squares Problems, 1974, chapter 23) on the normal equations. For dozens of columns; a few that agree
/// share their part. Columns of zeros get 0.
[[nodiscard]] Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& a, const Eigen::VectorXd& b, double ridge);

}  // namespace hwprof::fingerprint

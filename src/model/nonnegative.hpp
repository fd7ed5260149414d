// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

namespace hwprof::model {

/// The c >= 0 that minimises c'gram c - 2 right'c, by the active sets of Lawson and Hanson (Solving Least Squares
/// Problems, 1974, chapter 23). gram: n x n, symmetric, no eigenvalue below 0; right: n. For dozens of unknowns: a
/// decomposition whenever one leaves 0 or comes back to it. Those of which the matrix says nothing get 0.
[[nodiscard]] Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& gram, const Eigen::VectorXd& right);

/// The c >= 0 that minimises |a c - b|² + ridge |c|² over columns of length 1, on the normal equations. A few columns
/// that agree share their part. a: rows x n, b: rows.
[[nodiscard]] Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& a, const Eigen::VectorXd& b, double ridge);

}  // namespace hwprof::model

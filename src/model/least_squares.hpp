// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

namespace hwprof::model {

struct LeastSquaresOptions {
  double ridge = 0;          ///< times the squared standardised coefficients, per row; the last column is free of it
  bool huber = false;        ///< weights by Huber's rule, k = 1.345 robust deviations
  bool nonnegative = false;  ///< no coefficient below 0
};

struct LeastSquares {
  Eigen::VectorXd coefficients;
  Eigen::VectorXd residuals;  ///< relative, 1 - x·coefficients / y
  bool determined = true;     ///< false: the columns are linearly dependent, so there is no single answer
};

/// Least squares of the relative error: minimises Σ weight_i (1 - x_i·c / y_i)², so that a small network counts
/// as much as a large one. The last column of x is the constant one; at most 8 columns. y > 0.
/// Householder QR with column pivoting; non-negativity by trying every set of free coefficients, which is
/// exact and cheap for so few.
[[nodiscard]] LeastSquares solve_relative(const Eigen::MatrixXd& x, const Eigen::VectorXd& y,
                                          const Eigen::VectorXd& weights, const LeastSquaresOptions& options);

}  // namespace hwprof::model

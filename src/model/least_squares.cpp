// SPDX-License-Identifier: Apache-2.0
#include "model/least_squares.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/stats.hpp"

namespace hwprof::model {
namespace {

struct Solution {
  Eigen::VectorXd coefficients;
  bool determined = true;
};

/// Columns are brought to length 1 first: sums are milliseconds, the constant is 1.
Solution solve(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  const Eigen::VectorXd length = a.colwise().norm().transpose().cwiseMax(std::numeric_limits<double>::min());
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(a * length.cwiseInverse().asDiagonal());
  Solution out;
  out.coefficients = qr.solve(b).cwiseQuotient(length);
  // Two columns that agree to nine digits say nothing about their two coefficients.
  const auto diagonal = qr.matrixQR().diagonal().cwiseAbs();
  out.determined = a.rows() >= a.cols() && diagonal.minCoeff() > 1e-9 * diagonal.maxCoeff();
  return out;
}

Solution solve_nonnegative(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  const Eigen::Index n = a.cols();
  Solution best{Eigen::VectorXd::Zero(n), true};
  double least = b.squaredNorm();
  for (unsigned set = 1; set < 1U << n; ++set) {
    std::vector<Eigen::Index> columns;
    for (Eigen::Index j = 0; j < n; ++j)
      if ((set >> j & 1U) != 0) columns.push_back(j);
    Eigen::MatrixXd part(a.rows(), static_cast<Eigen::Index>(columns.size()));
    for (std::size_t j = 0; j < columns.size(); ++j) part.col(static_cast<Eigen::Index>(j)) = a.col(columns[j]);
    const Solution found = solve(part, b);
    if (!found.determined || (found.coefficients.array() < 0).any()) continue;
    const double left = (b - part * found.coefficients).squaredNorm();
    if (left >= least) continue;
    least = left;
    best.coefficients.setZero();
    for (std::size_t j = 0; j < columns.size(); ++j)
      best.coefficients[columns[j]] = found.coefficients[static_cast<Eigen::Index>(j)];
  }
  return best;
}

/// Rows that pull the standardised coefficients towards 0.
Eigen::MatrixXd penalty(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, double ridge) {
  const Eigen::Index n = x.cols();
  const auto rows = static_cast<double>(x.rows());
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(n - 1, n);
  for (Eigen::Index j = 0; j + 1 < n; ++j) {
    const double deviation = std::sqrt((x.col(j).array() - x.col(j).mean()).square().mean());
    out(j, j) = std::sqrt(ridge * rows) * deviation / y.mean();
  }
  return out;
}

}  // namespace

LeastSquares solve_relative(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const Eigen::VectorXd& weights,
                            const LeastSquaresOptions& options) {
  const Eigen::Index rows = x.rows();
  const Eigen::MatrixXd relative = y.cwiseInverse().asDiagonal() * x;
  const Eigen::MatrixXd extra = options.ridge > 0 ? penalty(x, y, options.ridge) : Eigen::MatrixXd(0, x.cols());
  Eigen::MatrixXd a(rows + extra.rows(), x.cols());
  a.bottomRows(extra.rows()) = extra;
  Eigen::VectorXd b = Eigen::VectorXd::Zero(a.rows());
  LeastSquares out;
  Eigen::VectorXd current = weights;
  constexpr int most_rounds = 100;
  for (int round = 0; round < most_rounds; ++round) {
    const Eigen::VectorXd root = current.cwiseSqrt();
    a.topRows(rows) = root.asDiagonal() * relative;
    b.head(rows) = root;
    Solution found = options.nonnegative ? solve_nonnegative(a, b) : solve(a, b);
    const bool settled = round > 0 && (relative * (found.coefficients - out.coefficients)).cwiseAbs().maxCoeff() < 1e-9;
    out.coefficients = std::move(found.coefficients);
    out.determined = found.determined;
    out.residuals = Eigen::VectorXd::Ones(rows) - relative * out.coefficients;
    if (!options.huber || settled) break;
    const std::vector<double> residuals(out.residuals.data(), out.residuals.data() + rows);
    const double limit = 1.345 * std::max(base::robust_deviation(residuals, 0), 1e-12);
    for (Eigen::Index i = 0; i < rows; ++i)
      current[i] =
          weights[i] * std::min(1.0, limit / std::max(std::abs(residuals[static_cast<std::size_t>(i)]), 1e-300));
  }
  return out;
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "model/nonnegative.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <vector>

namespace hwprof::model {
namespace {

using Eigen::Index;

/// Least squares over the free columns alone; the others are 0.
Eigen::VectorXd solve_free(const Eigen::MatrixXd& gram, const Eigen::VectorXd& target, const std::vector<bool>& free) {
  std::vector<Index> columns;
  for (Index j = 0; j < gram.cols(); ++j)
    if (free[static_cast<std::size_t>(j)]) columns.push_back(j);
  const auto n = static_cast<Index>(columns.size());
  Eigen::MatrixXd part(n, n);
  Eigen::VectorXd right(n);
  for (Index i = 0; i < n; ++i) {
    right[i] = target[columns[static_cast<std::size_t>(i)]];
    for (Index j = 0; j < n; ++j)
      part(i, j) = gram(columns[static_cast<std::size_t>(i)], columns[static_cast<std::size_t>(j)]);
  }
  const Eigen::VectorXd found = part.ldlt().solve(right);
  Eigen::VectorXd out = Eigen::VectorXd::Zero(gram.cols());
  for (Index i = 0; i < n; ++i) out[columns[static_cast<std::size_t>(i)]] = found[i];
  return out;
}

}  // namespace

Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& gram, const Eigen::VectorXd& right) {
  const Index n = gram.cols();
  Eigen::VectorXd scale(n);  // to a diagonal of 1
  for (Index j = 0; j < n; ++j) scale[j] = gram(j, j) > 0 ? 1 / std::sqrt(gram(j, j)) : 0;
  const Eigen::MatrixXd unit = scale.asDiagonal() * gram * scale.asDiagonal();
  const Eigen::VectorXd target = scale.cwiseProduct(right);
  const double least_gain = 1e-10 * target.cwiseAbs().maxCoeff();

  std::vector<bool> free(static_cast<std::size_t>(n), false);
  Eigen::VectorXd c = Eigen::VectorXd::Zero(n);
  for (Index round = 0; round < 10 * n; ++round) {
    const Eigen::VectorXd gain = target - unit * c;
    Index best = -1;
    for (Index j = 0; j < n; ++j)
      if (!free[static_cast<std::size_t>(j)] && scale[j] > 0 && gain[j] > least_gain &&
          (best < 0 || gain[j] > gain[best]))
        best = j;
    if (best < 0) break;
    free[static_cast<std::size_t>(best)] = true;
    for (;;) {
      const Eigen::VectorXd next = solve_free(unit, target, free);
      double step = 1;
      Index leaves = -1;
      for (Index j = 0; j < n; ++j) {
        if (!free[static_cast<std::size_t>(j)] || next[j] > 0) continue;
        const double limit = c[j] - next[j] > 0 ? c[j] / (c[j] - next[j]) : 0;
        if (limit < step || leaves < 0) {
          step = limit;
          leaves = j;
        }
      }
      if (leaves < 0) {
        c = next;
        break;
      }
      c += step * (next - c);
      c[leaves] = 0;
      free[static_cast<std::size_t>(leaves)] = false;
      for (Index j = 0; j < n; ++j)
        if (!free[static_cast<std::size_t>(j)] || c[j] < 0) c[j] = 0;
    }
  }
  return c.cwiseProduct(scale);
}

Eigen::VectorXd solve_nonnegative(const Eigen::MatrixXd& a, const Eigen::VectorXd& b, double ridge) {
  const Eigen::VectorXd squares = a.colwise().squaredNorm().transpose();
  Eigen::MatrixXd gram = a.transpose() * a;
  gram.diagonal() += ridge * squares;
  return solve_nonnegative(gram, a.transpose() * b);
}

}  // namespace hwprof::model

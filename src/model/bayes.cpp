// SPDX-License-Identifier: Apache-2.0
#include "model/bayes.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "hwprof/error.hpp"

namespace hwprof::model {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double least_variance = 1e-6;  ///< of u: 0.1 %, which also keeps the matrices well conditioned

VectorXd prior_variance(const BayesProblem& problem, double deviation) {
  return (problem.own.array() + deviation * deviation).max(least_variance);
}

double log_of_diagonal(const Eigen::LLT<MatrixXd>& factor) {
  return 2 * factor.matrixLLT().diagonal().array().log().sum();
}

/// Minimum of x·Hx/2 - g·x where the entries of x from `first`, `count` of them, are not below 0: entries that
/// would be are pinned to 0, and let go again where the slope says so. H is positive definite.
VectorXd bounded_minimum(const MatrixXd& h, const VectorXd& g, Index first, Index count) {
  const Index n = g.size();
  std::vector<bool> pinned(static_cast<std::size_t>(n), false);
  std::vector<bool> let_go = pinned;
  VectorXd x = VectorXd::Zero(n);
  for (Index round = 0; round <= 3 * n; ++round) {
    std::vector<Index> open;
    for (Index i = 0; i < n; ++i)
      if (!pinned[static_cast<std::size_t>(i)]) open.push_back(i);
    const VectorXd part = Eigen::LLT<MatrixXd>(h(open, open)).solve(g(open));
    x.setZero();
    x(open) = part;
    bool changed = false;
    for (Index i = first; i < first + count; ++i)
      if (x[i] < 0) changed = pinned[static_cast<std::size_t>(i)] = true;
    if (changed) continue;
    const VectorXd slope = h * x - g;
    Index steepest = -1;
    for (Index i = first; i < first + count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (pinned[at] && !let_go[at] && slope[i] < -1e-9 * std::abs(g[i]) &&
          (steepest < 0 || slope[i] < slope[steepest]))
        steepest = i;
    }
    if (steepest < 0) break;
    pinned[static_cast<std::size_t>(steepest)] = false;
    let_go[static_cast<std::size_t>(steepest)] = true;
  }
  x.segment(first, count) = x.segment(first, count).cwiseMax(0);
  return x;
}

}  // namespace

double log_evidence(const BayesProblem& problem, const BayesSettings& settings) {
  const Index n = problem.a.rows();
  const Index p = problem.a.cols();
  MatrixXd b(n, p + 2);
  b.leftCols(p) = problem.a * prior_variance(problem, settings.deviation).cwiseSqrt().asDiagonal();
  b.col(p) = problem.a.rowwise().sum();
  b.col(p + 1) = problem.d * problem.bias_prior;
  const VectorXd noise = settings.noise * settings.noise * problem.weights.cwiseInverse();
  // The prior mean has scale 1 and bias 0.
  const VectorXd rest = VectorXd::Ones(n) - problem.a.rowwise().sum();
  if (n <= p + 2) {
    MatrixXd covariance = b * b.transpose();
    covariance.diagonal() += noise;
    const Eigen::LLT<MatrixXd> factor(covariance);
    if (factor.info() != Eigen::Success) return -std::numeric_limits<double>::infinity();
    return -0.5 * (log_of_diagonal(factor) + factor.matrixL().solve(rest).squaredNorm());
  }
  const VectorXd precision = noise.cwiseInverse();
  MatrixXd inner = b.transpose() * precision.asDiagonal() * b;
  inner.diagonal().array() += 1;
  const Eigen::LLT<MatrixXd> factor(inner);
  if (factor.info() != Eigen::Success) return -std::numeric_limits<double>::infinity();
  const VectorXd weighted = precision.cwiseProduct(rest);
  const double square = rest.dot(weighted) - factor.matrixL().solve(b.transpose() * weighted).squaredNorm();
  return -0.5 * (log_of_diagonal(factor) + noise.array().log().sum() + square);
}

BayesSettings best_settings(const BayesProblem& problem) {
  constexpr double least_deviation = 1e-3;
  constexpr double least_noise = 5e-4;
  constexpr int steps = 10;
  double best = -std::numeric_limits<double>::infinity();
  std::array<double, 2> at{least_deviation, least_noise};
  const auto consider = [&](double deviation, double noise) {
    if (deviation < least_deviation / 2 || noise < least_noise / 2) return;
    const double evidence = log_evidence(problem, {deviation, noise});
    if (!(evidence > best)) return;
    best = evidence;
    at = {deviation, noise};
  };
  for (int i = 0; i < steps; ++i)
    for (int j = 0; j < steps; ++j) consider(least_deviation * std::exp2(i), least_noise * std::exp2(j));
  for (double step = std::sqrt(2.0); step > 1.04; step = std::sqrt(step)) {
    const auto [deviation, noise] = at;
    for (const double first : {1 / step, 1.0, step})
      for (const double second : {1 / step, 1.0, step}) consider(deviation * first, noise * second);
  }
  return {at[0], at[1]};
}

BayesSolution solve_bayes(const BayesProblem& problem, const BayesSettings& settings) {
  const Index p = problem.a.cols();
  const VectorXd variance = prior_variance(problem, settings.deviation);
  const VectorXd inverse = variance.cwiseInverse();
  const VectorXd precision = problem.weights / (settings.noise * settings.noise);
  // Unknowns: the scale, t, the bias in units of its prior.
  const VectorXd d = problem.d * problem.bias_prior;
  MatrixXd h = MatrixXd::Zero(p + 2, p + 2);
  VectorXd g = VectorXd::Zero(p + 2);
  h.block(1, 1, p, p) = problem.a.transpose() * precision.asDiagonal() * problem.a;
  h.block(1, 1, p, p).diagonal() += inverse;
  h.block(0, 1, 1, p) = -inverse.transpose();
  h.block(1, 0, p, 1) = -inverse;
  h(0, 0) = inverse.sum() + 1;
  h.block(1, p + 1, p, 1) = problem.a.transpose() * precision.cwiseProduct(d);
  h.block(p + 1, 1, 1, p) = h.block(1, p + 1, p, 1).transpose();
  h(p + 1, p + 1) = d.dot(precision.cwiseProduct(d)) + 1;
  g[0] = 1;
  g.segment(1, p) = problem.a.transpose() * precision;
  g[p + 1] = d.dot(precision);

  const Eigen::LLT<MatrixXd> factor(h);
  if (factor.info() != Eigen::Success) throw Error(Fault::internal, "the posterior of a calibration is not definite");
  const VectorXd x = bounded_minimum(h, g, 1, p);
  // H = L·Lᵀ, so the covariance is U·Uᵀ with the upper triangular U = L⁻ᵀ.
  MatrixXd u = factor.matrixU().solve(MatrixXd::Identity(p + 2, p + 2));
  BayesSolution out;
  out.scale = x[0];
  out.bias = x[p + 1] * problem.bias_prior;
  out.factors = x.segment(1, p);
  out.information.resize(p);
  for (Index i = 0; i < p; ++i) {
    const double left = (u.row(i + 1) - u.row(0)).squaredNorm() / variance[i];
    out.information[i] = std::clamp(1 - left, 0.0, 1.0);
  }
  u.row(p + 1) *= problem.bias_prior;
  out.error_factor = u.bottomRightCorner(p + 1, p + 1);
  return out;
}

std::vector<bool> separate_columns(const BayesProblem& problem) {
  const Index p = problem.a.cols();
  MatrixXd rows(p + 1, problem.a.rows());
  rows.topRows(p) = problem.a.transpose();
  rows.row(p) = problem.d.transpose();
  for (Index i = 0; i <= p; ++i)
    if (const double length = rows.row(i).norm(); length > 0) rows.row(i) /= length;
  Eigen::ColPivHouseholderQR<MatrixXd> qr(rows);
  qr.setThreshold(1e-9);
  const MatrixXd basis = qr.householderQ() * MatrixXd::Identity(p + 1, qr.rank());
  std::vector<bool> out;
  for (Index i = 0; i < p; ++i) out.push_back(1 - basis.row(i).squaredNorm() < 1e-6);
  return out;
}

}  // namespace hwprof::model

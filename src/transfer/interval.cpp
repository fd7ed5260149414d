// SPDX-License-Identifier: Apache-2.0
#include "transfer/interval.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace hwprof::transfer {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index directions = 6;  ///< in which the variance differs between architectures

}  // namespace

Spread spread_lines(const BayesFit& fit, const Sample& sample, const Sample& reference,
                    const std::vector<SourceModel>& sources, const std::vector<Group>& groups) {
  const Sample& known = fit.rows.cost.size() > 0 ? fit.rows : sample;
  const Index p = known.features.cols(), k = known.sources.cols();
  VectorXd deviation(1 + p + k);
  deviation[0] = std::sqrt(bias_variance);
  deviation.segment(1, p) = column_variances(fit.prior, groups).cwiseSqrt();
  deviation.tail(k).setConstant(std::sqrt(fit.prior.sources));
  const auto rows_of = [&](const Sample& s) {
    MatrixXd rows(s.features.rows(), 1 + p + k);
    rows << VectorXd::Ones(rows.rows()), s.features, s.sources;
    return MatrixXd(rows * deviation.asDiagonal());
  };
  const MatrixXd at = rows_of(known), around = rows_of(reference);
  const MatrixXd posterior = around.transpose() - at.transpose() * (fit.inverse * (at * around.transpose()));
  const MatrixXd covariance = around * posterior;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver((covariance + covariance.transpose()) / 2);
  const Index n = covariance.rows(), kept = std::min(directions, n);
  Spread out;
  out.weights = MatrixXd::Zero(p, kept);
  out.level = VectorXd::Zero(kept);
  double explained = 0;
  for (Index j = 0; j < kept; ++j) {
    const double value = solver.eigenvalues()[n - 1 - j];
    if (!(value > 1e-12)) continue;
    explained += value;
    const VectorXd line = deviation.cwiseProduct(posterior * solver.eigenvectors().col(n - 1 - j)) / std::sqrt(value);
    out.level[j] = line[0];
    out.weights.col(j) = line.segment(1, p);
    for (Index s = 0; s < k; ++s) {
      const auto& source = sources[static_cast<std::size_t>(s)];
      out.level[j] += line[1 + p + s] * source.level;
      out.weights.col(j) += line[1 + p + s] * source.weights;
    }
  }
  out.rest = std::max(0.0, (covariance.trace() - explained) / static_cast<double>(n));
  return out;
}

Calibration calibrate(const VectorXd& loo, const VectorXd& spread, const VectorXd& cost) {
  constexpr double prior = 4, cut = 9;  // pseudo-samples; largest square that counts
  const auto n = static_cast<double>(cost.size());
  const auto scale = [&](const VectorXd& deviation) {
    const Eigen::ArrayXd squares = ((cost - loo).array() / deviation.array()).square().min(cut);
    return std::sqrt((prior + squares.sum()) / (prior + n));
  };
  const VectorXd grown = spread.cwiseProduct(loo.cwiseMax(1e-3));
  const auto fit_of = [&](const VectorXd& deviation) {
    const double factor = scale(deviation);
    const Eigen::ArrayXd squares = ((cost - loo).array() / deviation.array() / factor).square().min(cut);
    return -(deviation.array() * factor).log().sum() - squares.sum() / 2;
  };
  Calibration out;
  out.relative = fit_of(grown) > fit_of(spread);
  // Few samples tell little of the scale: with (1 + 4 / n) the intervals of left-out samples held what they should, at
  // four to nineteen samples of devices with known labels (bench/results/transfer_settings.txt).
  out.factor = scale(out.relative ? grown : spread) * (1 + 4 / n);
  return out;
}

Disagreement disagreement(const std::vector<Member>& members, const Member& combined) {
  Disagreement out;
  const auto k = static_cast<Index>(members.size());
  out.weights = MatrixXd::Zero(combined.weights.size(), k);
  out.level = VectorXd::Zero(k);
  VectorXd squares = VectorXd::Zero(combined.loo.size());
  for (Index m = 0; m < k; ++m) {
    const Member& member = members[static_cast<std::size_t>(m)];
    out.weights.col(m) = std::sqrt(member.share) * (member.weights - combined.weights);
    out.level[m] = std::sqrt(member.share) * (member.level - combined.level);
    squares += member.share * (member.loo - combined.loo).cwiseAbs2();
  }
  out.loo = squares.cwiseSqrt();
  return out;
}

}  // namespace hwprof::transfer

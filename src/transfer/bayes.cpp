// SPDX-License-Identifier: Apache-2.0
#include "transfer/bayes.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>

#include "base/stats.hpp"

namespace hwprof::transfer {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::array<double, 7> noises{.003, .01, .03, .1, .3, 1, 3};
constexpr double shape = 1, rate = .01;  ///< of the scale's inverse gamma
constexpr double least_weight = 1e-3;    ///< of a prior, to count

struct Candidate {
  std::size_t prior = 0;
  double noise = 0, evidence = 0, quadratic = 0;
  VectorXd alpha, loo, loo_variance, evidence_without;
};

/// Kernel of each group over the samples, then that of the sources.
std::vector<MatrixXd> kernels_of(const Sample& sample, const std::vector<Group>& groups) {
  const Index n = sample.cost.size();
  std::vector<MatrixXd> kernels(num_groups + 1, MatrixXd::Zero(n, n));
  for (std::size_t g = 0; g < num_groups; ++g) {
    std::vector<Index> columns;
    for (std::size_t c = 0; c < groups.size(); ++c)
      if (static_cast<std::size_t>(groups[c]) == g) columns.push_back(static_cast<Index>(c));
    if (columns.empty()) continue;
    MatrixXd part(n, static_cast<Index>(columns.size()));
    for (std::size_t c = 0; c < columns.size(); ++c) part.col(static_cast<Index>(c)) = sample.features.col(columns[c]);
    kernels[g] = part * part.transpose();
  }
  if (sample.sources.cols() > 0) kernels[num_groups] = sample.sources * sample.sources.transpose();
  return kernels;
}

MatrixXd kernel_of(const Prior& prior, const std::vector<MatrixXd>& parts) {
  MatrixXd kernel = MatrixXd::Constant(parts[0].rows(), parts[0].cols(), bias_variance);
  for (std::size_t g = 0; g < num_groups; ++g)
    if (prior.groups[g] > 0) kernel += prior.groups[g] * parts[g];
  if (prior.sources > 0) kernel += prior.sources * parts[num_groups];
  return kernel;
}

/// All noise levels of one prior from one decomposition of the whitened kernel.
void add_candidates(std::size_t number, double log_share, const MatrixXd& kernel, const VectorXd& y,
                    const VectorXd& deviation, std::vector<Candidate>& out) {
  const auto n = static_cast<double>(y.size());
  const VectorXd inverse = deviation.cwiseInverse();
  const MatrixXd white = inverse.asDiagonal() * kernel * inverse.asDiagonal();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(white);
  const VectorXd values = solver.eigenvalues().cwiseMax(0);
  const MatrixXd& vectors = solver.eigenvectors();
  const MatrixXd squares = vectors.cwiseAbs2();
  const VectorXd z = vectors.transpose() * y.cwiseProduct(inverse);
  for (const double noise : noises) {
    Candidate candidate;
    candidate.prior = number;
    candidate.noise = noise;
    const VectorXd d = (values.array() + noise).inverse();
    const VectorXd alpha = vectors * z.cwiseProduct(d);
    const VectorXd diagonal = squares * d;
    const double log_det = .5 * d.array().log().sum();
    candidate.quadratic = z.cwiseAbs2().dot(d);
    candidate.evidence = log_share - (n / 2 + shape) * std::log(rate + .5 * candidate.quadratic) + log_det;
    const VectorXd taken = alpha.cwiseAbs2().cwiseQuotient(diagonal);
    const Eigen::ArrayXd without = (candidate.quadratic - taken.array()).max(0);
    candidate.evidence_without =
        log_share - ((n - 1) / 2 + shape) * (rate + .5 * without).log() + log_det - .5 * diagonal.array().log();
    candidate.loo = y - alpha.cwiseQuotient(diagonal).cwiseProduct(deviation);
    candidate.loo_variance =
        (rate + .5 * without) / ((n - 1) / 2 + shape) / diagonal.array() * deviation.array().square();
    candidate.alpha = alpha.cwiseProduct(inverse);
    out.push_back(std::move(candidate));
  }
}

}  // namespace

std::vector<Prior> priors(bool cells, double sources) {
  constexpr double little = .01, lone_share = .2, like_sources_share = .5;
  std::vector<Prior> out;
  const auto add = [&out](const std::array<double, 3>& totals, double detail, double depth, double decisions,
                          double of_sources) -> Prior& {
    Prior prior;
    const auto set = [&prior](Group group, double variance) {
      prior.groups[static_cast<std::size_t>(group)] = variance;
    };
    set(Group::counts, totals[0]);
    set(Group::work, totals[1]);
    set(Group::traffic, totals[2]);
    set(Group::depth, depth);
    set(Group::paths, depth);
    set(Group::classes, detail);
    set(Group::stages, .5 * detail);
    set(Group::decisions, decisions);
    prior.sources = of_sources;
    out.push_back(prior);
    return out.back();
  };
  const auto share_out = [&out](std::size_t from, double share) {
    const double each = share / static_cast<double>(out.size() - from);
    for (auto prior = out.begin() + static_cast<std::ptrdiff_t>(from); prior != out.end(); ++prior) prior->share = each;
  };

  const double decisions = cells ? .1 : .05;
  for (int which = 1; which < 8; ++which)  // which of counts, work and traffic matter
    for (const double detail : {.01, .1, 1.})
      for (const double depth : {.1, 1.}) {
        if (!cells && depth != 1) continue;
        const auto total = [which](int bit) { return (which & bit) != 0 ? 3 : .3; };
        const std::array<double, 3> totals{total(1), total(2), total(4)};
        if (!(sources > 0)) {
          add(totals, detail, depth, decisions, 0);
          continue;
        }
        for (const double variance : {.3, 3.})
          for (const bool mean : {false, true}) add(totals, detail, depth, decisions, variance * sources).mean = mean;
      }
  share_out(0, 1 - lone_share - (sources > 0 ? like_sources_share : 0));

  const std::size_t wide = out.size();
  for (std::size_t which = 0; which < 3; ++which) {
    std::array<double, 3> totals{.3 * little, .3 * little, .3 * little};
    totals[which] = 3;
    add(totals, .1 * little, .3 * little, decisions * little, .3 * little * sources).narrow = true;
  }
  share_out(wide, lone_share);

  if (!(sources > 0)) return out;
  const std::size_t lone = out.size();
  for (const double near : {.1, little})
    for (const double detail : {.1, 1.})
      for (const double variance : {.03, .3, 3., 30.}) {
        Prior& prior =
            add({.3 * near, .3 * near, .3 * near}, detail * near, .3 * near, decisions * near, variance * sources);
        prior.mean = prior.narrow = true;
      }
  share_out(lone, like_sources_share);
  return out;
}

VectorXd column_variances(const Prior& prior, const std::vector<Group>& groups) {
  VectorXd out(static_cast<Index>(groups.size()));
  for (std::size_t c = 0; c < groups.size(); ++c)
    out[static_cast<Index>(c)] = prior.groups[static_cast<std::size_t>(groups[c])];
  return out;
}

VectorXd robust_weights(const VectorXd& residuals) {
  constexpr double inlier = 3, tiny = 1e-9;
  std::vector<double> values(residuals.data(), residuals.data() + residuals.size());
  const double sigma = base::robust_deviation(values, base::median(values)) + tiny;
  return (inlier * sigma / residuals.array().abs().max(inlier * sigma)).square();
}

VectorXd start_weights(const VectorXd& guess, const VectorXd& cost) {
  constexpr Index least = 5, most = 500;
  const Index n = cost.size();
  if (n < least) return VectorXd::Ones(n);
  std::vector<double> slopes;
  const Index step = (n + most - 1) / most;
  for (Index i = 0; i < n; i += step)
    for (Index j = i + step; j < n; j += step)
      if (const double run = guess[j] - guess[i]; std::abs(run) > 1e-9) slopes.push_back((cost[j] - cost[i]) / run);
  const double slope = slopes.empty() ? 0 : std::max(0.0, base::median(slopes));
  const VectorXd rest = cost - slope * guess;
  return robust_weights(rest.array() - base::median({rest.data(), rest.data() + n}));
}

BayesFit fit_bayes(const Sample& sample, const std::vector<Prior>& priors, const std::vector<Group>& groups,
                   int robust_rounds) {
  const Index n = sample.cost.size();
  const auto kernels = kernels_of(sample, groups);
  const VectorXd y = sample.cost.array() - 1;
  VectorXd weight = sample.weight.size() == n ? sample.weight : VectorXd::Ones(n);
  BayesFit fit;
  std::vector<Candidate> candidates;
  for (int round = 0; round <= robust_rounds; ++round) {
    const VectorXd deviation = weight.cwiseSqrt().cwiseInverse();
    candidates.clear();
    for (std::size_t p = 0; p < priors.size(); ++p)
      add_candidates(p, std::log(priors[p].share), kernel_of(priors[p], kernels),
                     priors[p].mean ? VectorXd(y - sample.mean) : y, deviation, candidates);
    // Leave-one-out, each sample with the priors as the others weigh them; deviations from the wide ones alone.
    VectorXd best = VectorXd::Constant(n, -1e300), best_wide = best;
    for (const auto& candidate : candidates) {
      best = best.cwiseMax(candidate.evidence_without);
      if (!priors[candidate.prior].narrow) best_wide = best_wide.cwiseMax(candidate.evidence_without);
    }
    VectorXd total = VectorXd::Zero(n), loo = total, wide_total = total, wide_loo = total, squares = total;
    for (const auto& candidate : candidates) {
      const Prior& prior = priors[candidate.prior];
      const VectorXd value = prior.mean ? VectorXd(candidate.loo + sample.mean) : candidate.loo;
      const VectorXd share = (candidate.evidence_without - best).array().exp();
      total += share;
      loo += share.cwiseProduct(value);
      if (prior.narrow) continue;
      const VectorXd wide_share = (candidate.evidence_without - best_wide).array().exp();
      wide_total += wide_share;
      wide_loo += wide_share.cwiseProduct(value);
      squares += wide_share.cwiseProduct(candidate.loo_variance + value.cwiseAbs2());
    }
    loo = loo.cwiseQuotient(total);
    wide_loo = wide_loo.cwiseQuotient(wide_total);
    fit.loo = loo.array() + 1;
    fit.loo_spread = (squares.cwiseQuotient(wide_total) - wide_loo.cwiseAbs2()).cwiseMax(1e-18).cwiseSqrt();
    if (round < robust_rounds) weight = robust_weights(y - loo);
  }
  fit.weight_of = weight;

  const auto likeliest = std::max_element(candidates.begin(), candidates.end(),
                                          [](const auto& a, const auto& b) { return a.evidence < b.evidence; });
  double total = 0;
  for (const auto& candidate : candidates) total += std::exp(candidate.evidence - likeliest->evidence);
  fit.line.weights = VectorXd::Zero(sample.features.cols());
  fit.line.source_weights = VectorXd::Zero(sample.sources.cols());
  for (const auto& candidate : candidates) {
    const double share = std::exp(candidate.evidence - likeliest->evidence) / total;
    if (share < least_weight) continue;
    const Prior& prior = priors[candidate.prior];
    fit.line.bias += share * bias_variance * candidate.alpha.sum();
    if (prior.mean) fit.line.on_mean += share;
    fit.line.weights +=
        share * column_variances(prior, groups).cwiseProduct(sample.features.transpose() * candidate.alpha);
    if (sample.sources.cols() > 0)
      fit.line.source_weights += share * prior.sources * (sample.sources.transpose() * candidate.alpha);
  }
  const auto wide = std::max_element(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
    const bool narrow = priors[a.prior].narrow;
    return narrow != priors[b.prior].narrow ? narrow : a.evidence < b.evidence;
  });
  fit.prior = priors[wide->prior];
  fit.noise = wide->noise;
  fit.variance = (rate + .5 * wide->quadratic) / (static_cast<double>(n) / 2 + shape);
  MatrixXd covariance = kernel_of(fit.prior, kernels);
  covariance.diagonal() += fit.noise * weight.cwiseInverse();
  fit.inverse = covariance.llt().solve(MatrixXd::Identity(n, n));
  return fit;
}

}  // namespace hwprof::transfer

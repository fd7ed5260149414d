// SPDX-License-Identifier: Apache-2.0
#include "transfer/members.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.hpp"
#include "model/nonnegative.hpp"

namespace hwprof::transfer {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// a and b of cost = a + b x, neither negative, by weighted least squares.
struct Slope {
  double a = 0, b = 0, error = 0;
};

Slope fit_slope(const VectorXd& x, const VectorXd& y, const VectorXd& weight) {
  const double sum = weight.sum(), mx = weight.dot(x) / sum, my = weight.dot(y) / sum;
  const VectorXd dx = x.array() - mx, dy = y.array() - my;
  const double square = weight.dot(dx.cwiseAbs2()), cross = weight.dot(dx.cwiseProduct(dy));
  Slope out;
  out.b = square > 0 ? std::max(0.0, cross / square) : 0;
  out.a = my - out.b * mx;
  if (out.a < 0) {
    const double through = weight.dot(x.cwiseAbs2());
    out.a = 0;
    out.b = through > 0 ? std::max(0.0, weight.dot(x.cwiseProduct(y)) / through) : 0;
  }
  out.error = weight.dot((y.array() - out.a - out.b * x.array()).square().matrix());
  return out;
}

VectorXd values_of(const Features::Total& total, const Sample& sample) {
  return sample.features.col(static_cast<Index>(total.column)).array() / total.scale + total.mean;
}

/// The likeliest prior's regression on all samples, where these are more than the priors were settled on.
void refit(const Sample& sample, const std::vector<Group>& groups, BayesFit& fit) {
  const Index n = sample.cost.size(), p = sample.features.cols(), k = sample.sources.cols();
  VectorXd deviation(1 + p + k);
  deviation[0] = std::sqrt(bias_variance);
  deviation.segment(1, p) = column_variances(fit.prior, groups).cwiseSqrt();
  deviation.tail(k).setConstant(std::sqrt(fit.prior.sources));
  MatrixXd rows(n, 1 + p + k);
  rows << VectorXd::Ones(n), sample.features, sample.sources;
  rows = rows * deviation.asDiagonal();
  VectorXd y = sample.cost.array() - 1;
  if (fit.prior.mean) y -= sample.mean;
  VectorXd weight = VectorXd::Ones(n), residual;
  VectorXd line;
  for (int round = 0; round < 3; ++round) {
    if (round > 0) weight = robust_weights(residual);
    MatrixXd system = rows.transpose() * weight.asDiagonal() * rows;
    system.diagonal().array() += fit.noise;
    const auto solver = system.llt();
    line = solver.solve(rows.transpose() * weight.cwiseProduct(y));
    const VectorXd leverage =
        weight.cwiseProduct((solver.matrixL().solve(rows.transpose())).colwise().squaredNorm().transpose());
    residual = (y - rows * line).array() / (1 - leverage.array()).max(1e-6);
    fit.loo = sample.cost - residual;
    fit.loo_spread =
        (fit.variance * fit.noise * weight.cwiseInverse().array() / (1 - leverage.array()).max(1e-6)).sqrt();
  }
  fit.weight_of = weight;
  line = line.cwiseProduct(deviation);
  fit.line.bias = line[0];
  fit.line.weights = line.segment(1, p);
  fit.line.source_weights = line.tail(k);
  fit.line.on_mean = fit.prior.mean ? 1 : 0;
}

}  // namespace

Sample describe(const Features& features, const std::vector<SourceModel>& sources, const std::vector<Arch>& archs) {
  Sample out;
  out.features = features.rows(archs);
  const auto n = static_cast<Index>(archs.size());
  const auto k = static_cast<Index>(sources.size());
  out.sources.resize(n, k);
  for (Index s = 0; s < k; ++s) {
    const auto& source = sources[static_cast<std::size_t>(s)];
    out.sources.col(s) = (out.features * source.weights).array() + source.level;
  }
  out.mean = k > 0 ? VectorXd(out.sources.rowwise().mean()) : VectorXd::Zero(n);
  return out;
}

double spread_of(const Sample& reference) {
  const MatrixXd centred = reference.sources.rowwise() - reference.sources.colwise().mean();
  const double spread = (centred.colwise().squaredNorm() / static_cast<double>(centred.rows())).cwiseSqrt().mean();
  return spread > 1e-9 ? spread : 1;
}

Member fold(std::string name, const Linear& line, const std::vector<SourceModel>& sources) {
  Member out;
  out.name = std::move(name);
  out.of_sources = !sources.empty();
  out.level = 1 + line.bias;
  out.weights = line.weights;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const double weight =
        line.source_weights[static_cast<Index>(s)] + line.on_mean / static_cast<double>(sources.size());
    out.level += weight * sources[s].level;
    out.weights += weight * sources[s].weights;
  }
  return out;
}

std::optional<Member> fit_scaling(const Features& features, const Sample& sample, const VectorXd& weight) {
  const auto& totals = features.totals();
  if (totals.empty()) return {};
  std::vector<VectorXd> x;
  for (const auto& total : totals) x.push_back(values_of(total, sample));
  const auto best = [&](const VectorXd& weights) {
    std::pair<std::size_t, Slope> out;
    for (std::size_t t = 0; t < x.size(); ++t) {
      const Slope slope = fit_slope(x[t], sample.cost, weights);
      if (t == 0 || slope.error < out.second.error) out = {t, slope};
    }
    return out;
  };
  const Index n = sample.cost.size();
  Member out;
  const auto [t, slope] = best(weight);
  out.name = "scaling";
  out.level = slope.a + slope.b * totals[t].mean;
  out.weights = VectorXd::Zero(static_cast<Index>(features.size()));
  out.weights[static_cast<Index>(totals[t].column)] = slope.b / totals[t].scale;
  out.loo.resize(n);
  for (Index i = 0; i < n; ++i) {
    VectorXd others = weight;
    others[i] = 0;
    const auto [t_i, slope_i] = best(others);
    out.loo[i] = slope_i.a + slope_i.b * x[t_i][i];
  }
  return out;
}

Member fit_stacking(const std::vector<SourceModel>& sources, const std::vector<Features::Total>& totals,
                    const Sample& sample, const VectorXd& weight) {
  constexpr double pull = 1e-5;
  const Index n = sample.cost.size(), k = sample.sources.cols(), t = static_cast<Index>(totals.size());
  MatrixXd rows(n, 1 + k + t);
  rows.col(0).setOnes();
  rows.middleCols(1, k) = sample.sources.array() + 1;
  for (Index j = 0; j < t; ++j) {
    const auto& total = totals[static_cast<std::size_t>(j)];
    rows.col(1 + k + j) = values_of(total, sample) / total.mean;
  }
  const double ridge = pull * static_cast<double>(k);
  MatrixXd gram = rows.transpose() * weight.asDiagonal() * rows;
  VectorXd right = rows.transpose() * weight.cwiseProduct(sample.cost);
  gram.diagonal().tail(k + t).array() += ridge;
  right.segment(1, k).array() += ridge / static_cast<double>(k);
  VectorXd loo(n);
  for (Index i = 0; i < n; ++i) {
    const VectorXd row = rows.row(i);
    loo[i] = row.dot(
        model::solve_nonnegative(gram - weight[i] * row * row.transpose(), right - weight[i] * sample.cost[i] * row));
  }
  const VectorXd w = model::solve_nonnegative(gram, right);
  Linear line;
  line.weights = VectorXd::Zero(sample.features.cols());
  line.source_weights = w.segment(1, k);
  line.bias = w.sum() - 1;
  for (Index j = 0; j < t; ++j) {
    const auto& total = totals[static_cast<std::size_t>(j)];
    line.weights[static_cast<Index>(total.column)] += w[1 + k + j] / (total.scale * total.mean);
  }
  Member out = fold(totals.empty() ? "stacking" : "mixed", line, sources);
  out.loo = loo;
  return out;
}

BayesFit fit_regression(const Sample& sample, const std::vector<Prior>& priors, const std::vector<Group>& groups,
                        std::uint64_t seed) {
  constexpr std::size_t most = 128;
  const auto n = static_cast<std::size_t>(sample.cost.size());
  if (n <= most) return fit_bayes(sample, priors, groups);
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  std::mt19937_64 rng(seed);
  for (std::size_t i = 0; i < most; ++i) std::swap(order[i], order[i + base::draw_below(rng, n - i)]);
  order.resize(most);
  Sample some;
  some.features = sample.features(order, Eigen::all);
  some.sources = sample.sources(order, Eigen::all);
  some.mean = sample.mean(order);
  some.cost = sample.cost(order);
  some.weight = sample.weight.size() > 0 ? VectorXd(sample.weight(order)) : VectorXd::Ones(some.cost.size());
  BayesFit fit = fit_bayes(some, priors, groups);
  fit.rows = some;
  refit(sample, groups, fit);
  return fit;
}

VectorXd weigh(std::vector<Member>& members, const VectorXd& cost, const VectorXd& weight) {
  constexpr double tiny = 1e-6, of_sources_before = 6;
  const Index n = cost.size(), k = static_cast<Index>(members.size());
  MatrixXd loo(n, k);
  for (Index m = 0; m < k; ++m) loo.col(m) = members[static_cast<std::size_t>(m)].loo;
  const MatrixXd squares = weight.asDiagonal() * (loo.colwise() - cost).cwiseAbs2();
  const VectorXd sums = squares.colwise().sum();
  VectorXd before = VectorXd::Zero(k);  // logarithms
  for (Index m = 0; m < k; ++m)
    if (members[static_cast<std::size_t>(m)].of_sources) before[m] = std::log(of_sources_before);
  const auto shares = [&](const VectorXd& errors, Index samples) {
    const VectorXd logs = before.array() - static_cast<double>(samples) / 4 * (errors.array() + tiny * tiny).log();
    const VectorXd share = (logs.array() - logs.maxCoeff()).exp();
    return VectorXd(share / share.sum());
  };
  const VectorXd all = shares(sums / weight.sum(), n);
  for (Index m = 0; m < k; ++m) members[static_cast<std::size_t>(m)].share = all[m];
  VectorXd combined(n);
  for (Index i = 0; i < n; ++i) {
    const VectorXd others = (sums - squares.row(i).transpose()).cwiseMax(0) / (weight.sum() - weight[i]);
    combined[i] = loo.row(i).dot(shares(others, n - 1));
  }
  return combined;
}

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#include "transfer/members.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.hpp"
#include "base/stats.hpp"

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

/// Least squares with the penalty ridge · (w - aim)², no entry negative, by coordinate descent.
VectorXd nonnegative(const MatrixXd& gram, const VectorXd& right, double ridge, double aim) {
  constexpr int most_sweeps = 2000;
  constexpr double settled = 1e-10;
  const Index k = gram.cols();
  VectorXd w = VectorXd::Constant(k, aim);
  w[0] = 0;
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double moved = 0;
    for (Index j = 0; j < k; ++j) {
      const double penalty = j == 0 ? 0 : ridge;
      const double curvature = gram(j, j) + penalty;
      if (!(curvature > 0)) continue;
      const double gradient = right[j] - gram.col(j).dot(w) + penalty * (aim - w[j]);
      const double next = std::max(0.0, w[j] + gradient / curvature);
      moved = std::max(moved, std::abs(next - w[j]));
      w[j] = next;
    }
    if (moved < settled) break;
  }
  return w;
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
  for (const auto& total : totals)
    x.push_back(sample.features.col(static_cast<Index>(total.column)).array() / total.scale + total.mean);
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

Member fit_stacking(const std::vector<SourceModel>& sources, const Sample& sample, const VectorXd& weight) {
  constexpr double pull = .02;
  const Index n = sample.cost.size(), k = sample.sources.cols();
  MatrixXd rows(n, k + 1);
  rows.col(0).setOnes();
  rows.rightCols(k) = sample.sources.array() + 1;
  const double ridge = pull * static_cast<double>(k), aim = 1 / static_cast<double>(k);
  const MatrixXd gram = rows.transpose() * weight.asDiagonal() * rows;
  const VectorXd right = rows.transpose() * weight.cwiseProduct(sample.cost);
  VectorXd loo(n);
  for (Index i = 0; i < n; ++i) {
    const VectorXd row = rows.row(i);
    loo[i] = row.dot(
        nonnegative(gram - weight[i] * row * row.transpose(), right - weight[i] * sample.cost[i] * row, ridge, aim));
  }
  const VectorXd w = nonnegative(gram, right, ridge, aim);
  Linear line;
  line.weights = VectorXd::Zero(sample.features.cols());
  line.source_weights = w.tail(k);
  line.bias = w[0] + w.tail(k).sum() - 1;
  Member out = fold("stacking", line, sources);
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

void weigh(std::vector<Member>& members, const VectorXd& cost) {
  constexpr double cut = 2.5, trust = .5, tiny = 1e-6;
  constexpr double pseudo = 3;  // samples on which all members are as good as their geometric mean
  const auto before = [](const std::string& name) {
    return name == "transfer" ? 6. : name == "stacking" ? 2. : name == "scaling" ? 1. : .7;
  };
  double scale = std::numeric_limits<double>::infinity();
  for (const auto& member : members) {
    const VectorXd error = member.loo - cost;
    scale = std::min(scale, base::robust_deviation({error.data(), error.data() + error.size()}, 0));
  }
  const double most = std::pow(cut * scale + tiny, 2), n = static_cast<double>(cost.size());
  VectorXd errors(static_cast<Index>(members.size()));
  for (std::size_t i = 0; i < members.size(); ++i)
    errors[static_cast<Index>(i)] = (members[i].loo - cost).array().square().min(most).mean() + tiny * tiny;
  errors = (n * errors.array() + pseudo * std::exp(errors.array().log().mean())) / (n + pseudo);
  double total = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double relative = errors[static_cast<Index>(i)] / errors.minCoeff();
    members[i].share = before(members[i].name) * std::pow(relative, -trust * n);
    total += members[i].share;
  }
  for (auto& member : members) member.share /= total;
}

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
// Few rows of a new network.
#include <algorithm>

#include "base/stats.hpp"
#include "fingerprint/impl.hpp"
#include "model/bayes.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr double bias_share = 0.05;  // what the network may cost beside the model's terms, of its median cost
/// A sum below this share of the scaled prediction is what a bias left of it, which was learnt where costs are higher.
constexpr double least_share = 0.25;
constexpr double least_variance = 1e-6;  // as solve_bayes has it

}  // namespace

std::vector<double> update_columns(const Parts& parts, const std::string& kind, const UpdateRule& rule,
                                   const std::vector<double>& features) {
  if (rule.columns == "scale") return {parts.predict(kind, features)};
  const double factor = rule.columns == "residual" ? parts.factor(features) : 1;
  const Linear& sum = rule.columns == "simple" ? parts.simple : parts.physical;
  std::vector<double> out;
  const auto& coefficients = sum.coefficients_for(features);
  for (std::size_t j = 0; j < sum.columns.size(); ++j)
    if (sum.uses(j)) out.push_back(factor * coefficients[j] * features[sum.columns[j]]);
  if (sum.constant > 0 || out.empty()) out.push_back(factor * sum.constant);
  return out;
}

Update learn_update(const Parts& parts, const std::string& kind, const UpdateRule& rule, const Rows& rows,
                    const Picks& picks) {
  std::vector<double> y;
  for (const std::size_t row : picks) y.push_back(rows.y[row]);
  model::BayesProblem problem;
  const auto n = static_cast<Eigen::Index>(picks.size());
  problem.d.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::size_t row = picks[static_cast<std::size_t>(i)];
    const auto columns = update_columns(parts, kind, rule, rows.features[row]);
    if (i == 0) problem.a.resize(n, static_cast<Eigen::Index>(columns.size()));
    for (std::size_t j = 0; j < columns.size(); ++j)
      problem.a(i, static_cast<Eigen::Index>(j)) = columns[j] / rows.y[row];
    problem.d[i] = 1 / rows.y[row];
  }
  problem.weights = Eigen::VectorXd::Ones(n);
  problem.own = Eigen::VectorXd::Zero(problem.a.cols());
  problem.bias_prior = bias_share * base::median(y);
  const auto solution = model::solve_bayes(problem, {rule.deviation, rule.noise});
  Update out;
  out.rows = picks.size();
  out.factors.assign(solution.factors.data(), solution.factors.data() + solution.factors.size());
  out.bias = solution.bias;
  return out;
}

Updated updated(const Update& update, const UpdateRule& rule, const std::vector<double>& columns, double base) {
  double sum = update.bias;
  for (std::size_t j = 0; j < columns.size(); ++j) sum += update.factors[j] * columns[j];
  // The mode of the common scale under its prior N(1, 1), given the factors.
  const double precision = 1 / std::max(rule.deviation * rule.deviation, least_variance);
  double scale = 1, weight = 1;
  for (const double factor : update.factors) {
    scale += precision * factor;
    weight += precision;
  }
  const double scaled = base * scale / weight;
  if (sum >= least_share * scaled && sum > 0) return {sum, 0};
  return {scaled, scaled - std::max(sum, 0.0)};
}

}  // namespace hwprof::fingerprint

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/bayes.hpp"
#include "model/calibrated.hpp"
#include "model/fit_steps.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t least_nets = 4;
constexpr Eigen::Index most_joint = 512;  ///< primitives whose errors are kept with their correlations
constexpr double least_information = 0.1;

/// The rows of a problem, and which primitive each column is.
struct Prepared {
  BayesProblem problem;
  std::vector<std::size_t> column_of;  ///< by number in FitData::index
  std::vector<std::size_t> prims;      ///< by column
};

/// A network with the mean of its records. What they share is no noise: each as a row of its own would tell primitives
/// apart that nothing tells apart.
struct Row {
  const FitNet* net = nullptr;
  double measured = 0, weight = 0, total = 0;
};

std::vector<Row> rows_of(const FitData& data, const NetList& nets) {
  std::vector<Row> rows(count_networks(data, nets));
  const auto numbers = network_of(data, nets);
  for (std::size_t i = 0; i < nets.size(); ++i) {
    const FitNet& net = data.nets[nets[i]];
    Row& row = rows[numbers[i]];
    row.net = &net;
    row.total += net.weight;
    row.measured += (net.measured - row.measured) * (net.weight / row.total);
    row.weight = std::max(row.weight, net.weight);
  }
  return rows;
}

Prepared prepare(const FitData& data, const std::vector<Measured>& costs, const NetList& nets) {
  Prepared out;
  // Columns in the order of the primitives, as the table has them.
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (costs[i].samples > 0) out.prims.push_back(i);
  const auto& prims = data.index.prims();
  std::sort(out.prims.begin(), out.prims.end(), [&](std::size_t a, std::size_t b) { return prims[a] < prims[b]; });
  out.column_of.resize(costs.size());
  const auto networks = rows_of(data, nets);
  const auto rows = static_cast<Eigen::Index>(networks.size());
  const auto columns = static_cast<Eigen::Index>(out.prims.size());
  auto& problem = out.problem;
  problem.own = Eigen::VectorXd::Zero(columns);
  for (std::size_t column = 0; column < out.prims.size(); ++column) {
    out.column_of[out.prims[column]] = column;
    const Measured& cost = costs[out.prims[column]];
    if (cost.value > 0)
      problem.own[static_cast<Eigen::Index>(column)] =
          std::min(1.0, std::pow(cost.spread / interval_factor / cost.value, 2));
  }
  problem.a = Eigen::MatrixXd::Zero(rows, columns);
  problem.d.resize(rows);
  problem.weights.resize(rows);
  double mean = 0;
  for (Eigen::Index row = 0; row < rows; ++row) {
    const Row& one = networks[static_cast<std::size_t>(row)];
    for (const std::uint32_t prim : one.net->prims)
      problem.a(row, static_cast<Eigen::Index>(out.column_of[prim])) += costs[prim].value / one.measured;
    problem.d[row] = 1 / one.measured;
    problem.weights[row] = one.weight;
    mean += one.measured / static_cast<double>(rows);
  }
  if (!problem.a.allFinite() || !problem.d.allFinite())
    throw Error(Fault::input, "an overall cost is too small beside those of its primitives");
  problem.bias_prior = mean;
  return out;
}

/// Costs by number in FitData::index, and the bias.
NetPredictor predictor(const Prepared& prepared, const std::vector<Measured>& costs, const BayesSolution& solution) {
  std::vector<double> values(costs.size(), 0.0);
  for (std::size_t column = 0; column < prepared.prims.size(); ++column) {
    const std::size_t prim = prepared.prims[column];
    values[prim] = costs[prim].value * solution.factors[static_cast<Eigen::Index>(column)];
  }
  return [values = std::move(values), bias = solution.bias](const FitNet& net) {
    double sum = bias;
    for (const std::uint32_t prim : net.prims) sum += values[prim];
    return std::max(sum, 0.0);
  };
}

ErrorFactor error_factor(const Prepared& prepared, const std::vector<Measured>& costs, const BayesSolution& solution) {
  const Eigen::MatrixXd& f = solution.error_factor;
  const Eigen::Index size = f.rows();
  ErrorFactor out;
  for (Eigen::Index row = 0; row < size; ++row) {
    const double unit = row + 1 < size ? costs[prepared.prims[static_cast<std::size_t>(row)]].value : 1;
    std::vector<double> numbers;
    if (size > most_joint + 1)
      numbers.push_back(unit * f.row(row).norm());
    else
      for (Eigen::Index column = row; column < size; ++column) numbers.push_back(unit * f(row, column));
    out.push_back(std::move(numbers));
  }
  return out;
}

void note_evidence(FitSummary& summary, const PrimTable& table, const std::vector<Evidence>& evidence) {
  std::vector<std::string> open;
  std::size_t together = 0;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    if (evidence[i].information < least_information)
      open.push_back(to_string(table.index.prims()[i]));
    else if (!evidence[i].separate)
      ++together;
  }
  if (!open.empty())
    summary.notes.push_back(counted(open.size(), "primitive") + " of " + std::to_string(evidence.size()) +
                            " not identified by the networks (they take away less than a tenth of the prior variance); "
                            "the isolated measurement, scaled, stands: " +
                            some_of(open));
  if (together > 0) summary.notes.push_back(counted(together, "primitive") + " identified together with others only");
}

}  // namespace

std::shared_ptr<const Model::Impl> fit_calibrated(FitData data, const FitOptions& options) {
  refuse_linear_options(options);
  const auto costs = make_table(data);
  NetList nets = comparable(data, costs);
  drop_outliers(data, costs, nets, false);
  const std::size_t found = count_networks(data, nets);
  if (found < least_nets)
    throw Error(Fault::missing, "kind 'calibrated' needs at least " + std::to_string(least_nets) +
                                    " networks with an overall " + to_string(data.info.metric) +
                                    " and known primitives, found " + std::to_string(found) +
                                    "; kind 'table' needs none");
  const Prepared prepared = prepare(data, costs, nets);
  const BayesSettings settings = best_settings(prepared.problem);
  const BayesSolution solution = solve_bayes(prepared.problem, settings);
  const NetFitter refit = [](const FitData& part, const NetList& train) -> std::optional<NetPredictor> {
    if (count_networks(part, train) + 1 < least_nets) return {};
    const auto isolated = build_table(part);
    const Prepared again = prepare(part, isolated, train);
    return predictor(again, isolated, solve_bayes(again.problem, best_settings(again.problem)));
  };
  auto& summary = data.info.summary;
  summary.nets_used = nets.size();
  summary.coefficients = {{"scale", solution.scale},
                          {"bias", solution.bias},
                          {"prior_deviation", settings.deviation},
                          {"noise", settings.noise}};
  (void)assess(data, nets, 0, options.seed, predictor(prepared, costs, solution), refit);

  PrimTable table = known_costs(data, costs);
  const auto separate = separate_columns(prepared.problem);
  ErrorFactor errors = error_factor(prepared, costs, solution);
  std::vector<Evidence> evidence(separate.size());
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    const auto column = static_cast<Eigen::Index>(i);
    Measured& cost = table.costs[i];
    evidence[i] = {cost.value, solution.information[column], separate[i]};
    cost.value *= solution.factors[column];
    double variance = 0;
    for (const double part : errors[i]) variance += part * part;
    cost.spread = interval_factor * std::sqrt(variance);
  }
  note_evidence(summary, table, evidence);
  Line line;
  line.bias = solution.bias;
  line.residual = settings.noise;
  return std::make_shared<Calibrated>(std::move(data.info), std::move(table), line, std::move(evidence),
                                      std::move(errors));
}

}  // namespace hwprof::model

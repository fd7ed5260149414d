// SPDX-License-Identifier: Apache-2.0
#include "model/fit_additive.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/cross_validate.hpp"
#include "model/least_squares.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t least_calibration = 8;
constexpr std::size_t least_to_drop = 6;  ///< networks below which none can be told to be the outlier
constexpr double cut = 5;                 ///< robust deviations
constexpr double least_outlying = 0.05;   ///< relative error that is never called an outlier

/// The table with its counts in the summary.
std::vector<Measured> make_table(FitData& data) {
  auto costs = build_table(data);
  auto& summary = data.info.summary;
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (costs[i].samples == 0) {
      unknown.push_back(to_string(data.index.prims()[i]));
      continue;
    }
    ++summary.prims_known;
    summary.samples_used += static_cast<std::size_t>(costs[i].samples);
    summary.samples_dropped += static_cast<std::size_t>(costs[i].dropped);
  }
  if (summary.prims_known == 0)
    throw Error(Fault::missing, "kind " + base::in_quotes(summary.kind) + " needs the " +
                                    std::string(to_string(data.info.metric)) + " of primitives; the " +
                                    counted(data.nets.size(), "record") + " hold" + (data.nets.size() == 1 ? "s" : "") +
                                    " that of whole networks only");
  if (!unknown.empty())
    summary.notes.push_back(counted(unknown.size(), "primitive") + " without a measurement: " + some_of(unknown));
  if (summary.samples_dropped > 0)
    summary.notes.push_back(counted(summary.samples_dropped, "outlying measurement") + " of primitives dropped");
  return costs;
}

/// Networks with an overall cost whose primitives are all known; only whole architectures where there are enough.
NetList comparable(FitData& data, const std::vector<Measured>& costs) {
  NetList nets;
  NetList calibration;
  std::size_t incomplete = 0;
  for (std::size_t i = 0; i < data.nets.size(); ++i) {
    const FitNet& net = data.nets[i];
    const auto known = [&costs](std::uint32_t prim) { return costs[prim].samples > 0; };
    if (!(net.measured > 0) || net.prims.empty() || !std::all_of(net.prims.begin(), net.prims.end(), known)) {
      ++incomplete;
      continue;
    }
    nets.push_back(i);
    if (net.record->purpose == "calibration") calibration.push_back(i);
  }
  if (incomplete > 0)
    data.info.summary.notes.push_back(counted(incomplete, "network") +
                                      " without an overall cost or with unmeasured primitives; only in the table");
  if (calibration.size() < least_calibration) return nets;
  if (calibration.size() < nets.size())
    data.info.summary.notes.push_back("the sums are compared with " + std::to_string(calibration.size()) +
                                      " whole architectures; the other networks are only in the table");
  return calibration;
}

struct Regression {
  LeastSquares solution;
  Line line;
};

Regression regress(const FitData& data, const std::vector<Measured>& costs, const NetList& nets,
                   const FitOptions& options, bool huber) {
  const auto rows = static_cast<Eigen::Index>(nets.size());
  const Eigen::Index columns = options.num_blocks ? 3 : 2;
  Eigen::MatrixXd x(rows, columns);
  Eigen::VectorXd y(rows);
  Eigen::VectorXd weights(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const FitNet& net = data.nets[nets[static_cast<std::size_t>(i)]];
    x(i, 0) = sum_of(net, costs);
    if (options.num_blocks) x(i, 1) = static_cast<double>(net.prims.size());
    x(i, columns - 1) = 1;
    y[i] = net.measured;
    weights[i] = net.weight;
  }
  Regression out;
  out.solution = solve_relative(x, y, weights, {options.ridge, huber, options.nonnegative});
  const auto& c = out.solution.coefficients;
  out.line.scale = c[0];
  out.line.with_blocks = options.num_blocks;
  if (options.num_blocks) out.line.per_block = c[1];
  out.line.bias = c[columns - 1];
  return out;
}

/// Takes networks out of nets that no line explains. The line is free: what a constraint cannot follow is no outlier.
void drop_outliers(FitData& data, const std::vector<Measured>& costs, NetList& nets, const FitOptions& options) {
  if (nets.size() < least_to_drop) return;
  FitOptions free = options;
  free.ridge = 0;
  free.nonnegative = false;
  const LeastSquares solution = regress(data, costs, nets, free, true).solution;
  if (!solution.determined) return;
  const auto& residuals = solution.residuals;
  const std::vector<double> values(residuals.data(), residuals.data() + residuals.size());
  const double middle = base::median(values);
  const double limit = std::max(cut * base::robust_deviation(values, middle), least_outlying);
  NetList kept;
  std::vector<std::string> dropped;
  for (std::size_t i = 0; i < nets.size(); ++i)
    if (std::abs(values[i] - middle) <= limit)
      kept.push_back(nets[i]);
    else
      dropped.push_back(data.nets[nets[i]].record->net_id);
  if (dropped.empty()) return;
  auto& summary = data.info.summary;
  summary.nets_dropped += dropped.size();
  summary.notes.push_back(counted(dropped.size(), "outlying network") + " dropped: " + some_of(dropped));
  nets = std::move(kept);
}

/// Errors of the final line into summary and line; cross-validation with the same fitter.
void assess(FitData& data, const std::vector<Measured>& costs, const NetList& nets, std::size_t coefficients,
            std::uint64_t seed, const LineFitter& fit, Line& line) {
  auto& summary = data.info.summary;
  if (nets.empty()) {
    summary.notes.emplace_back("no network can be compared with its sum: the error is unknown");
    return;
  }
  double absolute = 0;
  double squares = 0;
  for (const double error : relative_errors(data, costs, nets, line)) {
    absolute += std::abs(error);
    squares += error * error;
  }
  const std::size_t degrees = nets.size() > coefficients ? nets.size() - coefficients : 1;
  summary.fit_mape = absolute / static_cast<double>(nets.size());
  line.residual = std::sqrt(squares / static_cast<double>(degrees));
  const auto error = nets.size() > 1 ? cross_validate(data, nets, seed, fit, summary.notes) : std::nullopt;
  if (error)
    summary.cv_mape = *error;
  else
    summary.notes.emplace_back("too few networks to cross-validate");
}

std::shared_ptr<const Model::Impl> finish(FitData& data, const std::vector<Measured>& costs, const Line& line) {
  PrimTable table;
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (costs[i].samples > 0) table.add(data.index.prims()[i], costs[i]);
  return std::make_shared<Additive>(std::move(data.info), std::move(table), line);
}

}  // namespace

std::shared_ptr<const Model::Impl> fit_table(FitData data, const FitOptions& options) {
  if (options.num_blocks || options.ridge > 0 || options.huber || options.nonnegative)
    throw Error(Fault::usage,
                "num_blocks, ridge, huber and nonnegative are options of the kind 'linear', not of 'table'");
  const auto costs = make_table(data);
  const NetList nets = comparable(data, costs);
  data.info.summary.nets_used = data.nets.size();
  Line line;
  const auto sum_alone = [](const std::vector<Measured>&, const NetList&) { return Line(); };
  assess(data, costs, nets, 0, options.seed, sum_alone, line);
  return finish(data, costs, line);
}

std::shared_ptr<const Model::Impl> fit_linear(FitData data, const FitOptions& options) {
  const auto costs = make_table(data);
  NetList nets = comparable(data, costs);
  if (!options.huber) drop_outliers(data, costs, nets, options);
  const std::size_t coefficients = options.num_blocks ? 3 : 2;
  if (nets.size() <= coefficients)
    throw Error(Fault::missing, "kind 'linear' needs at least " + std::to_string(coefficients + 1) +
                                    " networks with an overall " + to_string(data.info.metric) +
                                    " and known primitives, found " + std::to_string(nets.size()) +
                                    "; kind 'table' needs none");
  const Regression found = regress(data, costs, nets, options, options.huber);
  if (!found.solution.determined)
    throw Error(Fault::missing, "the " + std::to_string(nets.size()) + " networks are too much alike to tell " +
                                    (options.num_blocks ? "scale, per_block" : "scale") +
                                    " and bias apart; measure others, or use kind 'table' or ridge");
  Line line = found.line;
  auto& summary = data.info.summary;
  summary.nets_used = nets.size();
  summary.coefficients = {{"scale", line.scale}, {"bias", line.bias}};
  if (line.with_blocks) summary.coefficients["per_block"] = line.per_block;
  const LineFitter fit = [&data, &options, coefficients](const std::vector<Measured>& table,
                                                         const NetList& train) -> std::optional<Line> {
    if (train.size() < coefficients) return {};
    const Regression part = regress(data, table, train, options, options.huber);
    if (!part.solution.determined) return {};
    return part.line;
  };
  assess(data, costs, nets, coefficients, options.seed, fit, line);
  return finish(data, costs, line);
}

}  // namespace hwprof::model

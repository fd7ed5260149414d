// SPDX-License-Identifier: Apache-2.0
#include "model/fit_steps.hpp"

#include <algorithm>
#include <cmath>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/least_squares.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t least_calibration = 8;
constexpr std::size_t least_to_drop = 6;  ///< networks below which none can be told to be the outlier
constexpr double cut = 5;                 ///< robust deviations
constexpr double least_outlying = 0.05;   ///< relative error that is never called an outlier

}  // namespace

void refuse_linear_options(const FitOptions& options) {
  if (options.num_blocks || options.ridge > 0 || options.huber || options.nonnegative || options.per_class)
    throw Error(Fault::usage,
                "num_blocks, ridge, huber, nonnegative and per_class are options of the kind 'linear', not of " +
                    base::in_quotes(options.kind));
}

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

PrimTable known_costs(const FitData& data, const std::vector<Measured>& costs) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (costs[i].samples > 0) order.push_back(i);
  const auto& prims = data.index.prims();
  std::sort(order.begin(), order.end(), [&prims](std::size_t a, std::size_t b) { return prims[a] < prims[b]; });
  PrimTable table;
  for (const std::size_t i : order) table.add(prims[i], costs[i]);
  return table;
}

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

double sum_of(const FitNet& net, const std::vector<Measured>& costs) {
  double sum = 0;
  for (const std::uint32_t prim : net.prims) sum += costs[prim].value;
  return sum;
}

void drop_outliers(FitData& data, const std::vector<Measured>& costs, NetList& nets, bool num_blocks) {
  if (nets.size() < least_to_drop) return;
  const auto rows = static_cast<Eigen::Index>(nets.size());
  Eigen::MatrixXd x = Eigen::MatrixXd::Ones(rows, num_blocks ? 3 : 2);
  Eigen::VectorXd y(rows);
  Eigen::VectorXd weights(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const FitNet& net = data.nets[nets[static_cast<std::size_t>(i)]];
    x(i, 0) = sum_of(net, costs);
    if (num_blocks) x(i, 1) = static_cast<double>(net.prims.size());
    y[i] = net.measured;
    weights[i] = net.weight;
  }
  const LeastSquares solution = solve_relative(x, y, weights, {0, true, false});
  if (!solution.determined) return;
  const std::vector<double> values(solution.residuals.data(), solution.residuals.data() + rows);
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

double assess(FitData& data, const NetList& nets, std::size_t coefficients, std::uint64_t seed,
              const NetPredictor& model, const NetFitter& fit, std::size_t folds) {
  auto& summary = data.info.summary;
  if (nets.empty()) {
    summary.notes.emplace_back("no network can be compared with its sum: the error is unknown");
    return 0;
  }
  double absolute = 0;
  double squares = 0;
  for (const double error : relative_errors(data, nets, model)) {
    absolute += std::abs(error);
    squares += error * error;
  }
  const std::size_t degrees = nets.size() > coefficients ? nets.size() - coefficients : 1;
  summary.fit_mape = absolute / static_cast<double>(nets.size());
  const double deviation = std::sqrt(squares / static_cast<double>(degrees));
  if (!data.assess) return deviation;
  CrossValidation held_out;
  if (count_networks(data, nets) > 1) held_out = cross_validate(data, nets, seed, fit, summary.notes, folds);
  if (held_out.errors.empty())
    summary.notes.emplace_back("too few networks to cross-validate");
  else
    summary.cv_mape = held_out.mean();
  return deviation;
}

}  // namespace hwprof::model

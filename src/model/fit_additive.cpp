// SPDX-License-Identifier: Apache-2.0
#include "model/fit_additive.hpp"

#include <map>
#include <string>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/class_scales.hpp"
#include "model/fit_steps.hpp"
#include "model/least_squares.hpp"

namespace hwprof::model {
namespace {

struct Regression {
  LeastSquares solution;
  Line line;
};

Regression regress(const FitData& data, const std::vector<Measured>& costs, const NetList& nets,
                   const FitOptions& options) {
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
  out.solution = solve_relative(x, y, weights, {options.ridge, options.huber, options.nonnegative});
  const auto& c = out.solution.coefficients;
  out.line.scale = c[0];
  out.line.with_blocks = options.num_blocks;
  if (options.num_blocks) out.line.per_block = c[1];
  out.line.bias = c[columns - 1];
  return out;
}

NetPredictor predictor(std::vector<Measured> costs, const Line& line) {
  return [costs = std::move(costs), line](const FitNet& net) { return line.at(sum_of(net, costs), net.prims.size()); };
}

/// Where asked for, scales data and costs by primitive type; the scales by type.
std::map<std::string, double> scale_classes(FitData& data, std::vector<Measured>& costs, const NetList& nets,
                                            const FitOptions& options) {
  if (!options.per_class) return {};
  auto scales = fit_class_scales(data, costs, nets);
  apply_class_scales(data, scales);
  costs = build_table(data);
  return scales;
}

}  // namespace

std::shared_ptr<const Model::Impl> fit_table(FitData data, const FitOptions& options) {
  refuse_linear_options(options);
  const auto costs = make_table(data);
  const NetList nets = comparable(data, costs);
  data.info.summary.nets_used = data.nets.size();
  Line line;
  const NetFitter refit = [](const FitData& part, const NetList&) { return predictor(build_table(part), Line()); };
  line.residual = assess(data, nets, 0, options.seed, predictor(costs, line), refit);
  PrimTable table = known_costs(data, costs);
  return std::make_shared<Additive>(std::move(data.info), std::move(table), line);
}

std::shared_ptr<const Model::Impl> fit_linear(FitData data, const FitOptions& options) {
  auto costs = make_table(data);
  NetList nets = comparable(data, costs);
  if (!options.huber) drop_outliers(data, costs, nets, options.num_blocks);
  const auto class_scales = scale_classes(data, costs, nets, options);
  const std::size_t coefficients = options.num_blocks ? 3 : 2;
  if (nets.size() <= coefficients)
    throw Error(Fault::missing, "kind 'linear' needs at least " + std::to_string(coefficients + 1) +
                                    " networks with an overall " + to_string(data.info.metric) +
                                    " and known primitives, found " + std::to_string(nets.size()) +
                                    "; kind 'table' needs none");
  const Regression found = regress(data, costs, nets, options);
  if (!found.solution.determined)
    throw Error(Fault::missing, "the " + std::to_string(nets.size()) + " networks are too much alike to tell " +
                                    (options.num_blocks ? "scale, per_block" : "scale") +
                                    " and bias apart; measure others, or use kind 'table' or ridge");
  Line line = found.line;
  auto& summary = data.info.summary;
  summary.nets_used = nets.size();
  summary.coefficients = {{"scale", line.scale}, {"bias", line.bias}};
  if (line.with_blocks) summary.coefficients["per_block"] = line.per_block;
  for (const auto& [type, scale] : class_scales) summary.coefficients["scale." + type] = scale;
  const NetFitter refit = [&options, coefficients](const FitData& part,
                                                   const NetList& train) -> std::optional<NetPredictor> {
    if (train.size() < coefficients) return {};
    FitData copy = part;
    auto table = build_table(copy);
    try {
      (void)scale_classes(copy, table, train, options);
    } catch (const Error&) {
      return {};  // too little is left to tell the types apart
    }
    const Regression again = regress(copy, table, train, options);
    if (!again.solution.determined) return {};
    return predictor(std::move(table), again.line);
  };
  line.residual = assess(data, nets, coefficients, options.seed, predictor(costs, line), refit);
  PrimTable table = known_costs(data, costs);
  return std::make_shared<Additive>(std::move(data.info), std::move(table), line);
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/fit_steps.hpp"
#include "model/neural.hpp"
#include "model/trainer.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t least_nets = 10;
constexpr std::size_t folds = 5;  ///< each is a training of its own
/// aw_nas has three layers of 100; its LSTM has 100 units, which some dozens of networks do not support.
constexpr std::size_t mlp_width = 100;
constexpr std::size_t lstm_width = 32;
constexpr double deviation_of_mape = 1.2533141373155001;  ///< sqrt(pi / 2), for normal errors

Trainer& registered() {
  static Trainer trainer;
  return trainer;
}

/// Mean and deviation of the columns; columns that do not vary keep the deviation 1.
Scaling standardize(const std::vector<std::vector<double>>& rows, std::size_t columns) {
  Scaling out{std::vector<double>(columns, 0.0), std::vector<double>(columns, 0.0)};
  double count = 0;
  for (const auto& row : rows) count += static_cast<double>(row.size() / columns);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) out.mean[i % columns] += row[i] / count;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      out.deviation[i % columns] += std::pow(row[i] - out.mean[i % columns], 2) / count;
  for (std::size_t i = 0; i < columns; ++i) {
    out.deviation[i] = std::sqrt(out.deviation[i]);
    if (!(out.deviation[i] > 1e-9 * std::abs(out.mean[i]) && out.deviation[i] >= 1e-18)) out.deviation[i] = 1;
  }
  return out;
}

/// Everything but the network of a setup, and what the network is to be trained on.
struct Prepared {
  NeuralSetup setup;
  TrainingSet set;
};

std::vector<double> row_of(const FitData& data, const FitNet& net, const std::vector<Measured>& costs,
                           Features features) {
  std::vector<double> row;
  if (features == Features::sum) return {sum_of(net, costs)};
  for (const std::uint32_t prim : net.prims) {
    if (features == Features::padding) {
      row.push_back(costs[prim].value);
      continue;
    }
    const auto block = features_of(data.index.prims()[prim], costs[prim].value);
    row.insert(row.end(), block.begin(), block.end());
  }
  return row;
}

Prepared prepare(const FitData& data, const std::vector<Measured>& costs, const NetList& nets, Features features,
                 bool recurrent, std::uint64_t seed) {
  Prepared out;
  out.setup.features = features;
  auto& set = out.set;
  set.recurrent = recurrent;
  set.seed = seed;
  set.hidden = recurrent ? std::vector<std::size_t>{lstm_width} : std::vector<std::size_t>(3, mlp_width);
  set.networks = network_of(data, nets);
  std::vector<std::vector<double>> targets;
  for (const std::size_t i : nets) {
    const FitNet& net = data.nets[i];
    set.rows.push_back(row_of(data, net, costs, features));
    targets.push_back({net.measured / sum_of(net, costs)});
    set.weights.push_back(net.weight);
  }
  if (!recurrent && features == Features::padding) {
    // Of all networks, so that those that were held out fit in.
    std::size_t longest = 0;
    for (const auto& net : data.nets) longest = std::max(longest, net.prims.size());
    if (longest > NeuralNet::most_inputs)
      throw Error(Fault::unsupported, "a network of " + std::to_string(longest) + " primitives; at most " +
                                          std::to_string(NeuralNet::most_inputs) + " are possible");
    for (auto& row : set.rows) row.resize(longest, 0.0);
    set.inputs = longest;
  } else {
    set.inputs = features == Features::blocks ? block_features : 1;
  }
  out.setup.inputs = standardize(set.rows, set.inputs);
  const auto& scaling = out.setup.inputs;
  for (auto& row : set.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = (row[i] - scaling.mean[i % set.inputs]) / scaling.deviation[i % set.inputs];
  const Scaling target = standardize(targets, 1);
  out.setup.target_mean = target.mean[0];
  out.setup.target_deviation = target.deviation[0];
  for (const auto& ratio : targets) set.targets.push_back((ratio[0] - target.mean[0]) / target.deviation[0]);
  return out;
}

/// Trains on the networks; the model also says what it makes of others.
std::shared_ptr<const Neural> train(const FitData& data, const std::vector<Measured>& costs, const NetList& nets,
                                    const FitOptions& options, Features features, Trained* report) {
  Prepared prepared = prepare(data, costs, nets, features, options.kind == "lstm", options.seed);
  Trained trained = trainer_for(options.kind)(prepared.set);
  prepared.setup.net = std::move(trained.net);
  if (report != nullptr) *report = trained;
  return std::make_shared<Neural>(data.info, known_costs(data, costs), std::move(prepared.setup), 0);
}

NetPredictor predictor(std::shared_ptr<const Neural> model, const std::vector<Prim>& prims) {
  return [model = std::move(model), &prims](const FitNet& net) {
    std::vector<Prim> made_of;
    for (const std::uint32_t prim : net.prims) made_of.push_back(prims[prim]);
    return model->predict(made_of);
  };
}

}  // namespace

void register_trainer(Trainer trainer) {
  registered() = std::move(trainer);
}

const Trainer& trainer_for(const std::string& kind) {
  if (!registered())
    throw Error(Fault::unsupported,
                "kind " + base::in_quotes(kind) +
                    " is trained with libtorch, which this program is without: link hwprof::torch and call "
                    "register_torch_models() (hwprof-cli: configure with -DHWPROF_TORCH=ON); models that were fitted "
                    "elsewhere load and predict");
  return registered();
}

std::shared_ptr<const Model::Impl> fit_neural(FitData data, const FitOptions& options) {
  refuse_linear_options(options);
  (void)trainer_for(options.kind);
  const Features features = make_pipeline(options.preprocessors, options.kind).features;
  const auto costs = make_table(data);
  NetList nets = comparable(data, costs);
  nets.erase(
      std::remove_if(nets.begin(), nets.end(), [&](std::size_t i) { return !(sum_of(data.nets[i], costs) > 0); }),
      nets.end());
  drop_outliers(data, costs, nets, false);
  const std::size_t found = count_networks(data, nets);
  if (found < least_nets)
    throw Error(Fault::missing, "kind " + base::in_quotes(options.kind) + " needs at least " +
                                    std::to_string(least_nets) + " networks with an overall " +
                                    to_string(data.info.metric) + " and known primitives, found " +
                                    std::to_string(found) + "; kinds 'table' and 'calibrated' need fewer");
  Trained report;
  const auto model = train(data, costs, nets, options, features, &report);
  auto& summary = data.info.summary;
  summary.nets_used = nets.size();
  summary.notes.push_back("trained for " + std::to_string(report.epochs) + " epochs" +
                          (report.held_out > 0 ? ", stopped by " + std::to_string(report.held_out) +
                                                     " networks that were held out of the training"
                                               : ""));
  const NetFitter refit = [&](const FitData& part, const NetList& chosen) -> std::optional<NetPredictor> {
    if (count_networks(part, chosen) + 2 < least_nets) return {};
    return predictor(train(part, build_table(part), chosen, options, features, nullptr), data.index.prims());
  };
  const double in_sample = assess(data, nets, 0, options.seed, predictor(model, data.index.prims()), refit, folds);
  const double residual = std::max(in_sample, deviation_of_mape * data.info.summary.cv_mape);
  PrimTable table = known_costs(data, costs);
  NeuralSetup setup = model->setup();
  return std::make_shared<Neural>(std::move(data.info), std::move(table), std::move(setup), residual);
}

}  // namespace hwprof::model

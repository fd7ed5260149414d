// SPDX-License-Identifier: Apache-2.0
#include "model/neural.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/jsonl.hpp"

namespace hwprof::model {
namespace {

constexpr double largest = 1e18;
constexpr double least_deviation = 1e-18;

double number_or(const Prim& prim, const std::string& name, double fallback) {
  const auto found = prim.attrs.find(name);
  if (found == prim.attrs.end()) return fallback;
  if (const auto* integer = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&found->second)) return *real;
  return fallback;
}

/// Inputs of one step of an LSTM, standardised.
void step_inputs(const Prim& prim, double cost, const NeuralSetup& setup, double* out) {
  const auto blocks = features_of(prim, cost);
  const std::size_t inputs = setup.net.inputs();
  const double* const raw = setup.features == Features::blocks ? blocks.data() : &cost;
  for (std::size_t i = 0; i < inputs; ++i) out[i] = (raw[i] - setup.inputs.mean[i]) / setup.inputs.deviation[i];
}

double bounded(const base::JsonReader& json) {
  const double value = json.number();
  if (!(std::abs(value) <= largest)) json.fail("a number from -1e18 to 1e18 is expected");
  return value;
}

double positive(const base::JsonReader& json) {
  const double value = bounded(json);
  if (!(value >= least_deviation)) json.fail("a number from 1e-18 to 1e18 is expected");
  return value;
}

}  // namespace

std::array<double, block_features> features_of(const Prim& prim, double cost) {
  return {static_cast<double>(prim.C),
          static_cast<double>(prim.C_out),
          number_or(prim, "expansion", 1),
          number_or(prim, "kernel_size", 3),
          cost,
          static_cast<double>(prim.spatial_size),
          static_cast<double>(prim.stride)};
}

Neural::Neural(Info info, PrimTable table, NeuralSetup setup, double residual)
    : Impl(std::move(info)),
      table_(std::move(table)),
      setup_(std::move(setup)),
      residual_(residual),
      stride_(1 + (setup_.net.lstm ? setup_.net.inputs() : 0)) {
  rows_.resize(stride_ * table_.costs.size());
  for (std::size_t i = 0; i < table_.costs.size(); ++i) {
    rows_[i * stride_] = table_.costs[i].value;
    if (setup_.net.lstm) step_inputs(table_.index.prims()[i], table_.costs[i].value, setup_, &rows_[i * stride_ + 1]);
  }
}

double Neural::corrected(double sum, double output) const noexcept {
  return sum * std::max(0.0, setup_.target_mean + setup_.target_deviation * output);
}

bool Neural::too_long(std::size_t blocks) const noexcept {
  return !setup_.net.lstm && setup_.features == Features::padding && blocks > setup_.net.inputs();
}

/// row(i): numbers of the i-th primitive, asked for once each.
template <typename RowOf>
double Neural::run(const RowOf& row, std::size_t blocks) const noexcept {
  double sum = 0;
  if (setup_.net.lstm) {
    LstmPass pass(setup_.net);
    for (std::size_t i = 0; i < blocks; ++i) {
      const double* const numbers = row(i);
      sum += numbers[0];
      pass.step(numbers + 1);
    }
    return corrected(sum, pass.finish());
  }
  const Scaling& scaling = setup_.inputs;
  DensePass pass(setup_.net);
  if (setup_.features == Features::sum) {
    for (std::size_t i = 0; i < blocks; ++i) sum += *row(i);
    pass.add(0, (sum - scaling.mean[0]) / scaling.deviation[0]);
    return corrected(sum, pass.finish());
  }
  for (std::size_t i = 0; i < setup_.net.inputs(); ++i) {
    const double cost = i < blocks ? *row(i) : 0;
    sum += cost;
    pass.add(i, (cost - scaling.mean[i]) / scaling.deviation[i]);
  }
  return corrected(sum, pass.finish());
}

double Neural::predict(const std::vector<Prim>& prims) const {
  for (const auto& prim : prims)
    if (table_.index.find(prim) == PrimIndex::none) refuse_missing(info(), missing(prims));
  if (too_long(prims.size()))
    throw Error(Fault::unsupported, "a network of " + std::to_string(prims.size()) +
                                        " primitives; the model was fitted " + "on networks of at most " +
                                        std::to_string(setup_.net.inputs()) + ", which its inputs are padded to");
  return run([&](std::size_t i) { return &rows_[table_.index.find(prims[i]) * stride_]; }, prims.size());
}

Prediction Neural::predict_with_error(const std::vector<Prim>& prims) const {
  Prediction out;
  out.value = predict(prims);
  out.standard_error = residual_ * out.value;
  return out;
}

std::vector<Prim> Neural::missing(const std::vector<Prim>& prims) const {
  return table_.missing(prims);
}

std::optional<Measured> Neural::entry(const Prim& prim) const {
  const Measured* cost = table_.find(prim);
  if (cost == nullptr) return {};
  return *cost;
}

std::vector<Prim> Neural::known() const {
  auto prims = table_.index.prims();
  std::sort(prims.begin(), prims.end());
  return prims;
}

Form Neural::form() const noexcept {
  return !setup_.net.lstm && setup_.features == Features::sum ? Form::pooled : Form::ordered;
}

bool Neural::features(const Prim& prim, double* out) const {
  const std::uint32_t number = table_.index.find(prim);
  if (number == PrimIndex::none) return false;
  std::copy_n(&rows_[number * stride_], stride_, out);
  return true;
}

void Neural::predict_pooled(const double* sums, std::size_t n, double* out) const noexcept {
  for (std::size_t i = 0; i < n; ++i) out[i] = run([&](std::size_t) { return sums + i; }, 1);
}

void Neural::predict_ordered(const double* const* rows, const std::size_t* blocks, std::size_t n,
                             double* out) const noexcept {
  for (std::size_t i = 0; i < n; rows += blocks[i], ++i)
    out[i] = too_long(blocks[i]) ? std::nan("") : run([rows](std::size_t block) { return rows[block]; }, blocks[i]);
}

void Neural::write(base::Json& json) const {
  json["features"] = to_string(setup_.features);
  json["inputs"] = {{"mean", setup_.inputs.mean}, {"deviation", setup_.inputs.deviation}};
  json["target"] = {{"mean", setup_.target_mean}, {"deviation", setup_.target_deviation}};
  json["residual"] = residual_;
  json["network"] = to_json(setup_.net);
  auto& rows = json["table"] = base::Json::array();
  for (const auto& prim : known()) rows.push_back(Additive::row_to_json(prim, *table_.find(prim)));
}

std::shared_ptr<const Model::Impl> Neural::read(Info info, const base::JsonReader& json) {
  NeuralSetup setup;
  const bool recurrent = info.summary.kind == "lstm";
  const auto features = json["features"];
  for (const Features one : {Features::sum, Features::padding, Features::blocks})
    if (features.text() == to_string(one)) setup.features = one;
  if (features.text() != to_string(setup.features) || setup.features == (recurrent ? Features::sum : Features::blocks))
    features.fail(std::string(recurrent ? "extract_lstm_features" : "extract_sum_features") +
                  " or padding is expected, found " + base::in_quotes(features.text()));
  setup.net = neural_net_from_json(json["network"]);
  if (setup.net.lstm.has_value() != recurrent)
    json["network"].fail(recurrent ? "an lstm is expected" : "dense layers alone are expected");
  const std::size_t inputs = setup.net.inputs();
  const bool padded = !recurrent && setup.features == Features::padding;
  const std::size_t expected = setup.features == Features::blocks ? block_features : padded ? inputs : 1;
  if (inputs != expected)
    json["network"].fail(std::to_string(expected) + " inputs are expected for these features, found " +
                         std::to_string(inputs));
  const auto scaling = json["inputs"];
  scaling.only({"mean", "deviation"});
  for (const auto& number : scaling["mean"].list()) setup.inputs.mean.push_back(bounded(number));
  for (const auto& number : scaling["deviation"].list()) setup.inputs.deviation.push_back(positive(number));
  for (const auto* list : {&setup.inputs.mean, &setup.inputs.deviation})
    if (list->size() != inputs)
      scaling.fail(std::to_string(inputs) + " numbers are expected, found " + std::to_string(list->size()));
  const auto target = json["target"];
  target.only({"mean", "deviation"});
  setup.target_mean = bounded(target["mean"]);
  setup.target_deviation = positive(target["deviation"]);
  const double residual = record::cost_from_json(json["residual"]);
  PrimTable table;
  for (const auto& row : json["table"].list()) {
    row.only({"prim", "value", "spread", "samples", "dropped"});
    Additive::add_row(table, row);
  }
  return std::make_shared<Neural>(std::move(info), std::move(table), std::move(setup), residual);
}

}  // namespace hwprof::model

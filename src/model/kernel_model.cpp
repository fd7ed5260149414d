// SPDX-License-Identifier: Apache-2.0
#include "model/kernel_model.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "hwprof/error.hpp"
#include "record/jsonl.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t most_met = 65536;

}  // namespace

KernelModel::KernelModel(Info info, PrimTable table, Line line, KernelEstimator estimator)
    : Impl(std::move(info)), table_(std::move(table)), line_(line), estimator_(std::move(estimator)) {}

Estimate KernelModel::estimate(const Prim& prim) const {
  {
    const std::shared_lock lock(mutex_);
    const std::uint32_t number = met_.find(prim);
    if (number != PrimIndex::none) return estimates_[number];
  }
  const Prim full = normalized(prim);
  const Estimate out = estimator_.graph(lower(full), {info().batch, full.C, full.spatial_size, full.spatial_size});
  const std::unique_lock lock(mutex_);
  if (met_.size() < most_met && met_.insert(prim) == estimates_.size()) estimates_.push_back(out);
  return out;
}

double KernelModel::cost(const Prim& prim) const {
  const Measured* measured = table_.find(prim);
  return measured != nullptr ? measured->value : estimate(prim).value;
}

double KernelModel::predict(const std::vector<Prim>& prims) const {
  double sum = 0;
  for (const auto& prim : prims) sum += cost(prim);
  return line_.at(sum, prims.size());
}

Prediction KernelModel::predict_with_error(const std::vector<Prim>& prims) const {
  Prediction out;
  double sum = 0;
  PrimTable used;  // how often in value, standard error in spread
  for (const auto& prim : prims) {
    double error = 0;
    if (const Measured* measured = table_.find(prim); measured != nullptr) {
      sum += measured->value;
      error = measured->spread / interval_factor;
    } else {
      const Estimate one = estimate(prim);
      sum += one.value;
      error = one.standard_error;
      ++out.estimated;
      out.extrapolated += one.extrapolated > 0 ? 1 : 0;
      out.unseen += one.unseen > 0 ? 1 : 0;
    }
    const std::uint32_t number = used.index.insert(prim);
    if (number == used.costs.size()) used.costs.push_back({0, error, 0, 0});
    used.costs[number].value += 1;
  }
  // The errors of two primitives are independent; that of one counts once for each use of it.
  double variance = 0;
  for (const Measured& one : used.costs) variance += std::pow(one.value * one.spread, 2);
  out.value = line_.at(sum, prims.size());
  out.standard_error = std::sqrt(line_.scale * line_.scale * variance + std::pow(line_.residual * out.value, 2));
  return out;
}

std::optional<Prediction> KernelModel::predict_graph(const Graph& graph, const Shape& input) const {
  const Estimate sum = estimator_.graph(graph, input);
  Prediction out;
  out.value = line_.at(sum.value, 0);
  out.standard_error =
      std::sqrt(std::pow(line_.scale * sum.standard_error, 2) + std::pow(line_.residual * out.value, 2));
  out.estimated = sum.kernels;
  out.extrapolated = sum.extrapolated;
  out.unseen = sum.unseen;
  return out;
}

std::vector<Prim> KernelModel::missing(const std::vector<Prim>& prims) const {
  std::vector<Prim> out;
  for (const auto& prim : prims) {
    try {
      (void)cost(prim);
    } catch (const Error&) {
      out.push_back(prim);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::optional<Measured> KernelModel::entry(const Prim& prim) const {
  if (const Measured* measured = table_.find(prim); measured != nullptr) return *measured;
  try {
    const Estimate one = estimate(prim);
    return Measured{one.value, interval_factor * one.standard_error, 0, 0};
  } catch (const Error&) {
    return {};
  }
}

std::vector<Prim> KernelModel::known() const {
  auto prims = table_.index.prims();
  std::sort(prims.begin(), prims.end());
  return prims;
}

bool KernelModel::features(const Prim& prim, double* out) const {
  *out = line_.scale * cost(prim);
  return true;
}

void KernelModel::write(base::Json& json) const {
  json["coefficients"] = {{"scale", line_.scale}, {"bias", line_.bias}};
  json["residual"] = line_.residual;
  auto& rows = json["table"] = base::Json::array();
  for (const auto& prim : known()) rows.push_back(Additive::row_to_json(prim, *table_.find(prim)));
  json["kernels"] = estimator_.to_json();
}

std::shared_ptr<const Model::Impl> KernelModel::read(Info info, const base::JsonReader& json) {
  const auto coefficients = json["coefficients"];
  coefficients.only({"scale", "bias"});
  Line line;
  line.scale = record::cost_from_json(coefficients["scale"]);
  line.bias = record::cost_from_json(coefficients["bias"]);
  line.residual = record::cost_from_json(json["residual"]);
  PrimTable table;
  for (const auto& row : json["table"].list()) {
    row.only({"prim", "value", "spread", "samples", "dropped"});
    Additive::add_row(table, row);
  }
  return std::make_shared<KernelModel>(std::move(info), std::move(table), line, KernelEstimator::read(json["kernels"]));
}

}  // namespace hwprof::model

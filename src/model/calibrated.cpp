// SPDX-License-Identifier: Apache-2.0
#include "model/calibrated.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/jsonl.hpp"

namespace hwprof {
namespace model {

Calibrated::Calibrated(Info info, PrimTable table, Line line, std::vector<Evidence> evidence, ErrorFactor errors)
    : Additive(std::move(info), std::move(table), line), evidence_(std::move(evidence)), errors_(std::move(errors)) {}

Prediction Calibrated::predict_with_error(const std::vector<Prim>& prims) const {
  Prediction out;
  out.value = predict(prims);
  std::vector<double> counts(errors_.size(), 0.0);
  for (const auto& prim : prims) counts[table().index.find(prim)] += 1;
  counts.back() = 1;
  // Variance of counts · costs = |Fᵀ counts|².
  std::vector<double> projected(errors_.size(), 0.0);
  for (std::size_t row = 0; row < errors_.size(); ++row) {
    if (counts[row] == 0) continue;
    for (std::size_t k = 0; k < errors_[row].size(); ++k) projected[row + k] += counts[row] * errors_[row][k];
  }
  double variance = std::pow(line().residual * out.value, 2);
  for (const double part : projected) variance += part * part;
  out.standard_error = std::sqrt(variance);
  return out;
}

void Calibrated::write(base::Json& json) const {
  json["coefficients"]["bias"] = line().bias;
  json["residual"] = line().residual;
  auto& rows = json["table"] = base::Json::array();
  const auto& prims = table().index.prims();
  for (std::size_t i = 0; i < prims.size(); ++i) {
    base::Json row = row_to_json(prims[i], table().costs[i]);
    row["isolated"] = evidence_[i].isolated;
    row["information"] = evidence_[i].information;
    row["separate"] = evidence_[i].separate;
    rows.push_back(std::move(row));
  }
  json["errors"] = errors_;
}

std::shared_ptr<const Model::Impl> Calibrated::read(Info info, const base::JsonReader& json) {
  Line line;
  const auto coefficients = json["coefficients"];
  coefficients.only({"bias"});
  line.bias = coefficients["bias"].number();
  line.residual = record::cost_from_json(json["residual"]);
  PrimTable table;
  std::vector<Evidence> evidence;
  for (const auto& row : json["table"].list()) {
    row.only({"prim", "value", "spread", "samples", "dropped", "isolated", "information", "separate"});
    add_row(table, row);
    Evidence one;
    one.isolated = record::cost_from_json(row["isolated"]);
    one.information = row["information"].number();
    if (!(one.information >= 0 && one.information <= 1)) row["information"].fail("a share from 0 to 1 is expected");
    one.separate = row["separate"].boolean();
    evidence.push_back(one);
  }
  ErrorFactor errors;
  const auto rows = json["errors"].list();
  const std::size_t size = evidence.size() + 1;
  if (rows.size() != size)
    json["errors"].fail(std::to_string(size) + " rows are expected, one for each primitive and the bias; found " +
                        std::to_string(rows.size()));
  for (const auto& row : rows) {
    auto numbers = row.numbers();
    const std::size_t left = size - errors.size();
    if (numbers.size() != left && numbers.size() != 1)
      row.fail(std::to_string(left) + " numbers are expected, or one; found " + std::to_string(numbers.size()));
    for (const double number : numbers)
      if (std::abs(number) > 1e18) row.fail("a number from -1e18 to 1e18 is expected");
    errors.push_back(std::move(numbers));
  }
  return std::make_shared<Calibrated>(std::move(info), std::move(table), line, std::move(evidence), std::move(errors));
}

}  // namespace model

std::vector<Identified> identified(const Model& model) {
  const auto* const calibrated = dynamic_cast<const model::Calibrated*>(&model.impl());
  if (calibrated == nullptr)
    throw Error(Fault::usage, "a model of kind 'calibrated' is expected, not of " + base::in_quotes(model.kind()));
  std::vector<Identified> out;
  const auto& prims = calibrated->table().index.prims();
  for (std::size_t i = 0; i < prims.size(); ++i) {
    const auto& evidence = calibrated->evidence()[i];
    out.push_back({prims[i], evidence.isolated, evidence.information, evidence.separate});
  }
  std::sort(out.begin(), out.end(), [](const Identified& a, const Identified& b) {
    return a.information != b.information ? a.information < b.information : a.prim < b.prim;
  });
  return out;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "model/additive.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/jsonl.hpp"

namespace hwprof::model {
namespace {

constexpr const char* linear_kind = "linear";

}  // namespace

Additive::Additive(Info info, PrimTable table, Line line)
    : Impl(std::move(info)), table_(std::move(table)), line_(line) {}

double Additive::predict(const std::vector<Prim>& prims) const {
  constexpr std::size_t block = 32;
  std::array<std::uint32_t, block> numbers{};
  double sum = 0;
  for (std::size_t begin = 0; begin < prims.size(); begin += block) {
    const std::size_t count = std::min(block, prims.size() - begin);
    table_.index.find(prims.data() + begin, count, numbers.data());
    for (std::size_t i = 0; i < count; ++i) {
      if (numbers[i] == PrimIndex::none) refuse_missing(info(), missing(prims));
      sum += table_.costs[numbers[i]].value;
    }
  }
  return line_.at(sum, prims.size());
}

Prediction Additive::predict_with_error(const std::vector<Prim>& prims) const {
  Prediction out;
  out.value = predict(prims);
  std::vector<const Measured*> costs;
  costs.reserve(prims.size());
  for (const auto& prim : prims) costs.push_back(table_.find(prim));
  // The errors of two entries are independent; that of one entry counts once for each use of it.
  std::sort(costs.begin(), costs.end());
  double variance = 0;
  for (auto first = costs.begin(); first != costs.end();) {
    const auto last = std::upper_bound(first, costs.end(), *first);
    variance += std::pow(static_cast<double>(last - first) * (*first)->spread / interval_factor, 2);
    first = last;
  }
  out.standard_error = std::sqrt(line_.scale * line_.scale * variance + std::pow(line_.residual * out.value, 2));
  return out;
}

std::vector<Prim> Additive::missing(const std::vector<Prim>& prims) const {
  return table_.missing(prims);
}

void refuse_missing(const Info& info, const std::vector<Prim>& missing) {
  std::vector<std::string> names;
  for (const auto& prim : missing) names.push_back(to_string(prim));
  throw Error(Fault::missing, "the model holds no " + std::string(to_string(info.metric)) + " of " +
                                  std::to_string(names.size()) + " primitive" + (names.size() > 1 ? "s" : "") + ": " +
                                  base::join(names, ", "));
}

std::optional<Measured> Additive::entry(const Prim& prim) const {
  const Measured* cost = table_.find(prim);
  if (cost == nullptr) return {};
  return *cost;
}

std::vector<Prim> Additive::known() const {
  auto prims = table_.index.prims();
  std::sort(prims.begin(), prims.end());
  return prims;
}

bool Additive::features(const Prim& prim, double* out) const {
  const Measured* cost = table_.find(prim);
  if (cost == nullptr) return false;
  *out = line_.scale * cost->value + line_.per_block;
  return true;
}

void Additive::write(base::Json& json) const {
  if (info().summary.kind == linear_kind) {
    auto& coefficients = json["coefficients"] = base::Json::object();
    coefficients["scale"] = line_.scale;
    coefficients["bias"] = line_.bias;
    if (line_.with_blocks) coefficients["per_block"] = line_.per_block;
  }
  json["residual"] = line_.residual;
  auto& rows = json["table"] = base::Json::array();
  for (const auto& prim : known()) rows.push_back(row_to_json(prim, *table_.find(prim)));
}

base::Json Additive::row_to_json(const Prim& prim, const Measured& cost) {
  base::Json row = base::Json::object();
  row["prim"] = to_string(prim);
  row["value"] = cost.value;
  row["spread"] = cost.spread;
  row["samples"] = cost.samples;
  row["dropped"] = cost.dropped;
  return row;
}

void Additive::add_row(PrimTable& table, const base::JsonReader& row) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max() / 4;
  Measured cost;
  cost.value = record::cost_from_json(row["value"]);
  cost.spread = record::cost_from_json(row["spread"]);
  cost.samples = row["samples"].integer(0, most);
  cost.dropped = row["dropped"].integer(0, most);
  const std::size_t before = table.index.size();
  table.add(record::prim_from_json(row["prim"]), cost);
  if (table.index.size() == before) row.fail("this primitive stands twice");
}

std::shared_ptr<const Model::Impl> Additive::read(Info info, const base::JsonReader& json) {
  Line line;
  if (info.summary.kind == linear_kind) {
    const auto coefficients = json["coefficients"];
    coefficients.only({"scale", "bias", "per_block"});
    line.scale = coefficients["scale"].number();
    line.bias = coefficients["bias"].number();
    line.with_blocks = coefficients.has("per_block");
    if (line.with_blocks) line.per_block = coefficients["per_block"].number();
  }
  line.residual = record::cost_from_json(json["residual"]);
  PrimTable table;
  for (const auto& row : json["table"].list()) {
    row.only({"prim", "value", "spread", "samples", "dropped"});
    add_row(table, row);
  }
  return std::make_shared<Additive>(std::move(info), std::move(table), line);
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "model/kernel_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "record/jsonl.hpp"

namespace hwprof::model {
namespace {

constexpr double most_log_ratio = 20;  // forests of damaged files may say anything
constexpr double largest = 1e18;
constexpr double extrapolated_error = 2;  // times the error that was seen inside the range
constexpr double largest_error = 1e3;

bool outside(const KernelRow& row, const KernelClass& known) {
  for (std::size_t i = 0; i < row.size(); ++i)
    if (row[i] < known.least[i] - KernelEstimator::slack || row[i] > known.most[i] + KernelEstimator::slack)
      return true;
  return false;
}

base::Json to_json(const Roofline& roofline) {
  base::Json json = base::Json::object();
  json["overhead"] = roofline.overhead;
  json["per_mac"] = roofline.per_mac;
  json["per_byte"] = roofline.per_byte;
  return json;
}

Roofline roofline_from(const base::JsonReader& json) {
  json.only({"overhead", "per_mac", "per_byte"});
  return {record::cost_from_json(json["overhead"]), record::cost_from_json(json["per_mac"]),
          record::cost_from_json(json["per_byte"])};
}

double share_from(const base::JsonReader& json) {
  const double value = json.number();
  if (!(value >= 0 && value <= largest_error))
    json.fail("a number from 0 to " + base::format_number(largest_error) + " is expected, found " +
              base::format_number(value));
  return value;
}

KernelRow row_from(const base::JsonReader& json) {
  const auto values = json.numbers();
  if (values.size() != kernel_features)
    json.fail(std::to_string(kernel_features) + " numbers are expected, found " + std::to_string(values.size()));
  KernelRow row{};
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!(std::abs(values[i]) <= 1e6)) json.fail("a number within -1e6 to 1e6 is expected");
    row[i] = static_cast<float>(values[i]);
  }
  return row;
}

base::Json to_json(const KernelRow& row) {
  base::Json json = base::Json::array();
  for (const float value : row) json.push_back(value);
  return json;
}

}  // namespace

std::vector<Estimate> KernelEstimator::each(const std::vector<Kernel>& kernels) const {
  std::vector<Estimate> out(kernels.size());
  std::map<const KernelClass*, std::vector<std::size_t>> by_class;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const auto found = classes.find(kernels[i].kind);
    out[i].kernels = 1;
    if (found != classes.end()) {
      by_class[&found->second].push_back(i);
      continue;
    }
    out[i].unseen = out[i].extrapolated = 1;
    out[i].value = std::min(general.at(kernels[i].work), largest);
    out[i].standard_error = extrapolated_error * general_error * calibration * out[i].value;
  }
  std::vector<float> rows;
  std::vector<double> ratios;
  for (const auto& [known, members] : by_class) {
    rows.clear();
    for (const std::size_t i : members) {
      const KernelRow row = features_of(kernels[i]);
      rows.insert(rows.end(), row.begin(), row.end());
      out[i].extrapolated = known->prims < few_prims || outside(row, *known) ? 1 : 0;
    }
    ratios.resize(members.size());
    known->forest.predict(rows.data(), members.size(), ratios.data());
    for (std::size_t m = 0; m < members.size(); ++m) {
      Estimate& one = out[members[m]];
      const double ratio = std::exp(std::clamp(ratios[m], -most_log_ratio, most_log_ratio));
      one.value = std::min(known->roofline.at(kernels[members[m]].work) * ratio, largest);
      one.standard_error = (one.extrapolated != 0 ? extrapolated_error : 1) * known->error * calibration * one.value;
    }
  }
  return out;
}

Estimate KernelEstimator::sum(const std::vector<Kernel>& kernels) const {
  Estimate out;
  double variance = 0;
  for (const Estimate& one : each(kernels)) {
    out.value += one.value;
    variance += one.standard_error * one.standard_error;
    out.kernels += one.kernels;
    out.extrapolated += one.extrapolated;
    out.unseen += one.unseen;
  }
  out.value = std::min(out.value, largest);
  out.standard_error = std::sqrt(variance);
  return out;
}

Estimate KernelEstimator::graph(const Graph& graph, const Shape& input) const {
  return sum(group_kernels(graph, input, rules));
}

base::Json KernelEstimator::to_json() const {
  base::Json json = base::Json::object();
  auto& fuse = json["fusion"] = base::Json::array();
  for (const auto& [first, second] : rules.pairs) fuse.push_back({first, second});
  json["features"] = kernel_feature_names;
  json["roofline"] = model::to_json(general);
  json["roofline_error"] = general_error;
  json["calibration"] = calibration;
  auto& list = json["classes"] = base::Json::array();
  for (const auto& [kind, known] : classes) {
    base::Json one = base::Json::object();
    one["kind"] = kind;
    one["kernels"] = known.kernels;
    one["prims"] = known.prims;
    one["error"] = known.error;
    one["roofline"] = model::to_json(known.roofline);
    one["least"] = model::to_json(known.least);
    one["most"] = model::to_json(known.most);
    one["forest"] = known.forest.to_json();
    list.push_back(std::move(one));
  }
  return json;
}

KernelEstimator KernelEstimator::read(const base::JsonReader& json) {
  json.only({"fusion", "features", "roofline", "roofline_error", "calibration", "classes"});
  const auto kinds = list_kernel_kinds();
  const auto kind_from = [&kinds](const base::JsonReader& name) {
    std::string kind = name.text();
    if (!std::binary_search(kinds.begin(), kinds.end(), kind))
      name.fail("unknown kind of kernel " + base::in_quotes(kind) + base::suggest(kind, kinds));
    return kind;
  };
  KernelEstimator out;
  for (const auto& row : json["fusion"].list()) {
    const auto pair = row.list();
    if (pair.size() != 2) row.fail("two kinds are expected, found " + std::to_string(pair.size()));
    out.rules.pairs.insert({kind_from(pair[0]), kind_from(pair[1])});
  }
  const auto names = json["features"].list();
  for (std::size_t i = 0; i < std::max(names.size(), kernel_features); ++i)
    if (i >= names.size() || i >= kernel_features || names[i].text() != kernel_feature_names[i])
      json["features"].fail("these are not the features that this program computes; fit the model anew");
  out.general = roofline_from(json["roofline"]);
  out.general_error = share_from(json["roofline_error"]);
  out.calibration = share_from(json["calibration"]);
  constexpr auto most = std::numeric_limits<std::int64_t>::max() / 4;
  for (const auto& row : json["classes"].list()) {
    row.only({"kind", "kernels", "prims", "error", "roofline", "least", "most", "forest"});
    KernelClass known;
    known.kernels = static_cast<std::size_t>(row["kernels"].integer(1, most));
    known.prims = static_cast<std::size_t>(row["prims"].integer(1, most));
    known.error = share_from(row["error"]);
    known.roofline = roofline_from(row["roofline"]);
    known.least = row_from(row["least"]);
    known.most = row_from(row["most"]);
    known.forest = Forest::read(row["forest"]);
    if (known.forest.features() != kernel_features)
      row["forest"].fail(std::to_string(kernel_features) + " features are expected, found " +
                         std::to_string(known.forest.features()));
    if (!out.classes.emplace(kind_from(row["kind"]), std::move(known)).second) row.fail("this kind stands twice");
  }
  return out;
}

}  // namespace hwprof::model

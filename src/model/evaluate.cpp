// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "hwprof/version.hpp"
#include "model/correlation.hpp"
#include "model/impl.hpp"
#include "model/transfer.hpp"

namespace hwprof {
namespace {

/// The overall cost of a network that ran; 0 where there is none that errors can be relative to.
double measured_cost(const NetRecord& record, Metric metric) {
  if (record.state != RunState::measured && record.state != RunState::unsteady) return 0;
  const auto found = record.overall.find(metric);
  return found == record.overall.end() ? 0 : found->second.value;
}

std::string pair_key(const NetRecord& record) {
  return record.arch.empty() ? "net " + record.net_id : "arch " + record.arch;
}

std::optional<double> repeatability(const std::vector<const NetRecord*>& first, const std::vector<NetRecord>& records,
                                    Metric metric) {
  std::map<std::string, double> by_key;
  for (const auto* record : first) by_key.emplace(pair_key(*record), measured_cost(*record, metric));
  double sum = 0;
  std::size_t pairs = 0;
  for (const auto& record : records) {
    if (record.purpose != "repeat") continue;
    const auto found = by_key.find(pair_key(record));
    const double again = measured_cost(record, metric);
    if (found == by_key.end() || !(found->second > 0) || !(again > 0)) continue;
    sum += std::abs(found->second - again) / found->second;
    ++pairs;
  }
  if (pairs == 0) return {};
  return sum / static_cast<double>(pairs);
}

/// Nothing where the model lacks primitives, for a network that the kind does not take, such as one that is too long
/// for it, and for a record that names no architecture of the model's space.
std::optional<double> predict(const Model& model, const std::vector<std::size_t>& options, const NetRecord& record) {
  if (!options.empty()) {
    const auto arch = model::arch_of(record.arch, options);
    if (arch.empty()) return {};
    return model.predict_arch(arch).value;
  }
  std::vector<Prim> prims;
  for (const auto& prim : record.prims) prims.push_back(prim.prim);
  if (prims.empty() || !model.missing(prims).empty()) return {};
  try {
    return model.predict(prims);
  } catch (const Error& error) {
    if (error.fault() != Fault::unsupported) throw;
    return {};
  }
}

}  // namespace

Evaluation evaluate(const std::vector<double>& predicted, const std::vector<double>& measured) {
  if (predicted.size() != measured.size() || predicted.empty())
    throw Error(Fault::usage, "as many predictions as measurements are expected, at least one; found " +
                                  std::to_string(predicted.size()) + " and " + std::to_string(measured.size()));
  Evaluation out;
  out.n = measured.size();
  const auto n = static_cast<double>(out.n);
  std::vector<double> errors;
  for (std::size_t i = 0; i < out.n; ++i) {
    if (!std::isfinite(measured[i]) || measured[i] <= 0)
      throw Error(Fault::usage, "measurement " + std::to_string(i) + " is " + base::format_number(measured[i]) +
                                    "; a relative error needs a positive one");
    if (!std::isfinite(predicted[i])) throw Error(Fault::usage, "prediction " + std::to_string(i) + " is not finite");
    const double error = std::abs(predicted[i] - measured[i]) / measured[i];
    if (!std::isfinite(error * error))
      throw Error(Fault::usage, "measurement " + std::to_string(i) + " is too small beside its prediction");
    errors.push_back(error);
    out.mape += error / n;
    out.rrmse += error * error / n;
    out.max_ape = std::max(out.max_ape, error);
    out.within_5 += error <= 0.05 ? 1 : 0;
    out.within_10 += error <= 0.10 ? 1 : 0;
  }
  out.rrmse = std::sqrt(out.rrmse);
  out.within_5 /= n;
  out.within_10 /= n;
  out.median_ape = base::median(std::move(errors));
  out.pearson = model::pearson(predicted, measured);
  out.spearman = model::spearman(predicted, measured);
  out.kendall = model::kendall(predicted, measured);
  return out;
}

Evaluation evaluate(const Model& model, const std::vector<NetRecord>& records) {
  const bool validated =
      std::any_of(records.begin(), records.end(), [](const auto& r) { return r.purpose == "validation"; });
  std::vector<const NetRecord*> used;
  for (const auto& record : records)
    if (validated ? record.purpose == "validation" : record.purpose != "repeat") used.push_back(&record);
  std::vector<double> predicted;
  std::vector<double> measured;
  std::size_t not_measured = 0;
  std::size_t unknown = 0;
  const auto options = model.arch_options();
  for (const auto* record : used) {
    const double cost = measured_cost(*record, model.metric());
    if (!(cost > 0)) {
      ++not_measured;
    } else if (const auto value = predict(model, options, *record)) {
      predicted.push_back(*value);
      measured.push_back(cost);
    } else {
      ++unknown;
    }
  }
  if (measured.empty())
    throw Error(Fault::missing,
                "nothing to evaluate on: of " + std::to_string(used.size()) + " records " +
                    std::to_string(not_measured) + " hold no overall " + to_string(model.metric()) + " and " +
                    std::to_string(unknown) +
                    (options.empty() ? " have primitives that the model does not know, none, or more than it takes"
                                     : " name no architecture of the model's space"));
  Evaluation out = evaluate(predicted, measured);
  out.left_out = not_measured + unknown;
  out.repeatability_mape = repeatability(used, records, model.metric());
  return out;
}

std::string to_json(const Evaluation& evaluation, const Model& model) {
  base::Json json = base::Json::object();
  json["schema"] = "hwprof.validation/1";
  json["tool"] = std::string("hwprof ") + version;
  json["model"] = model.kind();
  json["metric"] = to_string(model.metric());
  json["unit"] = unit(model.metric());
  json["device"] = model.from().device;
  json["n"] = evaluation.n;
  json["mape"] = evaluation.mape;
  json["median_ape"] = evaluation.median_ape;
  json["rrmse"] = evaluation.rrmse;
  json["max_ape"] = evaluation.max_ape;
  json["within_5"] = evaluation.within_5;
  json["within_10"] = evaluation.within_10;
  json["pearson"] = evaluation.pearson;
  json["spearman"] = evaluation.spearman;
  json["kendall"] = evaluation.kendall;
  if (evaluation.repeatability_mape) json["repeatability_mape"] = *evaluation.repeatability_mape;
  json["left_out"] = evaluation.left_out;
  return json.dump(1, ' ', false, base::Json::error_handler_t::replace) + "\n";
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "hwprof/version.hpp"
#include "model/awnas.hpp"
#include "model/kinds.hpp"
#include "record/jsonl.hpp"

namespace hwprof {
namespace {

using base::in_quotes;
using base::Json;
using base::JsonReader;

constexpr const char* schema_name = "hwprof.model";
constexpr int schema_version = 1;
constexpr std::array common_keys{"schema", "tool", "kind", "metric", "unit", "batch", "from", "fit"};

Json to_json(const FitSummary& summary) {
  Json out = Json::object();
  out["nets_used"] = summary.nets_used;
  out["nets_dropped"] = summary.nets_dropped;
  out["prims_known"] = summary.prims_known;
  out["samples_used"] = summary.samples_used;
  out["samples_dropped"] = summary.samples_dropped;
  out["fit_mape"] = summary.fit_mape;
  out["cv_mape"] = summary.cv_mape;
  if (!summary.kernels.empty()) {
    out["prim_cv_mape"] = summary.prim_cv_mape;
    out["roofline_cv_mape"] = summary.roofline_cv_mape;
    auto& kernels = out["kernels"] = Json::array();
    for (const auto& one : summary.kernels)
      kernels.push_back({{"kind", one.kind}, {"kernels", one.kernels}, {"prims", one.prims}, {"cv_mape", one.cv_mape}});
  }
  out["coefficients"] = Json::object();
  for (const auto& [name, value] : summary.coefficients) out["coefficients"][name] = value;
  out["notes"] = summary.notes;
  for (const auto& one : summary.compared) {
    Json row = Json::object();
    row["kind"] = one.kind;
    row["cv_mape"] = one.cv_mape;
    row["cv_error"] = one.cv_error;
    row["chosen"] = one.chosen;
    row["reason"] = one.reason;
    out["compared"].push_back(std::move(row));
  }
  return out;
}

FitSummary read_summary(const JsonReader& json) {
  json.only({"nets_used", "nets_dropped", "prims_known", "samples_used", "samples_dropped", "fit_mape", "cv_mape",
             "coefficients", "notes", "prim_cv_mape", "roofline_cv_mape", "kernels", "compared"});
  const auto count_in = [](const JsonReader& from, const char* key) {
    return static_cast<std::size_t>(from[key].integer(0, std::numeric_limits<std::int64_t>::max() / 4));
  };
  const auto count = [&](const char* key) { return count_in(json, key); };
  FitSummary summary;
  summary.nets_used = count("nets_used");
  summary.nets_dropped = count("nets_dropped");
  summary.prims_known = count("prims_known");
  summary.samples_used = count("samples_used");
  summary.samples_dropped = count("samples_dropped");
  summary.fit_mape = json["fit_mape"].number();
  summary.cv_mape = json["cv_mape"].number();
  if (json.has("kernels")) {
    summary.prim_cv_mape = json["prim_cv_mape"].number();
    summary.roofline_cv_mape = json["roofline_cv_mape"].number();
    for (const auto& one : json["kernels"].list()) {
      one.only({"kind", "kernels", "prims", "cv_mape"});
      summary.kernels.push_back(
          {one["kind"].text(), count_in(one, "kernels"), count_in(one, "prims"), one["cv_mape"].number()});
    }
  }
  for (const auto& [name, value] : json["coefficients"].items()) summary.coefficients[name] = value.number();
  for (const auto& note : json["notes"].list()) summary.notes.push_back(note.text());
  if (!json.has("compared")) return summary;
  for (const auto& row : json["compared"].list()) {
    row.only({"kind", "cv_mape", "cv_error", "chosen", "reason"});
    summary.compared.push_back({row["kind"].text(), row["cv_mape"].number(), row["cv_error"].number(),
                                row["chosen"].boolean(), row["reason"].text()});
  }
  return summary;
}

void check_keys(const JsonReader& json, const model::Kind& kind) {
  std::vector<std::string> known(common_keys.begin(), common_keys.end());
  known.insert(known.end(), kind.keys.begin(), kind.keys.end());
  for (const auto& [key, value] : json.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      json.fail("unknown key " + in_quotes(key) + base::suggest(key, known));
}

}  // namespace

Model load_model(const std::string& file) {
  const JsonReader json = JsonReader::load(file);
  if (json.has("schema") && base::starts_with(json["schema"].text(), std::string(model::awnas_schema) + "/"))
    return Model(model::read_awnas(file));
  (void)json.schema(schema_name, schema_version);
  model::Info info;
  const auto kind_name = json["kind"];
  const model::Kind* kind = model::find_kind(kind_name.text());
  if (kind == nullptr)
    kind_name.fail("unknown kind of model " + in_quotes(kind_name.text()) +
                   base::suggest(kind_name.text(), list_models()));
  check_keys(json, *kind);
  const auto metric = json["metric"];
  try {
    info.metric = parse_metric(metric.text());
  } catch (const Error& error) {
    metric.fail(error.what());
  }
  if (json["unit"].text() != unit(info.metric))
    json["unit"].fail("unit " + in_quotes(unit(info.metric)) + " is expected, found " + in_quotes(json["unit"].text()));
  info.batch = static_cast<int>(json["batch"].integer(1, std::numeric_limits<int>::max()));
  info.from = record::provenance_from_json(json["from"]);
  info.summary = read_summary(json["fit"]);
  info.summary.kind = kind->name;
  return Model(kind->read(std::move(info), json));
}

void save_model(const std::string& file, const Model& model) {
  const auto& info = model.impl().info();
  Json json = Json::object();
  json["schema"] = std::string(schema_name) + "/" + std::to_string(schema_version);
  json["tool"] = std::string("hwprof ") + version;
  json["kind"] = model.kind();
  json["metric"] = to_string(info.metric);
  json["unit"] = unit(info.metric);
  json["batch"] = info.batch;
  json["from"] = record::to_json(info.from);
  json["fit"] = to_json(info.summary);
  model.impl().write(json);
  base::save_json(file, json);
}

}  // namespace hwprof

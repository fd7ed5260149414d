// SPDX-License-Identifier: Apache-2.0
// What exists only for users who come from aw_nas: its result files and its model settings.
#include <algorithm>
#include <filesystem>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "hwprof/run.hpp"
#include "run/folder.hpp"

namespace hwprof {
namespace {

std::string attr_text(const Attr& attr) {
  struct Visitor {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return base::format_number(value); }
    std::string operator()(const std::string& value) const { return base::yaml_scalar(value); }
  };
  return std::visit(Visitor{}, attr);
}

std::string milliseconds(double seconds) {
  return base::format_number(seconds * 1e3);
}

std::string awnas_text(const NetRecord& record) {
  std::string prims;
  double sum = 0;
  for (const auto& row : record.prims) {
    const auto latency = row.perf.find(Metric::latency);
    if (latency == row.perf.end()) continue;
    sum += latency->second.value;
    const Prim& prim = row.prim;
    prims += "- performances: {latency: " + milliseconds(latency->second.value) + "}\n";
    prims += "  prim_type: " + base::yaml_scalar(prim.prim_type) + "\n";
    prims += "  spatial_size: " + std::to_string(prim.spatial_size) + "\n";
    prims += "  C: " + std::to_string(prim.C) + "\n  C_out: " + std::to_string(prim.C_out) + "\n";
    prims += "  stride: " + std::to_string(prim.stride) + "\n";
    prims += std::string("  affine: ") + (prim.affine ? "true" : "false") + "\n";
    for (const auto& [name, value] : prim.attrs)
      prims += "  " + base::yaml_scalar(name) + ": " + attr_text(value) + "\n";
  }
  return "overall_latency: " + milliseconds(record.overall.at(Metric::latency).value) + "\n" +
         "block_sum_latency: " + milliseconds(sum) + "\nprimitives:" + (prims.empty() ? " []\n" : "\n" + prims);
}

std::string named_kind(const base::Yaml& yaml, const std::string& file) {
  auto type = yaml.find("hwperfmodel_type");
  if (!type) type = yaml.find("hwobjmodel_type");
  if (!type)
    throw Error(Fault::input,
                file + ": key 'hwperfmodel_type' is missing (or 'hwobjmodel_type', as it was called before)");
  const std::string name = type->text();
  const std::string kind = name == "regression" ? "linear" : name == "ofa" ? "table" : name;
  const auto models = list_models();
  if (std::find(models.begin(), models.end(), kind) == models.end())
    throw Error(Fault::unsupported, type->place() + ": model " + base::in_quotes(name) +
                                        " is not among those that hwprof has (" + base::join(models, ", ") +
                                        "; aw_nas' regression is linear, its ofa is table); name another with --type");
  return kind;
}

Metric metric_of(const base::Yaml& name) {
  try {
    return parse_metric(name.text());
  } catch (const Error& error) {
    if (error.fault() == Fault::input) throw;
    name.fail(error.what());
  }
}

}  // namespace

std::size_t save_awnas_results(const std::string& dir, const std::vector<NetRecord>& records, bool force) {
  std::vector<const NetRecord*> rows;
  std::vector<std::string> paths;
  for (const auto& record : records) {
    if (record.overall.count(Metric::latency) == 0) continue;
    rows.push_back(&record);
    paths.push_back(record.net_id + "/0.yaml");
  }
  run::Folder folder(dir);
  for (const auto& path : paths)
    if (!force && base::exists(base::inside(dir, path)))
      throw Error(Fault::usage, folder.path(path) + ": is there already; --force replaces it");
  folder.note(paths);
  for (std::size_t i = 0; i < rows.size(); ++i) base::write_file(folder.path(paths[i]), awnas_text(*rows[i]));
  return rows.size();
}

FitOptions load_fit_options(const std::string& hardware_file, const std::string& kind) {
  const auto yaml = base::Yaml::load(hardware_file);
  FitOptions options;
  if (kind.empty())
    options.kind = named_kind(yaml, hardware_file);
  else
    options.kind = kind;
  for (const char* section : {"hwperfmodel_cfg", "hwobjmodel_cfg"}) {
    const auto config = yaml.find(section);
    if (!config) continue;
    config->only({"perf_name", "performance", "preprocessors", "prof_prims_cfg", "schedule_cfg"});
    for (const char* key : {"perf_name", "performance"})
      if (const auto metric = config->find(key)) options.metric = metric_of(*metric);
    const auto names = config->find("preprocessors");
    if (names && kind.empty()) options.preprocessors = names->texts();
  }
  return options;
}

}  // namespace hwprof

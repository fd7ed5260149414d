// SPDX-License-Identifier: Apache-2.0
#include "costs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "inputs.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

using hwprof::Error;
using hwprof::Fault;
using hwprof::Metric;

/// What a number in a unit is multiplied with, and divided by: 4.5 / 1000 is the nearest number to 0.0045, 4.5 * 0.001
/// need not be.
struct Scale {
  double times = 1, per = 1;
};

const std::map<std::string, Scale>& units_of(Metric metric) {
  static const std::map<std::string, Scale> seconds{
      {"", {}}, {"s", {}}, {"ms", {1, 1e3}}, {"us", {1, 1e6}}, {"ns", {1, 1e9}}};
  static const std::map<std::string, Scale> bytes{
      {"", {}},         {"B", {}},          {"kB", {1e3, 1}},      {"MB", {1e6, 1}},
      {"GB", {1e9, 1}}, {"KiB", {1024, 1}}, {"MiB", {1048576, 1}}, {"GiB", {1073741824, 1}}};
  static const std::map<std::string, Scale> joules{{"", {}}, {"J", {}}, {"mJ", {1, 1e3}}, {"uJ", {1, 1e6}}};
  switch (hwprof::quantity(metric)) {
    case Metric::latency:
      return seconds;
    case Metric::memory:
      return bytes;
    default:
      return joules;
  }
}

/// NAME=REST, or nothing before the sign.
std::pair<std::string, std::string> named(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

CLI::Option* add_cost_options(CLI::App* verb, CostChoice& choice) {
  verb->add_option("SPACE", choice.space, "Search space: a YAML file or a built-in name")->required();
  CLI::Option* const model =
      add_repeatable(verb, "--model", choice.models, "Model file or run folder, NAME=FILE to name it");
  add_repeatable(verb, "--limit", choice.limits, "NAME=VALUE, e.g. latency=5ms");
  verb->add_option("--hardware", choice.hardware, "aw_nas' second file");
  verb->add_option("--image-size", choice.image_size, "Height and width of the input")->check(positive_number());
  return model->required();
}

void add_threads_option(CLI::App* verb, CostChoice& choice) {
  verb->add_option("--threads", choice.threads, "Threads")->check(CLI::Range(1, 1024));
}

std::vector<Cost> load_costs(const CostChoice& choice) {
  std::vector<Cost> costs;
  std::vector<std::string> names;
  for (const auto& text : choice.models) {
    auto [name, file] = named(text);
    if (name.find_first_of(",\"'\n\r\t ") != std::string::npos)
      throw Error(Fault::usage, "--model: a name takes no spaces, commas and quotes, found '" + name + "'");
    Cost cost{std::move(name), hwprof::load_model(ModelChoice(file).file)};
    if (cost.name.empty()) cost.name = hwprof::to_string(cost.model.metric());
    if (std::find(names.begin(), names.end(), cost.name) != names.end())
      throw Error(Fault::usage, "two models of " + cost.name + "; name them with --model NAME=FILE");
    names.push_back(cost.name);
    costs.push_back(std::move(cost));
  }
  for (const auto& text : choice.limits) {
    const auto [name, value] = named(text);
    const auto at = std::find(names.begin(), names.end(), name);
    if (name.empty()) throw Error(Fault::usage, "--limit takes NAME=VALUE, found '" + text + "'");
    if (at == names.end())
      throw Error(Fault::usage, "--limit: no model of '" + name + "' is given" + hwprof::did_you_mean(name, names));
    Cost& cost = costs[static_cast<std::size_t>(at - names.begin())];
    if (std::isfinite(cost.limit)) throw Error(Fault::usage, "--limit: " + name + " is limited twice");
    cost.limit = parse_quantity(cost.model.metric(), value);
  }
  return costs;
}

hwprof::SpaceFile load_space(const CostChoice& choice) {
  return hwprof::load_space(choice.space, choice.hardware, choice.image_size);
}

double parse_quantity(Metric metric, const std::string& text) {
  const char* const begin = text.c_str();
  char* end = nullptr;
  const double value = std::strtod(begin, &end);
  std::string unit(end);
  unit.erase(0, unit.find_first_not_of(' '));
  const auto& units = units_of(metric);
  const auto scale = units.find(unit);
  const double scaled = scale == units.end() ? 0 : value * scale->second.times / scale->second.per;
  if (end == begin || !std::isfinite(scaled) || scaled <= 0) {
    std::string known;
    for (const auto& [name, ignored] : units)
      if (!name.empty()) known += (known.empty() ? "" : ", ") + name;
    throw Error(Fault::usage, "a number above 0 with a unit (" + known + ") is expected, found '" + text + "'");
  }
  return scaled;
}

Estimated estimated_in(const hwprof::MixinProfilingSearchSpace& space, const hwprof::Model& model) {
  Estimated out;
  if (model.kind() != "kernel") return out;
  for (const auto& prim : space.generate_profiling_primitives()) {
    const auto one = model.predict_with_error({prim});
    ++out.of;
    out.prims += one.estimated > 0 ? 1 : 0;
    out.extrapolated += one.extrapolated > 0 ? 1 : 0;
    out.unseen += one.unseen > 0 ? 1 : 0;
  }
  return out;
}

void add_estimated(Json& json, const std::string& name, const Estimated& estimated) {
  if (estimated.prims == 0) return;
  json["estimated"].push_back({{"name", name},
                               {"prims", estimated.of},
                               {"estimated_prims", estimated.prims},
                               {"extrapolated_prims", estimated.extrapolated},
                               {"unseen_prims", estimated.unseen}});
}

void print_estimated(const std::string& name, const Estimated& estimated) {
  if (estimated.prims == 0) return;
  std::string text = name + ": " + std::to_string(estimated.prims) + " of the space's " +
                     count(estimated.of, "primitive") + " estimated, not measured";
  if (estimated.extrapolated > 0)
    text += "; " + std::to_string(estimated.extrapolated) + " outside the range of what was measured";
  if (estimated.unseen > 0) text += "; " + std::to_string(estimated.unseen) + " of a kind never measured";
  print_row("note", text);
}

std::string limit_text(const Cost& cost) {
  return cost.name + " <= " + value_text(cost.model.metric(), cost.limit);
}

std::string number_text(double count) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, count < 1e15 ? "%.0f" : "%.6g", count);
  return buffer;
}

}  // namespace hwprof_cli

// SPDX-License-Identifier: Apache-2.0
#include "objective/awnas_types.hpp"

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "objective/effect.hpp"

namespace hwprof::objective {
namespace {

using base::Yaml;
using Space = std::shared_ptr<const MixinProfilingSearchSpace>;

double flops_of(const Prim& prim) {
  return 2 * count_work(prim).macs;
}

/// Latencies in the file's unit.
struct Table {
  std::vector<std::vector<double>> layers;  ///< by decision and option
  double fixed = 0;                         ///< of layers that leave nothing to decide, a line of one number each
};

Table read_table(const std::string& file, const MixinProfilingSearchSpace& space) {
  const auto decisions = space.decisions();
  Table table;
  auto& layers = table.layers;
  std::size_t number = 0;
  const auto fail = [&](const std::string& what) {
    throw Error(Fault::input, file + ":" + std::to_string(number) + ": " + what);
  };
  for (auto line : base::split(base::read_file(file), '\n')) {
    ++number;
    line.resize(std::min(line.size(), line.find('#')));  // as ssprofile's speed.txt has them
    for (char& c : line)
      if (c == '\t' || c == ',') c = ' ';
    if (base::trim(line).empty()) continue;
    std::vector<double> layer;
    for (const auto& part : base::split(base::trim(line), ' ')) {
      if (part.empty()) continue;
      const auto value = base::to_double(part);
      if (!value || !std::isfinite(*value) || *value < 0)
        fail("a latency of 0 or more is expected, found " + base::in_quotes(part));
      layer.push_back(*value);
    }
    const std::size_t at = layers.size();
    if (layer.size() == 1 && (at >= decisions.size() || decisions[at].options.size() != 1)) {
      table.fixed += layer[0];
      continue;
    }
    if (at >= decisions.size())
      fail("the space has " + std::to_string(decisions.size()) + " decisions, and this is one line more");
    if (layer.size() != decisions[at].options.size())
      fail("decision " + base::in_quotes(decisions[at].name) + " has " + std::to_string(decisions[at].options.size()) +
           " options, and " + std::to_string(layer.size()) + " latencies were found");
    layers.push_back(std::move(layer));
  }
  if (layers.size() != decisions.size())
    fail("a line is expected for each of the space's " + std::to_string(decisions.size()) + " decisions, found " +
         std::to_string(layers.size()));
  return table;
}

CostForm both(CostForm a, CostForm b) {
  return [a = std::move(a), b = std::move(b)](double cost) { return combined(a(cost), b(cost)); };
}

std::shared_ptr<const Objective> one(const Space& space, HardwarePerf perf) {
  return std::make_shared<HardwareObjective>(space, std::vector<HardwarePerf>{std::move(perf)});
}

/// Runs make, whose complaints about numbers get the place of the configuration.
template <typename Make>
auto at_place(const Yaml* cfg, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    if (error.fault() != Fault::usage || cfg == nullptr) throw;
    cfg->fail(error.what());
  }
}

}  // namespace

double number_or(const Yaml* cfg, const char* key, double fallback) {
  const auto found = cfg == nullptr ? std::optional<Yaml>() : cfg->find(key);
  return found ? found->number() : fallback;
}

std::shared_ptr<const Objective> table_latency(const Yaml* cfg, const std::filesystem::path& folder,
                                               const Space& space) {
  if (cfg != nullptr) cfg->only({"alpha", "beta", "lamb", "latency_file", "schedule_cfg", "loss", "unit"});
  if (!space) throw Error(Fault::usage, "a hardware objective needs a search space");
  const auto found = [&](const char* key) { return cfg == nullptr ? std::optional<Yaml>() : cfg->find(key); };
  const auto file = found("latency_file");
  const auto table = read_table((folder / (file ? file->text() : "speed.txt")).string(), *space);
  const double alpha = number_or(cfg, "alpha", 0.2), beta = number_or(cfg, "beta", 0.6);
  const double unit = number_or(cfg, "unit", 1e-3);
  bool product = false;
  if (const auto loss = found("loss")) {
    product = loss->text() == "product";
    if (!product && loss->text() != "sum")
      loss->fail("sum or product is expected, found " + base::in_quotes(loss->text()));
  }
  return at_place(cfg, [&] {
    CostForm form = product ? fbnet_product_form(alpha, beta, unit) : fbnet_sum_form(alpha, beta, unit);
    if (const auto lambda = found("lamb")) {
      double most = table.fixed;
      for (const auto& layer : table.layers) most += *std::max_element(layer.begin(), layer.end());
      form = both(std::move(form), inverse_form(most * unit, lambda->number(), unit));
    }
    const ArchCost cost = [table, unit](const Arch& arch) {
      double sum = table.fixed;
      for (std::size_t d = 0; d < table.layers.size(); ++d) sum += table.layers[d].at(arch.at(d));
      return sum * unit;
    };
    return one(space, {"mean_latency", cost, std::move(form)});
  });
}

std::shared_ptr<const Objective> flops_budget(const Yaml* cfg, const Space& space) {
  if (cfg != nullptr) cfg->only({"label_smooth", "reg_lambda", "flops_budget", "flops_penalty_cfg", "schedule_cfg"});
  const auto penalty = cfg == nullptr ? std::optional<Yaml>() : cfg->find("flops_penalty_cfg");
  if (penalty) penalty->only({"a", "b"});
  const double budget = number_or(cfg, "flops_budget", 5e8);
  // Python takes the whole dictionary or none of it.
  const double a = penalty ? (*penalty)["a"].number() : 0, b = penalty ? (*penalty)["b"].number() : 1;
  return at_place(cfg, [&] { return one(space, {"flops", PrimCost(flops_of), budget_form(budget, a, b)}); });
}

std::shared_ptr<const Objective> flops(const Yaml* cfg, const Space& space) {
  if (cfg != nullptr) cfg->only({"schedule_cfg"});
  return one(space, {"flops", PrimCost(flops_of), {}});
}

}  // namespace hwprof::objective

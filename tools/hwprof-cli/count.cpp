// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "costs.hpp"
#include "hwprof/exact.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  CostChoice costs;
};

struct Number {
  double at_least = 0, at_most = 0;
};

/// Architectures within all limits: exact where all can be scored, else bounds.
Number count_within(const std::vector<Cost>& costs, const std::vector<hwprof::Predictor>& predictors,
                    std::size_t threads) {
  constexpr double most_to_score = 4e9;  // some seconds
  const double all = hwprof::count_archs(predictors[0]);
  std::vector<hwprof::Predictor> limited;
  std::vector<double> limits;
  for (std::size_t c = 0; c < costs.size(); ++c)
    if (std::isfinite(costs[c].limit)) {
      limited.push_back(predictors[c]);
      limits.push_back(costs[c].limit);
    }
  if (all <= most_to_score) {
    const auto exact = static_cast<double>(hwprof::count_feasible(limited, limits, static_cast<int>(threads)));
    return {exact, exact};
  }
  // Of several limits together: not more than of each, and not fewer than what all but the others' rest is.
  Number number{all, all};
  for (std::size_t c = 0; c < limited.size(); ++c) {
    const hwprof::FeasibleSet set(limited[c], limits[c]);
    number.at_most = std::min(number.at_most, set.at_most());
    number.at_least -= all - set.at_least();
  }
  number.at_least = std::max(number.at_least, 0.0);
  if (limited.size() > 1) {
    const hwprof::FeasibleSet all_limits(limited, limits);
    number.at_most = std::min(number.at_most, all_limits.at_most());
    number.at_least = std::min(std::max(number.at_least, all_limits.at_least()), number.at_most);
  }
  return number;
}

void count(const Cli& cli, const Options& options) {
  const auto costs = load_costs(options.costs);
  const auto space = load_space(options.costs);
  std::vector<hwprof::Predictor> predictors;
  for (const auto& cost : costs) predictors.emplace_back(*space.space, cost.model);
  const double all = hwprof::count_archs(predictors[0]);
  Json json{{"schema", "hwprof.count/1"}, {"space", space.name}, {"archs", all}, {"costs", Json::array()}};
  if (!cli.json) print_row("space", space.name + ", " + number_text(all) + " architectures");
  std::string limits;
  for (std::size_t c = 0; c < costs.size(); ++c) {
    const auto least = hwprof::cheapest(predictors[c]), most = hwprof::costliest(predictors[c]);
    Json row{{"name", costs[c].name}, {"unit", hwprof::unit(costs[c].model.metric())},
             {"least", least.cost},   {"least_arch", hwprof::to_string(least.arch)},
             {"most", most.cost},     {"most_arch", hwprof::to_string(most.arch)}};
    if (std::isfinite(costs[c].limit)) {
      row["limit"] = costs[c].limit;
      limits += (limits.empty() ? "" : ", ") + limit_text(costs[c]);
    }
    const auto estimated = estimated_in(*space.space, costs[c].model);
    add_estimated(json, costs[c].name, estimated);
    json["costs"].push_back(std::move(row));
    if (cli.json) continue;
    const auto metric = costs[c].model.metric();
    print_row(costs[c].name, "least " + value_text(metric, least.cost) + "  " + hwprof::to_string(least.arch));
    print_row("", "most " + value_text(metric, most.cost) + "  " + hwprof::to_string(most.arch));
    print_estimated(costs[c].name, estimated);
  }
  if (!limits.empty()) {
    const Number number = count_within(costs, predictors, options.costs.threads);
    json["within_limits"] = {{"at_least", number.at_least}, {"at_most", number.at_most}};
    const std::string share = " (" + percent_text(number.at_most / all) + ")";
    if (!cli.json)
      print_row(limits, (number.at_least == number.at_most
                             ? number_text(number.at_least)
                             : number_text(number.at_least) + " to " + number_text(number.at_most)) +
                            share);
  }
  if (cli.json) print_json(json);
}

}  // namespace

void add_count(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "count", "Count architectures under limits, and find the cheapest",
                            [&cli, options] { count(cli, *options); });
  add_cost_options(verb, options->costs);
  add_threads_option(verb, options->costs);
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli

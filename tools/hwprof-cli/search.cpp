// SPDX-License-Identifier: Apache-2.0
#include "hwprof/search.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "costs.hpp"
#include "hwprof/exact.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  CostChoice costs;
  hwprof::SearchOptions search;
  std::size_t tournament = 0;  ///< 0: the library's, or a smaller population
  std::string accuracy, out;
  bool force = false;
};

/// Samples that keep all limits of costs that are sums; empty: plain ones.
std::function<hwprof::Arch(std::mt19937_64&)> sampler(const std::vector<Cost>& costs,
                                                      const std::vector<hwprof::Predictor>& predictors) {
  std::vector<hwprof::Predictor> sums;
  std::vector<double> limits;
  for (std::size_t c = 0; c < costs.size(); ++c) {
    if (!std::isfinite(costs[c].limit) || !predictors[c].is_sum()) continue;
    sums.push_back(predictors[c]);
    limits.push_back(costs[c].limit);
  }
  if (sums.empty()) return {};
  return [set = hwprof::FeasibleSet(sums, limits)](std::mt19937_64& rng) { return set.sample(rng); };
}

Json to_json(const hwprof::Candidate& candidate, const std::vector<hwprof::SearchCost>& costs) {
  Json json{{"arch", hwprof::to_string(candidate.arch)}, {"accuracy", candidate.accuracy}};
  for (std::size_t c = 0; c < costs.size(); ++c) json[costs[c].name + "_" + costs[c].unit] = candidate.costs[c];
  return json;
}

void search(const Cli& cli, Options options) {
  if (!options.out.empty()) check_new_file(options.out, options.force);
  const auto costs = load_costs(options.costs);
  const auto space = load_space(options.costs);
  std::vector<hwprof::Predictor> predictors;
  std::vector<hwprof::SearchCost> searched;
  for (const auto& cost : costs) {
    const hwprof::Predictor predictor(*space.space, cost.model);
    predictors.push_back(predictor);
    searched.push_back({cost.name, hwprof::unit(cost.model.metric()),
                        [predictor](const hwprof::Arch& arch) { return predictor.predict(arch.data()); }, cost.limit});
  }
  const bool proxy = options.accuracy.empty();
  hwprof::Accuracy accuracy;
  if (proxy) {
    accuracy = hwprof::capacity_proxy(*space.space);
  } else {
    auto table = hwprof::load_accuracy_table(*space.space, options.accuracy);
    accuracy = std::move(table.accuracy);
    options.search.among = std::move(table.archs);
  }
  if (options.tournament > 0)
    options.search.tournament = options.tournament;
  else
    options.search.tournament = std::min(options.search.tournament, options.search.population);
  options.search.threads = static_cast<int>(options.costs.threads);
  if (proxy) options.search.sample = sampler(costs, predictors);  // else what the file knows is proposed
  catch_signals();
  options.search.stop = [] { return stop_requested(); };
  hwprof::SearchResult result;
  {
    ProgressBar bar(!cli.quiet && !cli.json);
    options.search.progress = [&bar](std::size_t done, std::size_t total) {
      bar.show({static_cast<double>(done), static_cast<double>(total), 0, "searching"});
    };
    result = hwprof::run_search(*space.space, accuracy, searched, options.search);
  }
  if (!options.out.empty()) hwprof::save_candidates(options.out, result.front, searched);

  const std::string source = proxy ? "log10_macs" : options.accuracy;
  if (cli.json) {
    Json front = Json::array();
    for (const auto& candidate : result.front) front.push_back(to_json(candidate, searched));
    Json json{{"schema", "hwprof.search/1"},
              {"space", space.name},
              {"algorithm", options.search.algorithm},
              {"seed", options.search.seed},
              {"accuracy_from", source},
              {"best", to_json(result.best, searched)},
              {"front", std::move(front)},
              {"evaluated", result.evaluated.size()},
              {"infeasible", result.infeasible},
              {"unpriced", result.unpriced},
              {"repeated", result.repeated},
              {"unknown", result.unknown + result.outside},
              {"exhausted", result.exhausted},
              {"stopped", result.stopped}};
    for (const auto& cost : costs) add_estimated(json, cost.name, estimated_in(*space.space, cost.model));
    print_json(json);
  } else if (!cli.quiet) {
    print_row("best", hwprof::to_string(result.best.arch));
    print_row("", (proxy ? "log10 of MACs " : "accuracy ") + Json(result.best.accuracy).dump());
    for (std::size_t c = 0; c < costs.size(); ++c)
      print_row("", costs[c].name + " " + value_text(costs[c].model.metric(), result.best.costs[c]));
    print_row("front",
              count(result.front.size(), "architecture") + (options.out.empty() ? "" : ", written to " + options.out));
    print_row("evaluated", count(result.evaluated.size(), "architecture") + "; proposed besides: " +
                               std::to_string(result.infeasible) + " over a limit, " + std::to_string(result.repeated) +
                               " again, " + std::to_string(result.unknown + result.outside) + " of unknown accuracy");
    for (const auto& cost : costs) print_estimated(cost.name, estimated_in(*space.space, cost.model));
    if (proxy) print_row("note", "no accuracy was given (--accuracy): the number of MACs stands in for it");
    if (result.unpriced > 0)
      print_row("note", count(result.unpriced, "proposal") +
                            " left out, whose cost a model does not know: longer networks than it was fitted on");
    if (result.exhausted) print_row("note", "ended early: nothing new is left, or hardly any proposal was new");
    if (result.stopped) print_row("note", "stopped early");
  }
}

}  // namespace

void add_search(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = add_verb(cli, "search", "Search accurate architectures within limits",
                            [&cli, options] { search(cli, *options); });
  add_cost_options(verb, options->costs);
  add_threads_option(verb, options->costs);
  verb->add_option("--algorithm", options->search.algorithm, "random, evolution or nsga2");
  verb->add_option("--accuracy", options->accuracy, "CSV file of accuracies");
  verb->add_option("--evaluations", options->search.evaluations, "Architectures whose accuracy is asked for")
      ->check(positive_number());
  verb->add_option("--population", options->search.population, "Population of evolution and nsga2")
      ->check(positive_number());
  verb->add_option("--tournament", options->tournament, "Members that a parent is the best of (evolution)")
      ->check(positive_number());
  verb->add_option("--seed", options->search.seed, "Seed")->check(number_from_zero());
  verb->add_option("--out", options->out, "CSV file to write the front to");
  verb->add_flag("--force", options->force, "Replace the file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli

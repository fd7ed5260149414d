// SPDX-License-Identifier: Apache-2.0
#include "hwprof/search.hpp"

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
  std::string accuracy, out;
  bool force = false;
};

/// Samples that keep the limit which the fewest architectures do, of those whose cost is a sum; else plain ones.
std::function<hwprof::Arch(std::mt19937_64&)> sampler(const std::vector<Cost>& costs,
                                                      const std::vector<hwprof::Predictor>& predictors) {
  std::shared_ptr<hwprof::FeasibleSet> tightest;
  for (std::size_t c = 0; c < costs.size(); ++c) {
    if (!std::isfinite(costs[c].limit) || !predictors[c].is_sum()) continue;
    auto set = std::make_shared<hwprof::FeasibleSet>(predictors[c], costs[c].limit);
    if (!tightest || set->at_most() < tightest->at_most()) tightest = std::move(set);
  }
  if (!tightest) return {};
  return [tightest](std::mt19937_64& rng) { return tightest->sample(rng); };
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
  const hwprof::Accuracy accuracy =
      proxy ? hwprof::capacity_proxy(*space.space) : hwprof::load_accuracies(*space.space, options.accuracy);
  options.search.threads = static_cast<int>(options.costs.threads);
  options.search.sample = sampler(costs, predictors);
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
    print_json({{"schema", "hwprof.search/1"},
                {"space", space.name},
                {"algorithm", options.search.algorithm},
                {"seed", options.search.seed},
                {"accuracy_from", source},
                {"best", to_json(result.best, searched)},
                {"front", std::move(front)},
                {"evaluated", result.evaluated.size()},
                {"infeasible", result.infeasible},
                {"repeated", result.repeated},
                {"unknown", result.unknown},
                {"exhausted", result.exhausted},
                {"stopped", result.stopped}});
  } else if (!cli.quiet) {
    print_row("best", hwprof::to_string(result.best.arch));
    print_row("", (proxy ? "log10 of MACs " : "accuracy ") + Json(result.best.accuracy).dump());
    for (std::size_t c = 0; c < costs.size(); ++c)
      print_row("", costs[c].name + " " + value_text(costs[c].model.metric(), result.best.costs[c]));
    print_row("front",
              count(result.front.size(), "architecture") + (options.out.empty() ? "" : ", written to " + options.out));
    print_row("evaluated", count(result.evaluated.size(), "architecture") + "; proposed besides: " +
                               std::to_string(result.infeasible) + " over a limit, " + std::to_string(result.repeated) +
                               " again, " + std::to_string(result.unknown) + " of unknown accuracy");
    if (proxy) print_row("note", "no accuracy was given (--accuracy): the number of MACs stands in for it");
    if (result.exhausted) print_row("note", "ended early: hardly any proposal was new");
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
  verb->add_option("--evaluations", options->search.evaluations, "Architectures whose accuracy is asked for");
  verb->add_option("--population", options->search.population, "Population of evolution and nsga2");
  verb->add_option("--tournament", options->search.tournament, "Members that a parent is the best of (evolution)");
  verb->add_option("--seed", options->search.seed, "Seed");
  verb->add_option("--out", options->out, "CSV file to write the front to");
  verb->add_flag("--force", options->force, "Replace the file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli

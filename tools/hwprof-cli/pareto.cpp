// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "costs.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/limit.hpp"
#include "hwprof/search.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  CostChoice costs;
  std::string out;
  bool force = false;
};

void pareto(const Cli& cli, const Options& options) {
  using hwprof::Error;
  using hwprof::Fault;
  if (!options.out.empty()) check_new_file(options.out, options.force);
  const auto costs = load_costs(options.costs);
  if (costs.size() > 2) throw Error(Fault::usage, "a front is drawn over one model and MACs, or over two models");
  const auto space = load_space(options.costs);
  const hwprof::Predictor first(*space.space, costs[0].model);
  const bool two = costs.size() == 2;
  const hwprof::Predictor second =
      two ? hwprof::Predictor(*space.space, costs[1].model)
          : hwprof::Predictor(*space.space, [](const hwprof::Prim& prim) { return hwprof::count_work(prim).macs; });
  const auto points =
      hwprof::pareto_front(first, second, two ? hwprof::Direction::minimize : hwprof::Direction::maximize);
  const std::string first_name = costs[0].name + "_" + hwprof::unit(costs[0].model.metric());
  const std::string second_name = two ? costs[1].name + "_" + hwprof::unit(costs[1].model.metric()) : "macs";

  std::vector<hwprof::ArchRow> rows;
  Json json{{"schema", "hwprof.pareto/1"}, {"space", space.name}, {"front", Json::array()}};
  for (const auto& point : points) {
    if (!hwprof::keeps_limit(point.cost, costs[0].limit)) continue;
    if (two && !hwprof::keeps_limit(point.value, costs[1].limit)) continue;
    rows.push_back({point.arch, {point.cost, point.value}});
    if (cli.json)
      json["front"].push_back(
          {{"arch", hwprof::to_string(point.arch)}, {first_name, point.cost}, {second_name, point.value}});
    else if (!cli.quiet && options.out.empty())
      std::cout << hwprof::to_string(point.arch) << "  " << value_text(costs[0].model.metric(), point.cost) << "  "
                << (two ? value_text(costs[1].model.metric(), point.value) : number_text(point.value) + " MACs")
                << '\n';
  }
  if (rows.empty()) {  // the cheapest by either model is always in the front
    std::string least =
        "; the least " + costs[0].name + " is " + value_text(costs[0].model.metric(), hwprof::cheapest(first).cost);
    if (two)
      least += ", of " + costs[1].name + " " + value_text(costs[1].model.metric(), hwprof::cheapest(second).cost);
    throw Error(Fault::usage, "no architecture keeps the limits" + least);
  }
  for (const auto& cost : costs) {
    const auto estimated = estimated_in(*space.space, cost.model);
    add_estimated(json, cost.name, estimated);
    if (!cli.json && !cli.quiet) print_estimated(cost.name, estimated);
  }
  if (!options.out.empty()) hwprof::save_archs(options.out, {first_name, second_name}, rows);
  if (cli.json)
    print_json(json);
  else if (!cli.quiet && !options.out.empty())
    print_row("front", hwprof_cli::count(rows.size(), "architecture") + ", written to " + options.out);
}

}  // namespace

void add_pareto(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "pareto", "The exact Pareto front of a space", [&cli, options] { pareto(cli, *options); });
  add_cost_options(verb, options->costs);
  verb->add_option("--out", options->out, "CSV file to write the front to");
  verb->add_flag("--force", options->force, "Replace the file");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli

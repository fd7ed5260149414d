// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <random>

#include "cli.hpp"
#include "costs.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  CostChoice costs;
  std::size_t n = 1;
  std::uint64_t seed = 0;
  bool names = false, prims = false;
};

/// The architectures within the limits; nothing without one.
std::optional<hwprof::FeasibleSet> within_limits(const Options& options, const hwprof::SpaceFile& space) {
  std::vector<hwprof::Predictor> limited;
  std::vector<double> limits;
  for (const auto& cost : load_costs(options.costs)) {
    if (!std::isfinite(cost.limit))
      throw hwprof::Error(hwprof::Fault::usage, "--model: " + cost.name +
                                                    " has no --limit, without which a sample asks "
                                                    "for no cost");
    limited.emplace_back(*space.space, cost.model);
    limits.push_back(cost.limit);
  }
  if (limited.empty()) return {};
  return hwprof::FeasibleSet(limited, limits);
}

void sample(const Cli& cli, const Options& options) {
  constexpr std::size_t most = 10000000;
  if (options.n > most) throw hwprof::Error(hwprof::Fault::usage, "--number must be at most " + std::to_string(most));
  const auto file = load_space(options.costs);
  const auto within = within_limits(options, file);
  std::mt19937_64 rng(options.seed);
  Json rows = Json::array();
  for (std::size_t i = 0; i < options.n; ++i) {
    const auto arch = within ? within->sample(rng) : file.space->sample(rng);
    std::vector<std::string> prims;
    if (options.prims)
      for (const auto& prim : file.space->primitives(arch)) prims.push_back(hwprof::to_string(prim));
    if (cli.json) {
      Json row{{"arch", hwprof::to_string(arch)}};
      if (options.names) row["names"] = hwprof::describe(*file.space, arch);
      if (options.prims) row["prims"] = prims;
      rows.push_back(std::move(row));
      continue;
    }
    std::cout << (options.names ? hwprof::describe(*file.space, arch) : hwprof::to_string(arch)) << '\n';
    for (const auto& prim : prims) std::cout << "  " << prim << '\n';
  }
  if (cli.json) print_json({{"schema", "hwprof.sample/1"}, {"space", file.name}, {"kind", file.kind}, {"archs", rows}});
}

}  // namespace

void add_sample(Cli& cli) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cli, "sample", "Draw architectures from a search space", [&cli, options] { sample(cli, *options); });
  add_cost_options(verb, options->costs)->required(false);
  verb->add_option("-n,--number", options->n, "How many")->check(number_from_zero());
  verb->add_option("--seed", options->seed, "Seed")->check(number_from_zero());
  verb->add_flag("--names", options->names, "Write decisions by name");
  verb->add_flag("--prims", options->prims, "Print the primitives as well");
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli

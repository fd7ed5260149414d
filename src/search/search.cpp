// SPDX-License-Identifier: Apache-2.0
#include "hwprof/search.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/limit.hpp"
#include "search/run.hpp"

namespace hwprof {
namespace search {

void random_search(Run& run) {
  for (std::size_t left = run.left(); left > 0; left = run.left()) {
    std::vector<Candidate> batch;
    for (std::size_t i = 0; i < std::min(left, run.options().batch); ++i) batch.push_back(run.sample());
    run.evaluate(batch);
  }
}

}  // namespace search

namespace {

struct Algorithm {
  const char* name;
  void (*run)(search::Run& run);
};

const std::vector<Algorithm>& algorithms() {
  static const std::vector<Algorithm> all{
      {"random", search::random_search}, {"evolution", search::regularized_evolution}, {"nsga2", search::nsga2}};
  return all;
}

void check(const SearchOptions& options, const std::vector<SearchCost>& costs) {
  const auto within = [](const char* name, std::size_t value, std::size_t most) {
    if (value < 1 || value > most)
      throw Error(Fault::usage, std::string(name) + " of a search must be at least 1 and at most " +
                                    std::to_string(most) + ", found " + std::to_string(value));
  };
  constexpr std::size_t most_evaluations = 1000000000, most_members = 10000000;
  within("evaluations", options.evaluations, most_evaluations);
  within("population", options.population, most_members);
  within("batch", options.batch, most_members);
  within("tournament", options.tournament, most_members);
  if (options.algorithm == "evolution" && options.tournament > options.population)
    throw Error(Fault::usage, "tournament of a search must be at most its population, " +
                                  std::to_string(options.population) + ", found " + std::to_string(options.tournament));
  if (options.threads < 1)
    throw Error(Fault::usage, "threads of a search must be at least 1, found " + std::to_string(options.threads));
  if (!(options.crossover >= 0 && options.crossover <= 1))
    throw Error(Fault::usage, "crossover must be within 0 to 1, found " + base::format_number(options.crossover));
  for (const auto& cost : costs) {
    if (!cost.of) throw Error(Fault::usage, "cost " + base::in_quotes(cost.name) + " has no function");
    if (std::isnan(cost.limit))
      throw Error(Fault::usage, "the limit of cost " + base::in_quotes(cost.name) + " is not a number");
  }
}

}  // namespace

std::vector<std::string> list_search_algorithms() {
  std::vector<std::string> names;
  for (const auto& algorithm : algorithms()) names.emplace_back(algorithm.name);
  return names;
}

SearchResult run_search(const MixinProfilingSearchSpace& space, const Accuracy& accuracy,
                        const std::vector<SearchCost>& costs, const SearchOptions& options) {
  const auto found = std::find_if(algorithms().begin(), algorithms().end(),
                                  [&](const Algorithm& algorithm) { return algorithm.name == options.algorithm; });
  if (found == algorithms().end())
    throw Error(Fault::usage, "unknown search algorithm " + base::in_quotes(options.algorithm) +
                                  base::suggest(options.algorithm, list_search_algorithms()));
  check(options, costs);
  if (!accuracy) throw Error(Fault::usage, "a search needs an accuracy");
  search::Run run(space, accuracy, costs, options);
  try {
    found->run(run);
  } catch (const search::Stopped&) {
    run.stop();
  }
  return std::move(run).finish();
}

std::vector<Candidate> non_dominated(const std::vector<Candidate>& candidates) {
  // Whatever beats a candidate comes before it in this order.
  std::vector<Candidate> sorted = candidates;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) {
    return a.costs != b.costs ? a.costs < b.costs : a.accuracy > b.accuracy;
  });
  const auto as_good = [](const Candidate& a, const Candidate& b) {
    for (std::size_t c = 0; c < a.costs.size(); ++c)
      if (!keeps_limit(a.costs[c], b.costs[c])) return false;
    return a.accuracy >= b.accuracy;
  };
  std::vector<Candidate> front;
  for (auto& candidate : sorted) {
    if (std::any_of(front.begin(), front.end(), [&](const Candidate& other) { return as_good(other, candidate); }))
      continue;
    // Of costs that are equal but for rounding, the better may come later.
    front.erase(
        std::remove_if(front.begin(), front.end(), [&](const Candidate& other) { return as_good(candidate, other); }),
        front.end());
    front.push_back(std::move(candidate));
  }
  return front;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>

#include "base/random.hpp"
#include "search/run.hpp"

namespace hwprof::search {
namespace {

/// Another option for one decision that has a choice.
Arch mutated(Arch arch, const std::vector<std::size_t>& options, std::mt19937_64& rng) {
  std::vector<std::size_t> open;
  for (std::size_t d = 0; d < options.size(); ++d)
    if (options[d] > 1) open.push_back(d);
  if (open.empty()) return arch;
  const std::size_t decision = open[base::draw_below(rng, open.size())];
  const std::size_t other = base::draw_below(rng, options[decision] - 1);
  arch[decision] = static_cast<std::uint16_t>(other < arch[decision] ? other : other + 1);
  return arch;
}

Candidate child(Run& run, const std::deque<Candidate>& population) {
  // Where limits leave no way from the population onwards, fresh blood does.
  constexpr int most_tries = 100;
  if (run.stale()) return run.sample();
  for (int i = 0; i < most_tries; ++i) {
    const Candidate* parent = &population[base::draw_below(run.rng, population.size())];
    for (std::size_t t = 1; t < run.options().tournament; ++t) {
      const Candidate& rival = population[base::draw_below(run.rng, population.size())];
      if (rival.accuracy > parent->accuracy) parent = &rival;
    }
    if (auto found = run.within_limits(mutated(parent->arch, run.num_options(), run.rng))) return std::move(*found);
  }
  return run.sample();
}

}  // namespace

void regularized_evolution(Run& run) {
  std::deque<Candidate> population;
  for (std::size_t left = run.left(); left > 0; left = run.left()) {
    const std::size_t missing = run.options().population - std::min(run.options().population, population.size());
    std::vector<Candidate> batch;
    for (std::size_t i = 0; i < std::min(left, run.options().batch); ++i)
      batch.push_back(i < missing || population.empty() ? run.sample() : child(run, population));
    run.evaluate(batch);
    for (auto& candidate : batch) population.push_back(std::move(candidate));
    while (population.size() > run.options().population) population.pop_front();
  }
}

}  // namespace hwprof::search

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "hwprof/search.hpp"

namespace hwprof::search {

/// Thrown where a search is asked to stop while it looks for a proposal; run_search() then returns what it has.
struct Stopped {};

/// What the algorithms share: they propose architectures, this keeps the limits, asks for accuracies and
/// remembers. All random numbers come from one generator in one thread, so that threads change nothing.
class Run {
 public:
  Run(const MixinProfilingSearchSpace& space, const Accuracy& accuracy, const std::vector<SearchCost>& costs,
      const SearchOptions& options);

  std::mt19937_64 rng;

  [[nodiscard]] const SearchOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::vector<std::size_t>& num_options() const noexcept { return num_options_; }

  /// Evaluations that are left; 0 once the search has to end.
  [[nodiscard]] std::size_t left();

  /// More proposals in a row than a population has members, or than a thousand, were known already: children lead
  /// nowhere new.
  [[nodiscard]] bool stale() const noexcept {
    return repeated_in_a_row_ > std::min<std::size_t>(options_.population, 1000);
  }

  /// The candidate, its accuracy still open; nothing when it is over a limit or outside of what is to be proposed.
  [[nodiscard]] std::optional<Candidate> within_limits(Arch arch);

  /// A random architecture within the limits. @throws Error(Fault::missing) when none is found.
  [[nodiscard]] Candidate sample();

  /// Fills in accuracies, and takes out those that are not known. Candidates met before, here or in an
  /// earlier call, are not asked for again.
  void evaluate(std::vector<Candidate>& candidates);

  /// Says that the search was stopped, and what it has.
  void stop() noexcept { result_.stopped = true; }
  [[nodiscard]] SearchResult finish() &&;

 private:
  void look_at_stop() const;
  [[nodiscard]] std::string unpriced_text() const;
  void choose_pool();
  void ask(std::vector<Candidate>& fresh);

  const MixinProfilingSearchSpace& space_;
  const Accuracy& accuracy_;
  const std::vector<SearchCost>& costs_;
  const SearchOptions& options_;
  std::vector<std::size_t> num_options_;
  double num_archs_ = 1;
  std::set<Arch> among_;
  std::vector<Arch> pool_;  ///< of among, in random order: those that keep the limits
  std::size_t next_in_pool_ = 0;
  std::size_t repeated_in_a_row_ = 0;
  std::map<Arch, double> known_;
  SearchResult result_;
};

void random_search(Run& run);
void regularized_evolution(Run& run);
void nsga2(Run& run);

}  // namespace hwprof::search

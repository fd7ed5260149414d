// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hwprof/space.hpp"

namespace hwprof {

/// How good an architecture is, higher is better; NaN: not known, such ones are counted and left out. Called
/// from several threads at once where a search has several, and once at most for each architecture.
using Accuracy = std::function<double(const Arch& arch)>;

/// A cost that a search looks at, lower is better; called from one thread. NaN: not known, such architectures are
/// counted and never evaluated, limit or not. A Predictor makes one:
///   {"latency", "s", [predictor](const Arch& arch) { return predictor.predict(arch); }, 5e-3}
struct SearchCost {
  std::string name, unit;
  std::function<double(const Arch& arch)> of;
  double limit = std::numeric_limits<double>::infinity();  ///< hard: what costs more (limit.hpp) is never evaluated
};

struct SearchOptions {
  /// One of list_search_algorithms():
  ///   random     independent samples
  ///   evolution  regularised (aging) evolution, Real et al., AAAI 2019: the best of a random part of the
  ///              population has a child with one decision changed, and the oldest member goes
  ///   nsga2      Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002: non-dominated sorting and crowding
  ///              distance over accuracy and all costs; uniform crossover
  std::string algorithm = "evolution";
  std::size_t evaluations = 1000;  ///< architectures whose accuracy is asked for
  std::size_t population = 100;    ///< evolution, nsga2
  std::size_t tournament = 25;     ///< evolution: members drawn to choose a parent from, at most the population
  std::size_t batch = 16;          ///< random, evolution: proposals evaluated together; 1 is the published algorithm
  double crossover = 0.9;          ///< nsga2: share of children with two parents
  std::uint64_t seed = 0;
  int threads = 1;  ///< that ask for accuracies; the result does not depend on it

  /// Where architectures come from at random; empty: the space's own sample(). With tight limits
  /// FeasibleSet::sample finds what plain sampling does not.
  std::function<Arch(std::mt19937_64& rng)> sample;

  /// The only architectures to propose, those of known accuracy; empty: all. What comes at random is, in an order drawn
  /// once, the next of them that keeps the limits and was not evaluated; the search ends early only when there is none
  /// left. sample is not called.
  std::vector<Arch> among;

  std::function<void(std::size_t evaluated, std::size_t evaluations)> progress;  ///< after each batch
  /// Asked before each proposal and each accuracy, never from two threads at once; true ends the search with what it
  /// has.
  std::function<bool()> stop;
};

struct Candidate {
  Arch arch;
  double accuracy = 0;
  std::vector<double> costs;  ///< one per SearchCost
};

struct SearchResult {
  Candidate best;                    ///< of the highest accuracy; of those of the least costs, then the first found
  std::vector<Candidate> front;      ///< the evaluated ones that no other beats in accuracy and costs, by cost
  std::vector<Candidate> evaluated;  ///< all, in order
  std::size_t infeasible = 0;        ///< proposals over a limit
  std::size_t unpriced = 0;          ///< proposals of which a cost is not known
  std::size_t outside = 0;           ///< proposals that are not in SearchOptions::among
  std::size_t repeated = 0;          ///< proposals that had been evaluated already
  std::size_t unknown = 0;           ///< architectures whose accuracy is not known
  bool exhausted = false;            ///< ended early: all was evaluated, or hardly any proposal was new
  bool stopped = false;              ///< ended early by SearchOptions::stop
};

/// Architectures of high accuracy and low cost within the limits. What the accuracy throws ends the search.
/// @throws Error(Fault::usage) for an unknown algorithm, sizes of 0 or above 10^7 (evaluations: 10^9), and a tournament
/// of more than the population; Error(Fault::missing) when none of 10000 samples keeps the limits (with the least costs
/// seen; it does not prove that there is none), when none of SearchOptions::among does, and when no accuracy is
/// known; Error(Fault::interrupted) when stopped before the first.
[[nodiscard]] SearchResult run_search(const MixinProfilingSearchSpace& space, const Accuracy& accuracy,
                                      const std::vector<SearchCost>& costs, const SearchOptions& options = {});
[[nodiscard]] std::vector<std::string> list_search_algorithms();

/// The members that no other beats: none at least as good in accuracy and all costs, and better in one. By the
/// first cost, then by accuracy; one for each set of equal numbers. Costs that differ by rounding alone (limit.hpp) are
/// equal.
[[nodiscard]] std::vector<Candidate> non_dominated(const std::vector<Candidate>& candidates);

/// Known accuracies: the architectures in the file's order, and NaN for others.
struct AccuracyTable {
  std::vector<Arch> archs;
  Accuracy accuracy;
};

/// CSV with a header whose first columns are `arch` and `accuracy`; further ones are passed over. Architectures in
/// either form of parse_arch, the second, which holds commas, in double quotes where there are further columns. Spaces
/// around fields and a byte order mark do not matter.
/// @throws Error(Fault::input) with file:line for anything else, and for an architecture that is there twice.
[[nodiscard]] AccuracyTable load_accuracy_table(const MixinProfilingSearchSpace& space, const std::string& file);

/// A stand-in where no accuracy is at hand: log10 of the multiply-accumulates of one image. Networks of one
/// space tend to be the more accurate the more they compute, but nothing is trained here.
/// @throws Error as Predictor.
[[nodiscard]] Accuracy capacity_proxy(const MixinProfilingSearchSpace& space);

/// CSV `arch,<columns>`, one row an architecture, a value per column. Appears by rename.
/// @throws Error(Fault::usage) for a row of another length, Error(Fault::input) when it cannot be written.
struct ArchRow {
  Arch arch;
  std::vector<double> values;
};
void save_archs(const std::string& file, const std::vector<std::string>& columns, const std::vector<ArchRow>& rows);

/// The same with the columns accuracy and, for each cost, <name>_<unit>.
void save_candidates(const std::string& file, const std::vector<Candidate>& candidates,
                     const std::vector<SearchCost>& costs);

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "hwprof/predictor.hpp"

namespace hwprof {

/// What can be said about all architectures of a space at once when its cost is additive, by dynamic
/// programming over the factors of a Predictor; nothing is estimated. An architecture here is a vector of
/// decisions: two that differ only where it has no effect (the kernel of a block beyond the depth) count
/// as two. All of this is const and thread-safe, and throws Error(Fault::unsupported) for a space whose
/// factors hang together so much that the tables would pass some 2^22 entries a step.

struct ScoredArch {
  Arch arch;
  double cost = 0;  ///< Predictor::predict of it
};

/// The fastest architecture where cost is latency; one of them where several are.
[[nodiscard]] ScoredArch cheapest(const Predictor& cost);
[[nodiscard]] ScoredArch costliest(const Predictor& cost);

/// Number of architectures of the space; above 2^53 rounded to a double.
[[nodiscard]] double count_archs(const Predictor& cost);

/// The architectures that cost at most a limit (up to the rounding of sums: limit.hpp), or keep several at once.
class FeasibleSet {
 public:
  /// Fills tables of some 64 MiB in a fraction of a second; of up to 512 MiB where factors hang together more
  /// than in the shipped spaces.
  /// @throws Error(Fault::usage) for a limit that is not a number.
  FeasibleSet(const Predictor& cost, double limit);

  /// limits[c] for each costs[c]. The tables are those of a weighted sum of the costs, which all of these architectures
  /// keep; limits that every architecture keeps are left aside. Of two costs that remain the Pareto front says whether
  /// there is any where nothing simpler does.
  /// @throws Error(Fault::usage) for lengths that differ, or costs of different spaces.
  FeasibleSet(const std::vector<Predictor>& costs, const std::vector<double>& limits);

  /// Bounds of their number, which differ because costs are counted in steps of some 10^-5 of the distance
  /// from the least cost to the limit; of several limits they can lie far apart. Above 2^53 rounded to a double.
  /// count_feasible() is exact.
  [[nodiscard]] double at_least() const noexcept;
  [[nodiscard]] double at_most() const noexcept;

  /// One of them, each with the same probability, exactly: drawn from the tables, and again where the true
  /// cost is above the limit after all. Some microseconds. Of several limits that none of 1000 draws keeps, where a
  /// random walk of 20 steps a decision within them ends that begins at one known to keep them.
  /// @throws Error(Fault::usage) with the least cost when there is none; Error(Fault::missing) when, of several limits,
  /// none was found, which does not prove that there is none.
  [[nodiscard]] Arch sample(std::mt19937_64& rng) const;

 private:
  struct Tables;
  [[nodiscard]] Arch draw(std::mt19937_64& rng) const;
  [[nodiscard]] Arch walk(std::mt19937_64& rng) const;
  std::shared_ptr<const Tables> tables_;
};

struct ParetoPoint {
  Arch arch;
  double cost = 0, value = 0;
};

/// The architectures that no other one of the whole space beats in both (numbers that differ by their rounding alone,
/// as in limit.hpp, are equal), of less cost and less (or more) value, e.g. latency against MACs; by ascending cost,
/// one for each pair of numbers.
/// @throws Error(Fault::usage) for predictors of different spaces, Error(Fault::unsupported) for a front of
/// more than 2^23 points on the way.
[[nodiscard]] std::vector<ParetoPoint> pareto_front(const Predictor& cost, const Predictor& value, Direction of_value);

/// Costs of neighbouring architectures: costs[c][i] is cost c of architecture number first + i.
struct ScoreBlock {
  std::uint64_t first = 0;
  std::size_t n = 0;
  std::vector<const double*> costs;
  int thread = 0;  ///< 0 to threads - 1; one block of a thread at a time
};

/// Every architecture of a space scored, without storing them: some 10^9 a second and core for one cost.
class ExhaustiveScore {
 public:
  /// @throws Error(Fault::usage) for no cost or costs of different spaces, Error(Fault::unsupported) for a
  /// space of 2^63 architectures or more.
  explicit ExhaustiveScore(std::vector<Predictor> costs);
  [[nodiscard]] std::uint64_t size() const noexcept;

  /// The architecture of a number below size(); the order is of our choosing.
  [[nodiscard]] Arch arch(std::uint64_t number) const;

  /// Calls visit for blocks that together are the whole space, in no order and from several threads at
  /// once. What visit throws ends the call.
  void visit(const std::function<void(const ScoreBlock&)>& visit, int threads = 1) const;

 private:
  struct Layout;
  std::shared_ptr<const Layout> layout_;
};

/// Exact number of architectures that keep limits[c] for each costs[c] (limit.hpp), by scoring them all.
/// @throws Error as ExhaustiveScore, and Error(Fault::usage) for lengths that differ.
[[nodiscard]] std::uint64_t count_feasible(const std::vector<Predictor>& costs, const std::vector<double>& limits,
                                           int threads = 1);

}  // namespace hwprof

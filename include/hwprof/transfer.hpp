// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/model.hpp"
#include "hwprof/space.hpp"

namespace hwprof {

/// Measurements of another device on architectures of the same space. Their metric and unit do not matter.
struct TransferSource {
  std::string name;
  std::vector<NetRecord> records;
};

struct TransferOptions {
  Metric metric = Metric::latency;  ///< of the new device
  std::uint64_t seed = 0;           ///< which samples settle the prior where there are more than 128
  std::string space_name;           ///< stands in the model file
  std::string member;               ///< this one alone instead of all by their errors; empty: all
};

struct ChooseOptions {
  std::size_t count = 20;  ///< 1 to 2000
  std::uint64_t seed = 0;
  std::vector<Arch> measured;  ///< the design continues after these
  /// Drawn from the sources' architectures, or from the space without sources; count at least, 100000 at most.
  std::size_t candidates = 4000;
};

/// A search space with what other devices cost on it: what a new device is fitted from. Cheap to copy (shared,
/// immutable); safe to use from any thread.
class TransferBase {
 public:
  /// Describes the space's architectures and fits each source, to the metric where it has that and to another of its
  /// own otherwise: latency, energy, or the first of list_metrics(). Sources of fewer than ten architectures are noted
  /// and left out. The space must outlive this. Some tenths of a second for nine sources of 5000 architectures, most of
  /// it least squares on those.
  /// @throws Error(Fault::usage) for records of an architecture that the space does not have, Error(Fault::unsupported)
  /// for a space whose factors are too large (MixinProfilingSearchSpace::factors).
  TransferBase(const MixinProfilingSearchSpace& space, const std::vector<TransferSource>& sources,
               Metric metric = Metric::latency);

  /// A cost model of a new device from a few measured architectures (three suffice to fit, twenty to rank) and, where
  /// there are some, records of other devices on the same space. Architectures are described by sums over their
  /// primitives' graphs (operations, MACs, bytes; by class and stage), by the options they take, and by what the
  /// sources are predicted to cost. Members, all linear in those:
  ///  - "scaling": cost = a + b · MACs, bytes or operations, a and b not negative;
  ///  - "stacking": a combination of the sources' predictions without negative weights, slightly pulled to their mean;
  ///  - "mixed": the same with MACs, bytes and operations beside the sources;
  ///  - "analytic": Bayesian regression (a Gaussian process with linear kernels) on the description alone;
  ///  - "transfer": the same with the sources' predictions;
  ///  - "additive": least squares on the description, or on what each factor puts in; only of labels that are exact
  ///    sums, and then alone unless another member is asked for.
  /// The others are weighed by the error of leaving one sample out, and those that know the sources six times
  /// beforehand; they add up to one table per factor of the space. The summary has every member's weight, error and
  /// rank correlation, as "weight.scaling", "loo_median_ape.scaling", "loo_spearman.scaling" and so on; nets_used
  /// counts samples. Labels that are exact sums over decisions are found by least squares on one half that reproduces
  /// the other, and are noted; the model of such a device is marked as derived.
  ///
  /// Samples: records with an arch; several of one architecture count as their mean. Purposes "validation" and "repeat"
  /// are left out. Outlying samples weigh less.
  /// @throws Error(Fault::missing) for fewer than three different architectures, Error(Fault::usage) for records of an
  /// architecture that the space does not have, and for a member that there is none of. O(samples²); priors are settled
  /// on 128 of the samples at most.
  [[nodiscard]] Model fit(const std::vector<NetRecord>& samples, const TransferOptions& options = {}) const;

  /// Whether costs are exact sums over decisions, which no measurements are: least squares on one half of the records
  /// reproduces the other half to rounding. False as well where records are too few to tell, which takes some hundreds.
  /// Whatever their purpose, records count that have an arch of the space and the metric.
  /// @throws Error as fit().
  [[nodiscard]] bool exact_sums(std::vector<NetRecord> records, Metric metric = Metric::latency) const;

  /// Which architectures to measure next: those that make the determinant of what the "transfer" regression learns
  /// large (D-optimal design: greedy choice, then exchanges until nothing gets better, in ten passes at most and fewer
  /// of large designs). No label of the new device is needed. Deterministic by seed.
  /// @throws Error(Fault::usage) for a count out of its range and for an architecture measured that the space does not
  /// have, Error(Fault::missing) when there are fewer different candidates than asked for.
  [[nodiscard]] std::vector<Arch> choose(const ChooseOptions& options = {}) const;

 private:
  struct Contents;
  std::shared_ptr<const Contents> contents_;
};

}  // namespace hwprof

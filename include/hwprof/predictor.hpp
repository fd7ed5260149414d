// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hwprof/model.hpp"
#include "hwprof/space.hpp"

namespace hwprof {

/// Whether less or more of a quantity is better: never guessed from a sign.
enum class Direction { minimize, maximize };

/// A cost per primitive, e.g. [](const Prim& prim) { return count_work(prim).macs; }.
using PrimCost = std::function<double(const Prim& prim)>;

/// A cost compiled against a space, for search loops: tables indexed by option numbers, no look-up of
/// primitives any more. Models that are a sum over primitives, with a scale and a bias on top, become a table of costs;
/// so do models of architectures ("transfer") where nothing falls below the least that they predict.
/// Others become tables of what they make of the primitives (features), and the rest of the model runs at each call.
/// Cheap to copy (shared, immutable); every method is const, thread-safe and allocation-free, those apart
/// that can throw.
class Predictor {
 public:
  /// Evaluates the model once per combination of options within each factor of the space
  /// (MixinProfilingSearchSpace::factors), then checks the tables against it on random architectures.
  /// @throws Error(Fault::missing) naming every primitive that is met and the model does not know;
  /// Error(Fault::unsupported) for a kind of model that cannot be compiled, for a space that is no sum over
  /// its factors, for factors whose tables would pass 2^22 entries each or 2^25 together and, where a model goes by
  /// the order of primitives, for a space whose factors do not settle it (MixinProfilingSearchSpace::factors);
  /// Error(Fault::usage) for a model of architectures of another space.
  Predictor(const MixinProfilingSearchSpace& space, const Model& model);

  /// The sum of a cost over the primitives; cost is called once for each that is met.
  /// @throws Error as above, and Error(Fault::usage) for a cost that is not finite.
  Predictor(const MixinProfilingSearchSpace& space, const PrimCost& cost);

  [[nodiscard]] std::size_t num_decisions() const noexcept;
  [[nodiscard]] const std::vector<std::size_t>& num_options() const noexcept;  ///< per decision

  /// arch: num_decisions() option indices. Model::predict of its primitives, so never below 0; some tens of
  /// nanoseconds for a sum. An index that the space does not have gives NaN or, from the next power of two on, the
  /// cost of another option. NaN also where the model refuses a network for its length ("mlp" over padded costs).
  [[nodiscard]] double predict(const std::uint16_t* arch) const noexcept;

  /// The same, checked. @throws Error(Fault::usage) for an architecture that does not fit.
  [[nodiscard]] double predict(const Arch& arch) const;

  /// archs: n rows of num_decisions() option indices, row-major; out: n costs in the metric's unit, in
  /// single precision. Some nanoseconds a row for a sum; indices as above.
  /// @throws Error(Fault::unsupported) for a space with a decision of more than 256 options.
  void predict(const std::uint8_t* archs, std::size_t n, float* out) const;

  /// Expected cost when each decision is drawn on its own, and its gradient by the probabilities: the
  /// latency term of one-shot search (FBNet, ProxylessNAS: Σ_i Σ_j p_ij · lat_ij). Both arrays hold the options of
  /// decision 0, then of decision 1, …; gradient may be null. Multilinear in the probabilities, which need not add up
  /// to 1; not cut off at 0. Cost: one pass over all tables. @throws Error(Fault::unsupported) unless is_sum().
  [[nodiscard]] double expect(const double* probabilities, double* gradient) const;

  /// Whether the cost is a sum over primitives or decisions, with a constant; only then is there more than predict().
  [[nodiscard]] bool is_sum() const noexcept;

  /// One additive part: its cost for every combination of its decisions, the first varying fastest.
  struct Factor {
    std::vector<std::size_t> decisions;  ///< ascending; those with one option only are left out
    std::vector<double> cost;
  };
  /// predict(arch) = max(0, constant() + sum of factors()): what exact tools work on.
  /// @throws Error(Fault::unsupported) unless is_sum().
  [[nodiscard]] const std::vector<Factor>& factors() const;
  [[nodiscard]] double constant() const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

}  // namespace hwprof

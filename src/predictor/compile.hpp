// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "hwprof/predictor.hpp"
#include "model/prim_table.hpp"

namespace hwprof::predictor {

/// Cost of a primitive, or nothing where it is not known.
using KnownCost = std::function<std::optional<double>(const Prim& prim)>;

/// The sum over the primitives of an architecture, each asked for once and then remembered.
class ArchCost {
 public:
  ArchCost(const MixinProfilingSearchSpace& space, KnownCost cost) : space_(space), cost_(std::move(cost)) {}

  /// Unknown primitives count as 0 here; refuse_missing() tells.
  [[nodiscard]] double operator()(const Arch& arch);
  /// @throws Error(Fault::missing) naming the unknown primitives met so far, if any.
  void refuse_missing() const;

 private:
  const MixinProfilingSearchSpace& space_;
  KnownCost cost_;
  model::PrimIndex index_;
  std::vector<double> costs_;
  std::vector<std::string> missing_;
};

/// The additive parts of a cost, one per factor of the space, and the constant beside them.
/// @throws Error(Fault::unsupported) for a factor that is too large.
[[nodiscard]] std::vector<Predictor::Factor> decompose(const MixinProfilingSearchSpace& space,
                                                       const std::vector<std::size_t>& options, ArchCost& cost,
                                                       double& constant);

/// Compares the sum of the parts with the cost on sampled architectures.
/// @throws Error(Fault::unsupported) when they differ.
void verify(const std::vector<Predictor::Factor>& factors, double constant, const MixinProfilingSearchSpace& space,
            const std::vector<std::size_t>& options, ArchCost& cost);

/// Sets the decisions of a factor to its combination number index.
void set_combination(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options,
                     std::size_t index, Arch& arch);

/// Cost that a factor adds to an architecture.
[[nodiscard]] double cost_of(const Predictor::Factor& factor, const std::vector<std::size_t>& options,
                             const Arch& arch);

/// Bits that hold an option index.
[[nodiscard]] int bits_for(std::size_t options);
[[nodiscard]] int bits_for(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options);

constexpr int max_factor_bits = 22;
constexpr std::size_t max_table_entries = std::size_t{1} << 25;

}  // namespace hwprof::predictor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "hwprof/predictor.hpp"
#include "model/prim_table.hpp"

namespace hwprof::predictor {

/// Writes the numbers of a primitive; false where it is not known.
using Numbers = std::function<bool(const Prim& prim, double* out)>;

/// The distinct primitives that are met, with the numbers of each, asked for once.
class PrimNumbers {
 public:
  PrimNumbers(std::size_t width, Numbers numbers) : width_(width), numbers_(std::move(numbers)) {}

  [[nodiscard]] std::size_t width() const noexcept { return width_; }
  /// Number of prim. The numbers of an unknown one count as 0 here; refuse_missing() tells.
  [[nodiscard]] std::uint32_t insert(const Prim& prim);
  [[nodiscard]] const double* row(std::uint32_t prim) const noexcept { return &rows_[prim * width_]; }
  [[nodiscard]] std::vector<double> take_rows() noexcept { return std::move(rows_); }
  /// @throws Error(Fault::missing) naming the unknown primitives met so far, if any.
  void refuse_missing() const;

 private:
  std::size_t width_;
  Numbers numbers_;
  model::PrimIndex index_;
  std::vector<double> rows_;
  std::vector<std::string> missing_;
};

/// The sums of numbers over the primitives of an architecture.
class ArchSum {
 public:
  ArchSum(const MixinProfilingSearchSpace& space, PrimNumbers& prims)
      : space_(space), prims_(prims), sums_(prims.width()) {}
  /// Valid until the next call.
  [[nodiscard]] const std::vector<double>& operator()(const Arch& arch);
  void refuse_missing() const { prims_.refuse_missing(); }

 private:
  const MixinProfilingSearchSpace& space_;
  PrimNumbers& prims_;
  std::vector<double> sums_;
};

/// The decisions of each factor, checked: ascending, with a choice, none within another.
/// @throws Error(Fault::unsupported) for a factor that is too large, Error(Fault::usage) for one that is none.
[[nodiscard]] std::vector<std::vector<std::size_t>> scopes_of(const MixinProfilingSearchSpace& space,
                                                              const std::vector<std::size_t>& options);

/// The additive parts of sums, one per factor of the space, and the constant beside them; cost holds a row of
/// numbers per combination.
/// @throws Error(Fault::unsupported) for factors that are too large.
[[nodiscard]] std::vector<Predictor::Factor> decompose(const MixinProfilingSearchSpace& space,
                                                       const std::vector<std::size_t>& options, ArchSum& sum,
                                                       std::vector<double>& constant);

/// Compares the sums of the parts with the true ones on sampled architectures.
/// @throws Error(Fault::unsupported) when they differ.
void verify(const std::vector<Predictor::Factor>& factors, const std::vector<double>& constant,
            const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options, ArchSum& sum);

/// Number of combinations of the options of some decisions.
[[nodiscard]] std::size_t combinations(const std::vector<std::size_t>& decisions,
                                       const std::vector<std::size_t>& options);

/// Sets the decisions of a factor to its combination number index.
void set_combination(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options,
                     std::size_t index, Arch& arch);

/// Number of an architecture's combination.
[[nodiscard]] std::size_t combination_of(const std::vector<std::size_t>& decisions,
                                         const std::vector<std::size_t>& options, const Arch& arch);

/// Bits that hold an option index.
[[nodiscard]] int bits_for(std::size_t options);
[[nodiscard]] int bits_for(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options);

constexpr int max_factor_bits = 22;
constexpr std::size_t max_table_entries = std::size_t{1} << 25;

}  // namespace hwprof::predictor

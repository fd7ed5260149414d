// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "hwprof/prim.hpp"
#include "hwprof/record.hpp"

namespace hwprof::model {

/// Numbers distinct primitives in the order they come. Look-ups allocate nothing: open addressing over
/// the stable hash, then one comparison, so that an unknown primitive is never taken for a known one.
class PrimIndex {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// The number of prim, given to it now if it is new.
  std::uint32_t insert(const Prim& prim);
  [[nodiscard]] std::uint32_t find(const Prim& prim) const noexcept;
  [[nodiscard]] const std::vector<Prim>& prims() const noexcept { return prims_; }
  [[nodiscard]] std::size_t size() const noexcept { return prims_.size(); }

 private:
  [[nodiscard]] std::size_t slot_of(const Prim& prim, std::uint64_t hash) const noexcept;
  void grow();

  std::vector<Prim> prims_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> slots_;  ///< number + 1, 0 where free; a power of two, at most half full
  int shift_ = 64;
};

/// Half width of a 95 % interval (Measured::spread) over the standard error.
inline constexpr double interval_factor = 1.96;

/// What each known primitive costs.
struct PrimTable {
  PrimIndex index;
  std::vector<Measured> costs;  ///< by number in index

  void add(const Prim& prim, const Measured& cost);  ///< replaces an earlier cost of an equal primitive
  /// Those of prims that are not in the table, sorted, each once.
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const;
  [[nodiscard]] const Measured* find(const Prim& prim) const noexcept {
    const std::uint32_t number = index.find(prim);
    return number == PrimIndex::none ? nullptr : &costs[number];
  }
};

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "hwprof/prim.hpp"
#include "hwprof/record.hpp"
#include "model/prim_key.hpp"

namespace hwprof::model {

/// Numbers distinct primitives in the order they come. Look-ups allocate nothing: open addressing over a
/// digest, then one comparison of words, so that an unknown primitive is never taken for a known one.
class PrimIndex {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// The number of prim, given to it now if it is new.
  std::uint32_t insert(const Prim& prim);
  [[nodiscard]] std::uint32_t find(const Prim& prim) const noexcept;
  /// The numbers of n primitives, none for unknown ones: faster than one by one.
  void find(const Prim* prims, std::size_t n, std::uint32_t* numbers) const noexcept;
  [[nodiscard]] const std::vector<Prim>& prims() const noexcept { return prims_; }
  [[nodiscard]] std::size_t size() const noexcept { return prims_.size(); }

 private:
  struct Slot {
    std::uint32_t tag = 0, entry = 0;  ///< upper half of the digest; where in words_, 0 where free
  };
  [[nodiscard]] std::size_t slot_of(const PrimKey& key, const Prim& prim) const noexcept;
  [[nodiscard]] bool same(std::size_t entry, const PrimKey& key, const Prim& prim) const noexcept;
  void grow();
  void place(std::size_t number);

  std::vector<Prim> prims_;
  std::vector<std::uint64_t> words_;  ///< from 1: number and count of words, the words of the key
  std::vector<Slot> slots_;           ///< a power of two, at most half of them taken
  int bits_ = 0;
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

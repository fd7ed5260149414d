// SPDX-License-Identifier: Apache-2.0
#include "model/prim_table.hpp"

#include <algorithm>
#include <array>

#include "hwprof/error.hpp"

namespace hwprof::model {

namespace {

// What stands before the words of a key.
constexpr std::uint64_t header(std::size_t number, std::size_t count) {
  return number << 32 | count;
}
constexpr std::size_t number_of(std::uint64_t header) {
  return header >> 32;
}
constexpr std::size_t count_of(std::uint64_t header) {
  return header & 0xffffffff;
}
inline void prefetch(const void* at) {
#if defined(__GNUC__)
  __builtin_prefetch(at);
#else
  (void)at;
#endif
}
constexpr std::uint32_t tag_of(std::uint64_t digest) {
  return static_cast<std::uint32_t>(digest >> 32);
}

}  // namespace

bool PrimIndex::same(std::size_t entry, const PrimKey& key, const Prim& prim) const noexcept {
  const std::uint64_t* const stored = words_.data() + entry;
  if (count_of(stored[0]) != key.size()) return false;
  return key.size() == 0 ? prims_[number_of(stored[0])] == prim : std::equal(key.begin(), key.end(), stored + 1);
}

std::size_t PrimIndex::slot_of(const PrimKey& key, const Prim& prim) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = key.digest() & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.entry == 0 || (slot.tag == tag_of(key.digest()) && same(slot.entry, key, prim))) return at;
  }
}

void PrimIndex::grow() {
  constexpr int least_bits = 4;
  bits_ = slots_.empty() ? least_bits : bits_ + 1;
  slots_.assign(std::size_t{1} << bits_, {});
  words_.clear();
  words_.push_back(0);
  for (std::size_t number = 0; number < prims_.size(); ++number) place(number);
}

void PrimIndex::place(std::size_t number) {
  PrimKey key;
  key.set(prims_[number]);
  Slot& slot = slots_[slot_of(key, prims_[number])];
  if (words_.size() + 1 + key.size() > 0xffffffff) throw Error(Fault::unsupported, "too many primitives for one table");
  slot = {tag_of(key.digest()), static_cast<std::uint32_t>(words_.size())};
  words_.push_back(header(number, key.size()));
  words_.insert(words_.end(), key.begin(), key.end());
}

std::uint32_t PrimIndex::insert(const Prim& prim) {
  const std::uint32_t known = find(prim);
  if (known != none) return known;
  prims_.push_back(prim);
  if (prims_.size() * 2 > slots_.size())
    grow();
  else
    place(prims_.size() - 1);
  return static_cast<std::uint32_t>(prims_.size() - 1);
}

std::uint32_t PrimIndex::find(const Prim& prim) const noexcept {
  std::uint32_t number = none;
  find(&prim, 1, &number);
  return number;
}

void PrimIndex::find(const Prim* prims, std::size_t n, std::uint32_t* numbers) const noexcept {
  if (slots_.empty()) {
    std::fill(numbers, numbers + n, none);
    return;
  }
  // All keys first: what was just written is not read back at once, and the memory fetches the slots meanwhile.
  constexpr std::size_t block = 8;
  std::array<PrimKey, block> keys;
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t count = std::min(block, n - begin);
    for (std::size_t i = 0; i < count; ++i) {
      keys[i].set(prims[begin + i]);
      prefetch(&slots_[keys[i].digest() & (slots_.size() - 1)]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t entry = slots_[slot_of(keys[i], prims[begin + i])].entry;
      numbers[begin + i] = entry == 0 ? none : static_cast<std::uint32_t>(number_of(words_[entry]));
    }
  }
}

std::vector<Prim> PrimTable::missing(const std::vector<Prim>& prims) const {
  std::vector<Prim> out;
  for (const auto& prim : prims)
    if (find(prim) == nullptr) out.push_back(prim);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void PrimTable::add(const Prim& prim, const Measured& cost) {
  const std::uint32_t number = index.insert(prim);
  if (number == costs.size())
    costs.push_back(cost);
  else
    costs[number] = cost;
}

}  // namespace hwprof::model

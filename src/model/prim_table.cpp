// SPDX-License-Identifier: Apache-2.0
#include "model/prim_table.hpp"

#include <algorithm>

namespace hwprof::model {

std::size_t PrimIndex::slot_of(const Prim& prim, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (auto slot = static_cast<std::size_t>((hash * 0x9e3779b97f4a7c15) >> shift_);; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const std::size_t number = slots_[slot] - 1;
    if (hashes_[number] == hash && prims_[number] == prim) return slot;
  }
}

void PrimIndex::grow() {
  constexpr int least_bits = 4;
  shift_ = slots_.empty() ? 64 - least_bits : shift_ - 1;
  slots_.assign(std::size_t{1} << (64 - shift_), 0);
  for (std::size_t number = 0; number < prims_.size(); ++number)
    slots_[slot_of(prims_[number], hashes_[number])] = static_cast<std::uint32_t>(number + 1);
}

std::uint32_t PrimIndex::insert(const Prim& prim) {
  if ((prims_.size() + 1) * 2 > slots_.size()) grow();
  const std::uint64_t code = hash(prim);
  std::uint32_t& number = slots_[slot_of(prim, code)];
  if (number == 0) {
    prims_.push_back(prim);
    hashes_.push_back(code);
    number = static_cast<std::uint32_t>(prims_.size());
  }
  return number - 1;
}

std::uint32_t PrimIndex::find(const Prim& prim) const noexcept {
  if (slots_.empty()) return none;
  const std::uint32_t number = slots_[slot_of(prim, hash(prim))];
  return number == 0 ? none : number - 1;
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

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "predictor/tables.hpp"

namespace hwprof::predictor {
namespace {

constexpr std::size_t bytes = 8, register_bytes = 64;

int bits_of(const Field& field) {
  int bits = 0;
  while ((std::uint32_t{1} << bits) <= field.mask) ++bits;
  return bits;
}

/// Fills place `at` of an octet; false when the index would not fit into the sums on the way.
bool fill(Octet& octet, std::size_t at, const Slots& slots, const Slot& slot) {
  constexpr int max_byte_shift = 6, max_pair_shift = 14, max_low_bits = 16;
  const std::size_t count = slot.last_field - slot.first_field;
  if (count > bytes) return false;
  // Where the bits of each byte, pair and four of bytes begin in the index; unused ones count nothing.
  std::array<int, bytes + 1> begin{};
  for (std::size_t i = 0; i < bytes; ++i)
    begin[i + 1] = begin[i] + (i < count ? bits_of(slots.fields[slot.first_field + i]) : 0);
  if (begin[4] > max_low_bits) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const Field& field = slots.fields[slot.first_field + i];
    const int byte_shift = begin[i] - begin[i & ~std::size_t{1}];
    if (byte_shift > max_byte_shift || begin[(i | 1) + 1] - begin[i & ~std::size_t{1}] > max_pair_shift) return false;
    octet.from[at * bytes + i] = static_cast<std::uint8_t>(field.decision);
    octet.mask[at * bytes + i] = static_cast<std::uint8_t>(field.mask);
    octet.byte_weight[at * bytes + i] = static_cast<std::int8_t>(1 << byte_shift);
  }
  for (std::size_t pair = 0; pair < bytes / 2; ++pair) {
    const int pair_shift = begin[2 * pair] - begin[(2 * pair) & ~std::size_t{3}];
    if (pair_shift > max_pair_shift) return false;
    octet.pair_weight[at * bytes / 2 + pair] = static_cast<std::int16_t>(1 << pair_shift);
  }
  octet.shift[at] = static_cast<std::uint64_t>(32 - begin[4]);
  octet.offset[at] = slot.offset;
  return true;
}

}  // namespace

std::vector<Octet> make_octets(const Slots& slots, std::size_t width) {
  if (width > register_bytes || slots.slots.size() > max_octet_slots) return {};
  std::vector<Octet> octets;
  for (std::size_t s = 0; s < slots.slots.size(); ++s) {
    if (s % bytes == 0) octets.push_back({});
    if (!fill(octets.back(), s % bytes, slots, slots.slots[s])) return {};
  }
  return octets;
}

}  // namespace hwprof::predictor

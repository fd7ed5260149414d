// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "hwprof/prim.hpp"

namespace hwprof {
namespace {

constexpr std::uint64_t text_seed = 0x9ddfea08eb382d69;
constexpr std::uint64_t attr_seed = 0xc2b2ae3d27d4eb4f;

std::uint64_t mix(std::uint64_t state, std::uint64_t word) noexcept {
  state = (state ^ word) * 0x9e3779b97f4a7c15;
  return state ^ (state >> 32);
}

std::uint64_t byte(const char* from, int i) noexcept {
  return std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
}

// Little-endian whatever the machine. Written out, because compilers make one load of it only then.
std::uint64_t load4(const char* from) noexcept {
  return byte(from, 0) | byte(from, 1) | byte(from, 2) | byte(from, 3);
}

std::uint64_t load8(const char* from) noexcept {
  return byte(from, 0) | byte(from, 1) | byte(from, 2) | byte(from, 3) | byte(from, 4) | byte(from, 5) | byte(from, 6) |
         byte(from, 7);
}

std::uint64_t hash_text(const std::string& text) noexcept {
  const char* at = text.data();
  const std::size_t size = text.size();
  std::uint64_t state = text_seed ^ size;
  if (size > 8) {
    const char* const last = at + size - 8;
    for (; at < last; at += 8) state = mix(state, load8(at));
    return mix(state, load8(last));
  }
  if (size >= 4) return mix(state, load4(at) | load4(at + size - 4) << 32);
  for (; at < text.data() + size; ++at) state = mix(state, byte(at, 0));
  return state;
}

std::uint64_t hash_number(double value) noexcept {
  if (value == 0) return 0;  // -0 is 0
  if (std::isnan(value)) return 1;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits ^ (bits >> 32);  // small whole numbers have all their bits on top
}

std::uint64_t hash_value(const Attr& value) noexcept {
  if (const auto* text = std::get_if<std::string>(&value)) return hash_text(*text);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return hash_number(static_cast<double>(*whole));
  if (const auto* real = std::get_if<double>(&value)) return hash_number(*real);
  return hash_number(*std::get_if<bool>(&value) ? 1 : 0);
}

std::uint64_t pair(int low, int high) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(low)} | std::uint64_t{static_cast<std::uint32_t>(high)} << 32;
}

}  // namespace

// Type, sizes and attributes are hashed apart and added, so that the processor overlaps them. The order of the
// attributes need not enter: their names do, and these are unique.
std::uint64_t hash(const Prim& prim) noexcept {
  std::uint64_t sum = mix((prim.attrs.size() << 1) | (prim.affine ? 1U : 0U), pair(prim.spatial_size, prim.C));
  sum = mix(sum, pair(prim.C_out, prim.stride)) + hash_text(prim.prim_type);
  for (const auto& [name, value] : prim.attrs) sum += mix(hash_text(name) ^ attr_seed, hash_value(value));
  return mix(mix(sum, 0), 0);
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
// Many rows through a forest at once: which of 512 rows reach a node is a set of bits.
#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "model/forest.hpp"

// Compiled for wider registers too, and chosen when the program starts; what is computed does not differ.
#if defined(__x86_64__) && defined(__GLIBC__)
#define HWPROF_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define HWPROF_WIDE
#endif

namespace hwprof::model {
namespace {

constexpr std::size_t words = 8, set_rows = 64 * words;
constexpr std::size_t least_rows = 96;           // below which walking is faster
constexpr std::size_t most_set_nodes = 1 << 11;  // of a tree above which walking is faster

struct Set {
  std::array<std::uint64_t, words> bits;
};

/// Byte r of the result has bit b where byte b of x has bit r (H. S. Warren, "Hacker's Delight", 2012, 7-3).
inline std::uint64_t transposed(std::uint64_t x) noexcept {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAU;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCU;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0U;
  return x ^ t ^ (t << 28);
}

}  // namespace

struct Forest::Scratch {
  Scratch(std::size_t features, std::size_t cuts) : right(features * (set_rows + 1)), right_of(cuts) {}
  std::vector<Set> right;               ///< of each feature and number r, the rows that have r rows or more below them
  std::vector<std::uint32_t> right_of;  ///< of each threshold, the set of rows above it
  std::array<Set, most_set_nodes> reached;
  std::array<Set, most_set_nodes / 2 + 2> leaves;
  std::array<std::uint32_t, set_rows> code, order;
};

namespace {

/// For each row how many of the m ascending cuts are below its value.
HWPROF_WIDE void count_below(const float* cuts, std::size_t m, const float* values, std::size_t stride, std::size_t n,
                             std::uint32_t* out) noexcept {
  std::array<float, set_rows> x;
  for (std::size_t i = 0; i < n; ++i) x[i] = values[i * stride];
  for (std::size_t i = 0; i < n; ++i) out[i] = 0;
  if (m == 0) return;
  std::size_t left = m;
  for (; left > 1; left -= left / 2) {
    const auto half = static_cast<std::uint32_t>(left / 2);
    for (std::size_t i = 0; i < n; ++i) out[i] += cuts[out[i] + half - 1] < x[i] ? half : 0;
  }
  for (std::size_t i = 0; i < n; ++i) out[i] += cuts[out[i]] < x[i] ? 1 : 0;
}

}  // namespace

HWPROF_WIDE void Forest::add_sets(const Tree& tree, Scratch& scratch, double* sums) const noexcept {
  Set* const reached = scratch.reached.data();
  reached[0].bits.fill(~std::uint64_t{0});
  const std::size_t inner = tree.nodes / 2;
  const Inner* const node = inner_.data() + tree.inner;
  for (std::size_t k = 0; k < inner; ++k) {
    const Set& right = scratch.right[scratch.right_of[node[k].cut]];
    const Set here = reached[node[k].at];
    for (std::size_t w = 0; w < words; ++w) {
      reached[2 * k + 1].bits[w] = here.bits[w] & ~right.bits[w];
      reached[2 * k + 2].bits[w] = here.bits[w] & right.bits[w];
    }
  }
  // The number of the leaf of each row, bit by bit: the rows of all odd leaves; of all odd pairs of leaves; and so on.
  Set* const level = scratch.leaves.data();
  const Leaf* const leaf = leaves_.data() + tree.leaves;
  std::size_t count = inner + 1;
  for (std::size_t i = 0; i < count; ++i) level[i] = reached[leaf[i].at];
  std::array<Set, 16> plane{};
  std::size_t planes = 0;
  for (; count > 1; count = (count + 1) / 2, ++planes) {
    level[count] = Set{};
    Set odd{};
    for (std::size_t i = 0; i < count; i += 2)
      for (std::size_t w = 0; w < words; ++w) {
        odd.bits[w] |= level[i + 1].bits[w];
        level[i / 2].bits[w] = level[i].bits[w] | level[i + 1].bits[w];
      }
    plane[planes] = odd;
  }
  const auto eight = [&](std::size_t first, std::size_t w) {
    std::array<std::uint64_t, 8> bytes{};
    for (std::size_t b = 0; b < 8; ++b)
      for (std::size_t j = 0; j < 8; ++j) bytes[j] |= (plane[first + b].bits[w] >> (8 * j) & 0xFF) << (8 * b);
    for (auto& x : bytes) x = transposed(x);
    return bytes;
  };
  for (std::size_t w = 0; w < words; ++w) {
    const auto low = eight(0, w);
    double* const out = sums + 64 * w;
    if (planes <= 8) {
      for (std::size_t j = 0; j < 8; ++j)
        for (std::size_t r = 0; r < 8; ++r) out[8 * j + r] += static_cast<double>(leaf[low[j] >> (8 * r) & 0xFF].value);
      continue;
    }
    const auto high = eight(8, w);
    for (std::size_t j = 0; j < 8; ++j)
      for (std::size_t r = 0; r < 8; ++r)
        out[8 * j + r] +=
            static_cast<double>(leaf[(low[j] >> (8 * r) & 0xFF) | (high[j] >> (8 * r) & 0xFF) << 8].value);
  }
}

void Forest::add_block(const float* rows, std::size_t n, Scratch& scratch, double* sums) const noexcept {
  for (std::size_t f = 0; f < features_; ++f) {
    const std::size_t begin = first_cut_[f], m = first_cut_[f + 1] - begin;
    if (m == 0) continue;
    auto& code = scratch.code;
    count_below(cuts_.data() + begin, m, rows + f, features_, n, code.data());
    // How many rows are at or below each cut, then the rows in that order.
    std::uint32_t* const below = scratch.right_of.data() + begin;
    std::fill(below, below + m, 0U);
    for (std::size_t i = 0; i < n; ++i)
      if (code[i] < m) ++below[code[i]];
    const auto base = static_cast<std::uint32_t>(f * (set_rows + 1));
    std::uint32_t total = base;
    for (std::size_t k = 0; k < m; ++k) {
      const std::uint32_t own = below[k];
      below[k] = total;
      total += own;
    }
    std::uint32_t above = total - base;
    for (std::size_t i = 0; i < n; ++i)
      scratch.order[code[i] < m ? below[code[i]]++ - base : above++] = static_cast<std::uint32_t>(i);
    Set rest{};
    for (std::size_t i = 0; i < n; ++i) rest.bits[i / 64] |= std::uint64_t{1} << i % 64;
    Set* const right = scratch.right.data() + base;
    for (std::size_t r = 0; r < n; ++r) {
      right[r] = rest;
      rest.bits[scratch.order[r] / 64] &= ~(std::uint64_t{1} << scratch.order[r] % 64);
    }
    right[n] = rest;
  }
  for (const Tree& tree : trees_)
    if (tree.nodes <= most_set_nodes)
      add_sets(tree, scratch, sums);
    else
      add_walking(tree, rows, n, sums);
}

void Forest::predict(const float* rows, std::size_t n, double* out) const noexcept {
  std::size_t done = 0;
  if (n >= least_rows && !trees_.empty()) {
    std::unique_ptr<Scratch> scratch;
    try {
      scratch = std::make_unique<Scratch>(features_, cuts_.size());
    } catch (const std::bad_alloc&) {
    }
    while (scratch != nullptr && n - done >= least_rows) {
      const std::size_t count = std::min(set_rows, n - done);
      std::array<double, set_rows> sums{};
      add_block(rows + done * features_, count, *scratch, sums.data());
      for (std::size_t i = 0; i < count; ++i) out[done + i] = sums[i] / static_cast<double>(trees_.size());
      done += count;
    }
  }
  if (done < n) predict_walking(rows + done * features_, n - done, out + done);
}

}  // namespace hwprof::model

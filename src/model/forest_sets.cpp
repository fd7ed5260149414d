// SPDX-License-Identifier: Apache-2.0
// Many rows through a forest at once: which of 512 rows reach a node is a set of bits.
#include <algorithm>
#include <array>
#include <cstring>
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
  alignas(64) std::array<std::uint64_t, words> bits;
};

/// A half of a set, in one wide register or two. Spelt out, because compilers that must reckon with sets that overlap
/// go word by word.
using Half [[gnu::vector_size(32)]] = std::uint64_t;
constexpr std::size_t half_words = sizeof(Half) / sizeof(std::uint64_t);

inline void get(const Set& set, std::size_t first, Half& out) noexcept {
  std::memcpy(&out, set.bits.data() + first, sizeof out);
}
inline void put(const Half& half, std::size_t first, Set& out) noexcept {
  std::memcpy(out.bits.data() + first, &half, sizeof half);
}

/// Sixteen numbers at once, in one wide register or two.
constexpr std::size_t chunk = 16;
using Chunk [[gnu::vector_size(2 * chunk)]] = std::uint16_t;

/// The leaf that each row reaches in a tree, as its number among the tree's leaves.
using Codes = std::array<std::uint16_t, set_rows>;
constexpr std::size_t most_planes = 16;
constexpr std::size_t together = 4;  // trees whose leaves are added up in one go

}  // namespace

struct Forest::Scratch {
  Scratch(std::size_t features, std::size_t cuts) : right(features * (set_rows + 1)), right_of(cuts) {}
  std::vector<Set> right;               ///< of each feature and number r, the rows that have r rows or more below them
  std::vector<std::uint32_t> right_of;  ///< of each threshold, the set of rows above it
  std::array<Set, most_set_nodes> reached;
  std::array<Set, most_set_nodes / 2 + 2> leaves;
  std::array<std::uint32_t, set_rows> code, order;
  std::array<Codes, together> codes;
  std::array<const double*, together> values;  ///< of the leaves of the trees in codes
  std::size_t trees = 0;                       ///< in codes
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

/// Bit p of a row's code is where plane p has the row.
HWPROF_WIDE void codes_of(const Set* plane, std::size_t planes, std::uint16_t* out) noexcept {
  const Chunk lane{1,      1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                   1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  for (std::size_t w = 0; w < words; ++w)
    for (std::size_t part = 0; part < 64 / chunk; ++part) {
      Chunk code{};
      for (std::size_t p = 0; p < planes; ++p) {
        const auto bits = static_cast<std::uint16_t>(plane[p].bits[w] >> (chunk * part));
        const auto bit = static_cast<std::uint16_t>(1U << p);
        const auto here = static_cast<Chunk>((lane & bits) == lane);  // all ones or none in each
        code |= here & bit;
      }
      std::memcpy(out + 64 * w + chunk * part, &code, sizeof code);
    }
}

/// Adds to each row the values of its leaves, tree by tree.
template <std::size_t trees>
void add_leaves(const double* const* values, const Codes* codes, std::size_t n, double* sums) noexcept {
  for (std::size_t r = 0; r < n; ++r) {
    double sum = sums[r];
    for (std::size_t t = 0; t < trees; ++t) sum += values[t][codes[t][r]];
    sums[r] = sum;
  }
}

}  // namespace

HWPROF_WIDE void Forest::code_sets(const Tree& tree, Scratch& scratch) const noexcept {
  Set* const reached = scratch.reached.data();
  reached[0].bits.fill(~std::uint64_t{0});
  const std::size_t inner = tree.nodes / 2;
  const Inner* const node = inner_.data() + tree.inner;
  for (std::size_t k = 0; k < inner; ++k) {
    const Set& right = scratch.right[scratch.right_of[node[k].cut]];
    const Set& here = reached[node[k].at];
    for (std::size_t w = 0; w < words; w += half_words) {
      Half all, above;
      get(here, w, all);
      get(right, w, above);
      put(all & ~above, w, reached[2 * k + 1]);
      put(all & above, w, reached[2 * k + 2]);
    }
  }
  // The number of the leaf of each row, bit by bit: the rows of all odd leaves; of all odd pairs of leaves; and so on.
  Set* const level = scratch.leaves.data();
  const std::uint32_t* const leaf = leaf_at_.data() + tree.leaves;
  std::size_t count = inner + 1;
  for (std::size_t i = 0; i < count; ++i) level[i] = reached[leaf[i]];
  std::array<Set, most_planes> plane;
  std::size_t planes = 0;
  for (; count > 1; count = (count + 1) / 2, ++planes) {
    level[count] = Set{};
    for (std::size_t w = 0; w < words; w += half_words) {
      Half odd{};
      for (std::size_t i = 0; i < count; i += 2) {
        Half even, next;
        get(level[i], w, even);
        get(level[i + 1], w, next);
        odd |= next;
        put(even | next, w, level[i / 2]);
      }
      put(odd, w, plane[planes]);
    }
  }
  codes_of(plane.data(), planes, scratch.codes[scratch.trees].data());
  scratch.values[scratch.trees++] = leaf_values_.data() + tree.leaves;
}

void Forest::add_coded(Scratch& scratch, std::size_t n, double* sums) noexcept {
  if (scratch.trees == together)
    add_leaves<together>(scratch.values.data(), scratch.codes.data(), n, sums);
  else
    for (std::size_t t = 0; t < scratch.trees; ++t)
      add_leaves<1>(scratch.values.data() + t, scratch.codes.data() + t, n, sums);
  scratch.trees = 0;
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
  for (const Tree& tree : trees_) {
    const bool coded = tree.nodes <= most_set_nodes;
    if (coded) code_sets(tree, scratch);
    if (!coded || scratch.trees == together) add_coded(scratch, n, sums);
    if (!coded) add_walking(tree, rows, n, sums);
  }
  add_coded(scratch, n, sums);
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

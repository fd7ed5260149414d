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

constexpr std::size_t lanes = 32, bits = 16, set_rows = lanes * bits;
constexpr std::size_t least_rows = 64;  // below which walking is faster

/// Row i is bit i / 32 of number i % 32 of 16 bits.
struct Set {
  alignas(64) std::array<std::uint64_t, lanes * bits / 64> words;
};

/// Sets that lie one behind the other, by their words.
inline std::uint64_t* words_of(Set* sets) noexcept {
  return reinterpret_cast<std::uint64_t*>(sets);
}

/// A half of a set, in one wide register or two. Spelt out, because compilers that must reckon with sets that overlap
/// go word by word.
using Half [[gnu::vector_size(32)]] = std::uint16_t;
constexpr std::size_t half_lanes = sizeof(Half) / sizeof(std::uint16_t);
constexpr std::size_t half_words = sizeof(Half) / sizeof(std::uint64_t), words = 2 * half_words;

inline void get(const std::uint64_t* from, Half& out) noexcept {
  std::memcpy(&out, from, sizeof out);
}
inline void put(const Half& half, std::uint64_t* to) noexcept {
  std::memcpy(to, &half, sizeof half);
}

/// The leaf that each row reaches in a tree, as its number among the tree's leaves.
using Codes = std::array<std::uint16_t, set_rows>;
using Planes = std::array<Set, bits>;
constexpr std::size_t together = 4;  // trees whose leaves are added up in one go
constexpr std::size_t fold = 8;      // units that are counted in one go: three bits of their number
constexpr std::size_t fold_bits = 3;
constexpr std::size_t run = 32;  // thresholds between two rows that are written without asking how many there are

}  // namespace

struct Forest::Scratch {
  Scratch(std::size_t features, std::size_t cuts)
      : right(new Set[features * (set_rows + 1) + 1]), right_of(new std::uint32_t[cuts + run]) {}
  // Not vectors, which would clear what is written before it is read anyway.
  std::unique_ptr<Set[]> right;               ///< the rows above the thresholds between two rows, feature by feature
  std::unique_ptr<std::uint32_t[]> right_of;  ///< of each threshold, the first word of the set of rows above it
  std::array<Set, waiting_places + most_set_nodes / 2 + fold> places;
  std::array<std::uint32_t, set_rows> code, order;
  std::array<Codes, together> codes;
  std::array<const float*, together> values;  ///< of the leaves of the trees in codes
  std::size_t trees = 0;                      ///< in codes
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

/// The rows in the order of their keys, none of which is above `most`: a radix sort.
void sort_by(const std::uint32_t* key, std::uint32_t most, std::size_t n, std::uint32_t* order) noexcept {
  std::array<std::uint32_t, set_rows> other;
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
  for (unsigned shift = 0; shift < 32 && most >> shift != 0; shift += 8) {
    std::array<std::uint32_t, 257> begin{};
    for (std::size_t i = 0; i < n; ++i) ++begin[(key[i] >> shift & 255) + 1];
    for (std::size_t digit = 1; digit < 256; ++digit) begin[digit] += begin[digit - 1];
    for (std::size_t i = 0; i < n; ++i) other[begin[key[order[i]] >> shift & 255]++] = order[i];
    std::copy(other.data(), other.data() + n, order);
  }
}

/// The sets of rows above each of m cuts; cut k has below it, or on it, the rows whose code is k or less. One set for
/// all cuts between the same rows, behind `number` other sets; returns how many there are with these.
/// Writes without asking, as what comes next could not be foreseen: one set and `run` cuts more than there are.
HWPROF_WIDE std::size_t sets_of(const std::uint32_t* code, const std::uint32_t* order, std::size_t n, std::size_t m,
                                std::size_t number, Set* right, std::uint32_t* right_of) noexcept {
  std::array<std::uint16_t, lanes> all{};
  for (std::size_t i = 0; i < n; ++i) all[i % lanes] = static_cast<std::uint16_t>(all[i % lanes] | 1U << i / lanes);
  Half low, high;
  std::memcpy(&low, all.data(), sizeof low);
  std::memcpy(&high, all.data() + half_lanes, sizeof high);
  const Half lane{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  std::size_t k = 0;
  for (std::size_t r = 0; r <= n; ++r) {
    const std::size_t end = r < n ? code[order[r]] : m;
    put(low, right[number].words.data());
    put(high, right[number].words.data() + half_words);
    const auto word = static_cast<std::uint32_t>(words * number);
    for (std::size_t i = 0; i < run; ++i) right_of[k + i] = word;
    for (std::size_t i = k + run; i < end; ++i) right_of[i] = word;
    number += k < end ? 1 : 0;
    k = end;
    if (r == n) break;
    const auto at = static_cast<std::uint16_t>(order[r] % lanes);
    const auto bit = static_cast<std::uint16_t>(1U << order[r] / lanes);
    const auto here = static_cast<Half>(lane == at);  // all ones or none in each
    const auto there = static_cast<Half>(lane == static_cast<std::uint16_t>(at - half_lanes));
    low &= ~(here & bit);
    high &= ~(there & bit);
  }
  return number;
}

/// Bit p of a row's code is where plane p has the row: the transpose of 16 x 16 bits, in all numbers at once.
HWPROF_WIDE void codes_of(const Planes& planes, std::uint16_t* out) noexcept {
  for (std::size_t half = 0; half < 2; ++half) {
    std::array<Half, bits> row;
    for (std::size_t i = 0; i < bits; ++i) get(planes[i].words.data() + half * half_words, row[i]);
    const auto swap = [&row](std::uint16_t distance, std::uint16_t mask) {
      for (std::size_t i = 0; i < bits; ++i)
        if ((i & distance) == 0) {
          const Half moved = ((row[i] >> distance) ^ row[i + distance]) & mask;
          row[i + distance] ^= moved;
          row[i] ^= moved << distance;
        }
    };
    swap(8, 0x00ff);
    swap(4, 0x0f0f);
    swap(2, 0x3333);
    swap(1, 0x5555);
    for (std::size_t i = 0; i < bits; ++i) std::memcpy(out + i * lanes + half * half_lanes, &row[i], sizeof row[i]);
  }
}

/// Adds to each row the values of its leaves, tree by tree.
template <std::size_t trees>
void add_leaves(const float* const* values, const Codes* codes, std::size_t n, double* sums) noexcept {
  for (std::size_t r = 0; r < n; ++r) {
    double sum = sums[r];
    for (std::size_t t = 0; t < trees; ++t) sum += static_cast<double>(values[t][codes[t][r]]);
    sums[r] = sum;
  }
}

}  // namespace

HWPROF_WIDE void Forest::code_sets(const Tree& tree, Scratch& scratch) const noexcept {
  static_assert(words == set_words, "plan counts as this does");
  static_assert(most_set_nodes / 2 <= std::size_t{1} << (bits - 1), "a number fits its planes");
  const float* const values = leaf_values_.data() + tree.first_leaf;
  // Read at random later on; by then they are near.
  for (std::size_t i = 0; i < 2 * tree.units; i += 64 / sizeof(float)) __builtin_prefetch(values + i);
  scratch.places[tree.start].words.fill(~std::uint64_t{0});
  std::uint64_t* const place = words_of(scratch.places.data());
  const std::uint64_t* const right = words_of(scratch.right.get());
  const std::uint32_t* const right_of = scratch.right_of.get();
  const Step* const steps = steps_.data() + tree.first_step;
  for (std::size_t k = 0; k < tree.steps; ++k) {
    const Step step = steps[k];
    const std::uint64_t* const set = right + right_of[step.cut_from >> place_bits];
    const std::uint64_t* const from = place + words * (step.cut_from & ((1U << place_bits) - 1));
    for (std::size_t w = 0; w < words; w += half_words) {
      Half all, above;
      get(from + w, all);
      get(set + w, above);
      put(all & ~above, place + step.left + w);
      put(all & above, place + step.right + w);
    }
  }
  // The number of the leaf of each row, bit by bit: the rows of all odd leaves; of all odd units; of all odd pairs of
  // units; and so on.
  Planes planes{};
  std::uint64_t* const unit = place + words * waiting_places;
  const std::uint32_t* const cuts = pair_cuts_.data() + tree.first_pair;
  Half low{}, high{};
  for (std::size_t k = 0; k < tree.pairs; ++k) {
    const std::uint64_t* const set = right + right_of[cuts[k]];
    Half all, above;
    get(unit + words * k, all);
    get(set, above);
    low |= all & above;
    get(unit + words * k + half_words, all);
    get(set + half_words, above);
    high |= all & above;
  }
  put(low, planes[0].words.data());
  put(high, planes[0].words.data() + half_words);
  std::size_t plane = 1;
  for (std::size_t count = tree.units; count > 1; count = (count + fold - 1) / fold, plane += fold_bits) {
    for (std::size_t i = count; i % fold != 0; ++i) scratch.places[waiting_places + i] = Set{};
    for (std::size_t w = 0; w < words; w += half_words) {
      Half ones{}, twos{}, fours{};
      for (std::size_t i = 0; i < count; i += fold) {
        const std::uint64_t* const from = unit + words * i + w;
        Half a, b, c, d, e, f, g, h;
        get(from, a);
        get(from + words, b);
        get(from + 2 * words, c);
        get(from + 3 * words, d);
        get(from + 4 * words, e);
        get(from + 5 * words, f);
        get(from + 6 * words, g);
        get(from + 7 * words, h);
        ones |= (b | d) | (f | h);
        const Half second = c | d, third = e | f, fourth = g | h;
        twos |= second | fourth;
        fours |= third | fourth;
        put((a | b | second) | (third | fourth), unit + words * (i / fold) + w);
      }
      put(ones, planes[plane].words.data() + w);
      put(twos, planes[plane + 1].words.data() + w);
      put(fours, planes[plane + 2].words.data() + w);
    }
  }
  codes_of(planes, scratch.codes[scratch.trees].data());
  scratch.values[scratch.trees++] = values;
}

void Forest::add_coded(Scratch& scratch, std::size_t n, double* sums) noexcept {
  if (scratch.trees == together)
    add_leaves<together>(scratch.values.data(), scratch.codes.data(), n, sums);
  else
    for (std::size_t t = 0; t < scratch.trees; ++t)
      add_leaves<1>(scratch.values.data() + t, scratch.codes.data() + t, n, sums);
  scratch.trees = 0;
}

void Forest::sort_rows(const float* rows, std::size_t n, Scratch& scratch) const noexcept {
  std::uint32_t* const code = scratch.code.data();
  std::uint32_t* const order = scratch.order.data();
  std::size_t number = 0;
  for (std::size_t f = 0; f < features_; ++f) {
    const std::size_t begin = first_cut_[f], m = first_cut_[f + 1] - begin;
    if (m == 0) continue;
    count_below(cuts_.data() + begin, m, rows + f, features_, n, code);
    sort_by(code, static_cast<std::uint32_t>(m), n, order);
    number = sets_of(code, order, n, m, number, scratch.right.get(), scratch.right_of.get() + begin);
  }
}

void Forest::add_block(const float* rows, std::size_t n, Scratch& scratch, double* sums) const noexcept {
  sort_rows(rows, n, scratch);
  for (const Tree& tree : trees_) {
    const bool coded = tree.units != 0;
    if (coded) code_sets(tree, scratch);
    if (!coded || scratch.trees == together) add_coded(scratch, n, sums);
    if (!coded) add_walking(tree, rows, n, sums);
  }
  add_coded(scratch, n, sums);
}

void Forest::predict(const float* rows, std::size_t n, double* out) const noexcept {
  std::size_t done = 0;
  if (n >= least_rows && !leaf_values_.empty()) {
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

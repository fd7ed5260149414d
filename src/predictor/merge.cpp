// SPDX-License-Identifier: Apache-2.0
// From factors to the tables that predict() reads.
#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <tuple>

#include "predictor/compile.hpp"
#include "predictor/tables.hpp"

namespace hwprof::predictor {
namespace {

// A merged table of this many entries still shares a first-level cache with the rows.
constexpr int max_merged_bits = 10;
constexpr std::size_t window_bytes = 8;
constexpr std::size_t table_gap = 176;  // 11 cache lines of floats

struct Group {
  std::vector<std::size_t> decisions;
  std::vector<std::size_t> factors;
};

std::vector<std::size_t> union_of(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
  std::vector<std::size_t> all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

/// Windows that decisions, ascending, take in a row.
std::size_t count_windows(const std::vector<std::size_t>& decisions) {
  std::size_t count = 0, end = 0;
  for (const std::size_t decision : decisions) {
    if (decision < end) continue;
    ++count;
    end = decision + window_bytes;
  }
  return count;
}

/// Greedy: each factor goes where the index grows least, and by fewest windows.
std::vector<Group> group(const std::vector<Predictor::Factor>& factors, const std::vector<std::size_t>& options) {
  // Beyond some thousands of factors the search for the best group would dwarf the rest.
  constexpr std::size_t max_candidates = 64;
  std::vector<Group> groups;
  for (std::size_t f = 0; f < factors.size(); ++f) {
    const auto& decisions = factors[f].decisions;
    Group* best = nullptr;
    std::tuple<int, std::size_t> least{std::numeric_limits<int>::max(), 0};
    for (std::size_t g = groups.size() > max_candidates ? groups.size() - max_candidates : 0; g < groups.size(); ++g) {
      const auto joined = union_of(groups[g].decisions, decisions);
      const int bits = bits_for(joined, options);
      const std::tuple growth{bits - bits_for(groups[g].decisions, options),
                              count_windows(joined) - count_windows(groups[g].decisions)};
      if (bits <= max_merged_bits && growth < least) {
        best = &groups[g];
        least = growth;
      }
    }
    if (best == nullptr) best = &groups.emplace_back();
    best->decisions = union_of(best->decisions, decisions);
    best->factors.push_back(f);
  }
  return groups;
}

/// Fields and windows of a slot; the bits of its index follow the decisions.
int lay_out(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options, Slots& out) {
  const std::size_t width = options.size(), before = out.windows.size();
  int shift = 0;
  for (const std::size_t decision : decisions) {
    const int bits = bits_for(options[decision]);
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    out.fields.push_back({decision, static_cast<std::uint32_t>(mask), shift});
    if (width >= window_bytes) {
      if (out.windows.size() == before || decision >= out.windows.back().begin + window_bytes)
        out.windows.push_back({std::min(decision, width - window_bytes), 0, shift});
      out.windows.back().mask |= mask << (8 * (decision - out.windows.back().begin));
    }
    shift += bits;
  }
  return shift;
}

}  // namespace

Slots merge(const std::vector<Predictor::Factor>& factors, const std::vector<std::size_t>& options) {
  Slots out;
  Arch arch(options.size(), 0);
  for (const auto& group : group(factors, options)) {
    // Tables that begin at the same place of a page would fight for the same few lines of a cache.
    out.exact.resize(out.exact.size() + table_gap);
    Slot slot{out.fields.size(), 0, out.windows.size(), 0, out.exact.size()};
    const int bits = lay_out(group.decisions, options, out);
    slot.last_field = out.fields.size();
    slot.last_window = out.windows.size();
    out.exact.resize(slot.offset + (std::size_t{1} << bits), std::numeric_limits<double>::quiet_NaN());
    const std::size_t count =
        std::accumulate(group.decisions.begin(), group.decisions.end(), std::size_t{1},
                        [&](std::size_t product, std::size_t decision) { return product * options[decision]; });
    for (std::size_t combination = 0; combination < count; ++combination) {
      set_combination(group.decisions, options, combination, arch);
      double sum = 0;
      for (const std::size_t f : group.factors)
        sum += factors[f].cost[combination_of(factors[f].decisions, options, arch)];
      std::size_t index = 0;
      for (std::size_t f = slot.first_field; f < slot.last_field; ++f)
        index |= std::size_t{arch[out.fields[f].decision]} << out.fields[f].shift;
      out.exact[slot.offset + index] = sum;
    }
    out.slots.push_back(slot);
  }
  out.single.assign(out.exact.begin(), out.exact.end());
  out.octets = make_octets(out, options.size());
  return out;
}

}  // namespace hwprof::predictor

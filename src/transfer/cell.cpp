// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "predictor/compile.hpp"
#include "space/nasbench201.hpp"
#include "transfer/channels.hpp"

namespace hwprof::transfer {
namespace {

using Cell = space::NasBench201Space;

constexpr std::size_t num_edges = 6, num_ops = 5, sizes = 6;

/// Longest path from the first node to the last, each live edge as long as its operation is.
double longest(const std::array<bool, num_edges>& live, const std::uint16_t* arch,
               const std::array<double, num_ops>& length) {
  std::array<double, 4> at{0, -1, -1, -1};
  for (std::size_t e = 0; e < num_edges; ++e) {
    const auto [from, to] = Cell::ends(e);
    if (live[e] && at[from] >= 0) at[to] = std::max(at[to], at[from] + length[arch[e]]);
  }
  return std::max(0.0, at[3]);
}

/// Writes the sizes of the live paths, then how many edges have each operation, live or not: a device may compute
/// what nothing reads.
void describe(const std::array<bool, num_edges>& live, const std::uint16_t* arch, double* out) {
  // Operations are none, skip, 1x1, 3x3, pool.
  std::array<double, 4> inputs{};
  double edges = 0;
  for (std::size_t e = 0; e < num_edges; ++e) {
    if (!live[e]) continue;
    inputs[Cell::ends(e).second] += 1;
    edges += 1;
  }
  out[0] = longest(live, arch, {0, 0, 1, 1, 1});
  out[1] = longest(live, arch, {0, 0, 1, 1, 0});
  out[2] = longest(live, arch, {0, 0, 1, 9, 0});
  out[3] = 0;
  for (const double count : inputs) out[3] += std::max(0.0, count - 1);  // additions
  out[4] = edges;
  out[5] = (inputs[1] > 0 ? 1 : 0) + (inputs[2] > 0 ? 1 : 0);
  for (std::size_t op = 0; op < num_ops; ++op)
    out[sizes + op] = static_cast<double>(std::count(arch, arch + num_edges, op));
  std::fill(out + sizes + num_ops, out + sizes + num_ops + num_ops - 1, 0.0);
  for (std::size_t e = 0; e < num_edges; ++e)
    if (live[e]) out[sizes + num_ops + arch[e] - 1] += 1;
}
constexpr std::size_t described = sizes + 2 * num_ops - 1;

}  // namespace

bool cell_factor(const MixinProfilingSearchSpace& space, const Channels& channels, CellFactor& out) {
  const auto* const cell = dynamic_cast<const Cell*>(&space);
  if (cell == nullptr) return false;
  predictor::PrimNumbers prims(channels.size(),
                               [&](const Prim& prim, double* row) { return channels.numbers(prim, row); });
  predictor::ArchSum sum(space, prims);
  const std::size_t width = channels.size() + described;

  // Every live operation adds the same wherever its edge is; edge 3 leads from the input to the output.
  constexpr std::size_t straight = 3;
  Arch arch(num_edges, 0);
  arch[straight] = 1;
  out.constant = sum(arch);
  std::array<std::vector<double>, num_ops> adds;
  for (std::uint16_t op = 0; op < num_ops; ++op) {
    arch[straight] = op;
    adds[op] = sum(arch);
    for (std::size_t i = 0; i < channels.size(); ++i) adds[op][i] -= out.constant[i];
  }
  const std::vector<std::size_t> options(num_edges, num_ops);
  std::vector<std::size_t> all{0, 1, 2, 3, 4, 5};
  const std::size_t count = predictor::combinations(all, options);
  out.factor = {all, std::vector<double>(count * width)};
  for (std::size_t index = 0; index < count; ++index) {
    predictor::set_combination(all, options, index, arch);
    const auto live = Cell::live_edges(arch);
    double* const row = &out.factor.cost[index * width];
    for (std::size_t e = 0; e < num_edges; ++e) {
      if (!live[e]) continue;
      const auto& add = adds[arch[e]];
      for (std::size_t i = 0; i < add.size(); ++i) row[i] += add[i];
    }
    describe(live, arch.data(), row + channels.size());
  }
  predictor::verify({{all,
                      [&] {
                        std::vector<double> cost(count * channels.size());
                        for (std::size_t i = 0; i < count; ++i)
                          std::copy_n(&out.factor.cost[i * width], channels.size(), &cost[i * channels.size()]);
                        return cost;
                      }()}},
                    out.constant, space, options, sum);
  out.constant.resize(width, 0.0);
  out.groups = {Group::depth, Group::paths, Group::paths, Group::paths, Group::paths, Group::paths};
  out.groups.resize(described, Group::classes);
  return true;
}

}  // namespace hwprof::transfer

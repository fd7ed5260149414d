// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "space/chain.hpp"

namespace hwprof::space {
namespace {

using Decisions = std::vector<std::size_t>;

Decisions joined(Decisions a, const Decisions& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  a.erase(std::unique(a.begin(), a.end()), a.end());
  return a;
}

/// What decides one coordinate of the place reached, size or channels, once a position is passed.
/// steps: the candidates by place entered; depth: what decides whether the position is there, if anything.
template <typename Table>
Decisions passed(const Decisions& before, const Table& steps, const Decisions& axes, const Decisions& depth,
                 int net::Place::*coordinate) {
  bool by_place = false, by_axes = false, moves = false;
  const auto& first = steps.begin()->second;
  for (const auto& [place, candidates] : steps)
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const int end = candidates[i].end.*coordinate;
      by_place = by_place || end != first[i].end.*coordinate;
      by_axes = by_axes || end != candidates[0].end.*coordinate;
      moves = moves || end != place.*coordinate;
    }
  if (!moves) return before;
  Decisions after = by_axes ? axes : Decisions{};
  if (by_place || !depth.empty()) after = joined(std::move(after), before);
  return joined(std::move(after), depth);
}

}  // namespace

std::vector<std::vector<std::size_t>> ChainSpace::factors() const {
  std::vector<Decisions> out;
  std::size_t decision = 0, table = 0;
  Decisions size, channels;  // what decides the place reached
  if (chain_.image_sizes.size() > 1) size = {decision++};
  std::vector<Decisions> at_end;  // of each stage
  for (const auto& stage : chain_.stages) {
    Decisions depth;
    std::size_t always = stage.positions.size();  // that many positions are there whatever the depth
    if (!stage.depths.empty()) {
      depth = {decision++};
      always = static_cast<std::size_t>(*std::min_element(stage.depths.begin(), stage.depths.end()));
    }
    for (std::size_t p = 0; p < stage.positions.size(); ++p, ++table) {
      Decisions axes;
      for (std::size_t a = 0; a < stage.positions[p].axes.size(); ++a) axes.push_back(decision++);
      const Table& steps = tables_[table];
      if (steps.empty()) continue;  // beyond the greatest depth
      const Decisions presence = p < always ? Decisions{} : depth;
      out.push_back(joined(joined(axes, presence), joined(size, channels)));
      size = passed(size, steps, axes, presence, &net::Place::size);
      channels = passed(channels, steps, axes, presence, &net::Place::C);
    }
    at_end.push_back(joined(size, channels));
  }
  for (const auto& tap : chain_.taps) out.push_back(at_end[tap.stage]);
  return out;
}

}  // namespace hwprof::space

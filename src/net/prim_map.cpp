// SPDX-License-Identifier: Apache-2.0
#include "net/prim_map.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"

namespace hwprof::net {

std::size_t PrimMap::Open::count_exits() const {
  std::size_t count = 0;
  for (const auto& [to, ways] : exits) count += ways.size();
  return count;
}

PrimMap::PrimMap(std::vector<Prim> prims) : prims_(std::move(prims)) {
  std::sort(prims_.begin(), prims_.end());
  prims_.erase(std::unique(prims_.begin(), prims_.end()), prims_.end());
  ways_.reserve(prims_.size());
  for (std::size_t i = 0; i < prims_.size(); ++i) {
    const Prim& prim = prims_[i];
    Way way;
    try {
      way = {{prim.spatial_size, prim.C}, {out_size(prim), prim.C_out}, count_work(prim).macs};
    } catch (const Error& error) {
      throw Error(error.fault(), "primitive " + base::in_quotes(to_string(prim)) + ": " + error.what());
    }
    ways_.push_back(way);
    mean_macs_ += way.macs / static_cast<double>(prims_.size());
    const auto [at, fresh] = cheapest_[way.from].emplace(way.to, i);
    if (!fresh && way.macs < ways_[at->second].macs) at->second = i;
    if (way.from == way.to) {
      open_[way.from].loops.insert(i);
    } else {
      open_[way.from].exits[way.to].insert(i);
      ++arrivals_[way.to];
    }
  }
}

void PrimMap::walk(std::size_t index) {
  const Way& way = ways_[index];
  const auto at = open_.find(way.from);
  if (at == open_.end()) return;
  if (way.from == way.to) {
    at->second.loops.erase(index);
  } else if (const auto exit = at->second.exits.find(way.to); exit != at->second.exits.end()) {
    if (exit->second.erase(index) != 0) --arrivals_[way.to];
    if (exit->second.empty()) at->second.exits.erase(exit);
  }
  if (at->second.loops.empty() && at->second.exits.empty()) open_.erase(at);
}

double PrimMap::heaviest_open(Place place) const {
  const auto at = open_.find(place);
  if (at == open_.end()) return 0;
  double heaviest = 0;
  for (const auto index : at->second.loops) heaviest = std::max(heaviest, ways_[index].macs);
  for (const auto& [to, ways] : at->second.exits)
    for (const auto index : ways) heaviest = std::max(heaviest, ways_[index].macs);
  return heaviest;
}

std::size_t PrimMap::loop_quota(Place place) const {
  const auto at = open_.find(place);
  if (at == open_.end()) return 0;
  const auto arriving = arrivals_.find(place);
  const std::size_t visits =
      std::max(at->second.count_exits(), (arriving == arrivals_.end() ? 0 : arriving->second) + 1);
  return (at->second.loops.size() + visits - 1) / visits;
}

bool PrimMap::lacks_visits(Place place) const {
  const auto at = open_.find(place);
  if (at == open_.end()) return false;
  const auto arriving = arrivals_.find(place);
  return (arriving == arrivals_.end() ? 0 : arriving->second) < std::max<std::size_t>(1, at->second.count_exits());
}

bool PrimMap::can_wait(Place place) const {
  const auto at = open_.find(place);
  return at != open_.end() && at->second.exits.empty() && !lacks_visits(place);
}

std::optional<std::size_t> PrimMap::next(Place place, std::size_t loops_left) const {
  const auto at = open_.find(place);
  if (at == open_.end()) return {};
  if (loops_left > 0 && !at->second.loops.empty()) return *at->second.loops.begin();
  std::optional<std::size_t> best;
  std::size_t most = 0;
  for (const auto& [to, ways] : at->second.exits) {
    const auto beyond = open_.find(to);
    const std::size_t ahead =
        beyond == open_.end() ? 0 : 1 + beyond->second.loops.size() + beyond->second.count_exits();
    if (best && ahead <= most) continue;
    best = *ways.begin();
    most = ahead;
  }
  return best;
}

std::optional<std::vector<std::size_t>> PrimMap::path_to_open(const std::vector<Place>& from, std::size_t max_hops,
                                                              bool any) const {
  std::map<Place, std::size_t> arrived_by;
  std::set<Place> seen(from.begin(), from.end());
  std::vector<Place> frontier = from;
  for (std::size_t hop = 1; hop <= max_hops; ++hop) {
    std::vector<Place> reached;
    for (const auto& place : frontier) {
      for (const auto& [to, index] : neighbours(place)) {
        if (!seen.insert(to).second) continue;
        arrived_by.emplace(to, index);
        reached.push_back(to);
      }
    }
    std::sort(reached.begin(), reached.end(),
              [](Place a, Place b) { return a.size != b.size ? a.size > b.size : a.C < b.C; });
    const auto found = std::find_if(reached.begin(), reached.end(),
                                    [&](Place at) { return any ? open_.count(at) != 0 : lacks_visits(at); });
    if (found != reached.end()) {
      std::vector<std::size_t> path;
      for (Place at = *found; path.size() < hop; at = ways_[path.back()].from) path.push_back(arrived_by.at(at));
      std::reverse(path.begin(), path.end());
      return path;
    }
    frontier = std::move(reached);
  }
  return {};
}

std::vector<Place> PrimMap::places_with(int channels) const {
  std::vector<Place> out;
  for (const auto& [place, ways] : cheapest_)
    if (place.C == channels) out.push_back(place);
  std::reverse(out.begin(), out.end());
  return out;
}

const std::map<Place, std::size_t>& PrimMap::neighbours(Place place) const {
  static const std::map<Place, std::size_t> none;
  const auto at = cheapest_.find(place);
  return at == cheapest_.end() ? none : at->second;
}

}  // namespace hwprof::net

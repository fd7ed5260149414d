// SPDX-License-Identifier: Apache-2.0
#include "space/chain.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::space {
namespace {

using net::Place;

constexpr std::size_t max_decisions = 10000, max_options = 65535, max_steps = 100000;

[[noreturn]] void fail(const std::string& what) {
  throw Error(Fault::input, what);
}

Prim placed(Prim prim, Place at) {
  prim.spatial_size = at.size;
  prim.C = at.C;
  if (prim.C_out == 0) prim.C_out = at.C;
  return normalized(std::move(prim));
}

void check_names(const std::vector<Decision>& decisions) {
  if (decisions.size() > max_decisions)
    fail(std::to_string(decisions.size()) + " decisions are more than the " + std::to_string(max_decisions) +
         " allowed");
  std::set<std::string> names;
  for (const auto& decision : decisions) {
    const std::string where = "decision " + base::in_quotes(decision.name);
    if (!names.insert(decision.name).second) fail(where + " is there twice");
    if (decision.options.empty()) fail(where + " has no options");
    if (decision.options.size() > max_options)
      fail(where + " has " + std::to_string(decision.options.size()) + " options, more than the " +
           std::to_string(max_options) + " allowed");
    std::set<std::string> options;
    for (const auto& option : decision.options)
      if (!options.insert(option).second) fail(where + ": option " + base::in_quotes(option) + " is there twice");
  }
}

}  // namespace

Stage fixed_stage(const std::string& name, std::vector<Prim> prims) {
  return {name, {}, {Position{name, {}, {std::move(prims)}}}};
}

Position choice(const std::string& name, std::vector<std::string> options, std::vector<std::vector<Prim>> candidates) {
  Position position{name, {}, std::move(candidates)};
  if (options.size() > 1) position.axes.push_back({name, std::move(options)});
  return position;
}

ChainSpace::ChainSpace(Chain chain) : chain_(std::move(chain)) {
  add_decisions();
  build();
}

void ChainSpace::add_decisions() {
  const auto texts = [](const std::vector<int>& numbers) {
    std::vector<std::string> out;
    for (const int number : numbers) out.push_back(std::to_string(number));
    return out;
  };
  if (chain_.image_sizes.empty()) fail("no image size to choose from");
  if (chain_.image_sizes.size() > 1) decisions_.push_back({"image_size", texts(chain_.image_sizes)});
  for (const auto& stage : chain_.stages) {
    for (const int depth : stage.depths)
      if (depth < 1 || static_cast<std::size_t>(depth) > stage.positions.size())
        fail("stage " + base::in_quotes(stage.name) + ": depth " + std::to_string(depth) + " is not within 1 to its " +
             std::to_string(stage.positions.size()) + " blocks");
    if (!stage.depths.empty()) decisions_.push_back({stage.name + ".depth", texts(stage.depths)});
    for (const auto& position : stage.positions) {
      std::size_t combinations = 1;
      for (const auto& axis : position.axes) {
        combinations *= std::max<std::size_t>(1, axis.options.size());
        if (combinations > max_options) fail("position " + base::in_quotes(position.name) + " has too many candidates");
        decisions_.push_back(axis);
      }
      if (position.candidates.empty()) fail("position " + base::in_quotes(position.name) + " has no candidates");
    }
  }
  check_names(decisions_);
}

ChainSpace::Step ChainSpace::enter(const std::vector<Prim>& prims, Place at) const {
  Step step{{}, at};
  for (const auto& prim : prims) {
    step.prims.push_back(placed(prim, step.end));
    step.end = {out_size(step.prims.back()), step.prims.back().C_out};
  }
  return step;
}

void ChainSpace::build() {
  std::set<Prim> all;
  std::set<Place> here;
  for (const int size : chain_.image_sizes) here.insert({size, chain_.image_channels});
  std::size_t steps = 0;
  tap_prims_.resize(chain_.taps.size());
  for (std::size_t s = 0; s < chain_.stages.size(); ++s) {
    const Stage& stage = chain_.stages[s];
    std::set<Place> ends;
    const std::set<int> depths(stage.depths.begin(), stage.depths.end());
    for (std::size_t p = 0; p < stage.positions.size(); ++p) {
      // A position behind the greatest depth is never entered, but keeps its decisions.
      if (!depths.empty() && static_cast<int>(p) >= *depths.rbegin()) here.clear();
      const Position& position = stage.positions[p];
      Table table;
      std::set<Place> after;
      for (const auto& place : here) {
        for (const auto& candidate : position.candidates) {
          if (++steps > max_steps)
            fail("the space has more than " + std::to_string(max_steps) + " different blocks (at position " +
                 base::in_quotes(position.name) + ")");
          try {
            table[place].push_back(enter(candidate, place));
          } catch (const Error& error) {
            fail("position " + base::in_quotes(position.name) + ": " + error.what());
          }
          const Step& step = table[place].back();
          all.insert(step.prims.begin(), step.prims.end());
          after.insert(step.end);
        }
      }
      tables_.push_back(std::move(table));
      here = std::move(after);
      if (depths.empty() ? p + 1 == stage.positions.size() : depths.count(static_cast<int>(p) + 1) != 0)
        ends.insert(here.begin(), here.end());
    }
    if (!stage.positions.empty()) here = std::move(ends);
    for (std::size_t t = 0; t < chain_.taps.size(); ++t) {
      if (chain_.taps[t].stage != s) continue;
      for (const auto& place : here)
        all.insert(tap_prims_[t].emplace(place, placed(chain_.taps[t].prim, place)).first->second);
    }
  }
  all.insert(chain_.extra.begin(), chain_.extra.end());
  if (all.empty()) fail("the space has no primitives");
  all_.assign(all.begin(), all.end());
}

ChainSpace::Walk ChainSpace::walk(const Arch& arch) const {
  check_arch(*this, arch);
  std::size_t decision = 0;
  const auto decide = [&]() -> std::size_t { return arch[decision++]; };
  Walk out;
  out.image = {chain_.image_sizes[chain_.image_sizes.size() > 1 ? decide() : 0], chain_.image_channels};
  Place at = out.image;
  std::size_t table = 0;
  for (const auto& stage : chain_.stages) {
    const std::size_t depth =
        stage.depths.empty() ? stage.positions.size() : static_cast<std::size_t>(stage.depths[decide()]);
    for (std::size_t p = 0; p < stage.positions.size(); ++p, ++table) {
      std::size_t index = 0;
      for (const auto& axis : stage.positions[p].axes) index = index * axis.options.size() + decide();
      if (p >= depth) continue;
      const Step& step = tables_[table].at(at).at(index);
      out.prims.insert(out.prims.end(), step.prims.begin(), step.prims.end());
      at = step.end;
    }
    out.stage_ends.push_back(out.prims.size());
    out.stage_places.push_back(at);
  }
  return out;
}

std::vector<Prim> ChainSpace::primitives(const Arch& arch) const {
  Walk way = walk(arch);
  for (std::size_t t = 0; t < chain_.taps.size(); ++t)
    way.prims.push_back(tap_prims_[t].at(way.stage_places[chain_.taps[t].stage]));
  return std::move(way.prims);
}

Net ChainSpace::network(const Arch& arch) const {
  Net net = MixinProfilingSearchSpace::network(arch);
  if (chain_.taps.empty()) return net;
  const Walk way = walk(arch);
  for (std::size_t t = 0; t < chain_.taps.size(); ++t)
    net.layers[way.prims.size() + t].inputs = {static_cast<int>(way.stage_ends[chain_.taps[t].stage]) - 1};
  return net;
}

}  // namespace hwprof::space

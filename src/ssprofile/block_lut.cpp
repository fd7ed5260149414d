// SPDX-License-Identifier: Apache-2.0
#include "hwprof/block_lut.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

const Measured* latency_of(const Perf& perf) {
  const auto found = perf.find(Metric::latency);
  return found == perf.end() ? nullptr : &found->second;
}

bool is_measured(const NetRecord& record) {
  return (record.state == RunState::measured || record.state == RunState::unsteady) &&
         latency_of(record.overall) != nullptr;
}

using ById = std::map<std::string, const NetRecord*>;

const NetRecord* find(const ById& records, const std::string& id) {
  const auto found = records.find(id);
  return found == records.end() ? nullptr : found->second;
}

BlockLut empty_lut(const SsbnSpec& spec) {
  BlockLut lut;
  for (const auto& layer : spec.layers) {
    lut.layers.emplace_back();
    for (const auto& name : spec.options(layer.group)) lut.layers.back().push_back({name, {}});
  }
  return lut;
}

/// What is not above 0 is no latency; it stays unknown and is counted.
void put(BlockLut& lut, std::size_t layer, const SsbnBlock& block, const Measured& latency) {
  const std::string name = to_string(block);
  for (auto& entry : lut.layers[layer]) {
    if (entry.block != name) continue;
    if (latency.value > 0)
      entry.latency = latency;
    else
      ++lut.not_positive;
  }
}

/// One family: its base network, and what every other network says of one cell group.
class InContext {
 public:
  InContext(const SsbnSpec& spec, const ById& records, const SsbnNet& base, BlockLut& lut)
      : spec_(spec), lut_(lut), record_(find(records, base.id)) {
    (void)ssbn_network(spec, base, &at_);
    if (record_ == nullptr || !is_measured(*record_))
      throw Error(Fault::missing, "base network " + base::in_quotes(base.id) + " was not measured");
    for (std::size_t l = 0; l < at_.size(); ++l) {
      const auto* own = own_time(*record_, l);
      if (own == nullptr)
        throw Error(Fault::missing, "the record of base network " + base::in_quotes(base.id) +
                                        " has no time of layer " + std::to_string(l) +
                                        ", to which differences could be added");
      typical_.push_back(*own);
    }
    for (std::size_t l = 0; l < at_.size(); ++l)
      put(lut_, l, {base.family, base.blocks[spec.layers[l].group]}, typical_[l]);
  }

  void add(const SsbnNet& net, const NetRecord& record) {
    const auto group = static_cast<std::size_t>(net.group);
    const Measured &swapped = *latency_of(record.overall), &before = *latency_of(record_->overall);
    std::vector<std::size_t> layers;
    double typical = 0, spread = std::hypot(swapped.spread, before.spread), own = 0;
    bool all_own = true;
    for (std::size_t l = 0; l < spec_.layers.size(); ++l) {
      if (spec_.layers[l].group != group) continue;
      layers.push_back(l);
      typical += typical_[l].value;
      spread = std::hypot(spread, typical_[l].spread);
      const auto* time = own_time(record, l);
      all_own = all_own && time != nullptr;
      if (time != nullptr) own += time->value;
    }
    const double sum = typical + (swapped.value - before.value);
    for (const std::size_t l : layers) {
      // By the layers' own times, which are shares of a whole only where every layer has one; else evenly.
      const bool by_own = all_own && own > 0;
      const double share = by_own ? own_time(record, l)->value / own : 1 / static_cast<double>(layers.size());
      put(lut_, l, {net.family, net.blocks[group]}, {sum * share, spread * share, swapped.samples, swapped.dropped});
    }
  }

 private:
  [[nodiscard]] const Measured* own_time(const NetRecord& record, std::size_t layer) const {
    if (at_[layer] >= record.prims.size()) return nullptr;
    return latency_of(record.prims[at_[layer]].perf);
  }

  const SsbnSpec& spec_;
  BlockLut& lut_;
  const NetRecord* record_;
  std::vector<std::size_t> at_;  ///< primitive of each layer
  std::vector<Measured> typical_;
};

const SsbnNet& base_of(const std::vector<SsbnNet>& nets, const std::string& family) {
  return *std::find_if(nets.begin(), nets.end(),
                       [&](const SsbnNet& net) { return net.family == family && net.group < 0; });
}

bool no_more(const Work& a, const Work& b) {
  return a.macs <= b.macs && a.params <= b.params && a.input_bytes + a.output_bytes <= b.input_bytes + b.output_bytes;
}

}  // namespace

BlockLut in_context_lut(const SsbnSpec& spec, const std::vector<NetRecord>& records, Notes* notes) {
  ById by_id;
  for (const auto& record : records) by_id.emplace(record.net_id, &record);
  BlockLut lut = empty_lut(spec);
  lut.origin = "in context";
  const auto nets = list_ssbn(spec);
  std::set<std::string> done;
  Notes lacking;
  for (const auto& net : nets) {
    if (!done.insert(net.family).second) continue;
    try {
      InContext family(spec, by_id, base_of(nets, net.family), lut);
      for (const auto& other : nets) {
        if (other.family != net.family || other.group < 0) continue;
        const auto* record = find(by_id, other.id);
        if (record != nullptr && is_measured(*record)) family.add(other, *record);
      }
      lut.device = find(by_id, base_of(nets, net.family).id)->from.device;
    } catch (const Error& error) {
      if (error.fault() != Fault::missing) throw;
      lacking.emplace_back(error.what());
    }
  }
  if (lacking.size() == done.size()) throw Error(Fault::missing, base::join(lacking, "; "));
  if (notes != nullptr)
    for (const auto& why : lacking) notes->push_back("a family has no latencies by layer: " + why);
  return lut;
}

std::vector<std::vector<Prim>> ssbn_layer_prims(const SsbnSpec& spec) {
  std::vector<std::vector<Prim>> out(spec.layers.size());
  std::map<std::string, std::vector<int>> sizes;  // of the maps that a family's layers see
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    const auto& layer = spec.layers[l];
    for (const auto& name : spec.options(layer.group)) {
      const SsbnBlock block = parse_ssbn_block(name);
      auto& seen = sizes[block.family];
      if (seen.empty()) {
        std::vector<std::size_t> at;
        const SsbnNet same{block.family, block.family, std::vector<int>(spec.groups, block.index), -1};
        const Net net = ssbn_network(spec, same, &at);
        for (const auto index : at) seen.push_back(net.layers[index].prim.spatial_size);
      }
      out[l].push_back(normalized(ssbn_prim(block, seen[l], layer.C, layer.C_out, layer.stride)));
    }
  }
  return out;
}

BlockLut isolated_lut(const SsbnSpec& spec, const std::vector<NetRecord>& records) {
  std::map<Prim, const NetRecord*> alone;
  for (const auto& record : records)
    if (record.prims.size() == 1 && is_measured(record)) alone.emplace(record.prims[0].prim, &record);
  BlockLut lut = empty_lut(spec);
  lut.origin = "isolated";
  const auto prims = ssbn_layer_prims(spec);
  for (std::size_t l = 0; l < prims.size(); ++l)
    for (std::size_t b = 0; b < prims[l].size(); ++b) {
      const auto found = alone.find(prims[l][b]);
      if (found == alone.end()) continue;
      const auto* own = latency_of(found->second->prims[0].perf);
      const Measured& latency = own != nullptr ? *own : *latency_of(found->second->overall);
      if (latency.value > 0)
        lut.layers[l][b].latency = latency;
      else
        ++lut.not_positive;
      lut.device = found->second->from.device;
    }
  return lut;
}

LutRatio compare_luts(const BlockLut& a, const BlockLut& b) {
  std::vector<double> ratios;
  for (std::size_t l = 0; l < std::min(a.layers.size(), b.layers.size()); ++l)
    for (const auto& entry : a.layers[l])
      for (const auto& other : b.layers[l])
        if (entry.block == other.block && entry.latency && other.latency && entry.latency->value > 0)
          ratios.push_back(other.latency->value / entry.latency->value);
  if (ratios.empty()) return {};
  return {ratios.size(), base::median(ratios), *std::min_element(ratios.begin(), ratios.end()),
          *std::max_element(ratios.begin(), ratios.end())};
}

std::vector<LutConflict> check_lut(const SsbnSpec& spec, const BlockLut& lut, double tolerance) {
  std::vector<LutConflict> out;
  const auto prims = ssbn_layer_prims(spec);
  for (std::size_t l = 0; l < std::min(prims.size(), lut.layers.size()); ++l) {
    std::map<std::string, Work> works;
    for (std::size_t b = 0; b < prims[l].size(); ++b)
      works.emplace(spec.options(spec.layers[l].group)[b], count_work(prims[l][b]));
    std::map<std::string, int> conflicts;
    std::map<std::string, double> speed;  // log of seconds a multiply-accumulate
    std::vector<double> speeds;
    const std::size_t first = out.size();
    for (const auto& small : lut.layers[l]) {
      const auto work = works.find(small.block);
      if (!small.latency || work == works.end()) continue;
      speed[small.block] = std::log(std::max(small.latency->value, 1e-12) / work->second.macs);
      speeds.push_back(speed[small.block]);
      for (const auto& large : lut.layers[l]) {
        const auto more = works.find(large.block);
        if (!large.latency || more == works.end()) continue;
        if (!ssbn_contains(parse_ssbn_block(large.block), parse_ssbn_block(small.block))) continue;
        if (!no_more(work->second, more->second)) continue;
        const double doubt = std::hypot(small.latency->spread, large.latency->spread);
        if (large.latency->value + doubt >= small.latency->value * (1 - tolerance)) continue;
        out.push_back({l, small.block, large.block, small.latency->value, large.latency->value, {}});
        ++conflicts[small.block];
        ++conflicts[large.block];
      }
    }
    const double usual = base::median(speeds);
    for (std::size_t i = first; i < out.size(); ++i) {
      auto& one = out[i];
      const int of_small = conflicts[one.smaller], of_large = conflicts[one.larger];
      const bool small = of_small != of_large
                             ? of_small > of_large
                             : std::abs(speed[one.smaller] - usual) > std::abs(speed[one.larger] - usual);
      one.suspect = small ? one.smaller : one.larger;
    }
  }
  return out;
}

BlockLut select_lut(const SsbnSpec& spec, const BlockLut& lut, const std::vector<std::vector<std::string>>& blocks) {
  BlockLut out{lut.origin, lut.device, {}, 0};
  for (std::size_t l = 0; l < spec.layers.size() && l < lut.layers.size(); ++l) {
    out.layers.emplace_back();
    for (const auto& name : blocks.at(spec.layers[l].group)) {
      const auto& row = lut.layers[l];
      const auto found =
          std::find_if(row.begin(), row.end(), [&name](const LutEntry& entry) { return entry.block == name; });
      if (found == row.end())
        throw Error(Fault::missing, "layer " + std::to_string(l) + " has no entry of " + base::in_quotes(name));
      out.layers.back().push_back(*found);
    }
  }
  return out;
}

}  // namespace hwprof

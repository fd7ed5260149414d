// SPDX-License-Identifier: Apache-2.0
#include "hwprof/attribution.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

constexpr std::size_t npos = static_cast<std::size_t>(-1);

/// Letters and digits, everything else as '_'.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? c : '_';
  }
  return out;
}

/// The op that a node is named after, among ops by folded name; npos: none.
std::size_t op_named(const std::map<std::string, std::size_t>& ops, const std::string& node, const std::string& net) {
  const std::string prefix = folded(net) + "_", name = folded(node);
  auto found = ops.find(name);
  if (found == ops.end() && base::starts_with(name, prefix)) found = ops.find(name.substr(prefix.size()));
  if (found == ops.end()) found = ops.find(prefix + name);
  return found == ops.end() ? npos : found->second;
}

const Measured* latency_of(const Perf& perf) {
  const auto found = perf.find(Metric::latency);
  return found == perf.end() ? nullptr : &found->second;
}

/// Shares of several costs, added up.
struct Sum {
  double value = 0, squares = 0;
  std::int64_t samples = 0;
  bool any = false;

  void add(const Measured& cost, double share) {
    value += cost.value * share;
    squares += cost.spread * share * cost.spread * share;
    samples = any ? std::min(samples, cost.samples) : cost.samples;
    any = true;
  }
  [[nodiscard]] Measured measured(double scale) const {
    Measured out;
    out.value = value * scale;
    out.spread = std::sqrt(squares) * scale;
    out.samples = samples;
    return out;
  }
};

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  std::vector<std::string> first(names.begin(),
                                 names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), shown)));
  for (auto& name : first) name = base::in_quotes(name);
  return base::join(first, ", ") +
         (names.size() > shown ? " and " + std::to_string(names.size() - shown) + " more" : "");
}

class Attribution {
 public:
  Attribution(NetRecord& record, const OpMap& map, AttributionSummary& summary, Notes& notes)
      : record_(record), map_(map), summary_(summary), notes_(notes), where_("net " + base::in_quotes(record.net_id)) {}

  void run() {
    find_nodes();
    group_ops();
    layers_.assign(map_.layers.size(), {});
    for (std::size_t i = 0; i < record_.nodes.size(); ++i) share(i);
    finish();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(Fault::input, where_ + ": " + what); }

  /// op_of_: the op that each node is named after.
  void find_nodes() {
    std::map<std::string, std::size_t> ops;
    for (std::size_t i = 0; i < map_.ops.size(); ++i) {
      const auto layer = map_.ops[i].layer;
      if (layer < -1 || layer >= static_cast<int>(map_.layers.size()))
        fail("op " + base::in_quotes(map_.ops[i].name) + " is of layer " + std::to_string(layer) + ", which is none");
      if (!ops.emplace(folded(map_.ops[i].name), i).second)
        fail("op " + base::in_quotes(map_.ops[i].name) + " stands twice in the map");
    }
    if (record_.nodes.empty()) fail("the record has no nodes that could be attributed");
    std::size_t known = 0;
    for (const auto& node : record_.nodes) {
      op_of_.push_back(op_named(ops, node.name, record_.net_id));
      known += op_of_.back() == npos ? 0 : 1;
    }
    if (known == 0)
      fail("the map knows none of the device's nodes; it has " +
           some_of({map_.ops.empty() ? "no ops" : map_.ops[0].name}) + ", the device " +
           some_of({record_.nodes[0].name}));
  }

  /// node_of_: the node that each op ran in.
  void group_ops() {
    std::vector<std::size_t> named(map_.ops.size(), npos);
    for (std::size_t i = 0; i < op_of_.size(); ++i) {
      if (op_of_[i] == npos) continue;
      if (named[op_of_[i]] != npos) fail("op " + base::in_quotes(map_.ops[op_of_[i]].name) + " has two nodes");
      named[op_of_[i]] = i;
    }
    std::size_t current = *std::find_if(named.begin(), named.end(), [](std::size_t node) { return node != npos; });
    groups_.resize(record_.nodes.size());
    for (std::size_t op = 0; op < map_.ops.size(); ++op) {
      if (named[op] != npos)
        current = named[op];
      else if (map_.ops[op].macs > 0) {
        ++summary_.fused;
        if (map_.ops[op].depthwise) ++summary_.fused_depthwise;
      }
      groups_[current].push_back(op);
    }
  }

  /// Gives a node's time to its layers.
  void share(std::size_t index) {
    NodeRecord& node = record_.nodes[index];
    const Measured* latency = latency_of(node.perf);
    if (latency == nullptr) fail("node " + base::in_quotes(node.name) + " has no latency");
    total_ += latency->value;
    if (op_of_[index] == npos) {
      ++summary_.unknown;
      unknown_.push_back(node.name);
      rest_.add(*latency, 1);
      return;
    }
    std::map<int, double> macs;
    double sum = 0;
    node.ops.clear();
    for (const auto op : groups_[index]) {
      const MappedOp& mapped = map_.ops[op];
      node.ops.push_back(mapped.name);
      macs[mapped.layer] += mapped.macs;
      sum += mapped.macs;
    }
    if (node.macs > 0 && sum > 0 && std::abs(node.macs - sum) > 0.005 * node.macs + 1000) odd_.push_back(node.name);
    if (!(sum > 0)) {
      macs.clear();
      macs[map_.ops[op_of_[index]].layer] = sum = 1;
    }
    std::size_t owners = 0;
    for (const auto& [layer, part] : macs) {
      if (!(part > 0)) continue;
      ++owners;
      if (layer < 0) {
        rest_.add(*latency, part / sum);
        if (heads_.empty() || heads_.back() != node.name) heads_.push_back(node.name);
      } else {
        layers_[static_cast<std::size_t>(layer)].add(*latency, part / sum);
      }
    }
    if (owners > 1) ++summary_.spanning;
  }

  void finish() {
    const Measured* overall = latency_of(record_.overall);
    if (overall == nullptr) fail("has no overall latency");
    const Measured* launching = latency_of(record_.overhead);
    const double before = launching == nullptr ? 0 : launching->value;
    if (!(total_ > 0)) fail("its nodes took no time");
    if (before > overall->value) fail("the overhead is larger than the whole");
    const double scale = (overall->value - before) / total_;
    if (std::abs(scale - 1) > 1e-3)
      notes_.push_back(where_ + ": the nodes' times add up to " + base::format_seconds(total_) + " of " +
                       base::format_seconds(overall->value - before) + " and were scaled by " +
                       base::format_number(std::round(scale * 1e4) / 1e4));
    std::vector<std::string> without;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      PrimRecord row;
      row.prim = map_.layers[i].prim;
      row.glue = map_.layers[i].glue;
      if (layers_[i].any) {
        row.perf[Metric::latency] = layers_[i].measured(scale);
        summary_.prims_s += row.perf[Metric::latency].value;
      } else {
        without.push_back("layer " + std::to_string(i) + ", " + to_string(row.prim));
      }
      record_.prims.push_back(std::move(row));
    }
    Sum rest = rest_;
    Measured more = rest.measured(scale);
    more.value += before;
    if (launching != nullptr && rest.any) more.spread = std::hypot(more.spread, launching->spread);
    if (launching != nullptr && !rest.any) more = *launching;
    if (more.value > 0) record_.overhead[Metric::latency] = more;
    summary_.nodes = record_.nodes.size();
    summary_.rest_s = more.value;
    const auto say = [this](const std::vector<std::string>& names, const std::string& what) {
      if (!names.empty()) notes_.push_back(where_ + ": " + std::to_string(names.size()) + what + some_of(names));
    };
    say(unknown_, " nodes are not in the map, their time is overhead: ");
    say(heads_, " nodes are of no primitive, their time is overhead: ");
    say(odd_, " nodes do other work than the ops found in them: ");
    say(without, " layers have no time of their own, none was made up: ");
  }

  NetRecord& record_;
  const OpMap& map_;
  AttributionSummary& summary_;
  Notes& notes_;
  std::string where_;
  std::vector<std::size_t> op_of_;
  std::vector<std::vector<std::size_t>> groups_;
  std::vector<Sum> layers_;
  Sum rest_;
  double total_ = 0;
  std::vector<std::string> unknown_, heads_, odd_;
};

}  // namespace

bool knows_nodes(const OpMap& map, const NetRecord& record) {
  std::map<std::string, std::size_t> ops;
  for (std::size_t i = 0; i < map.ops.size(); ++i) ops.emplace(folded(map.ops[i].name), i);
  return std::any_of(record.nodes.begin(), record.nodes.end(),
                     [&](const auto& node) { return op_named(ops, node.name, record.net_id) != npos; });
}

NetRecord attribute(NetRecord record, const OpMap& map, AttributionSummary* summary, Notes* notes) {
  AttributionSummary unseen;
  Notes unread;
  AttributionSummary& to = summary != nullptr ? *summary : unseen;
  to = {};
  record.prims.clear();
  Attribution(record, map, to, notes != nullptr ? *notes : unread).run();
  return record;
}

OpMap op_map(const Net& net) {
  OpMap map;
  map.net = net.id;
  map.layers = net.layers;
  std::vector<int> layers;
  const Graph graph = lower(net, &layers);
  const auto work = count_work(graph, {1, net.image_channels, net.image_size, net.image_size});
  for (std::size_t i = 1; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    map.ops.push_back({op.name, layers[i], work[i].macs, op.kind == OpKind::conv2d && op.groups > 1});
  }
  return map;
}

void attribute_all(std::vector<NetRecord>& records, const std::vector<OpMap>& maps, Notes* notes) {
  for (auto& record : records) {
    if (record.nodes.empty() || !record.prims.empty()) continue;
    const OpMap* map = maps.size() == 1 ? &maps.front() : nullptr;
    for (const auto& candidate : maps)  // compilers call networks as they call ops
      if (map == nullptr && folded(candidate.net) == folded(record.net_id)) map = &candidate;
    for (const auto& candidate : maps)
      if (candidate.net == record.net_id) map = &candidate;
    if (map != nullptr)
      record = attribute(record, *map, nullptr, notes);
    else if (notes != nullptr)
      notes->push_back("net " + base::in_quotes(record.net_id) + ": none of " + std::to_string(maps.size()) +
                       " maps is of it; it has no primitives");
  }
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "transfer/channels.hpp"

#include <cmath>
#include <set>

#include "hwprof/graph.hpp"

namespace hwprof::transfer {
namespace {

constexpr std::size_t most_stages = 12;

/// Empty for operations that devices fuse or that cost nothing.
std::string class_of(const Op& op, const std::vector<Shape>& shapes, std::size_t index) {
  const auto input = [&]() -> const Shape& { return shapes[static_cast<std::size_t>(op.inputs.front())]; };
  switch (op.kind) {
    case OpKind::conv2d: {
      if (shapes[index][2] == 1 && shapes[index][3] == 1 && input()[2] == 1 && input()[3] == 1) return "vector";
      const std::string kernel = std::to_string(op.kernel[0]);
      if (op.groups == 1) return "dense" + kernel;
      return (op.groups == input()[1] ? "depthwise" : "grouped") + kernel;
    }
    case OpKind::linear:
      return "linear";
    case OpKind::max_pool:
    case OpKind::avg_pool:
      return "pool";
    case OpKind::global_avg_pool:
      return "global_pool";
    case OpKind::add:
      return "add";
    case OpKind::mul:
      return "mul";
    case OpKind::channel_shuffle:
    case OpKind::concat:
    case OpKind::split:
    case OpKind::pad:
    case OpKind::upsample_nearest:
    case OpKind::softmax:
      return "move";
    default:
      return {};
  }
}

Group group_of(const std::string& name) {
  if (name.rfind("class.", 0) == 0) return Group::classes;
  if (name.rfind("stage.", 0) == 0) return Group::stages;
  if (name == Channels::macs || name == "total.params") return Group::work;
  return name == Channels::bytes ? Group::traffic : Group::counts;
}

}  // namespace

Channels::Channels(const std::vector<Prim>& prims) {
  std::set<int> outputs;
  for (const auto& prim : prims) outputs.insert(prim.C_out);
  by_size_ = outputs.size() > most_stages;
  for (const auto& prim : prims)
    for (const auto& [name, value] : count(prim)) index_.emplace(name, 0);
  for (auto& [name, number] : index_) {
    number = names_.size();
    names_.push_back(name);
    groups_.push_back(group_of(name));
  }
}

std::string Channels::stage(int channels) const {
  return "stage." +
         (by_size_ ? "2^" + std::to_string(std::ilogb(static_cast<double>(channels))) : std::to_string(channels));
}

std::map<std::string, double> Channels::count(const Prim& prim) const {
  const Graph graph = lower(prim);
  const Shape shape{1, prim.C, prim.spatial_size, prim.spatial_size};
  const auto shapes = infer_shapes(graph, shape);
  const auto works = count_work(graph, shape);
  const std::string here = stage(prim.C_out);
  std::map<std::string, double> out;
  out["total.prims"] = 1;
  out[here + ".prims"] = 1;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const std::string kind = class_of(graph.ops[i], shapes, i);
    if (kind.empty()) continue;
    const double traffic = works[i].input_bytes + works[i].output_bytes;
    out["total.params"] += works[i].params;
    for (const std::string& prefix : {std::string("total"), "class." + kind, here}) {
      out[prefix + ".ops"] += 1;
      out[prefix + ".macs"] += works[i].macs;
      out[prefix + ".bytes"] += traffic;
    }
  }
  return out;
}

bool Channels::numbers(const Prim& prim, double* out) const {
  std::fill(out, out + names_.size(), 0.0);
  for (const auto& [name, value] : count(prim)) {
    const auto found = index_.find(name);
    if (found == index_.end()) return false;
    out[found->second] = value;
  }
  return true;
}

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#include "prune/ties.hpp"

#include <numeric>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::pruning {
namespace {

constexpr double most_channels = 1 << 24;

/// Union-find over channels.
class Sets {
 public:
  int add() {
    parents_.push_back(static_cast<int>(parents_.size()));
    return parents_.back();
  }
  int find(int i) {
    while (at(i) != i) i = at(i) = at(at(i));
    return i;
  }
  void unite(int a, int b) { at(find(a)) = find(b); }
  [[nodiscard]] std::size_t size() const { return parents_.size(); }

 private:
  int& at(int i) { return parents_[static_cast<std::size_t>(i)]; }
  std::vector<int> parents_;
};

class Finder {
 public:
  Finder(const Graph& graph, const std::vector<Shape>& shapes) : graph_(graph), shapes_(shapes) {
    double channels = 0;
    for (const Shape& shape : shapes) channels += static_cast<double>(shape[1]);
    if (channels > most_channels)
      throw Error(Fault::input, "graph " + base::in_quotes(graph.name) + ": its values have " +
                                    base::format_number(channels) + " channels, more than can be pruned (" +
                                    base::format_number(most_channels) + ")");
  }

  Ties run() {
    slots_.resize(graph_.ops.size());
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) visit(i);
    for (const int output : graph_.outputs) lock(slots_[static_cast<std::size_t>(output)]);
    return number();
  }

 private:
  using Slots = std::vector<int>;

  Slots fresh(std::int64_t count) {
    Slots slots(static_cast<std::size_t>(count));
    for (int& slot : slots) slot = sets_.add();
    return slots;
  }

  void lock(const Slots& slots) { locked_.insert(locked_.end(), slots.begin(), slots.end()); }

  void visit(std::size_t i) {
    const Op& op = graph_.ops[i];
    if (op.kind == OpKind::input) {
      slots_[i] = fresh(shapes_[i][1]);
      return lock(slots_[i]);
    }
    const auto from = static_cast<std::size_t>(op.inputs[0]);
    const Slots& in = slots_[from];
    switch (op.kind) {
      case OpKind::conv2d:
        slots_[i] = conv(op, shapes_[from], in);
        return;
      case OpKind::linear:
        slots_[i] = fresh(op.out_channels);
        return lock(slots_[i]);
      case OpKind::add:
      case OpKind::mul:
        for (const int other : op.inputs)
          for (std::size_t c = 0; c < in.size(); ++c) sets_.unite(in[c], slots_[static_cast<std::size_t>(other)][c]);
        slots_[i] = in;
        return;
      case OpKind::concat:
        for (const int part : op.inputs) {
          const Slots& more = slots_[static_cast<std::size_t>(part)];
          slots_[i].insert(slots_[i].end(), more.begin(), more.end());
        }
        return;
      case OpKind::split:
        slots_[i].assign(in.begin() + op.first_channel, in.begin() + op.first_channel + op.out_channels);
        return;
      case OpKind::channel_shuffle:
        slots_[i] = shuffled(op, in);
        return;
      case OpKind::flatten:
      case OpKind::reshape:
        slots_[i] = reshaped(i, from);
        return;
      default:
        slots_[i] = in;
    }
  }

  Slots conv(const Op& op, const Shape& input, const Slots& in) {
    if (op.groups == 1) return fresh(op.out_channels);
    const auto groups = static_cast<std::size_t>(op.groups);
    const std::size_t each = static_cast<std::size_t>(op.out_channels) / groups;
    Slots out;
    if (is_depthwise(op, input)) {
      for (const int slot : in) out.insert(out.end(), each, slot);
      return out;
    }
    unite_places(in, groups);
    const Slots places = fresh(static_cast<std::int64_t>(each));
    for (std::size_t g = 0; g < groups; ++g) out.insert(out.end(), places.begin(), places.end());
    return out;
  }

  /// The same place in every group.
  void unite_places(const Slots& in, std::size_t groups) {
    const std::size_t each = in.size() / groups;
    for (std::size_t g = 1; g < groups; ++g)
      for (std::size_t k = 0; k < each; ++k) sets_.unite(in[k], in[g * each + k]);
  }

  Slots shuffled(const Op& op, const Slots& in) {
    const auto groups = static_cast<std::size_t>(op.groups);
    unite_places(in, groups);
    const std::size_t each = in.size() / groups;
    Slots out(in.size());
    for (std::size_t g = 0; g < groups; ++g)
      for (std::size_t k = 0; k < each; ++k) out[k * groups + g] = in[g * each + k];
    return out;
  }

  Slots reshaped(std::size_t to, std::size_t from) {
    const Slots& in = slots_[from];
    if (shapes_[to][1] == shapes_[from][1]) return in;
    if (shapes_[to][2] == 1 && shapes_[to][3] == 1) {
      Slots out;
      for (const int slot : in)
        out.insert(out.end(), static_cast<std::size_t>(shapes_[from][2] * shapes_[from][3]), slot);
      return out;
    }
    lock(in);  // channels and map are mixed
    Slots out = fresh(shapes_[to][1]);
    lock(out);
    return out;
  }

  Ties number() {
    Ties ties;
    std::vector<int> numbers(sets_.size(), -1);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      ties.units.emplace_back();
      for (const int slot : slots_[i]) {
        int& unit = numbers[static_cast<std::size_t>(sets_.find(slot))];
        if (unit < 0) {
          unit = static_cast<int>(ties.members.size());
          ties.members.emplace_back();
        }
        ties.units.back().push_back(unit);
        auto& members = ties.members[static_cast<std::size_t>(unit)];
        if (members.empty() || members.back().first != static_cast<int>(i))
          members.emplace_back(static_cast<int>(i), 0);
        ++members.back().second;
      }
    }
    ties.locked.assign(ties.members.size(), false);
    for (const int slot : locked_)
      ties.locked[static_cast<std::size_t>(numbers[static_cast<std::size_t>(sets_.find(slot))])] = true;
    return ties;
  }

  const Graph& graph_;
  const std::vector<Shape>& shapes_;
  Sets sets_;
  std::vector<Slots> slots_;  ///< per op and channel of its output
  Slots locked_;
};

}  // namespace

bool is_depthwise(const Op& op, const Shape& input) {
  return op.groups > 1 && op.groups == input[1];
}

Ties find_ties(const Graph& graph, const std::vector<Shape>& shapes) {
  return Finder(graph, shapes).run();
}

}  // namespace hwprof::pruning

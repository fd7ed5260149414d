// SPDX-License-Identifier: Apache-2.0
#include "hwprof/prune.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "prune/cut.hpp"
#include "prune/ties.hpp"

namespace hwprof {
namespace {

using pruning::Ties;

constexpr double most_weights = 2e9;  // that are drawn to be ranked

void check(const PruneOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "pruning: " + what); };
  if (!(options.level >= 0) || !(options.level < 1))
    refuse("the level must be from 0 to below 1, found " + base::format_number(options.level));
  const auto known = list_prune_strategies();
  if (std::find(known.begin(), known.end(), options.strategy) == known.end())
    refuse("unknown strategy " + base::in_quotes(options.strategy) + base::suggest(options.strategy, known));
  if (options.min_channels < 1) refuse("at least one channel must stay, found " + std::to_string(options.min_channels));
}

/// What may go, and in which order.
class Choosing {
 public:
  Choosing(const Graph& graph, const Shape& input, const std::vector<Shape>& shapes, const Ties& ties,
           const PruneOptions& options)
      : graph_(graph), input_(input), ties_(ties), options_(options), layers_(graph.ops.size()) {
    for (const Shape& shape : shapes) widths_.push_back(shape[1]);
    std::iota(layers_.begin(), layers_.end(), 0);
    for (std::size_t unit = 0; unit < ties.members.size(); ++unit) {
      int first = -1;
      for (const auto& [op, count] : ties.members[unit]) {
        if (!is_conv(op)) continue;
        if (first >= 0) layers_[static_cast<std::size_t>(layer_of(op))] = layer_of(first);
        first = op;
      }
    }
    for (std::size_t unit = 0; unit < ties.members.size(); ++unit)
      if (!ties.locked[unit])
        if (const int conv = conv_of(unit); conv >= 0) by_layer_[layer_of(conv)].push_back(unit);
  }

  std::vector<bool> run(PruneSummary& summary) {
    std::vector<bool> gone(ties_.members.size());
    std::size_t prunable = 0;
    for (std::size_t unit = 0; unit < gone.size(); ++unit) {
      summary.filters += filters(unit);
      if (!ties_.locked[unit]) prunable += filters(unit);
    }
    summary.layers = by_layer_.size();
    summary.prunable = prunable;
    const auto ranked = rank(summary.notes);
    const double rounding = 1e-9;
    double room = options_.level * static_cast<double>(prunable) + rounding;
    std::map<int, double> layer_room;
    if (options_.per_layer)
      for (const auto& [layer, units] : by_layer_)
        layer_room[layer] = std::floor(options_.level * static_cast<double>(units.size()) + rounding);
    for (const auto& [score, unit] : ranked) {
      double& left = options_.per_layer ? layer_room[layer_of(conv_of(unit))] : room;
      const double takes = options_.per_layer ? 1 : static_cast<double>(filters(unit));
      if (takes > left || !may_go(unit)) continue;
      left -= takes;
      gone[unit] = true;
      summary.removed += filters(unit);
      for (const auto& [op, count] : ties_.members[unit]) widths_[static_cast<std::size_t>(op)] -= count;
    }
    return gone;
  }

 private:
  [[nodiscard]] bool is_conv(int op) const { return graph_.ops[static_cast<std::size_t>(op)].kind == OpKind::conv2d; }

  int layer_of(int op) const {
    while (layers_[static_cast<std::size_t>(op)] != op) op = layers_[static_cast<std::size_t>(op)];
    return op;
  }

  [[nodiscard]] int conv_of(std::size_t unit) const {
    for (const auto& [op, count] : ties_.members[unit])
      if (is_conv(op)) return op;
    return -1;
  }

  [[nodiscard]] std::size_t filters(std::size_t unit) const {
    std::size_t sum = 0;
    for (const auto& [op, count] : ties_.members[unit])
      if (is_conv(op)) sum += static_cast<std::size_t>(count);
    return sum;
  }

  /// Whether every value stays wide enough; a value of fewer channels keeps all of them.
  [[nodiscard]] bool may_go(std::size_t unit) const {
    const auto& members = ties_.members[unit];
    return std::all_of(members.begin(), members.end(), [this](const auto& member) {
      return widths_[static_cast<std::size_t>(member.first)] - member.second >= options_.min_channels;
    });
  }

  /// Units with their scores, the lowest first; those of one layer compare among themselves.
  [[nodiscard]] std::vector<std::pair<double, std::size_t>> rank(std::vector<std::string>& notes) const {
    std::vector<std::pair<double, std::size_t>> ranked;
    if (options_.level == 0) return ranked;
    if (options_.strategy == "random") {
      std::mt19937_64 rng(options_.seed);
      for (const auto& [layer, units] : by_layer_) {
        const double weight = 0.5 + base::draw_unit(rng);
        for (const std::size_t unit : units) ranked.emplace_back(weight * base::draw_unit(rng), unit);
      }
    } else {
      const auto norms = mean_norms(notes);
      for (const auto& [layer, units] : by_layer_) {
        double mean = 0;
        for (const std::size_t unit : units) mean += norms[unit] / static_cast<double>(units.size());
        for (const std::size_t unit : units) ranked.emplace_back(mean > 0 ? norms[unit] / mean : 0, unit);
      }
    }
    std::sort(ranked.begin(), ranked.end());
    return ranked;
  }

  /// Mean of |w| over the filters of each unit.
  [[nodiscard]] std::vector<double> mean_norms(std::vector<std::string>& notes) const {
    const Graph* weighted = &graph_;
    Graph drawn;
    const auto bare = [](const Op& op) { return op.kind == OpKind::conv2d && op.weights.empty(); };
    if (std::any_of(graph_.ops.begin(), graph_.ops.end(), bare)) {
      double weights = 0;
      for (const Work& work : count_work(graph_, input_)) weights += work.params;
      if (weights > most_weights)
        throw Error(Fault::input, "graph " + base::in_quotes(graph_.name) + ": " + base::format_number(weights) +
                                      " weights would have to be drawn for l1_norm");
      drawn = with_weights(graph_, input_, options_.seed);
      weighted = &drawn;
      notes.emplace_back("the network has no weights of its own; those that were ranked are drawn by the seed");
    }
    std::vector<double> sums(ties_.members.size()), counts(ties_.members.size());
    for (std::size_t i = 0; i < weighted->ops.size(); ++i) {
      const Op& op = weighted->ops[i];
      if (op.kind != OpKind::conv2d) continue;
      const auto& values = *op.weights.at(0);
      const std::size_t each = values.size() / static_cast<std::size_t>(op.out_channels);
      for (std::size_t filter = 0; filter < ties_.units[i].size(); ++filter) {
        const auto unit = static_cast<std::size_t>(ties_.units[i][filter]);
        for (std::size_t k = 0; k < each; ++k) sums[unit] += std::abs(static_cast<double>(values[filter * each + k]));
        counts[unit] += static_cast<double>(each);
      }
    }
    for (std::size_t unit = 0; unit < sums.size(); ++unit)
      if (counts[unit] > 0) sums[unit] /= counts[unit];
    return sums;
  }

  const Graph& graph_;
  const Shape& input_;
  const Ties& ties_;
  const PruneOptions& options_;
  std::vector<int> layers_;                           ///< per op: another op of its layer, itself at the root
  std::map<int, std::vector<std::size_t>> by_layer_;  ///< units that may go
  std::vector<std::int64_t> widths_;                  ///< channels that are left of every value
};

}  // namespace

std::vector<std::string> list_prune_strategies() {
  return {"random", "l1_norm"};
}

Graph prune(const Graph& graph, const Shape& input, const PruneOptions& options, PruneSummary* summary) {
  check(options);
  const auto shapes = infer_shapes(graph, input);
  const Ties ties = pruning::find_ties(graph, shapes);
  PruneSummary own;
  const auto gone = Choosing(graph, input, shapes, ties, options).run(own);
  Graph out = pruning::without(graph, shapes, ties, gone);
  (void)infer_shapes(out, input);
  if (summary != nullptr) *summary = own;
  return out;
}

}  // namespace hwprof

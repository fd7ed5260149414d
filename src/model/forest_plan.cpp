// SPDX-License-Identifier: Apache-2.0
// In which order sets of rows pass the nodes of a tree, and where they wait meanwhile.
#include <algorithm>
#include <cmath>

#include "model/forest.hpp"

namespace hwprof::model {

void Forest::plan() {
  static_assert(most_trees * (most_set_nodes / 2) <= std::size_t{1} << (32 - place_bits), "a cut fits beside a place");
  static_assert(waiting_places <= std::size_t{1} << place_bits, "a place fits beside a cut");
  const auto feature_of = [](const Node& node) { return node.link & (most_features - 1); };
  const auto each_inner = [this](const auto& action) {
    for (const Tree& tree : trees_)
      for (std::size_t i = tree.root; tree.nodes <= most_set_nodes && i < tree.root + tree.nodes; ++i)
        if (!std::isinf(nodes_[i].threshold)) action(i);
  };
  std::vector<std::vector<float>> cuts(features_);
  each_inner([&](std::size_t i) { cuts[feature_of(nodes_[i])].push_back(nodes_[i].threshold); });
  cuts_.clear();
  first_cut_.assign(1, 0);
  for (auto& own : cuts) {
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    cuts_.insert(cuts_.end(), own.begin(), own.end());
    first_cut_.push_back(cuts_.size());
  }
  std::vector<std::uint32_t> cut_of(nodes_.size(), 0);
  each_inner([&](std::size_t i) {
    const auto& own = cuts[feature_of(nodes_[i])];
    const auto cut = std::lower_bound(own.begin(), own.end(), nodes_[i].threshold) - own.begin();
    cut_of[i] = static_cast<std::uint32_t>(first_cut_[feature_of(nodes_[i])] + static_cast<std::size_t>(cut));
  });
  for (Tree& tree : trees_)
    if (tree.nodes <= most_set_nodes) plan(tree, cut_of);
}

void Forest::plan(Tree& tree, const std::vector<std::uint32_t>& cut_of) {
  const Node* const nodes = nodes_.data() + tree.root;
  const auto is_leaf = [&](std::size_t at) { return std::isinf(nodes[at].threshold); };
  const auto left_of = [&](std::size_t at) { return std::size_t{nodes[at].link >> feature_bits}; };
  const auto is_pair = [&](std::size_t at) { return !is_leaf(at) && is_leaf(left_of(at)) && is_leaf(left_of(at) + 1); };
  for (std::size_t at = 0; at < tree.nodes; ++at) tree.pairs += is_pair(at) ? 1 : 0;
  tree.units = tree.nodes / 2 + 1 - tree.pairs;
  tree.first_step = steps_.size();
  tree.first_pair = pair_cuts_.size();
  tree.first_leaf = leaf_values_.size();
  leaf_values_.resize(tree.first_leaf + 2 * tree.units, 0.0F);

  const auto set_leaf = [&](std::size_t number, std::size_t at) {
    leaf_values_[tree.first_leaf + number] = values_[tree.root + at];
  };
  std::size_t pairs = 0, singles = tree.pairs;
  // Where the rows of a node go: a unit of its own, or else the place where they wait.
  const auto place_of = [&](std::size_t at, std::size_t waiting) {
    std::size_t place = waiting;
    if (is_leaf(at)) {
      place = waiting_places + singles;
      set_leaf(2 * singles++, at);
    } else if (is_pair(at)) {
      place = waiting_places + pairs;
      pair_cuts_.push_back(cut_of[tree.root + at]);
      set_leaf(2 * pairs, left_of(at));
      set_leaf(2 * pairs++ + 1, left_of(at) + 1);
    }
    return static_cast<std::uint16_t>(place);
  };
  // Depth first: what is next always waits at 0, a right child at its depth, where nothing else waits then.
  struct Waiting {
    std::size_t node = 0, depth = 0;
    std::uint16_t place = 0;
  };
  std::vector<Waiting> waiting;
  tree.start = place_of(0, 0);
  if (tree.start < waiting_places) waiting.push_back({0, 0, tree.start});
  while (!waiting.empty()) {
    const Waiting here = waiting.back();
    waiting.pop_back();
    const std::size_t left = left_of(here.node), depth = here.depth + 1;
    const std::uint16_t to_left = place_of(left, 0), to_right = place_of(left + 1, depth);
    steps_.push_back({cut_of[tree.root + here.node] << place_bits | here.place,
                      static_cast<std::uint16_t>(set_words * to_left),
                      static_cast<std::uint16_t>(set_words * to_right)});
    if (to_right < waiting_places) waiting.push_back({left + 1, depth, to_right});
    if (to_left < waiting_places) waiting.push_back({left, depth, to_left});
  }
  tree.steps = steps_.size() - tree.first_step;
}

}  // namespace hwprof::model

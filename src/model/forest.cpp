// SPDX-License-Identifier: Apache-2.0
// Walking, writing and reading; how trees are grown is in forest_fit.cpp, how many rows go through them in
// forest_plan.cpp and forest_sets.cpp.
#include "model/forest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t lanes = 8;             // walks in step: enough to hide the latency of a step
constexpr std::size_t block = 128;           // rows that stay in the first cache while the trees go by
constexpr std::size_t most_nodes = 1 << 24;  // of a tree, what fits beside the feature into a link

/// Shortest decimal text that reads back as the same float.
std::string text_of(float value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

/// A finite float, or a failure that names the node.
float float_of(std::string_view text, const base::JsonReader& place, std::size_t node) {
  const auto number = base::to_double(text);
  const float value = number ? static_cast<float>(*number) : std::numeric_limits<float>::infinity();
  if (!std::isfinite(value))
    place.fail("node " + std::to_string(node) + ": a finite number is expected, found " + base::in_quotes(text));
  return value;
}

std::vector<Forest::Split> parse_tree(const base::JsonReader& json, std::size_t features) {
  const std::string text = json.text();
  const std::vector<std::string> words = base::split(text, ' ');
  if (words.size() >= most_nodes) json.fail("a tree has at most " + std::to_string(most_nodes - 1) + " nodes");
  std::vector<Forest::Split> tree;
  std::size_t announced = 1;
  for (const std::string_view word : words) {
    const std::size_t node = tree.size();
    if (node >= announced) json.fail("node " + std::to_string(node) + " has no parent");
    Forest::Split split;
    const auto colon = word.find(':');
    if (!word.empty() && word.front() == '=') {
      split.value = float_of(word.substr(1), json, node);
    } else if (colon != std::string_view::npos) {
      const auto feature = base::to_int(word.substr(0, colon));
      if (!feature || *feature < 0 || *feature >= static_cast<std::int64_t>(features))
        json.fail("node " + std::to_string(node) + ": a feature from 0 to " + std::to_string(features - 1) +
                  " is expected, found " + base::in_quotes(word.substr(0, colon)));
      split.feature = static_cast<int>(*feature);
      split.value = float_of(word.substr(colon + 1), json, node);
      split.left = announced;
      announced += 2;
    } else {
      json.fail("node " + std::to_string(node) + ": feature:threshold or =value is expected, found " +
                base::in_quotes(word));
    }
    tree.push_back(split);
  }
  if (announced != tree.size())
    json.fail("the tree ends after " + std::to_string(tree.size()) + " nodes of " + std::to_string(announced));
  return tree;
}

int depth_of(const std::vector<Forest::Split>& tree) {
  std::vector<int> depth(tree.size(), 0);
  int deepest = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    deepest = std::max(deepest, depth[i]);
    if (tree[i].feature >= 0) depth[tree[i].left] = depth[tree[i].left + 1] = depth[i] + 1;
  }
  return deepest;
}

}  // namespace

void Forest::add(const std::vector<Split>& tree) {
  Tree added;
  added.root = nodes_.size();
  added.nodes = tree.size();
  added.depth = depth_of(tree);
  trees_.push_back(added);
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const bool leaf = tree[i].feature < 0;
    const auto left = static_cast<std::uint32_t>(leaf ? i : tree[i].left);
    const auto feature = static_cast<std::uint32_t>(leaf ? 0 : tree[i].feature);
    nodes_.push_back({leaf ? std::numeric_limits<float>::infinity() : tree[i].value, left << feature_bits | feature});
    values_.push_back(leaf ? tree[i].value : 0);
  }
}

double Forest::predict(const float* row) const noexcept {
  double sum = 0;
  for (const Tree& tree : trees_) {
    const Node* const nodes = nodes_.data() + tree.root;
    std::uint32_t at = 0;
    for (int level = 0; level < tree.depth; ++level) {
      const Node node = nodes[at];
      at = (node.link >> feature_bits) + (row[node.link & (most_features - 1)] > node.threshold ? 1U : 0U);
    }
    sum += static_cast<double>(values_[tree.root + at]);
  }
  return trees_.empty() ? 0 : sum / static_cast<double>(trees_.size());
}

void Forest::add_walking(const Tree& tree, const float* rows, std::size_t n, double* sums) const noexcept {
  const Node* const nodes = nodes_.data() + tree.root;
  const float* const values = values_.data() + tree.root;
  for (std::size_t first = 0; first < n; first += lanes) {
    std::array<std::uint32_t, lanes> at{};
    std::array<const float*, lanes> row{};
    for (std::size_t l = 0; l < lanes; ++l) row[l] = rows + std::min(first + l, n - 1) * features_;
    for (int level = 0; level < tree.depth; ++level) {
      std::uint32_t moved = 0;
      for (std::size_t l = 0; l < lanes; ++l) {
        const Node node = nodes[at[l]];
        const std::uint32_t next =
            (node.link >> feature_bits) + (row[l][node.link & (most_features - 1)] > node.threshold ? 1U : 0U);
        moved |= next ^ at[l];
        at[l] = next;
      }
      if (moved == 0) break;
    }
    for (std::size_t l = 0; l < std::min(lanes, n - first); ++l) sums[first + l] += static_cast<double>(values[at[l]]);
  }
}

void Forest::predict_walking(const float* rows, std::size_t n, double* out) const noexcept {
  std::fill(out, out + n, 0.0);
  for (std::size_t begin = 0; begin < n; begin += block)
    for (const Tree& tree : trees_)
      add_walking(tree, rows + begin * features_, std::min(block, n - begin), out + begin);
  for (std::size_t i = 0; i < n && !trees_.empty(); ++i) out[i] /= static_cast<double>(trees_.size());
}

base::Json Forest::to_json() const {
  base::Json json = base::Json::object();
  json["features"] = features_;
  auto& trees = json["trees"] = base::Json::array();
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    const std::size_t end = t + 1 < trees_.size() ? trees_[t + 1].root : nodes_.size();
    std::string text;
    for (std::size_t i = trees_[t].root; i < end; ++i) {
      if (!text.empty()) text += ' ';
      if (std::isinf(nodes_[i].threshold)) {
        text += '=';
        text += text_of(values_[i]);
      } else {
        text += std::to_string(nodes_[i].link & (most_features - 1)) + ":" + text_of(nodes_[i].threshold);
      }
    }
    trees.push_back(std::move(text));
  }
  return json;
}

Forest Forest::read(const base::JsonReader& json) {
  json.only({"features", "trees"});
  Forest forest;
  forest.features_ = static_cast<std::size_t>(json["features"].integer(1, most_features));
  const auto trees = json["trees"].list();
  if (trees.empty() || trees.size() > most_trees)
    json["trees"].fail("1 to " + std::to_string(most_trees) + " trees are expected, found " +
                       std::to_string(trees.size()));
  for (const auto& text : trees) {
    forest.add(parse_tree(text, forest.features_));
    if (forest.trees_.back().depth > most_depth)
      text.fail("a tree is at most " + std::to_string(most_depth) + " levels deep");
  }
  forest.plan();
  return forest;
}

}  // namespace hwprof::model

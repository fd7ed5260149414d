// SPDX-License-Identifier: Apache-2.0
// Evaluating, writing and reading; how trees are grown is in forest_fit.cpp.
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

#if defined(__x86_64__)
#include <immintrin.h>
#define HWPROF_X86_64 1
#endif

namespace hwprof::model {
namespace {

constexpr std::size_t lanes = 8;             // walks in step: enough to hide the latency of a step
constexpr std::size_t block = 128;           // rows that stay in the first cache while the trees go by
constexpr std::size_t most_nodes = 1 << 24;  // of a tree, what fits beside the feature into a link
constexpr unsigned feature_bits = 8;
#ifdef HWPROF_X86_64
constexpr std::size_t wide = 64;              // rows in a word of bits
constexpr std::size_t least_wide = 24;        // rows below which walking is faster
constexpr std::size_t most_wide_nodes = 640;  // of a tree above which walking is faster
#endif

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
  trees_.push_back({nodes_.size(), depth_of(tree), inner_.size(), leaves_.size(), tree.size()});
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const bool leaf = tree[i].feature < 0;
    const auto at = static_cast<std::uint32_t>(i);
    const auto left = leaf ? at : static_cast<std::uint32_t>(tree[i].left);
    const auto feature = static_cast<std::uint32_t>(leaf ? 0 : tree[i].feature);
    nodes_.push_back({leaf ? std::numeric_limits<float>::infinity() : tree[i].value, left << feature_bits | feature});
    values_.push_back(leaf ? tree[i].value : 0);
    if (leaf)
      leaves_.push_back({tree[i].value, at});
    else
      inner_.push_back({tree[i].value, feature, at});
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

void Forest::add_portable(const Tree& tree, const float* rows, std::size_t n, double* sums) const noexcept {
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

void Forest::predict_portable(const float* rows, std::size_t n, double* out) const noexcept {
  std::fill(out, out + n, 0.0);
  for (std::size_t begin = 0; begin < n; begin += block)
    for (const Tree& tree : trees_)
      add_portable(tree, rows + begin * features_, std::min(block, n - begin), out + begin);
  for (std::size_t i = 0; i < n && !trees_.empty(); ++i) out[i] /= static_cast<double>(trees_.size());
}

#ifdef HWPROF_X86_64

/// Which of 64 rows reach each node, as bits; then every leaf puts its value where its bits are.
__attribute__((target("avx512f,avx512bw"))) void Forest::add_wide(const Tree& tree, const float* columns,
                                                                  double* sums) const noexcept {
  std::array<std::uint64_t, most_wide_nodes> reached;
  reached[0] = ~std::uint64_t{0};
  const std::size_t inner = tree.nodes / 2, leaves = inner + 1;
  const Inner* node = inner_.data() + tree.inner;
  for (std::uint64_t* children = reached.data() + 1; children < reached.data() + tree.nodes; children += 2, ++node) {
    const float* const column = columns + std::size_t{node->feature} * wide;
    const __m512 threshold = _mm512_set1_ps(node->threshold);
    const __mmask16 a = _mm512_cmp_ps_mask(_mm512_loadu_ps(column), threshold, _CMP_GT_OQ);
    const __mmask16 b = _mm512_cmp_ps_mask(_mm512_loadu_ps(column + 16), threshold, _CMP_GT_OQ);
    const __mmask16 c = _mm512_cmp_ps_mask(_mm512_loadu_ps(column + 32), threshold, _CMP_GT_OQ);
    const __mmask16 d = _mm512_cmp_ps_mask(_mm512_loadu_ps(column + 48), threshold, _CMP_GT_OQ);
    const std::uint64_t right = _mm512_kunpackd(_mm512_kunpackw(d, c), _mm512_kunpackw(b, a));
    const std::uint64_t here = reached[node->at];
    children[0] = here & ~right;
    children[1] = here & right;
  }
  __m512 value[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  const Leaf* leaf = leaves_.data() + tree.leaves;
  for (const Leaf* const end = leaf + leaves; leaf != end; ++leaf) {
    const std::uint64_t here = reached[leaf->at];
    const __m512 own = _mm512_set1_ps(leaf->value);
    value[0] = _mm512_mask_mov_ps(value[0], static_cast<__mmask16>(here), own);
    value[1] = _mm512_mask_mov_ps(value[1], static_cast<__mmask16>(here >> 16), own);
    value[2] = _mm512_mask_mov_ps(value[2], static_cast<__mmask16>(here >> 32), own);
    value[3] = _mm512_mask_mov_ps(value[3], static_cast<__mmask16>(here >> 48), own);
  }
  alignas(64) std::array<float, wide> values;
  for (std::size_t i = 0; i < 4; ++i) _mm512_store_ps(values.data() + 16 * i, value[i]);
  for (std::size_t i = 0; i < wide; ++i) sums[i] += static_cast<double>(values[i]);
}

void Forest::predict(const float* rows, std::size_t n, double* out) const noexcept {
  static const bool has_masks = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  std::size_t done = 0;
  for (; has_masks && n - done >= least_wide; done += std::min(wide, n - done)) {
    const std::size_t count = std::min(wide, n - done);
    alignas(64) std::array<float, most_features * wide> columns;
    alignas(64) std::array<double, wide> sums{};
    for (std::size_t l = 0; l < wide; ++l) {
      const float* const row = rows + (done + std::min(l, count - 1)) * features_;
      for (std::size_t f = 0; f < features_; ++f) columns[f * wide + l] = row[f];
    }
    for (const Tree& tree : trees_)
      if (tree.nodes <= most_wide_nodes)
        add_wide(tree, columns.data(), sums.data());
      else
        add_portable(tree, rows + done * features_, count, sums.data());
    for (std::size_t l = 0; l < count; ++l)
      out[done + l] = trees_.empty() ? 0 : sums[l] / static_cast<double>(trees_.size());
  }
  if (done < n) predict_portable(rows + done * features_, n - done, out + done);
}

#else

void Forest::add_wide(const Tree& /*tree*/, const float* /*columns*/, double* /*sums*/) const noexcept {}

void Forest::predict(const float* rows, std::size_t n, double* out) const noexcept {
  predict_portable(rows, n, out);
}

#endif

base::Json Forest::to_json() const {
  base::Json json = base::Json::object();
  json["features"] = features_;
  auto& trees = json["trees"] = base::Json::array();
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    const std::size_t end = t + 1 < trees_.size() ? trees_[t + 1].root : nodes_.size();
    std::string text;
    for (std::size_t i = trees_[t].root; i < end; ++i) {
      if (!text.empty()) text += ' ';
      if (std::isinf(nodes_[i].threshold))
        text += "=" + text_of(values_[i]);
      else
        text += std::to_string(nodes_[i].link & (most_features - 1)) + ":" + text_of(nodes_[i].threshold);
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
  return forest;
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/json.hpp"

namespace hwprof::model {

struct ForestOptions {
  int trees = 100;
  int min_leaf = 1;        ///< samples in a leaf, at least
  int split_features = 0;  ///< features that a split is chosen among; 0: all
  int max_depth = 32;      ///< at most Forest::most_depth
  std::uint64_t seed = 0;
  bool best_thresholds = false;  ///< the best threshold of a feature instead of a drawn one: a regression tree (CART)
};

/// An ensemble of extremely randomised regression trees (Geurts, Ernst, Wehenkel, "Extremely randomized trees",
/// Machine Learning 63, 2006): every tree sees all samples; a split draws one threshold per feature, uniform
/// between the least and the largest value at the node, and keeps the one that takes most off the variance. The
/// prediction is the mean over the trees.
///
/// Own code, because the libraries at hand train boosted trees and random forests (XGBoost in Debian) but not these,
/// which were better than both at the few hundred samples that a device can be asked for. Deterministic by seed.
///
/// Evaluated from flat arrays: a node is eight bytes, its children lie side by side, a leaf leads to itself,
/// so that the walks of many rows through one tree go in step, without a branch that could be mispredicted. Many rows
/// are not walked at all: 512 of them are sorted once by each feature, so that the rows that a node sends to the right
/// are known by where its threshold falls among them; which rows reach a node is then a set of bits, and two operations
/// on such sets go past a node with all rows at once (as in QuickScorer, Lucchese et al., SIGIR 2015, turned from trees
/// to rows). Sets wait in few places, so that they stay in the first cache; the leaves of four trees are added up in
/// one go.
class Forest {
 public:
  static constexpr std::size_t most_features = 256;
  static constexpr int most_depth = 64, most_trees = 4096;

  Forest() = default;

  /// rows: as many as targets, each `features` finite numbers, row-major. weights: positive, one a row, or empty.
  /// Some milliseconds a tree for a thousand rows. Trees whose targets are all equal are one leaf.
  /// @throws Error(Fault::usage) for options out of range, sizes that do not match, numbers that are not finite.
  [[nodiscard]] static Forest fit(const std::vector<float>& rows, std::size_t features,
                                  const std::vector<double>& targets, const std::vector<double>& weights,
                                  const ForestOptions& options);

  /// Numbers that are not finite are harmless and meaningless. Allocates nothing.
  [[nodiscard]] double predict(const float* row) const noexcept;
  /// n rows, row-major; results equal to the last bit, many times as fast a row. Allocates once from 64 rows on.
  void predict(const float* rows, std::size_t n, double* out) const noexcept;
  /// The same by walking, however many rows there are.
  void predict_walking(const float* rows, std::size_t n, double* out) const noexcept;

  [[nodiscard]] std::size_t features() const noexcept { return features_; }
  [[nodiscard]] std::size_t trees() const noexcept { return trees_.size(); }
  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }

  /// {"features": 2, "trees": ["1:0.5 =1.25 0:3 =2 =4", …]}: the nodes of a tree level by level, an inner one as
  /// feature:threshold (greater goes right), a leaf as =value. The k-th inner node's children are
  /// nodes 2k + 1 and 2k + 2, so that no file can hold a loop.
  [[nodiscard]] base::Json to_json() const;
  /// @throws Error(Fault::input) naming the place.
  [[nodiscard]] static Forest read(const base::JsonReader& json);

  /// A tree as it is grown and read.
  struct Split {
    int feature = -1;      ///< -1: a leaf
    float value = 0;       ///< threshold, or what the leaf predicts
    std::size_t left = 0;  ///< the children are left and left + 1; both behind their parent
  };

 private:
  static constexpr unsigned feature_bits = 8;
  struct Node {
    float threshold = 0;     ///< infinite at a leaf
    std::uint32_t link = 0;  ///< left child, counted from the tree's root, << 8 | feature; a leaf links to itself
  };
  static constexpr std::size_t set_words = 8;
  static constexpr unsigned place_bits = 8;
  static constexpr std::size_t most_set_nodes = 1 << 11;         ///< of a tree above which walking is faster
  static constexpr std::size_t waiting_places = most_depth + 1;  ///< the places before those of the units
  /// An inner node whose children are not both leaves parts the rows of one waiting place into two others.
  struct Step {
    std::uint32_t cut_from = 0;         ///< number of its threshold among all, << 8 | place
    std::uint16_t left = 0, right = 0;  ///< first words of places
  };
  /// Steps end in units, each with a place of its own: first the pairs, which are inner nodes of two leaves, then the
  /// leaves beside an inner node. Unit u has the leaf of number 2u, a pair 2u + 1 as well.
  struct Tree {
    std::size_t root = 0, nodes = 0;
    int depth = 0;
    std::uint16_t start = 0;                ///< the place of all rows
    std::size_t first_step = 0, steps = 0;  ///< parents before their children
    std::size_t first_pair = 0, pairs = 0;  ///< in pair_cuts_
    std::size_t first_leaf = 0, units = 0;  ///< in leaf_values_; 0 units: walked only
  };
  struct Scratch;
  void add(const std::vector<Split>& tree);
  /// Once all trees are there: numbers the thresholds of those that go by sets, and plans each of them.
  void plan();
  void plan(Tree& tree, const std::vector<std::uint32_t>& cut_of);
  void add_walking(const Tree& tree, const float* rows, std::size_t n, double* sums) const noexcept;
  /// Puts the leaf that each row reaches into the scratch, behind those of other trees; add_coded adds them all up.
  void code_sets(const Tree& tree, Scratch& scratch) const noexcept;
  static void add_coded(Scratch& scratch, std::size_t n, double* sums) noexcept;
  void sort_rows(const float* rows, std::size_t n, Scratch& scratch) const noexcept;
  void add_block(const float* rows, std::size_t n, Scratch& scratch, double* sums) const noexcept;

  std::size_t features_ = 0;
  std::vector<Node> nodes_;
  std::vector<float> values_;  ///< by node, of leaves
  std::vector<Tree> trees_;
  std::vector<Step> steps_;
  std::vector<std::uint32_t> pair_cuts_;
  std::vector<float> leaf_values_;      ///< by number of the leaf; 0 where there is none
  std::vector<float> cuts_;             ///< the different thresholds of each feature, ascending
  std::vector<std::size_t> first_cut_;  ///< where each feature's begin, and their end
};

}  // namespace hwprof::model

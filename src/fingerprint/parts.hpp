// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/fingerprint.hpp"
#include "model/forest.hpp"

namespace hwprof::fingerprint {

/// The rows of one cost: features of a network at a batch size, and what was measured.
struct Rows {
  Stage stage = Stage::inference;
  Metric quantity = Metric::latency;
  std::vector<std::vector<double>> features;
  std::vector<double> y;
  std::vector<std::size_t> net;
  std::vector<int> batch;

  [[nodiscard]] std::size_t size() const { return y.size(); }
};

using Picks = std::vector<std::size_t>;  ///< numbers of rows

/// A sum of features, none with a coefficient below 0: cost = constant + Σ coefficient * feature.
struct Linear {
  std::vector<std::size_t> columns;
  std::vector<double> coefficients;
  double constant = 0;

  [[nodiscard]] double at(const std::vector<double>& features) const;
};

/// Everything that a kind predicts with. Kinds that were not asked for have empty forests.
struct Parts {
  Stage stage = Stage::inference;
  Metric quantity = Metric::latency;
  std::vector<std::size_t> seen;  ///< features that the forests of ratios see: seen_by_ratios() unless read from a file
  Linear simple, physical;
  model::Forest tree, forest, ratio, residual;

  /// @throws Error(Fault::internal) for a kind that it was not fitted for.
  [[nodiscard]] double predict(const std::string& kind, const std::vector<double>& features) const;
  /// What a residual forest multiplies the physical sum with.
  [[nodiscard]] double factor(const std::vector<double>& features) const;
};

/// Our own features among these names, the "own." ones.
[[nodiscard]] std::vector<std::size_t> seen_by_ratios(const std::vector<std::string>& names);
/// What a feature row of the ratio and residual forests holds, from the features of a network.
[[nodiscard]] std::vector<float> scaled_row(Stage stage, Metric quantity, const std::vector<std::size_t>& seen,
                                            const std::vector<double>& features);
/// What the tree and the forest see: perf4sight's features alone.
[[nodiscard]] std::vector<float> plain_row(Stage stage, const std::vector<double>& features);

/// kinds: which are to predict; "physical" is always fitted. picks: the rows that are seen.
[[nodiscard]] Parts fit_parts(const Rows& rows, const Picks& picks, const std::vector<std::string>& kinds, int trees,
                              std::uint64_t seed);

/// Features and their weights, which together have one coefficient.
using Term = std::vector<std::pair<std::string, double>>;
/// What the physical kind sums, a feature a term; and what the simple kind does, in few terms, where a MAC of a grouped
/// convolution counts as many as grouped_weight says.
[[nodiscard]] std::vector<Term> physical_terms(Stage stage, Metric quantity);
[[nodiscard]] std::vector<Term> simple_terms(Metric quantity, double grouped_weight);

}  // namespace hwprof::fingerprint

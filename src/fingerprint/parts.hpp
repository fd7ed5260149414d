// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/fingerprint.hpp"
#include "model/forest.hpp"

namespace hwprof::fingerprint {

constexpr std::size_t no_family = static_cast<std::size_t>(-1);

/// The rows of one cost: features of a network at a batch size, and what was measured.
struct Rows {
  Stage stage = Stage::inference;
  Metric quantity = Metric::latency;
  std::vector<std::vector<double>> features;
  std::vector<double> y;
  std::vector<std::size_t> net;
  std::vector<int> batch;
  std::vector<std::size_t> family;  ///< a number each; no_family for calibration
  std::size_t drawn = 0;            ///< how many networks for calibration are among these

  [[nodiscard]] std::size_t size() const { return y.size(); }
};

using Picks = std::vector<std::size_t>;  ///< numbers of rows

/// A sum of features, none with a coefficient below 0: cost = constant + Σ coefficient * feature. Libraries take other
/// algorithms for large batches, so from some batch on other coefficients may hold.
struct Linear {
  std::vector<std::size_t> columns;
  std::vector<double> coefficients;
  double constant = 0;
  double from_batch = 0;      ///< 0: the same for all batches
  std::vector<double> later;  ///< as coefficients, from that batch on; empty without one
  std::size_t batch = 0;      ///< which feature is the batch

  [[nodiscard]] const std::vector<double>& coefficients_for(const std::vector<double>& features) const;
  /// Some batch's coefficient of the column is not 0.
  [[nodiscard]] bool uses(std::size_t column) const;
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
/// What the physical kind sums, a feature a term; with by_kernel of time the features "kernel.", which few networks do
/// not always tell apart. And what the simple kind does, in few terms, where a MAC of a grouped convolution counts as
/// many as grouped_weight says.
[[nodiscard]] std::vector<Term> physical_terms(Stage stage, Metric quantity, bool by_kernel);
[[nodiscard]] std::vector<Term> simple_terms(Metric quantity, double grouped_weight);

/// @throws Error(Fault::internal) where there is none.
[[nodiscard]] std::size_t index_of(const std::string& name, Stage stage);

/// The sum of simple_terms(), with the weight of grouped MACs that leaves least of the relative error's squares.
[[nodiscard]] Linear fit_simple(const Rows& rows, const Picks& picks);
/// The sum of physical_terms(), by kernel where there are as many networks for calibration as terms, or where it
/// predicts families that are left out in turn (of one family, its networks) better; of time with the batch from which
/// products cost otherwise, if that is worth its coefficients (Akaike's criterion: rows times the logarithm of the mean
/// square, and two for every coefficient).
[[nodiscard]] Linear fit_physical(const Rows& rows, const Picks& picks);

}  // namespace hwprof::fingerprint

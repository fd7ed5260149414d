// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "model/forest.hpp"
#include "model/kernel_features.hpp"

namespace hwprof::model {

/// What was learned of one kind of kernel.
struct KernelClass {
  Roofline roofline;
  Forest forest;                       ///< log(cost / roofline)
  KernelRow least{}, most{};           ///< of the features that were seen
  std::size_t kernels = 0, prims = 0;  ///< distinct ones behind it
  double error = 0;                    ///< root mean square of log(predicted / measured), held out
};

/// An estimated cost. Counts are of kernels.
struct Estimate {
  double value = 0, standard_error = 0;
  int kernels = 0;
  int extrapolated = 0;  ///< a feature outside what was seen of the kind, or a kind seen in very few primitives
  int unseen = 0;        ///< a kind never seen: the roofline of all others
};

/// Costs of kernels from their features. Immutable once filled; safe to use from any thread.
struct KernelEstimator {
  static constexpr std::size_t few_prims = 5;  ///< a kind seen in fewer primitives counts as extrapolated
  static constexpr float slack = 0.1F;         ///< in log2: 7 % beyond what was seen is no extrapolation yet

  FusionRules rules;
  Roofline general;          ///< of all kinds together
  double general_error = 1;  ///< as KernelClass::error, of the roofline alone
  double calibration = 1;    ///< held-out errors over standard errors
  std::map<std::string, KernelClass> classes;

  /// Cost of each, with the forests of a kind over all its kernels at once.
  [[nodiscard]] std::vector<Estimate> each(const std::vector<Kernel>& kernels) const;
  /// Their sum. Errors of kernels count as independent.
  [[nodiscard]] Estimate sum(const std::vector<Kernel>& kernels) const;
  /// @throws as group_kernels.
  [[nodiscard]] Estimate graph(const Graph& graph, const Shape& input) const;

  [[nodiscard]] base::Json to_json() const;
  [[nodiscard]] static KernelEstimator read(const base::JsonReader& json);
};

}  // namespace hwprof::model

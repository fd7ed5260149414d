// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "transfer/bayes.hpp"
#include "transfer/sources.hpp"

namespace hwprof::transfer {

/// One model of the family, a line over the columns of Features, with its prediction of each sample from the others.
struct Member {
  std::string name;
  double level = 0;  ///< cost at 0; costs have mean 1 over the samples
  Eigen::VectorXd weights;
  Eigen::VectorXd loo;
  double share = 0;  ///< of the combined model
};

/// Rows of the columns for some architectures, and what sources are predicted to cost there.
[[nodiscard]] Sample describe(const Features& features, const std::vector<SourceModel>& sources,
                              const std::vector<Arch>& archs);

/// Standard deviation of the sources' predictions over the rows, their mean; 1 where they do not vary.
[[nodiscard]] double spread_of(const Sample& reference);

/// A line in columns and sources as one in columns alone.
[[nodiscard]] Member fold(std::string name, const Linear& line, const std::vector<SourceModel>& sources);

/// cost = a + b · total, with the total (MACs, bytes, operations) of least squares; nothing when none varies.
/// In the leave-one-out the total is chosen anew for each sample.
[[nodiscard]] std::optional<Member> fit_scaling(const Features& features, const Sample& sample,
                                                const Eigen::VectorXd& weight);

/// cost = a + Σ w · source, none negative, w pulled to 1 / sources.
[[nodiscard]] Member fit_stacking(const std::vector<SourceModel>& sources, const Sample& sample,
                                  const Eigen::VectorXd& weight);

/// Settles the priors on at most 128 samples and the weights, where there are more, on all of them.
[[nodiscard]] BayesFit fit_regression(const Sample& sample, const std::vector<Prior>& priors,
                                      const std::vector<Group>& groups, std::uint64_t seed);

/// Sets the shares: error^(-n/2) of the mean square errors of leaving one out, the likelihood of errors whose scale is
/// not known, with outliers cut off and some pseudo-samples on which all are alike, times a prior: transfer 6, stacking
/// 2, scaling 1.5, analytic 1.
void weigh(std::vector<Member>& members, const Eigen::VectorXd& cost);

}  // namespace hwprof::transfer

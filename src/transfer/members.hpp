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
  double share = 0;         ///< of the combined model
  bool of_sources = false;  ///< whether what the sources cost enters
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

/// cost = a + Σ w · source + Σ v · total / its mean, none negative, w pulled to 1 / sources and v to 0. Called stacking
/// without totals, else mixed. Totals' means are above 0.
[[nodiscard]] Member fit_stacking(const std::vector<SourceModel>& sources, const std::vector<Features::Total>& totals,
                                  const Sample& sample, const Eigen::VectorXd& weight);

/// Settles the priors on at most 128 samples and the weights, where there are more, on all of them.
[[nodiscard]] BayesFit fit_regression(const Sample& sample, const std::vector<Prior>& priors,
                                      const std::vector<Group>& groups, std::uint64_t seed);

/// Sets the shares: error^(-n/4) of the mean square error of leaving one out, in which each sample counts with its
/// weight (BayesFit::weight_of), as it does in the members' fits; six times that for members that know the sources. The
/// likelihood of independent errors of unknown scale would be error^(-n/2). Returns what the members together predict
/// of each sample from the others, by shares of the others' errors alone.
Eigen::VectorXd weigh(std::vector<Member>& members, const Eigen::VectorXd& cost, const Eigen::VectorXd& weight);

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hwprof/transfer.hpp"
#include "transfer/features.hpp"

namespace hwprof::transfer {

/// Architectures with their costs, each once.
struct Labels {
  std::vector<Arch> archs;
  std::vector<double> costs;
  std::vector<std::int64_t> counts;  ///< records behind each
  std::size_t left_out = 0;
};

/// The overall costs of records that name an architecture of the space, several of one by their mean.
/// @throws Error(Fault::usage) for a text that is no architecture of the space.
[[nodiscard]] Labels labels_of(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options,
                               const std::vector<NetRecord>& records, Metric metric);

/// Least squares over the columns of Features for devices that were measured on the same architectures.
class Regression {
 public:
  /// At most most_rows of the architectures are used, spread over all.
  Regression(const Features& features, const std::vector<Arch>& archs);
  static constexpr std::size_t most_rows = 3000;

  /// cost = at 0 + row · at 1… in the costs' unit, by ridge regression on costs whose outliers were drawn in.
  [[nodiscard]] Eigen::VectorXd fit(const std::vector<double>& costs) const;

  /// Plain least squares, where one half of the rows reproduces the costs of the other to rounding, as no
  /// measurement would; nothing otherwise, or where the rows are too few to tell.
  [[nodiscard]] std::optional<Eigen::VectorXd> exact_sum(const std::vector<double>& costs) const;

  /// What each cost is predicted to be from the others by exact_sum's least squares: fitted, from the residuals over
  /// 1 - leverage. Architectures that are not used stay as fitted.
  [[nodiscard]] Eigen::VectorXd left_out(const std::vector<double>& costs, const Eigen::VectorXd& fitted) const;

 private:
  [[nodiscard]] Eigen::MatrixXd plain(const Eigen::MatrixXd& gram, Eigen::Index rows) const;
  [[nodiscard]] Eigen::VectorXd pick(const std::vector<double>& costs) const;

  std::vector<std::size_t> used_;
  Eigen::MatrixXd rows_;  ///< with a first column of ones
  Eigen::MatrixXd gram_, half_gram_;
  Eigen::VectorXd penalty_;
};

/// What another device costs, as a mean and weights of columns, with mean 1 over its own architectures.
struct SourceModel {
  std::string name;
  std::size_t archs = 0;
  bool exact = false;
  double level = 0;  ///< cost - 1 at 0
  Eigen::VectorXd weights;
};

/// One per source that has costs of enough architectures; the others are noted. archs gets the architectures of all,
/// each once, sorted.
[[nodiscard]] std::vector<SourceModel> fit_sources(const MixinProfilingSearchSpace& space, const Features& features,
                                                   const std::vector<TransferSource>& sources, Metric metric,
                                                   std::vector<Arch>& archs, std::vector<std::string>& notes);

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "transfer/features.hpp"

namespace hwprof::transfer {

/// Finds labels that are sums of a look-up per factor of the space, for devices with labels on the same architectures.
class ExactSums {
 public:
  ExactSums(const Features& features, const std::vector<Arch>& archs);

  /// A cost per part (Features::parts), where those of one half of the rows reproduce the labels of the other to
  /// rounding, as no measurement would; nothing otherwise, or where the rows are too few to tell.
  [[nodiscard]] std::optional<Eigen::VectorXd> find(const std::vector<double>& costs) const;

  /// What each label is predicted to be from the others: fitted, from the residuals over 1 - leverage. Rows beyond
  /// most_rows, which find() does not look at, stay as fitted.
  [[nodiscard]] Eigen::VectorXd left_out(const std::vector<double>& costs, const Eigen::VectorXd& fitted) const;

  static constexpr std::size_t most_parts = 1200, most_rows = 5000;

 private:
  [[nodiscard]] Eigen::MatrixXd gram(std::size_t rows) const;
  [[nodiscard]] Eigen::VectorXd solve(const std::vector<double>& costs, std::size_t rows) const;

  std::size_t num_parts_ = 0;
  std::vector<std::vector<std::uint32_t>> rows_;  ///< none where there is no telling
};

}  // namespace hwprof::transfer

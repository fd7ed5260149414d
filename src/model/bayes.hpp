// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <vector>

namespace hwprof::model {

/// Rows are networks, relative to their cost: 1 = Σ_i a_i t_i + bias·d + noise, where t_i = scale + u_i is what the
/// isolated cost of primitive i is to be multiplied with. Priors: scale ~ N(1, 1), bias ~ N(0, bias_prior²),
/// u_i ~ N(0, τ² + own_i), noise ~ N(0, σ² / weight).
struct BayesProblem {
  Eigen::MatrixXd a;        ///< networks x primitives
  Eigen::VectorXd d;        ///< 1 / cost
  Eigen::VectorXd weights;  ///< > 0
  Eigen::VectorXd own;      ///< relative variance of the isolated costs
  double bias_prior = 1;
};

struct BayesSettings {
  double deviation = 0;  ///< τ
  double noise = 0;      ///< σ
};

struct BayesSolution {
  double scale = 1, bias = 0;
  Eigen::VectorXd factors;      ///< t, none below 0
  Eigen::VectorXd information;  ///< 1 - posterior / prior variance of u
  /// Covariance of (t, bias) is F·Fᵀ; upper triangular, one row more than there are primitives.
  Eigen::MatrixXd error_factor;
};

/// Logarithm of the marginal likelihood, a constant apart. O(min(n, p)² max(n, p)).
[[nodiscard]] double log_evidence(const BayesProblem& problem, const BayesSettings& settings);

/// The settings of the highest evidence: a grid of powers of 2, then steps that halve.
[[nodiscard]] BayesSettings best_settings(const BayesProblem& problem);

/// Posterior mode under t >= 0, and the covariance without that bound.
[[nodiscard]] BayesSolution solve_bayes(const BayesProblem& problem, const BayesSettings& settings);

/// Which t_i the rows alone determine: the i-th unit vector is a combination of the rows of (a, d).
[[nodiscard]] std::vector<bool> separate_columns(const BayesProblem& problem);

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <array>
#include <vector>

#include "transfer/features.hpp"

namespace hwprof::transfer {

/// Variances of the weights of a linear model, one per group of columns; those of the sources' predictions; and
/// whether these have their mean as prior or nothing.
struct Prior {
  std::array<double, num_groups> groups{};
  double sources = 0;
  bool mean = false;
  bool narrow = false;  ///< leaves little but one total, or but what the sources say; no measure of uncertainty
  double share = 1;     ///< of all priors, before the samples are seen
};

/// The samples as the fit sees them. One row each; costs have mean 1.
struct Sample {
  Eigen::MatrixXd features;  ///< columns of Features
  Eigen::MatrixXd sources;   ///< predictions of the sources, less 1; no columns where there are none
  Eigen::VectorXd mean;      ///< of the sources' predictions, less 1
  Eigen::VectorXd cost;
  Eigen::VectorXd weight;  ///< to begin with; empty: all alike
};

/// cost = 1 + bias + features · weights + sources · source_weights + on_mean · mean
struct Linear {
  Eigen::VectorXd weights, source_weights;
  double bias = 0, on_mean = 0;
};

/// Bayesian linear regression, averaged over priors and noise levels by their evidence. The scale of everything is
/// integrated out (inverse gamma).
struct BayesFit {
  Linear line;
  Eigen::VectorXd loo;         ///< prediction of each sample from the others
  Eigen::VectorXd loo_spread;  ///< its standard deviation
  // The likeliest single prior that is not narrow, from which deviations are taken.
  Prior prior;
  double noise = 0;           ///< variance of a measurement over that of the scale
  double variance = 0;        ///< of the scale
  Eigen::VectorXd weight_of;  ///< per sample, 1 and less for outliers
  Eigen::MatrixXd inverse;    ///< of the samples' covariance over `variance`
  Sample rows;                ///< the samples that these are of, where not all were used
};

/// Priors to average over. cells: the columns tell live paths. sources: the inverse of what the sources' predictions
/// vary by, 0 without any. With sources half of the share is that of priors close to them, which few samples need: a
/// device is like others until it shows that it is not. A fifth is that of priors which let one total alone speak.
[[nodiscard]] std::vector<Prior> priors(bool cells, double sources);

/// Regression by one kind of prior for all groups: evidence and leave-one-out in closed form from one eigenvalue
/// decomposition a prior. Outliers (leave-one-out residual beyond 2 robust deviations) weigh less.
/// Exactly nested: in the leave-one-out of a sample the priors are weighed without it, by p(y₋ᵢ) = p(y) / p(yᵢ | y₋ᵢ).
/// (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, 2.7 and 5.4.)
/// O(priors · n³).
[[nodiscard]] BayesFit fit_bayes(const Sample& sample, const std::vector<Prior>& priors,
                                 const std::vector<Group>& groups, int robust_rounds = 2);

inline constexpr double bias_variance = 10;

/// Prior variance of each column.
[[nodiscard]] Eigen::VectorXd column_variances(const Prior& prior, const std::vector<Group>& groups);

/// 1 for inliers, less the further a residual is out.
[[nodiscard]] Eigen::VectorXd robust_weights(const Eigen::VectorXd& residuals);

/// robust_weights around the median line of cost over a guess at it (Theil and Sen: the median of all slopes, here none
/// below 0), which two outliers of ten do not turn, as they turn least squares; all 1 below five samples. O(samples²).
[[nodiscard]] Eigen::VectorXd start_weights(const Eigen::VectorXd& guess, const Eigen::VectorXd& cost);

}  // namespace hwprof::transfer

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/additive.hpp"
#include "model/fit_data.hpp"

namespace hwprof::model {

/// What the whole networks said about one primitive.
struct Evidence {
  double isolated = 0;     ///< what was measured of it alone, in the metric's unit
  double information = 0;  ///< share of the prior variance that the networks took away, 0 to 1
  bool separate = false;   ///< the networks tell it from all others; false: only together with others, or not at all
};

/// Covariance of the table's costs and, last, the bias, as a factor F with F·Fᵀ: rows of F in the order of the table. A
/// row has its diagonal entry and what is to the right of it, or the diagonal entry alone where primitives are so
/// many that their errors are taken as independent.
using ErrorFactor = std::vector<std::vector<double>>;

/// Kind "calibrated": a sum over primitives whose costs were estimated from whole networks.
class Calibrated final : public Additive {
 public:
  /// evidence: by number in the table; errors: one row more than the table.
  Calibrated(Info info, PrimTable table, Line line, std::vector<Evidence> evidence, ErrorFactor errors);
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override;
  void write(base::Json& json) const override;

  [[nodiscard]] static std::shared_ptr<const Model::Impl> read(Info info, const base::JsonReader& json);

  [[nodiscard]] const std::vector<Evidence>& evidence() const noexcept { return evidence_; }

 private:
  std::vector<Evidence> evidence_;
  ErrorFactor errors_;
};

/// Bayesian linear regression of the overall costs y_n on the counts c_ni of primitives, all relative to y_n:
///   y_n = bias + Σ_i c_ni m_i (scale + u_i) + noise,   u_i ~ N(0, τ² + (spread_i / m_i)²),   noise ~ N(0, (σ y_n)²)
/// with the isolated costs m_i of the table, wide priors of scale and bias, and τ and σ where the marginal likelihood
/// is highest (C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, section 5.4).
/// No cost is below 0. Networks are chosen and outliers dropped as for "linear".
/// @throws Error(Fault::missing) for fewer than four networks.
[[nodiscard]] std::shared_ptr<const Model::Impl> fit_calibrated(FitData data, const FitOptions& options);

}  // namespace hwprof::model

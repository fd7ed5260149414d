// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "fingerprint/parts.hpp"

namespace hwprof::fingerprint {

/// How rows of a new network change a prediction. Chosen where whole networks were held out.
struct UpdateRule {
  std::string columns =
      "scale";              ///< what gets factors: "scale", the prediction; "simple", "physical", "residual": terms
  double deviation = 0.15;  ///< of the factors from their common scale
  double noise = 0.05;      ///< of a measurement, relative
};

/// What few rows of one family told.
struct Update {
  std::string family;
  std::size_t rows = 0;
  std::vector<double> factors;
  double bias = 0;
};

/// One fitted cost.
struct Target {
  FingerprintFit fit;
  Parts parts;
  double error = 0;                ///< root mean square of the relative error, held out
  double known_error = 0;          ///< the same of fit.known_kind, on levels that were not seen
  std::set<std::string> families;  ///< plain names of those that fit.known_kind predicts
  UpdateRule rule;
  std::vector<std::size_t> known;   ///< features that were there when it was fitted: all, but for older files
  std::vector<double> least, most;  ///< of these
  std::vector<Update> updates;
  Notes notes;  ///< of the fit

  [[nodiscard]] CostPrediction predict(const std::vector<double>& features, const std::string& family) const;
  [[nodiscard]] bool is_known(const std::string& family) const;
  /// Which kind predicts a family, and how an update changes it: all of it alike where its levels were fitted on.
  [[nodiscard]] const std::string& kind_of(const std::string& family) const;
  [[nodiscard]] UpdateRule rule_of(const std::string& family) const;
  /// More than the most of that feature that was measured.
  [[nodiscard]] bool is_beyond(const std::vector<double>& features, std::size_t feature) const;
};

/// What the rule's factors multiply.
[[nodiscard]] std::vector<double> update_columns(const Parts& parts, const std::string& kind, const UpdateRule& rule,
                                                 const std::vector<double>& features);
/// By Bayesian linear regression (model/bayes.hpp) of the relative errors.
[[nodiscard]] Update learn_update(const Parts& parts, const std::string& kind, const UpdateRule& rule, const Rows& rows,
                                  const Picks& picks);
/// What an update predicts: bias and factors times columns; where that is not clearly above 0, base, the prediction
/// without the update, times the factors' common scale.
struct Updated {
  double value = 0;
  double apart = 0;  ///< in the second case what lies between the two; else 0
};
[[nodiscard]] Updated updated(const Update& update, const UpdateRule& rule, const std::vector<double>& columns,
                              double base);

/// Everything about one cost: errors on what was held out, the kind, the fit of that kind.
[[nodiscard]] Target fit_target(const CostData& data, const Rows& rows, const FingerprintOptions& options);

}  // namespace hwprof::fingerprint

namespace hwprof {

class FingerprintModel::Impl {
 public:
  std::vector<fingerprint::Target> targets;
  std::vector<FingerprintFit> fits;  ///< of the targets
  Provenance from;

  [[nodiscard]] const fingerprint::Target* find(Stage stage, Metric quantity) const noexcept {
    for (const auto& target : targets)
      if (target.fit.stage == stage && target.fit.quantity == quantity) return &target;
    return nullptr;
  }
};

}  // namespace hwprof

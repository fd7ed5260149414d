// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fingerprint/impl.hpp"

namespace hwprof::fingerprint {

/// Rows that are fitted on, and rows that the fit has not seen.
struct Fold {
  Picks train, test;
};

/// Relative errors, predicted / measured - 1, of every kind on the rows of all folds.
struct HeldOut {
  std::map<std::string, std::vector<double>> errors;
  std::vector<std::size_t> rows;  ///< which, in the order of the errors
};

[[nodiscard]] HeldOut hold_out(const Rows& rows, const std::vector<Fold>& folds, const std::vector<std::string>& kinds,
                               const FingerprintOptions& options, std::vector<Parts>* parts = nullptr);

/// The rule that is best where each fold's network is updated with 3, 5 and 10 of its rows, and how good it is. The
/// folds' parts are those of hold_out().
[[nodiscard]] std::vector<FewRows> choose_rule(const Rows& rows, const std::vector<Fold>& folds,
                                               const std::vector<Parts>& parts, const std::string& kind,
                                               std::uint64_t seed, UpdateRule& rule);

/// Rise of the mean error of a kind when a feature is shuffled; features that change nothing are left out.
[[nodiscard]] std::vector<std::pair<std::string, double>> importance(const Rows& rows, const Picks& picks,
                                                                     const Parts& parts, const std::string& kind,
                                                                     std::uint64_t seed);

}  // namespace hwprof::fingerprint

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/kernel_estimator.hpp"

namespace hwprof::model {

/// Measured costs of primitives, or of parts of them, as sums of kernels.
struct KernelData {
  struct Observation {
    std::vector<std::uint32_t> kernels;  ///< numbers; one that runs twice stands twice
    double value = 0;                    ///< measured, > 0
    std::uint32_t prim = 0;              ///< what is held out together
  };
  struct Distinct {
    std::string kind;
    KernelRow row{};
    Work work;
  };
  std::vector<Distinct> kernels;
  std::vector<Observation> observations;

  /// The number of a kernel, given to it now if it is new.
  [[nodiscard]] std::uint32_t number_of(const Kernel& kernel);

 private:
  std::map<std::pair<std::string, KernelRow>, std::uint32_t> numbers_;
};

struct LearnOptions {
  int trees = 100;
  int min_leaf = 2;
  std::uint64_t seed = 0;
  bool leave_one_out = false;  ///< for learn_with_errors
};

/// Learns from these observations: a roofline, one per kind of kernel drawn towards it, then a forest per kind
/// of the logarithm of cost over roofline.
///
/// A measured primitive is the sum of kernels that were not measured each. It is shared out among them in proportion to
/// their estimated costs, forests are fitted to the shares, and their estimates share out anew, some times over;
/// estimates come from forests that have not seen the primitive, or they would only confirm what they were told. rules,
/// errors and calibration of the result are not set.
[[nodiscard]] KernelEstimator learn(const KernelData& data, const std::vector<std::size_t>& observations,
                                    const LearnOptions& options);

/// How good the estimates of held-out primitives are.
struct KernelErrors {
  double mape = 0;           ///< of primitives
  double median = 0;         ///< of their relative errors
  double roofline_mape = 0;  ///< of the roofline of all kinds alone
  double within_10 = 0;
  std::size_t folds = 0;
  std::map<std::string, double> class_mape;  ///< errors shared out by the share of the kind in the cost
};

/// Learns from all observations, and, in up to five folds of primitives (or one primitive at a time), from all but the
/// held-out ones, which gives the errors. With less than two primitives there are no folds, and errors are those of a
/// guess, 100 %; so they are without assess, which saves the time.
[[nodiscard]] std::pair<KernelEstimator, KernelErrors> learn_with_errors(const KernelData& data,
                                                                         const LearnOptions& options,
                                                                         bool assess = true);

}  // namespace hwprof::model

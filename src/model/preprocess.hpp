// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/fit_data.hpp"

namespace hwprof::model {

/// What a kind sees of a network, besides the sum of its table.
enum class Features {
  none,     ///< nothing: the sum is all
  sum,      ///< the sum as the one input (extract_sum_features)
  padding,  ///< the costs of the primitives in their order, zeros up to the longest network (padding)
  blocks    ///< one row a primitive: C, C_out, expansion, kernel size, cost, size, stride (extract_lstm_features)
};
[[nodiscard]] const char* to_string(Features features) noexcept;  ///< aw_nas' name; empty for none

/// aw_nas' chain of preprocessors, given by their names (docs/models.md says what each does).
struct Pipeline {
  bool remove_anomaly = true;
  Features features = Features::none;
};

/// names: in the order in which they apply; none: what suits the kind.
/// @throws Error(Fault::usage) for an unknown name, with the nearest; for names in the wrong order, twice, or
/// missing; and for features that the kind does not take.
[[nodiscard]] Pipeline make_pipeline(const std::vector<std::string>& names, const std::string& kind);

/// Among three or more runs of one network (the same primitives in the same order, with an overall cost), those whose
/// block sum is further from the median than 5 robust deviations (MAD) and than 10 % are taken away and counted.
void remove_anomaly(FitData& data);

}  // namespace hwprof::model

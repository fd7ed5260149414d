// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "model/fit_data.hpp"

namespace hwprof::model {

/// FitOptions::kind that stands for all of them.
inline constexpr const char* automatic = "auto";

/// Fits the kind that "auto" picks: see hwprof/model.hpp. Every kind is fitted on the same parts of the data, with
/// whole networks held out; one that fails in a fold is not compared, and says why.
/// @throws Error(Fault::missing) when no kind can be fitted, with the reason of each.
[[nodiscard]] std::shared_ptr<const Model::Impl> choose(const FitData& data, const FitOptions& options);

}  // namespace hwprof::model

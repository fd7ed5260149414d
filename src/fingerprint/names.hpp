// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hwprof/fingerprint.hpp"

namespace hwprof::fingerprint {

/// The family of networks that are there to tell a device's costs apart: fitted on in every fold, never held out.
constexpr const char* calibration_family = "calibration";

/// The number at the end of a name, as a percentage: 30 of resnet18_30, of resnet18-0.3 and of
/// resnet18/random/0.3/1.
[[nodiscard]] std::optional<double> level_of(const std::string& id);

/// Lower case, with '_' for every stretch of other characters than letters, digits and points.
[[nodiscard]] std::string plain_name(const std::string& name);

/// list_fingerprint_features().
[[nodiscard]] std::vector<std::string> names_of(Stage stage);

}  // namespace hwprof::fingerprint

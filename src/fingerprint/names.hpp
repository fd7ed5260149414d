// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/fingerprint.hpp"

namespace hwprof::fingerprint {

/// The family of networks that are there to tell a device's costs apart: fitted on in every fold, never held out.
constexpr const char* calibration_family = "calibration";

/// Lower case, with '_' for every stretch of other characters than letters, digits and points.
[[nodiscard]] std::string plain_name(const std::string& name);

[[nodiscard]] inline bool is_for_calibration(const CostedNet& net) {
  return plain_name(net.family) == calibration_family;
}

/// list_fingerprint_features().
[[nodiscard]] std::vector<std::string> names_of(Stage stage);

}  // namespace hwprof::fingerprint

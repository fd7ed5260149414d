// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/ssprofile.hpp"

namespace hwprof::ssprofiling {

/// accuracy/<id>.json: that a network was trained, and how well. Appears by rename, so that it is all there or not.
void save_accuracy(const std::string& file, const AccuracyRow& row);
/// @throws Error(Fault::input) with the place for a file that is not one, or of another network.
[[nodiscard]] AccuracyRow load_accuracy(const std::string& file, const std::string& id);

}  // namespace hwprof::ssprofiling

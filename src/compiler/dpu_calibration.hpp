// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "compiler/dpu_options.hpp"

namespace hwprof::compiling {

/// Fills raw/calibration of a network's folder: images, and the list of them that Caffe's ImageData reads (two
/// columns). The images are those of options.images, evenly picked, or are made up by the seed. Caffe scales them.
/// @throws Error(Fault::input) for a folder without images.
void write_calibration(const std::string& dir, const DpuOptions& options);

/// A picture of side x side pixels as a BMP file: noise of several grain sizes, which no codec has to be there for.
[[nodiscard]] std::string made_up_image(int side, std::uint64_t seed);

}  // namespace hwprof::compiling

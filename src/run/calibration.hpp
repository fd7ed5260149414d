// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "hwprof/net.hpp"

namespace hwprof::run {

/// What drawn networks are called, and fingerprints know their family by.
constexpr const char* calibration_name = "calibration";

constexpr int calibration_kinds = 9;  ///< of networks, which take turns

/// The network of that number out of an endless list: a chain of blocks that is like no network in particular. Kinds of
/// blocks take turns (plain and depthwise convolutions, mobile, residual and branching blocks, all of these mixed);
/// depth, widths, kernels and how often the map is halved are drawn, up to 60 MMAC for an image of 32 x 32 pixels, in
/// proportion to the pixels. Any image size from 1.
[[nodiscard]] Net draw_calibration_net(int number, int image_size, std::uint64_t seed);

}  // namespace hwprof::run

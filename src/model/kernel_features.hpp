// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

#include "hwprof/kernel.hpp"

namespace hwprof::model {

/// What a forest sees of a kernel. Sizes and counts are logarithms to base 2, so that thresholds drawn
/// uniformly fall into small and large kernels alike.
inline constexpr std::array kernel_feature_names{
    "in_channels", "out_channels", "in_pixels", "out_pixels",   "window",      "stride",
    "dilation",    "groups",       "macs",      "weight_bytes", "input_bytes", "output_bytes",
    "intensity",   "batch",        "ops",       "in_multiple",  "out_multiple"};
inline constexpr std::size_t kernel_features = kernel_feature_names.size();
using KernelRow = std::array<float, kernel_features>;

/// in_multiple, out_multiple: the largest power of two, at most 64, that divides the channels; vector units
/// like some of them. A kernel without MACs has macs = intensity = -1.
[[nodiscard]] KernelRow features_of(const Kernel& kernel);

/// A cost from what has to be computed and moved: overhead + per_mac * MACs + per_byte * bytes. The roofline
/// (Williams, Waterman, Patterson, CACM 52(4), 2009) with nothing overlapping, which a robust fit can determine.
struct Roofline {
  double overhead = 0, per_mac = 0, per_byte = 0;

  [[nodiscard]] double at(const Work& work) const noexcept {
    return overhead + per_mac * work.macs + per_byte * (work.weight_bytes + work.input_bytes + work.output_bytes);
  }
};

}  // namespace hwprof::model

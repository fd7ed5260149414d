// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "hwprof/graph.hpp"

namespace hwprof::format {

/// A pool as Caffe has it: padding before a map is padding behind it, windows are counted up, and average pools divide
/// by what of the window lies in map and padding.
struct CaffePool {
  std::array<int, 2> pad{0, 0};
  std::array<std::int64_t, 2> out{1, 1};  ///< windows that Caffe makes; those beyond the op's are to be cut off
  std::string refused;                    ///< why Caffe cannot express the op; empty when it can
};

/// in, out: shapes of the op's input and output.
[[nodiscard]] CaffePool caffe_pool(const Op& op, const Shape& in, const Shape& out);

/// Windows that Caffe makes of so many pixels.
[[nodiscard]] std::int64_t caffe_windows(std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                                         std::int64_t pad);

/// What Caffe's fields do not tell of a pool (its rounding where nothing is left over, and the like), as the end of a
/// value's name.
[[nodiscard]] std::string caffe_pool_note(const Op& op);
/// Sets what a name's end tells. False, and the op as it was, where it tells nothing.
[[nodiscard]] bool read_caffe_pool_note(const std::string& name, Op& op);

}  // namespace hwprof::format

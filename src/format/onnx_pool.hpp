// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "hwprof/graph.hpp"

namespace hwprof::format {

/// How a pool is written. ceil_mode is in no opset below 10, and tools disagree about windows that hang over the end
/// (which may exist, what an average counts); padding at the end that no average counts says the same everywhere.
struct PoolForm {
  std::array<int, 4> pad{0, 0, 0, 0};
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< of avg_pool
  bool zeros_before = false;       ///< op.pad becomes a Pad node of zeros in front
  std::string note;                ///< what the op was, where the attributes do not say it
};

/// op: a max_pool or avg_pool whose output for this input is out.
[[nodiscard]] PoolForm pool_form(const Op& op, const Shape& in, const Shape& out, int opset);

/// Whether a side is padded by more than half of the window, which a Graph has not.
[[nodiscard]] bool pads_beyond_half(const Op& op) noexcept;

/// Exporters of opset 9 write ceil_mode as wider pads at the end. Where the pool has such, and a max or an average that
/// counts no padding, it becomes the equal one of narrower pads, with ceil_mode where that takes it; else it stays.
void fit_end_pads(Op& op, const Shape& in);

/// Sets ceil_mode, count_include_pad and pad of op to what the note says; false when it is no such note.
[[nodiscard]] bool read_pool_note(const std::string& note, Op& op);

}  // namespace hwprof::format

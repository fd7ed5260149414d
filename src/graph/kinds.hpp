// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/graph.hpp"

namespace hwprof::graph {

/// Ops without a cost of their own; who reads them reads what they read.
[[nodiscard]] constexpr bool only_renames(OpKind kind) noexcept {
  return kind == OpKind::input || kind == OpKind::identity || kind == OpKind::dropout || kind == OpKind::flatten ||
         kind == OpKind::reshape;
}

/// A function of each value by itself; softmax is none.
[[nodiscard]] constexpr bool is_activation(OpKind kind) noexcept {
  return kind == OpKind::relu || kind == OpKind::relu6 || kind == OpKind::leaky_relu || kind == OpKind::h_swish ||
         kind == OpKind::h_sigmoid || kind == OpKind::sigmoid || kind == OpKind::tanh || kind == OpKind::hardtanh;
}

[[nodiscard]] constexpr bool is_pool(OpKind kind) noexcept {
  return kind == OpKind::max_pool || kind == OpKind::avg_pool || kind == OpKind::global_avg_pool;
}

}  // namespace hwprof::graph

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "hwprof/prim.hpp"

namespace hwprof::net {

/// Where a value stands between two primitives.
struct Place {
  int size = 0;  ///< height = width [px]
  int C = 0;     ///< channels
};
[[nodiscard]] inline bool operator==(const Place& a, const Place& b) noexcept {
  return a.size == b.size && a.C == b.C;
}
[[nodiscard]] inline bool operator<(const Place& a, const Place& b) noexcept {
  return a.size != b.size ? a.size < b.size : a.C < b.C;
}

/// Cheap primitives that lead from one place to another of no larger size: 1x1 convolutions with a stride of
/// up to 4 (what accelerators take), and a crop for what a stride cannot reach. Empty when the places are one.
[[nodiscard]] std::vector<Prim> bridge(Place from, Place to);

/// What that costs, without building it.
struct BridgeCost {
  std::size_t layers = 0;
  double macs = 0;
};
[[nodiscard]] BridgeCost bridge_cost(Place from, Place to);

/// The same from an image, with 3x3 convolutions of stride 2 that stay narrow until the last; at least one.
[[nodiscard]] std::vector<Prim> glue_stem(Place image, Place to);

}  // namespace hwprof::net

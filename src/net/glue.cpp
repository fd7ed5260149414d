// SPDX-License-Identifier: Apache-2.0
#include "net/glue.hpp"

#include <algorithm>

namespace hwprof::net {
namespace {

constexpr int max_glue_stride = 4;
constexpr int stem_width = 16, wide = 4;

Prim conv(const char* type, Place from, int C_out, int stride) {
  return normalized({type, from.size, from.C, C_out, stride, true, {}});
}

Prim crop(Place from, int size) {
  return normalized({"crop", from.size, from.C, from.C, 1, true, {{"out_size", std::int64_t{size}}}});
}

/// What a strided convolution that pads by half its kernel puts out.
int strided(int size, int stride) {
  return (size - 1) / stride + 1;
}

/// The largest stride that does not fall short of the size aimed at.
int stride_towards(int size, int aim) {
  return aim == 1 ? size : std::max(1, (size - 1) / (aim - 1));
}

/// A layer of a bridge: a 1x1 convolution, or a crop where the channels stay and there is no stride.
struct Span {
  Place from, to;
  int stride = 0;  ///< 0: a crop
};

template <typename Visit>
void plan_bridge(Place from, Place to, Visit visit) {
  Place at = from;
  const auto go = [&](Place next, int stride) {
    visit(Span{at, next, stride});
    at = next;
  };
  const auto next_stride = [&to](int size) { return std::min(max_glue_stride, stride_towards(size, to.size)); };
  while (at.size > to.size && next_stride(at.size) > 1) {
    const int stride = next_stride(at.size);
    const int size = strided(at.size, stride);
    const bool last = size == to.size || next_stride(size) == 1;
    go({size, last ? to.C : std::min(from.C, to.C)}, stride);
  }
  if (at.size > to.size) go({to.size, at.C}, 0);
  if (at.C != to.C) go(to, 1);
}

}  // namespace

std::vector<Prim> bridge(Place from, Place to) {
  std::vector<Prim> out;
  plan_bridge(from, to, [&out](const Span& span) {
    out.push_back(span.stride == 0 ? crop(span.from, span.to.size)
                                   : conv("conv_1x1", span.from, span.to.C, span.stride));
  });
  return out;
}

BridgeCost bridge_cost(Place from, Place to) {
  BridgeCost cost;
  plan_bridge(from, to, [&cost](const Span& span) {
    ++cost.layers;
    if (span.stride != 0) cost.macs += static_cast<double>(span.to.size) * span.to.size * span.from.C * span.to.C;
  });
  return cost;
}

std::vector<Prim> glue_stem(Place image, Place to) {
  int halvings = 0;
  int size = image.size;
  for (; size > to.size && strided(size, 2) >= to.size; ++halvings) size = strided(size, 2);

  std::vector<Prim> out;
  Place at = image;
  if (size > to.size) {  // cropped where there are the fewest channels, to a size that halves exactly
    at.size = ((to.size - 1) << halvings) + 1;
    out.push_back(crop(image, at.size));
  }
  const int narrow = std::min(stem_width, to.C);
  const int end = to.C > wide * stem_width ? narrow : to.C;  // far wider: a 1x1 convolution does it for less
  for (int i = 0; i < std::max(1, halvings); ++i) {
    const int stride = halvings == 0 ? 1 : 2;
    const int C_out = i + 1 >= halvings ? end : narrow;
    out.push_back(conv("conv_3x3", at, C_out, stride));
    at = {strided(at.size, stride), C_out};
  }
  if (end != to.C) out.push_back(conv("conv_1x1", at, to.C, 1));
  return out;
}

}  // namespace hwprof::net

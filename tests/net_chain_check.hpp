// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "hwprof/net.hpp"

namespace hwprof_test {

/// Output size by hand, without the library's shape inference, for what spaces and glue are made of.
inline int expected_out_size(const hwprof::Prim& prim) {
  if (prim.prim_type == "crop") return static_cast<int>(std::get<std::int64_t>(prim.attrs.at("out_size")));
  if (prim.prim_type == "head" || prim.prim_type == "global_avg_pool" || prim.prim_type == "linear") return 1;
  if (prim.prim_type == "conv_act" && std::get<std::int64_t>(prim.attrs.at("padding")) == 0)
    return (prim.spatial_size - static_cast<int>(std::get<std::int64_t>(prim.attrs.at("kernel_size")))) / prim.stride +
           1;
  if (prim.prim_type == "max_pool" && std::get<std::int64_t>(prim.attrs.at("padding")) == 0)
    return (prim.spatial_size - 3 + prim.stride - 1) / prim.stride + 1;  // kernel 3, rounded up
  return (prim.spatial_size + prim.stride - 1) / prim.stride;
}

/// Every layer takes exactly what the one before gives; at most max_layers count; all of `wanted` occurs.
inline void check_chains(const std::vector<hwprof::Net>& nets, const std::vector<hwprof::Prim>& wanted,
                         int max_layers) {
  std::set<hwprof::Prim> missing(wanted.begin(), wanted.end());
  const std::set<hwprof::Prim> known = missing;
  std::set<std::string> ids;
  for (const auto& net : nets) {
    INFO("net " << net.id);
    CHECK(ids.insert(net.id).second);
    CHECK(net.purpose == "coverage");
    REQUIRE_FALSE(net.layers.empty());
    int size = net.image_size, channels = net.image_channels, counted = 0;
    bool fresh = false, fits = true;
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
      const auto& layer = net.layers[i];
      fits = fits && layer.inputs.empty() && layer.prim.spatial_size == size && layer.prim.C == channels;
      if (!fits) FAIL("layer " << i << " " << hwprof::to_string(layer.prim) << " gets " << channels << "x" << size);
      if (!layer.glue) {
        CHECK(known.count(layer.prim) == 1);
        fresh = missing.erase(layer.prim) == 1 || fresh;
        if (i != 0 || layer.prim.C != net.image_channels) ++counted;
      }
      size = expected_out_size(layer.prim);
      channels = layer.prim.C_out;
    }
    CHECK(counted <= max_layers);
    CHECK(fresh);
    CHECK_FALSE(net.layers.back().glue);
  }
  for (const auto& prim : missing) FAIL_CHECK("not covered: " << hwprof::to_string(prim));
}

}  // namespace hwprof_test

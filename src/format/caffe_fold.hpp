// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/caffe.hpp"

namespace hwprof::format {

/// Batch norms become part of the convolution or linear layer that alone gives their input; others stay. Computed in
/// double precision. graph: with weights.
[[nodiscard]] Graph fold_batch_norms(const Graph& graph);

/// 1 / the average deviation of 3 channels or 1: the one factor that Caffe's ImageData has.
[[nodiscard]] double image_scale(const CaffeImages& images, std::int64_t channels);

/// The graph for blue, green, red, or for grey, each (x - mean) * image_scale(). graph: with weights.
/// @throws Error(Fault::unsupported) naming an op that reads the input and cannot take that.
[[nodiscard]] Graph fold_images(Graph graph, const Shape& input, const CaffeImages& images);

}  // namespace hwprof::format

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstring>
#include <string>
#include <vector>

#include "hwprof/format.hpp"
#include "hwprof/space.hpp"
#include "hwprof/torch.hpp"
#include "onnx_support.hpp"
#include "prim_samples.hpp"

namespace hwprof_test {

/// A network in both worlds: the bytes of its ONNX file, an input, and what libtorch makes of it.
struct OnnxCase {
  std::string name, bytes;
  hwprof::Shape shape{};
  std::vector<float> input, expected;
};

inline std::vector<float> values_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.contiguous().flatten();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

inline OnnxCase case_of(const std::string& name, const hwprof::Graph& graph, const hwprof::Shape& shape, int opset) {
  const c10::InferenceMode guard;
  torch::manual_seed(5);
  const torch::Tensor x = torch::randn({shape[0], shape[1], shape[2], shape[3]});
  OnnxCase out{
      name + " opset " + std::to_string(opset), hwprof::to_onnx(graph, shape, {opset, 0}), shape, values_of(x), {}};
  hwprof::GraphModule module(graph, shape);
  out.expected = values_of(module.forward(x.clone()));
  return out;
}

template <typename Use>
void for_prims(const std::vector<int>& opsets, Use use) {
  for (const auto& prim : sample_prims()) {
    const hwprof::Shape shape = {1, prim.C, prim.spatial_size, prim.spatial_size};
    const hwprof::Graph graph = random_weights(hwprof::lower(prim), shape);
    for (const int opset : opsets) use(prim, opset, case_of(hwprof::to_string(prim), graph, shape, opset));
  }
}

/// The bundled networks and a sampled architecture, with the weights of their seed: those of no training, which the
/// depth of a network would blow up, are of no use with random batch norms.
template <typename Use>
void for_networks(int opset, Use use) {
  for (const char* name : {"mobilenet_v2", "resnet18", "resnet50", "squeezenet", "mnasnet", "ofa_mbv3"}) {
    const auto file = hwprof::load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml");
    std::mt19937_64 rng(3);
    const hwprof::Net net = file.space->network(file.space->sample(rng));
    const hwprof::Shape shape = {1, net.image_channels, net.image_size, net.image_size};
    use(case_of(name, hwprof::with_weights(hwprof::lower(net), shape, 1), shape, opset));
  }
}

}  // namespace hwprof_test

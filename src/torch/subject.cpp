// SPDX-License-Identifier: Apache-2.0
#include "torch/subject.hpp"

#include <algorithm>
#include <new>

namespace hwprof {

TorchSubject::Limit::Limit(const TorchSubject& subject) {
  if (subject.limit_bytes_ <= 0 || !arena_use()) return;
  if (subject.own_bytes_ > subject.limit_bytes_) throw std::bad_alloc();
  limit_.emplace(static_cast<std::size_t>(subject.limit_bytes_ - subject.own_bytes_));
}

void TorchSubject::own(const torch::Tensor& tensor) {
  own_bytes_ += static_cast<double>(tensor.numel()) * static_cast<double>(tensor.element_size());
}

void TorchSubject::own(const torch::nn::Module& module) {
  for (const auto& tensor : module.parameters()) own(tensor);
  for (const auto& tensor : module.buffers()) own(tensor);
}

std::vector<int> layer_ends(std::vector<int> layers, std::size_t& parts) {
  parts = 0;
  for (const int layer : layers) parts = std::max(parts, static_cast<std::size_t>(layer + 1));
  for (std::size_t i = 0; i + 1 < layers.size(); ++i)
    if (layers[i] == layers[i + 1]) layers[i] = -1;
  return layers;
}

}  // namespace hwprof

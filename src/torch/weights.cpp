// SPDX-License-Identifier: Apache-2.0
#include "torch/weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <cstring>

namespace hwprof {

WeightPool::WeightPool(std::uint64_t seed, torch::Device device, bool channels_last)
    : impl_(std::make_unique<Impl>(seed, device, channels_last)) {}
WeightPool::~WeightPool() = default;

WeightPool::Impl::Impl(std::uint64_t seed, torch::Device device, bool channels_last)
    : generator_(at::detail::createCPUGenerator(seed)), device_(device), channels_last_(channels_last) {}

torch::Tensor WeightPool::Impl::placed(torch::Tensor tensor) const {
  if (channels_last_ && tensor.dim() == 4) tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
  return tensor.to(device_);
}

torch::Tensor WeightPool::Impl::take(const std::vector<std::int64_t>& sizes, Fill fill, double deviation) {
  const Key key{fill, sizes};
  auto& tensors = pool_[key];
  const std::size_t index = given_[key]++;
  if (index == tensors.size()) {
    torch::Tensor fresh = torch::empty(sizes, torch::kFloat32);
    if (fill == Fill::normal)
      fresh.normal_(0, deviation, generator_);
    else
      fresh.fill_(fill == Fill::ones ? 1.0 : 0.0);
    tensors.push_back(placed(std::move(fresh)));
  }
  return tensors[index].detach();
}

torch::Tensor WeightPool::Impl::copy(const std::vector<std::int64_t>& sizes, const std::vector<float>& values) const {
  torch::Tensor tensor = torch::empty(sizes, torch::kFloat32);
  if (!values.empty()) std::memcpy(tensor.data_ptr<float>(), values.data(), values.size() * sizeof(float));
  return placed(std::move(tensor));
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "hwprof/torch.hpp"

namespace hwprof {

enum class Fill { normal, zeros, ones };

class WeightPool::Impl {
 public:
  Impl(std::uint64_t seed, torch::Device device, bool channels_last);

  /// From here on every tensor may be given out again.
  void next_module() { given_.clear(); }

  /// A tensor that this module does not have yet, with an identity of its own but shared memory. A normal
  /// one has the given deviation if it is the first of its size.
  [[nodiscard]] torch::Tensor take(const std::vector<std::int64_t>& sizes, Fill fill, double deviation = 1);

  /// A tensor of its own with these values.
  [[nodiscard]] torch::Tensor copy(const std::vector<std::int64_t>& sizes, const std::vector<float>& values) const;

 private:
  using Key = std::pair<Fill, std::vector<std::int64_t>>;
  [[nodiscard]] torch::Tensor placed(torch::Tensor tensor) const;
  torch::Generator generator_;
  torch::Device device_;
  bool channels_last_;
  std::map<Key, std::vector<torch::Tensor>> pool_;
  std::map<Key, std::size_t> given_;
};

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <torch/cuda.h>

#include "hwprof/torch.hpp"

namespace hwprof {

std::vector<std::string> list_torch_devices() {
  std::vector<std::string> names{"cpu"};
  const std::size_t count = torch::cuda::is_available() ? static_cast<std::size_t>(torch::cuda::device_count()) : 0;
  for (std::size_t i = 0; i < count; ++i) names.push_back("cuda:" + std::to_string(i));
  return names;
}

}  // namespace hwprof

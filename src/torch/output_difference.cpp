// SPDX-License-Identifier: Apache-2.0
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <torch/torch.h>

#include <limits>

#include "hwprof/torch.hpp"

namespace hwprof {

double output_difference(const Graph& a, const Graph& b, const Shape& input, std::uint64_t seed) {
  const c10::InferenceMode no_gradients;
  auto generator = at::detail::createCPUGenerator(seed);
  const torch::Tensor x =
      torch::empty({input[0], input[1], input[2], input[3]}, torch::kFloat32).normal_(0, 1, generator);
  const torch::Tensor first = GraphModule(a, input).forward(x.clone());
  const torch::Tensor second = GraphModule(b, input).forward(x.clone());
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (first.sizes() != second.sizes()) return infinite;
  const double off = (first - second).abs().max().item<double>();
  const double largest = first.abs().max().item<double>();
  if (!(off <= infinite)) return infinite;  // not a number
  return off == 0 ? 0 : off / std::max(largest, 1e-12);
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include <exception>
#include <hwprof/hwprof.hpp>
#include <hwprof/torch.hpp>
#include <iostream>

int main() {
  try {
    const c10::InferenceMode inference;
    hwprof::GraphModule module(hwprof::lower(hwprof::parse_prim("conv_bn_relu_3x3:16x3x8s2")), {1, 3, 16, 16});
    const torch::Tensor output = module.forward(torch::ones({1, 3, 16, 16}));
    const bool right_shape = output.sizes() == at::IntArrayRef({1, 8, 8, 8});

    hwprof::register_torch_compilers();
    const bool right_name = hwprof::make_compiler("cpu")->name() == "cpu";
    std::cout << "output " << output.sizes() << '\n';
    return right_shape && right_name ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

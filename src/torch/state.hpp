// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/torch.hpp"

namespace hwprof {

/// The parameters and running statistics of a module under their names, as Python's torch.load reads them: a dict of
/// tensors on the CPU. Appears by rename.
void save_state_dict(const torch::nn::Module& module, const std::string& file);

/// Fills a module from such a file. What begins with one of the prefixes in `except` keeps its values; every other
/// tensor must be there in its size. @throws Error(Fault::input) naming the tensor.
void load_state_dict(torch::nn::Module& module, const std::string& file, const std::vector<std::string>& except = {});

}  // namespace hwprof

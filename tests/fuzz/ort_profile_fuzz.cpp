// SPDX-License-Identifier: Apache-2.0
#include "compiler/ort_profile.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace compiling = hwprof::compiling;
  static const compiling::OpMap map = {{"image", "input", -1, {}},
                                       {"L0.conv", "conv2d", 0, {0}},
                                       {"L0.bn", "batch_norm", 0, {1}},
                                       {"L1.relu", "relu", 1, {2}}};
  return try_parse(data, size, [](std::string_view text) {
    const auto nodes = compiling::read_ort_profile(text, "input", 1);
    for (const auto& share : compiling::attribute(nodes, map))
      if (share.layer < 0 || share.layer > 1) std::abort();
  });
}

// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "hwprof/format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view bytes) {
    const auto net = hwprof::parse_onnx(bytes, "input");
    (void)hwprof::infer_shapes(net.graph, net.input);  // what was taken makes sense
  });
}

// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "hwprof/caffe.hpp"

/// A prototxt, a NUL, and a caffemodel.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view bytes) {
    const auto end = bytes.find('\0');
    const auto weights = end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
    const auto net = hwprof::parse_caffe(bytes.substr(0, end), weights, "input");
    (void)hwprof::infer_shapes(net.graph, net.input);  // what was taken makes sense
  });
}

// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "hwprof/caffe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view text) {
    const auto clean = hwprof::clean_prototxt(text, "input");
    if (hwprof::clean_prototxt(clean, "input") != clean) std::abort();  // mended for good
  });
}

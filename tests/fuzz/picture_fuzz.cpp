// SPDX-License-Identifier: Apache-2.0
#include "data/read.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view bytes) {
    std::vector<std::uint8_t> pixels;
    hwprof::data::append_picture(hwprof::data::parse_pnm(std::string(bytes), "input"), {3, 4}, pixels);
  });
}

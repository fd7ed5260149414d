// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "record/device_log.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view bytes) {
    for (const auto& kernel : hwprof::record::parse_elf(bytes, "input"))
      for (const auto& node : kernel.nodes) (void)kernel.moved_bytes(node);
  });
}

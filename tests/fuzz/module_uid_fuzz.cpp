// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "hwprof/prim.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view text) {
    const auto prim = hwprof::parse_module_uid(text);
    const auto canonical = hwprof::to_module_uid(prim);  // may refuse a value, but what it writes reads back
    if (hwprof::to_module_uid(hwprof::parse_module_uid(canonical)) != canonical) std::abort();
  });
}

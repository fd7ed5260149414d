// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_dlc.hpp"
#include "compiler/snpe_phone.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view text) {
    (void)hwprof::compiling::parse_adb_devices(text);
    for (const auto& input : hwprof::compiling::parse_dlc_info(text, "input"))
      if (input.size() < 1 || input.size() > (std::int64_t{1} << 26)) std::abort();
  });
}

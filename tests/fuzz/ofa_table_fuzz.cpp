// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "record/ofa.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    hwprof::Notes notes;
    if (!record::is_ofa_table(text)) return;
    for (const auto& one : record::parse_ofa_table(std::string(text), "input", notes))
      for (const auto& row : one.prims) {
        if (one.prims.empty()) std::abort();
        (void)record::ofa_key(row.prim, true);
        (void)record::ofa_key(row.prim, false);
      }
  });
}

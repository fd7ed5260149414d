// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "hwprof/latency_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return try_parse(data, size, [](std::string_view text) {
    hwprof::LatencyTable table;
    (void)hwprof::add_results(table, "net", hwprof::parse_snpe_results(text, "input"));
    for (const auto& record : hwprof::to_records(table))
      for (const auto& [metric, cost] : record.overall)
        if (!(cost.value > 0)) std::abort();  // no silent 0
  });
}

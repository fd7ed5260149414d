// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"
#include "record/latency_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    hwprof::LatencyTable table;
    if (record::is_latency_csv(text))
      table = record::parse_latency_csv(text, "input");
    else if (record::is_latency_json(text))
      table = record::parse_latency_json(text, "input");
    hwprof::Notes notes;
    if (record::is_latency_csv(text)) (void)record::parse_latency_csv(text, "input", &notes);
    if (record::is_latency_json(text)) (void)record::parse_latency_json(text, "input", &notes);
    (void)hwprof::to_records(table);
  });
}

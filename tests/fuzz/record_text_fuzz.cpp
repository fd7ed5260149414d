// SPDX-License-Identifier: Apache-2.0
// Records that are no device logs: our JSON lines, tables of architectures, aw_nas' YAML (profiled_blocks.yaml among
// it). The first byte picks the reader.
#include "fuzz.hpp"
#include "record/awnas.hpp"
#include "record/csv.hpp"
#include "record/jsonl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    if (text.empty()) return;
    const char which = text.front();
    text.remove_prefix(1);
    hwprof::Notes notes;
    std::vector<hwprof::NetRecord> records;
    if (which == 'j')
      records = record::parse_lines(text, "input", notes);
    else if (which == 'c')
      records = record::parse_csv(text, "input");
    else
      records = record::parse_awnas(std::string(text), "input", notes);
    for (const auto& one : records) {  // what was taken can be written, and reads back
      const std::string line = record::to_line(one);
      const auto again = record::parse_lines(line + "\n", "again", notes);
      if (again.size() != 1 || record::to_line(again[0]) != line) std::abort();
    }
  });
}

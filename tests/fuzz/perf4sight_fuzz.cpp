// SPDX-License-Identifier: Apache-2.0
// perf4sight's config.ini and its logs, told apart by the first character.
#include "fuzz.hpp"
#include "record/perf4sight.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    if (text.substr(0, 1) == "[") {
      (void)record::parse_perf4sight_config(text, "config.ini");
    } else if (record::is_perf4sight_log(text)) {
      hwprof::Notes notes;
      (void)record::parse_perf4sight_log(text, "resnet18_30-gt.csv", notes);
    }
  });
}

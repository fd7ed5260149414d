// SPDX-License-Identifier: Apache-2.0
// Boards, power logs with their windows (after a line of "--"), and names of folders.
#include "fuzz.hpp"
#include "record/device_log.hpp"
#include "record/power.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    if (const auto cut = text.find("\n--\n"); cut != std::string_view::npos) {
      record::Lines log(text.substr(0, cut + 1), "log");
      record::Lines stamps(text.substr(cut + 4), "stamps");
      hwprof::Notes notes;
      (void)record::cut_power(log, stamps, {}, notes);
    } else if (text.substr(0, 1) == "{" || text.substr(0, 1) == "[") {
      for (const auto& core : record::parse_board(text, "input").cores) (void)hwprof::peak_operations_per_s(core);
    } else {
      (void)record::prim_of_folder(std::string(text));
    }
  });
}

// SPDX-License-Identifier: Apache-2.0
// Text logs of every kind: the first byte picks the reader, so that one is not kept from its input by the recogniser.
#include "fuzz.hpp"
#include "record/device_log.hpp"
#include "record/jsonl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace record = hwprof::record;
  return try_parse(data, size, [](std::string_view text) {
    if (text.empty()) return;
    constexpr record::LogKind kinds[] = {record::LogKind::node_tables,     record::LogKind::vaitrace,
                                         record::LogKind::profile_summary, record::LogKind::vart_trace,
                                         record::LogKind::throughput,      record::LogKind::xdputil_benchmark,
                                         record::LogKind::trtexec};
    const auto digit = static_cast<std::size_t>(static_cast<unsigned char>(text.front()) - '0');
    text.remove_prefix(1);
    hwprof::Notes notes;
    record::Lines lines(text, "input");
    auto kind = digit < std::size(kinds) ? kinds[digit] : record::recognise(text);
    if (kind == record::LogKind::none) return;
    for (const auto& one : record::read_log(kind, lines, notes)) (void)record::to_line(one);  // and it can be written
  });
}

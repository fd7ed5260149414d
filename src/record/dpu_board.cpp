// SPDX-License-Identifier: Apache-2.0
// Boards: dexplorer -w ("Key : value" lines) and xdputil query (JSON).
#include <cctype>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/device_log.hpp"

namespace hwprof {
namespace {

using base::JsonReader;

constexpr std::size_t most_cores = 1024;
constexpr std::size_t most_facts = 10000;

std::string text_of(const JsonReader& value) {
  return value.raw().is_string() ? value.text()
                                 : value.raw().dump(-1, ' ', false, base::Json::error_handler_t::replace);
}

double hertz(std::string_view text, double unit) {
  const auto value = base::to_double(base::trim(text));
  return value && *value > 0 && *value <= 1e6 ? *value * unit : 0;
}

DpuBoard parse_query(std::string_view text, const std::string& source) {
  const auto root = JsonReader::parse(text, source);
  DpuBoard board;
  for (const auto& [key, value] : root.items()) {
    if (key == "kernels") continue;
    if (!value.raw().is_object()) continue;
    for (const auto& [name, fact] : value.items())
      if (board.facts.size() < most_facts) board.facts[name] = text_of(fact);
  }
  for (const auto& kernel : root["kernels"].list()) {
    DpuCore core;
    for (const auto& [key, value] : kernel.items()) {
      const std::string fact = text_of(value);
      if (key == "DPU Arch")
        core.arch = fact;
      else if (key == "DPU Frequency (MHz)")
        core.frequency_hz = hertz(fact, 1e6);
      else if (key == "fingerprint")
        core.fingerprint = fact;
      else if (key == "name")
        core.name = fact;
      else
        core.features[key] = fact;
    }
    if (core.arch.empty()) continue;  // a kernel of another kind
    if (board.cores.size() >= most_cores) throw Error(Fault::input, source + ": more than 1024 DPU cores");
    board.cores.push_back(std::move(core));
  }
  return board;
}

DpuBoard parse_explorer(std::string_view text, const std::string& source) {
  DpuBoard board;
  enum class Section { ip, cores, other } section = Section::ip;
  record::Lines lines(text, source);
  std::string_view line;
  while (lines.next(line)) {
    line = base::trim(line);
    if (base::starts_with(line, "[")) {
      section = base::starts_with(line, "[DPU IP")     ? Section::ip
                : base::starts_with(line, "[DPU Core") ? Section::cores
                                                       : Section::other;
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string key(base::trim(line.substr(0, colon)));
    const std::string value(base::trim(line.substr(colon + 1)));
    if (section == Section::cores && key == "DPU Core") {
      if (board.cores.size() >= most_cores) throw Error(Fault::input, lines.place() + ": more than 1024 DPU cores");
      board.cores.emplace_back();
      board.cores.back().name = value;
    } else if (section == Section::cores && !board.cores.empty()) {
      DpuCore& core = board.cores.back();
      if (key == "DPU Arch")
        core.arch = value;
      else if (key == "DPU Target Version" || key == "DPU Target")
        core.version = value;
      else if (key == "DPU Freqency" || key == "DPU Frequency")  // the tool misspells it
        core.frequency_hz = hertz(value.substr(0, value.find_first_of(" M")), 1e6);
      else if (core.features.size() < most_facts)
        core.features[key] = value;
    } else if (section == Section::ip && board.facts.size() < most_facts) {
      std::string words;  // "IP  Timestamp" has two blanks
      for (const char c : key)
        if (c != ' ' || words.empty() || words.back() != ' ') words += c;
      board.facts[words] = value;
    }
  }
  return board;
}

}  // namespace

DpuBoard record::parse_board(std::string_view text, const std::string& source) {
  text = base::drop_byte_order_mark(text);
  DpuBoard board = base::starts_with(base::trim(text), "{") ? parse_query(text, source) : parse_explorer(text, source);
  if (board.cores.empty()) throw Error(Fault::input, source + ": no DPU core is described here");
  return board;
}

DpuBoard load_dpu_board(const std::string& file) {
  return record::parse_board(base::read_file(file, std::uint64_t{1} << 24), file);
}

double peak_operations_per_s(const DpuCore& core) {
  // "B4096", "DPUCZDX8G_ISA1_B4096_0101…"
  for (std::size_t at = core.arch.find('B'); at != std::string::npos; at = core.arch.find('B', at + 1)) {
    std::size_t end = at + 1;
    while (end < core.arch.size() && std::isdigit(static_cast<unsigned char>(core.arch[end])) != 0) ++end;
    const auto operations = base::to_int(std::string_view(core.arch).substr(at + 1, end - at - 1));
    if (operations && *operations >= 512 && *operations <= 65536 && (at == 0 || core.arch[at - 1] == '_'))
      return static_cast<double>(*operations) * core.frequency_hz;
  }
  return 0;
}

}  // namespace hwprof

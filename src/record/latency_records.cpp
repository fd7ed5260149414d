// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "record/latency_text.hpp"

namespace hwprof {
namespace {

constexpr double seconds_per_us = 1e-6;
constexpr double seconds_per_ms = 1e-3;

Perf latency_of(double seconds) {
  Measured measured;
  measured.value = seconds;
  return {{Metric::latency, measured}};
}

/// The module of a row, if its text is one.
std::optional<Prim> module_of(const LatencyRow& row, Notes& notes) {
  if (row.uid.find("[[") == std::string::npos) return {};
  try {
    return parse_module_uid(row.uid);
  } catch (const Error& error) {
    notes.push_back(std::string(error.what()) + "; taken for the name of a whole network");
    return {};
  }
}

std::vector<NodeRecord> nodes_of(const std::vector<SnpeLayer>& layers) {
  std::vector<NodeRecord> nodes;
  for (const auto& layer : layers)
    nodes.push_back({layer.name, {layer.type}, latency_of(layer.time.avg_us * seconds_per_us)});
  return nodes;
}

void set_times(NetRecord& record, const LatencyRow& row) {
  const auto whole = row.total ? row.total : row.forward;
  const double layers = row.layers ? row.layers->avg_us : 0;
  if (whole) {
    record.overall = latency_of(whole->avg_us * seconds_per_us);
    if (row.layers && whole->avg_us >= layers) record.overhead = latency_of((whole->avg_us - layers) * seconds_per_us);
  }
  if (row.latency_ms) record.overall = latency_of(*row.latency_ms * seconds_per_ms);
}

}  // namespace

std::vector<NetRecord> to_records(const LatencyTable& table, Notes* notes) {
  Notes ignored;
  Notes& kept = notes != nullptr ? *notes : ignored;
  std::vector<NetRecord> records;
  for (const auto& row : table.rows) {
    NetRecord record;
    record.net_id = row.uid;
    record.from.device = std::string(row.latency_ms ? "nnabla:" : "snpe:") + row.runtime;
    record.from.compiler = row.latency_ms ? "nnabla" : "snpe";
    record.from.mode = "inference";
    for (const auto& [key, value] : table.meta) record.from.environment[key] = value;
    set_times(record, row);
    record.nodes = nodes_of(row.per_layer);
    const auto prim = module_of(row, kept);
    if (prim) {
      PrimRecord one;
      one.prim = *prim;
      if (row.layers) one.perf = latency_of(row.layers->avg_us * seconds_per_us);
      if (row.latency_ms) one.perf = latency_of(*row.latency_ms * seconds_per_ms);
      if (one.perf.empty())
        kept.push_back(row.uid + ", " + row.runtime +
                       ": no Layers Time; the time of a whole run is mostly launching and is not taken for it");
      record.prims.push_back(std::move(one));
    } else if (record.overall.empty()) {
      kept.push_back(row.uid + ", " + row.runtime + ": no time of a whole run; left out");
      continue;
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<NetRecord> record::parse_bench(std::string_view text, const std::string& source, Notes& notes) {
  LatencyTable table;
  for (const auto& problem :
       add_results(table, std::filesystem::path(source).stem().string(), parse_snpe_results(text, source)))
    notes.push_back(problem);
  return to_records(table, &notes);
}

std::vector<std::string> record::take_csv_row(std::string_view& text, const std::string& source, std::size_t& number,
                                              char separator) {
  const std::string place = source + ":" + std::to_string(number);
  std::vector<std::string> cells(1);
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++number;
    if (c == '\n' && !quoted) break;
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
      cells.back() += text[i++];
    else if (c == '"' && (quoted || cells.back().empty()))
      quoted = !quoted;
    else if (c == separator && !quoted)
      cells.emplace_back();
    else
      cells.back() += c;
  }
  if (quoted) throw Error(Fault::input, place + ": a double quote is not closed");
  text.remove_prefix(std::min(text.size(), i + 1));
  if (!cells.back().empty() && cells.back().back() == '\r') cells.back().pop_back();
  return cells;
}

std::string record::csv_cell(std::string_view text, char separator) {
  constexpr std::string_view always = "\"\r\n";
  if (text.find(separator) == std::string_view::npos && text.find_first_of(always) == std::string_view::npos)
    return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

bool record::is_latency_csv(std::string_view text) {
  std::string_view head = text.substr(0, 1 << 16);
  std::size_t number = 1;
  try {
    const auto cells = take_csv_row(head, "", number);
    if (cells.size() == 5) return base::ends_with(cells[3], "_Time") && base::to_double(cells[4]).has_value();
    return cells.size() == 3 && base::ends_with(cells[0], "]]") && base::to_double(cells[2]).has_value();
  } catch (const Error&) {
    return false;
  }
}

bool record::is_snpe_results(std::string_view text) {
  return base::starts_with(base::trim(text.substr(0, 4096)), "{") &&
         text.find("\"Execution_Data\"") != std::string_view::npos &&
         text.find("\"hwprof.record/") == std::string_view::npos;
}

/// {"<module or network>": {…}}; our own lines begin with plain keys and hold a schema.
bool record::is_latency_json(std::string_view text) {
  const auto inner = base::trim(text.substr(0, 1 << 16));
  if (!base::starts_with(inner, "{") || text.substr(0, 1 << 16).find("\"schema\"") != std::string_view::npos)
    return false;
  const auto begin = inner.find('"');
  const auto end = begin == std::string_view::npos ? begin : inner.find('"', begin + 1);
  if (end == std::string_view::npos) return false;
  const auto behind = base::trim(inner.substr(end + 1));
  return base::starts_with(behind, ":") && base::starts_with(base::trim(behind.substr(1)), "{");
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
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

/// nnabla-nas sums up no layers to 0.0, which is no time.
std::optional<double> layers_us(const LatencyRow& row) {
  if (!row.layers || (row.layers->min_us == 0 && row.layers->avg_us == 0 && row.layers->max_us == 0)) return {};
  return row.layers->avg_us;
}

/// Whether a table of ours is of networks whose latency is Forward Propagate.
bool goes_by_forward(const LatencyTable& table) {
  return std::any_of(table.meta.begin(), table.meta.end(),
                     [](const auto& entry) { return entry.first == "latency_key" && entry.second == "forward"; });
}

void set_times(NetRecord& record, const LatencyRow& row, bool by_forward) {
  const auto whole = (by_forward && row.forward) || !row.total ? row.forward : row.total;
  const auto layers = layers_us(row);
  if (whole && whole->avg_us > 0) {
    record.overall = latency_of(whole->avg_us * seconds_per_us);
    if (layers && whole->avg_us >= *layers) record.overhead = latency_of((whole->avg_us - *layers) * seconds_per_us);
  }
  if (row.latency_ms) record.overall = latency_of(*row.latency_ms * seconds_per_ms);
}

}  // namespace

std::vector<NetRecord> to_records(const LatencyTable& table, Notes* notes) {
  Notes ignored;
  Notes& kept = notes != nullptr ? *notes : ignored;
  std::vector<NetRecord> records;
  const bool by_forward = goes_by_forward(table);
  for (const auto& row : table.rows) {
    NetRecord record;
    record.net_id = row.uid;
    record.from.device = std::string(row.latency_ms ? "nnabla:" : "snpe:") + row.runtime;
    record.from.compiler = row.latency_ms ? "nnabla" : "snpe";
    record.from.mode = "inference";
    for (const auto& [key, value] : table.meta)
      if (!base::starts_with(key, LatencyTable::precision_key(""))) record.from.environment[key] = value;
    for (const auto& [key, value] : table.meta)
      if (key == LatencyTable::precision_key(row.runtime)) record.from.environment["precision"] = value;
    set_times(record, row, by_forward);
    record.nodes = nodes_of(row.per_layer);
    const auto prim = module_of(row, kept);
    if (prim) {
      PrimRecord one;
      one.prim = *prim;
      const auto layers = layers_us(row);
      if (layers) one.perf = latency_of(*layers * seconds_per_us);
      if (row.latency_ms) one.perf = latency_of(*row.latency_ms * seconds_per_ms);
      if (one.perf.empty())
        kept.push_back(row.uid + ", " + row.runtime +
                       (row.layers ? ": Layers Time is 0, as nnabla-nas writes it where there are no layers"
                                   : ": no Layers Time") +
                       "; the time of a whole run is mostly launching and is not taken for it");
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

bool is_bench_folder(const std::string& dir) {
  if (!base::is_folder(dir)) return false;
  // Our own bench keeps its folders of results beside these.
  if (base::exists(dir + "/session.json") || base::exists(dir + "/config-0.json")) return false;
  const auto names = base::list_folder(dir);
  return std::any_of(names.begin(), names.end(),
                     [&dir](const std::string& name) { return base::is_folder(dir + "/" + name + "/latest_results"); });
}

LatencyTable load_bench_folder(const std::string& dir, Notes& notes) {
  LatencyTable table;
  for (const auto& uid : base::list_folder(dir)) {
    const std::string folder = dir + "/" + uid + "/latest_results";
    if (!base::is_folder(folder)) {
      notes.push_back(dir + "/" + uid + ": holds no latest_results; left out");
      continue;
    }
    std::vector<std::string> files;
    for (const auto& name : base::list_folder(folder))
      if (base::ends_with(name, ".json")) files.push_back(folder + "/" + name);
    if (files.size() != 1) {
      notes.push_back(folder + ": one results file is expected, found " + std::to_string(files.size()) + "; left out");
      continue;
    }
    try {
      for (const auto& problem :
           add_results(table, uid, parse_snpe_results(base::read_file(files.front()), files.front())))
        notes.push_back(uid + ": " + problem);
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      notes.push_back(std::string(error.what()) + "; left out");
    }
  }
  if (table.rows.empty())
    throw Error(Fault::input, dir + ": holds no results of snpe_bench" + (notes.empty() ? "" : "; " + notes.front()));
  return table;
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
    if (cells.size() == 5) return base::ends_with(cells[3], "_Time");
    return cells.size() == 3 && base::ends_with(cells[0], "]]");
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
  auto end = begin == std::string_view::npos ? begin : inner.find_first_of("\"\\", begin + 1);
  while (end != std::string_view::npos && inner[end] == '\\') end = inner.find_first_of("\"\\", end + 2);
  if (end == std::string_view::npos) return false;
  const auto behind = base::trim(inner.substr(end + 1));
  return base::starts_with(behind, ":") && base::starts_with(base::trim(behind.substr(1)), "{");
}

}  // namespace hwprof

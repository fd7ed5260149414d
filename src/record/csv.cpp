// SPDX-License-Identifier: Apache-2.0
#include "record/csv.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "record/lines.hpp"

namespace hwprof::record {
namespace {

using base::in_quotes;

struct Column {
  const char* name;
  Metric metric;
  double per_unit;  ///< how many of the column's unit make one SI unit
};
constexpr std::array<Column, 6> columns{{{"latency_s", Metric::latency, 1},
                                         {"latency_ms", Metric::latency, 1e3},
                                         {"latency_us", Metric::latency, 1e6},
                                         {"energy_j", Metric::energy, 1},
                                         {"energy_mj", Metric::energy, 1e3},
                                         {"memory_bytes", Metric::memory, 1}}};

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw Error(Fault::input, place + ": " + what);
}

std::vector<std::string> cells_of(std::string_view line, const std::string& place) {
  std::vector<std::string> cells;
  if (!split_cells(line, cells)) fail(place, "a double quote is not closed");
  return cells;
}

/// One entry per cell of the header; nothing for `arch`.
std::vector<std::optional<Column>> read_header(const std::vector<std::string>& cells, const std::string& place) {
  std::vector<std::string> known{"arch"};
  for (const auto& column : columns) known.emplace_back(column.name);
  std::vector<std::optional<Column>> header;
  std::vector<std::string> seen;
  std::vector<Metric> metrics;
  for (const auto& cell : cells) {
    const std::string name = base::lower_case(cell);
    const auto* column =
        std::find_if(columns.begin(), columns.end(), [&name](const Column& c) { return c.name == name; });
    if (name != "arch" && column == columns.end())
      fail(place, "unknown column " + in_quotes(cell) + base::suggest(name, known));
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      fail(place, "column " + in_quotes(cell) + " stands twice");
    seen.push_back(name);
    if (name == "arch") {
      header.emplace_back();
      continue;
    }
    if (std::find(metrics.begin(), metrics.end(), column->metric) != metrics.end())
      fail(place, std::string("two columns of ") + to_string(column->metric));
    metrics.push_back(column->metric);
    header.emplace_back(*column);
  }
  if (std::find(seen.begin(), seen.end(), "arch") == seen.end())
    fail(place, "no column arch, which says what each cost is of");
  if (metrics.empty())
    fail(place, "no column with a cost; beside arch one of " + base::join(known, ", ") + " is expected");
  return header;
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return base::trim(line);
}

}  // namespace

bool is_csv(std::string_view text) {
  const std::string line = base::lower_case(next_line(text));
  for (const auto& cell : base::split(line, ',')) {
    const auto name = base::trim(cell);
    if (name == "arch" || name == "\"arch\"") return true;
    if (std::any_of(columns.begin(), columns.end(), [name](const Column& c) { return c.name == name; })) return true;
  }
  return false;
}

std::vector<NetRecord> parse_csv(std::string_view text, const std::string& source) {
  const auto header = read_header(cells_of(next_line(text), source + ":1"), source + ":1");
  std::vector<NetRecord> records;
  for (std::size_t number = 2; !text.empty(); ++number) {
    const auto line = next_line(text);
    if (line.empty()) continue;
    const std::string place = source + ":" + std::to_string(number);
    const auto cells = cells_of(line, place);
    if (cells.size() != header.size())
      fail(place, std::to_string(header.size()) + " cells are expected, found " + std::to_string(cells.size()));
    NetRecord record;
    record.net_id = std::to_string(records.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!header[i]) {
        if (cells[i].empty()) fail(place, "the architecture is empty");
        record.arch = cells[i];
        continue;
      }
      const auto value = base::to_double(cells[i]);
      if (!value || !is_cost(*value))
        fail(place,
             std::string(header[i]->name) + ": a number from 0 to 1e18 is expected, found " + in_quotes(cells[i]));
      record.overall[header[i]->metric].value = *value / header[i]->per_unit;
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace hwprof::record

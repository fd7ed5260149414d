// SPDX-License-Identifier: Apache-2.0
#include "hwprof/latency_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/latency_text.hpp"

namespace hwprof {
namespace {

using base::in_quotes;
using base::Json;
using base::JsonReader;
using record::csv_cell;

struct Key {
  const char* name;
  std::optional<LatencyStats> LatencyRow::*stats;
};
constexpr std::array<Key, 3> keys{{{"Forward Propagate", &LatencyRow::forward},
                                   {"Total Inference Time", &LatencyRow::total},
                                   {"Layers Time", &LatencyRow::layers}}};
struct Stat {
  const char* name;
  double LatencyStats::*value;
};
constexpr std::array<Stat, 3> stats{
    {{"Min_Time", &LatencyStats::min_us}, {"Avg_Time", &LatencyStats::avg_us}, {"Max_Time", &LatencyStats::max_us}}};

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw Error(Fault::input, place + ": " + what);
}

/// Python sums layers as reals, which it writes with a point; the other times are the phone's whole numbers.
std::string number_text(double value, bool real) {
  std::string text = base::format_number(value);
  if (real && text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

Json number_json(double value, bool real) {
  constexpr double exact = 9007199254740992.0;
  if (!real && std::abs(value) < exact && std::trunc(value) == value) return static_cast<std::int64_t>(value);
  return value;
}

bool is_real(const Key& key) {
  return key.stats == &LatencyRow::layers;
}

LatencyRow& row_of(LatencyTable& table, const std::string& uid, const std::string& runtime, std::size_t& last) {
  const auto fits = [&](const LatencyRow& row) { return row.uid == uid && row.runtime == runtime; };
  if (last < table.rows.size() && fits(table.rows[last])) return table.rows[last];
  last = table.rows.size();
  table.rows.push_back({uid, runtime, {}, {}, {}, {}, {}});
  return table.rows.back();
}

/// An error, or a note where there is room for one.
void complain(Notes* notes, const std::string& place, const std::string& what) {
  if (notes == nullptr) fail(place, what);
  notes->push_back(place + ": " + what + "; left out");
}

std::optional<double> value_of(const std::string& cell, const std::string& place, Notes* notes) {
  const auto value = base::to_double(cell);
  if (value && *value >= 0 && *value <= record::most_us) return value;
  complain(notes, place, "a number from 0 to 1e15 is expected, found " + in_quotes(cell));
  return {};
}

/// The statistics of a row that is being read, one cell a line.
struct Filling {
  std::array<bool, 3> seen{};
  bool bad = false;  ///< one was no number, and the other two are of no use
};

class CsvReader {
 public:
  CsvReader(const std::string& source, Notes* notes) : source_(source), notes_(notes) {}

  LatencyTable read(std::string_view text) {
    std::size_t number = 1;
    while (!text.empty()) {
      place_ = source_ + ":" + std::to_string(number);
      const auto cells = record::take_csv_row(text, source_, number);
      if (cells.size() == 1 && base::trim(cells[0]).empty()) continue;
      if (cells.size() == 5)
        add(cells);
      else if (cells.size() == 3)
        add_plain(cells);
      else
        fail(place_,
             "5 cells (module, runtime, key, statistic, value) or 3 (module, runtime, value) are expected, found " +
                 std::to_string(cells.size()));
    }
    close();
    std::set<std::pair<std::string, std::string>> rows;
    for (const auto& row : table_.rows)
      if (!rows.emplace(row.uid, row.runtime).second)
        fail(source_, in_quotes(row.uid) + " is given twice for runtime " + in_quotes(row.runtime));
    return std::move(table_);
  }

 private:
  void add(const std::vector<std::string>& cells) {
    if (last_ >= table_.rows.size() || table_.rows[last_].uid != cells[0] || table_.rows[last_].runtime != cells[1])
      close();
    auto& row = row_of(table_, cells[0], cells[1], last_);
    const auto* key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == cells[2]; });
    const auto* stat = std::find_if(stats.begin(), stats.end(), [&](const Stat& s) { return s.name == cells[3]; });
    if (key == keys.end())
      return complain(
          notes_, place_,
          "unknown key " + in_quotes(cells[2]) + "; Forward Propagate, Total Inference Time and Layers Time are read");
    if (stat == stats.end())
      return complain(notes_, place_,
                      "unknown statistic " + in_quotes(cells[3]) + "; Min_Time, Avg_Time and Max_Time are read");
    auto& times = row.*(key->stats);
    if (!times) times.emplace();
    auto& filling = filling_[static_cast<std::size_t>(key - keys.begin())];
    bool& seen = filling.seen[static_cast<std::size_t>(stat - stats.begin())];
    if (seen) fail(place_, std::string(stat->name) + " of " + key->name + " is given twice");
    seen = true;
    const auto value = value_of(cells[4], place_, notes_);
    (*times).*(stat->value) = value.value_or(0);
    filling.bad = filling.bad || !value;
  }

  void add_plain(const std::vector<std::string>& cells) {
    close();
    last_ = table_.rows.size();
    const auto value = value_of(cells[2], place_, notes_);
    if (value) table_.rows.push_back({cells[0], cells[1], {}, {}, {}, value, {}});
  }

  /// A row ends: every key that was begun must have its three statistics.
  void close() {
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const auto& seen = filling_[k].seen;
      const auto count = std::count(seen.begin(), seen.end(), true);
      if (count != 0 && count != 3)
        fail(place_, std::string("before this line, ") + keys[k].name + " of " + in_quotes(table_.rows[last_].uid) +
                         " lacks one of Min_Time, Avg_Time and Max_Time");
      if (filling_[k].bad) (table_.rows[last_].*(keys[k].stats)).reset();
    }
    filling_ = {};
  }

  const std::string& source_;
  Notes* notes_;
  std::string place_;
  LatencyTable table_;
  std::array<Filling, 3> filling_{};
  std::size_t last_ = 0;
};

bool ends_in_returns(std::string_view text) {
  const auto end = text.find('\n');
  return end != std::string_view::npos && end > 0 && text[end - 1] == '\r';
}

std::vector<std::pair<std::string, std::string>> parse_meta(std::string_view text, const std::string& source) {
  std::vector<std::pair<std::string, std::string>> meta;
  std::size_t number = 1;
  text = base::drop_byte_order_mark(text);
  while (!text.empty()) {
    const std::string place = source + ":" + std::to_string(number);
    const auto cells = record::take_csv_row(text, source, number, ':');
    if (cells.size() == 1 && cells[0].empty()) continue;
    if (cells.size() != 2) fail(place, "key:value is expected");
    meta.emplace_back(cells[0], cells[1]);
  }
  return meta;
}

std::string line_end(bool carriage_returns) {
  return carriage_returns ? "\r\n" : "\n";
}

std::string csv_text(const LatencyTable& table) {
  std::string text;
  const std::string end = line_end(table.carriage_returns);
  for (const auto& row : table.rows) {
    const std::string head = csv_cell(row.uid) + "," + csv_cell(row.runtime) + ",";
    if (row.latency_ms) text += head + number_text(*row.latency_ms, false) + end;
    for (const auto& key : keys)
      if (const auto& times = row.*(key.stats))
        for (const auto& stat : stats)
          text += head + key.name + "," + stat.name + "," + number_text((*times).*(stat.value), is_real(key)) + end;
  }
  return text;
}

Json json_of(const LatencyTable& table) {
  Json json = Json::object();
  for (const auto& row : table.rows) {
    Json& place = json[row.uid][row.runtime];
    if (row.latency_ms) {
      place = *row.latency_ms;
      continue;
    }
    place = Json::object();
    for (const auto& key : keys)
      if (const auto& times = row.*(key.stats))
        for (const auto& stat : stats) place[key.name][stat.name] = number_json((*times).*(stat.value), is_real(key));
  }
  return json;
}

std::string layers_text(const LatencyTable& table) {
  std::string text;
  for (const auto& row : table.rows)
    for (const auto& layer : row.per_layer) {
      const std::string head = csv_cell(row.uid) + "," + csv_cell(row.runtime) + "," + csv_cell(layer.name) + "," +
                               csv_cell(layer.type) + ",";
      for (const auto& stat : stats)
        text +=
            head + stat.name + "," + number_text(layer.time.*(stat.value), false) + line_end(table.carriage_returns);
    }
  return text;
}

}  // namespace

LatencyTable record::parse_latency_csv(std::string_view text, const std::string& source, Notes* notes) {
  return CsvReader(source, notes).read(text);
}

LatencyTable record::parse_latency_json(std::string_view text, const std::string& source, Notes* notes) {
  LatencyTable table;
  const auto take = [notes](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      if (notes == nullptr || error.fault() != Fault::input) throw;
      notes->push_back(std::string(error.what()) + "; left out");
    }
  };
  for (const auto& [uid, runtimes] : JsonReader::parse(without_nan(text), source).items()) {
    for (const auto& [runtime, value] : runtimes.items()) {
      LatencyRow row{uid, runtime, {}, {}, {}, {}, {}};
      if (value.raw().is_object()) {
        take([&, &value = value] { value.only({keys[0].name, keys[1].name, keys[2].name}); });
        for (const auto& key : keys)
          take([&, &value = value] {
            if (value.has(key.name)) row.*(key.stats) = read_stats(value[key.name]);
          });
      } else {
        take([&, &value = value] {
          const double latency = value.number();
          if (!(latency >= 0 && latency <= most_us)) value.fail("a number from 0 to 1e15 is expected");
          row.latency_ms = latency;
        });
        if (!row.latency_ms) continue;
      }
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::vector<std::string> save_latency_table(const std::string& stem, const LatencyTable& table) {
  std::string meta;
  for (const auto& [key, value] : table.meta)
    meta += csv_cell(key, ':') + ":" + csv_cell(value, ':') + line_end(table.meta_carriage_returns);
  std::vector<std::string> files{stem + ".json", stem + ".csv", stem + ".meta"};
  base::save_json(files[0], json_of(table));
  base::write_file(files[1], csv_text(table));
  base::write_file(files[2], meta);
  const std::string layers = layers_text(table);
  if (layers.empty()) return files;
  files.push_back(stem + ".layers.csv");
  base::write_file(files[3], layers);
  return files;
}

LatencyTable load_latency_table(const std::string& file, Notes* notes) {
  const std::string content = base::read_file(file);
  const std::string_view text = base::drop_byte_order_mark(content);
  LatencyTable table;
  if (record::is_latency_csv(text))
    table = record::parse_latency_csv(text, file, notes);
  else if (record::is_latency_json(text))
    table = record::parse_latency_json(text, file, notes);
  else
    throw Error(Fault::input, file + ": is no latency table of nnabla-nas, neither CSV nor JSON");
  const bool csv = record::is_latency_csv(text);
  table.carriage_returns = table.meta_carriage_returns = csv && ends_in_returns(text);
  const std::string meta = std::filesystem::path(file).replace_extension(".meta").string();
  if (!base::exists(meta)) return table;
  const std::string rows = base::read_file(meta);
  try {
    table.meta = parse_meta(rows, meta);
  } catch (const Error& error) {
    if (notes == nullptr || error.fault() != Fault::input) throw;
    notes->push_back(std::string(error.what()) + "; the file is left out");
  }
  table.meta_carriage_returns = ends_in_returns(rows);
  if (!csv) table.carriage_returns = table.meta_carriage_returns;
  return table;
}

}  // namespace hwprof

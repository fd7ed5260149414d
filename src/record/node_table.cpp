// SPDX-License-Identifier: Apache-2.0
#include "record/node_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

constexpr std::size_t most_rows = 100000;

using Field = std::optional<double> NodeRow::*;

/// A column of numbers: where it goes, and what one of its units is.
struct Column {
  Field field = nullptr;
  double per_unit = 1;  ///< SI = number / per_unit
};

struct Header {
  std::size_t before = 0;       ///< columns left of the name
  std::vector<Column> columns;  ///< right of it
  [[nodiscard]] bool has(Field field) const {
    return std::any_of(columns.begin(), columns.end(), [field](const Column& c) { return c.field == field; });
  }
};

/// "RunTime(ms)" -> milliseconds.
Column column_of(std::string_view title) {
  const std::string name = base::lower_case(title);
  const auto holds = [&name](const char* part) { return name.find(part) != std::string::npos; };
  const double giga = holds("gop") ? 1e-9 : 1e-6;
  if (holds("mb/s")) return {&NodeRow::bytes_per_s, 1e-6};
  if (holds("util")) return {&NodeRow::utilization, 100};
  if (holds("perf")) return {&NodeRow::operations_per_s, giga};
  if (holds("workload")) return {&NodeRow::operations, giga};
  if (holds("mem")) return {&NodeRow::moved_bytes, holds("kb") ? 1.0 / 1024 : 1.0 / 1048576};
  if (holds("time") || holds("latency")) return {&NodeRow::runtime_s, holds("(us") ? 1e6 : holds("(s)") ? 1 : 1e3};
  return {};
}

std::optional<Header> header_of(const std::vector<std::string_view>& words) {
  Header header;
  bool named = false;
  for (const auto word : words) {
    if (!named && base::lower_case(word).find("name") != std::string::npos)
      named = true;
    else if (named)
      header.columns.push_back(column_of(word));
    else
      ++header.before;
  }
  if (!named || header.columns.size() > 64 || !header.has(&NodeRow::runtime_s)) return {};
  return header;
}

std::optional<double> number_of(std::string_view word) {
  if (!word.empty() && word.back() == '%') word.remove_suffix(1);
  return base::to_double(word);
}

/// The unit of the last digit: "0.134" -> 0.001.
double last_digit(std::string_view word) {
  const auto point = word.find('.');
  if (point == std::string_view::npos) return 1;
  return std::pow(10.0, -static_cast<double>(std::min<std::size_t>(word.size() - point - 1, 12)));
}

/// The row's numbers, from the right; nothing when a word there is no number.
std::optional<NodeRow> row_of(const std::vector<std::string_view>& words, const Header& header, NodeTable& table) {
  if (words.size() < header.columns.size() + 1) return {};
  NodeRow row;
  const std::size_t first = words.size() - header.columns.size();
  for (std::size_t i = 0; i < header.columns.size(); ++i) {
    const auto value = number_of(words[first + i]);
    if (!value) return {};
    const Column& column = header.columns[i];
    if (column.field == nullptr) continue;
    const double si = *value / column.per_unit;
    if (std::isfinite(*value) && std::abs(si) <= largest_cost) row.*column.field = si;
    const double digit = last_digit(words[first + i]) / column.per_unit;
    if (column.field == &NodeRow::runtime_s) table.resolution_s = std::max(table.resolution_s, digit);
    if (column.field == &NodeRow::operations)
      table.resolution_operations = std::max(table.resolution_operations, digit);
  }
  return row;
}

std::string_view quoted_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == std::string_view::npos) return {};
  const auto begin = line.find('"', at);
  if (begin == std::string_view::npos) return {};
  const auto end = line.find('"', begin + 1);
  return end == std::string_view::npos ? std::string_view{} : line.substr(begin + 1, end - begin - 1);
}

bool is_rule(std::string_view line) {
  return line.size() >= 10 && line.find_first_not_of('=') == std::string_view::npos;
}

class TableReader {
 public:
  TableReader(Lines& lines, const std::function<void(const NodeTable&)>& take, Complaints& complaints)
      : lines_(lines), take_(take), complaints_(complaints) {}

  void run() {
    std::string_view line;
    while (lines_.next(line)) read(base::trim(line));
    if (open_) drop("a table ends before its row All and was left out");
  }

 private:
  void read(std::string_view line) {
    if (line.find("Performance profile - DPU Kernel") != std::string_view::npos) {
      if (open_) drop("a table ends before its row All and was left out");
      begin(line);
      return;
    }
    if (line.empty() || is_rule(line)) return;
    split_words(line, words_);
    if (auto header = header_of(words_)) {
      if (!open_ && !header_) begin({});  // the oldest tools print no title
      open_ = true;
      header_ = std::move(header);
      return;
    }
    if (!open_) return;
    if (!header_) {
      if (base::starts_with(line, "All ")) drop("a table without a header was left out");
      return;
    }
    if (words_.front() == "All" || base::starts_with(line, "Total Time")) {
      finish();
    } else if (words_.size() >= header_->before + 1 + header_->columns.size()) {
      read_row();
    }
  }

  void begin(std::string_view title) {
    table_ = {};
    table_.kernel = std::string(quoted_after(title, "DPU Kernel"));
    table_.task = std::string(quoted_after(title, "DPU Task"));
    table_.line = lines_.number();
    header_.reset();
    open_ = true;
    broken_ = false;
  }

  void drop(const std::string& why) {
    complaints_.add(why, lines_.source() + ":" + std::to_string(table_.line));
    close();
  }

  void close() {
    open_ = false;
    header_.reset();
  }

  void read_row() {
    const auto [before, columns] = std::pair(header_->before, header_->columns.size());
    for (std::size_t i = 0; i < before; ++i)
      if (!base::to_int(words_[i])) return;  // text of another program in between
    auto row = row_of(words_, *header_, table_);
    if (!row) return;
    const auto* name = words_[before].data();
    const auto& last = words_[words_.size() - columns - 1];
    row->name.assign(name, static_cast<std::size_t>(last.data() + last.size() - name));
    if (!row->runtime_s || !is_cost(*row->runtime_s)) {
      complaints_.add("a runtime that is not a number from 0 on; the table was left out", lines_.place());
      broken_ = true;
    }
    if (table_.rows.size() >= most_rows)
      throw Error(Fault::input, lines_.place() + ": a table of more than " + std::to_string(most_rows) + " rows");
    table_.rows.push_back(std::move(*row));
  }

  void finish() {
    auto total = row_of(words_, *header_, table_);
    if (!total && words_.size() > 2) {  // "Total Time 3.27 ms" of the oldest tools
      for (const auto word : words_)
        if (const auto value = number_of(word); value && !total) {
          total.emplace();
          total->runtime_s = *value / 1e3;
        }
    }
    if (total && total->moved_bytes) *total->moved_bytes *= 1e6 / 1048576;  // this row alone counts in powers of ten
    if (!total || !total->runtime_s || !is_cost(*total->runtime_s) || *total->runtime_s == 0)
      return drop("the row All has no runtime above 0; the table was left out");
    if (table_.rows.empty()) return drop("a table without rows was left out");
    if (!broken_) {
      total->name = "All";
      table_.total = std::move(*total);
      take_(table_);
    }
    close();
  }

  Lines& lines_;
  const std::function<void(const NodeTable&)>& take_;
  Complaints& complaints_;
  NodeTable table_;
  std::optional<Header> header_;
  std::vector<std::string_view> words_;
  bool open_ = false, broken_ = false;
};

/// A published core and clock whose peak lies in the range, and that peak; nothing when none or several do.
std::optional<std::pair<std::string, double>> core_of(double least, double most) {
  std::optional<std::pair<std::string, double>> found;
  for (const int operations : {512, 800, 1024, 1152, 1600, 2304, 3136, 4096})
    for (int mhz = 100; mhz <= 400; mhz += 25) {
      const double peak = operations * (mhz * 1e6);
      if (peak < least || peak > most) continue;
      if (found) return {};
      found = {"B" + std::to_string(operations) + " at " + std::to_string(mhz) + " MHz", peak};
    }
  return found;
}

}  // namespace

void read_tables(Lines& lines, const std::function<void(const NodeTable&)>& take, Complaints& complaints) {
  TableReader(lines, take, complaints).run();
}

void TableFold::add(const NodeTable& table, const std::string& source, Complaints& complaints) {
  const std::string place = source + ":" + std::to_string(table.line);
  const auto [at, fresh] = kernels_.try_emplace(table.kernel);
  Kernel& kernel = at->second;
  if (fresh) {
    nodes_ += table.rows.size();
    if (nodes_ > 10 * most_rows || kernels_.size() > most_rows)
      throw Error(Fault::input, place + ": more than " + std::to_string(most_rows) + " kernels or a million nodes");
    kernel.source = source;
    for (const auto& row : table.rows) kernel.nodes.push_back({row.name, row.operations.value_or(0), {}});
  }
  bool same = kernel.nodes.size() == table.rows.size();
  for (std::size_t i = 0; same && i < table.rows.size(); ++i) same = kernel.nodes[i].name == table.rows[i].name;
  if (!same) return complaints.add("a table has other nodes than the first of its kernel and was left out", place);
  for (std::size_t i = 0; i < table.rows.size(); ++i) kernel.nodes[i].runtime_s.add(*table.rows[i].runtime_s);
  kernel.total_s.add(*table.total.runtime_s);
  check(table, kernel);
}

void TableFold::check(const NodeTable& table, Kernel& kernel) {
  double seconds = 0;
  double operations = 0;
  double bytes = 0;
  for (const auto& row : table.rows) {
    seconds += *row.runtime_s;
    operations += row.operations.value_or(0);
    bytes += row.moved_bytes.value_or(0);
    if (row.operations_per_s && row.utilization && *row.utilization > 0.01) {
      // Both are printed with one decimal.
      kernel.least_peak = std::max(kernel.least_peak, (*row.operations_per_s - 0.051e9) / (*row.utilization + 0.00051));
      kernel.most_peak = std::min(kernel.most_peak, (*row.operations_per_s + 0.051e9) / (*row.utilization - 0.00051));
    }
    if (row.operations_per_s && row.operations && *row.runtime_s > 0) {
      const double exact = *row.operations / *row.runtime_s;
      const double slack = 0.051e9 + 0.51 * (exact * table.resolution_s + table.resolution_operations) / *row.runtime_s;
      if (std::abs(exact - *row.operations_per_s) > slack) ++kernel.broken["performance is not workload over runtime"];
    }
  }
  const auto n = static_cast<double>(table.rows.size() + 1);
  const double gap = std::abs(seconds - *table.total.runtime_s);
  kernel.largest_gap_s = std::max(kernel.largest_gap_s, gap);
  if (gap > 0.5001 * n * table.resolution_s) ++kernel.broken["the nodes' runtimes do not add up to All"];
  if (table.total.operations &&
      std::abs(operations - *table.total.operations) > 0.5001 * n * table.resolution_operations + 1e-6 * operations)
    ++kernel.broken["the nodes' workloads do not add up to All"];
  if (table.total.moved_bytes && std::abs(bytes - *table.total.moved_bytes) > 0.00501 * 1048576 * n + 1e-6 * bytes)
    ++kernel.broken["the nodes' memory traffic does not add up to All"];
}

std::vector<NetRecord> TableFold::records(Notes& notes) const {
  std::vector<NetRecord> records;
  for (const auto& [name, kernel] : kernels_) {
    const std::string where = kernel.source + ": kernel " + base::in_quotes(name) + ": ";
    NetRecord record;
    record.net_id = safe_id(name.empty() ? nameless_kernel : name);
    record.from.device = "dpu";
    record.from.compiler = "dnndk";
    record.from.mode = "inference";
    record.overall[Metric::latency] = kernel.total_s.median();
    for (const auto& node : kernel.nodes) {
      NodeRecord row;
      row.name = node.name;
      row.perf[Metric::latency] = node.runtime_s.median();
      row.macs = node.operations / 2;
      record.nodes.push_back(std::move(row));
    }
    for (const auto& [what, tables] : kernel.broken)
      notes.push_back(where + what + " in " + std::to_string(tables) + " of " + std::to_string(kernel.total_s.count()) +
                      " tables");
    if (kernel.broken.count("the nodes' runtimes do not add up to All") != 0)
      notes.push_back(where + "the largest gap is " + base::format_seconds(kernel.largest_gap_s));
    if (kernel.least_peak > 0) {
      if (kernel.least_peak > kernel.most_peak) {
        notes.push_back(where + "performance and utilisation do not agree on one peak");
      } else {
        const auto core = core_of(kernel.least_peak, kernel.most_peak);
        const double peak = core ? core->second : (kernel.least_peak + kernel.most_peak) / 2;
        record.from.environment["peak_gops"] = base::format_number(std::round(peak / 1e8) / 10);
        if (core) record.from.environment["dpu"] = core->first;
      }
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace hwprof::record

namespace hwprof {

void read_node_tables(const std::string& file, const std::function<void(const NodeTable&)>& take, Notes* notes) {
  record::Lines lines(file);
  record::Complaints complaints;
  record::read_tables(lines, take, complaints);
  if (notes != nullptr) complaints.report(*notes);
}

}  // namespace hwprof

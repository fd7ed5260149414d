// SPDX-License-Identifier: Apache-2.0
// What VART's profiler leaves as CSV: profile_summary.csv, vart_trace.csv, vitis_ai_profile.csv.
#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "record/vaitrace.hpp"

namespace hwprof::record {
namespace {

constexpr std::size_t most_rows = 100000;
constexpr std::size_t most_open = 65536;

/// Columns of profile_summary.csv by title; npos where there is none.
struct SummaryColumns {
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  std::size_t size = 0, kernel = npos, cu = npos, runs = npos, least = npos, mean = npos, most = npos, work = npos,
              performance = npos;
};

std::optional<SummaryColumns> columns_of(const std::vector<std::string>& cells) {
  SummaryColumns columns;
  columns.size = cells.size();
  while (columns.size > 0 && cells[columns.size - 1].empty()) --columns.size;  // every line ends with a comma
  for (std::size_t i = 0; i < columns.size; ++i) {
    const std::string name = base::lower_case(cells[i]);
    const auto is = [&name](const char* start) { return base::starts_with(name, start); };
    if (is("kernel name")) columns.kernel = i;
    if (is("cu full name")) columns.cu = i;
    if (is("number of runs")) columns.runs = i;
    if (is("minimum time")) columns.least = i;
    if (is("average time")) columns.mean = i;
    if (is("maximum time")) columns.most = i;
    if (is("workload")) columns.work = i;
    if (is("dpu performance") || is("performance")) columns.performance = i;
  }
  if (columns.kernel == SummaryColumns::npos || columns.mean == SummaryColumns::npos) return {};
  return columns;
}

class SummaryRows {
 public:
  SummaryRows(Lines& lines, Complaints& complaints) : lines_(lines), complaints_(complaints) {}

  std::vector<SummaryRow> run() {
    std::string_view line;
    while (lines_.next(line)) {
      split_cells(line, cells_);
      if (auto columns = columns_of(cells_))
        columns_ = columns;
      else if (base::trim(line).empty())
        columns_.reset();
      else if (columns_)
        read();
    }
    return std::move(rows_);
  }

 private:
  void read() {
    while (cells_.size() > columns_->size && cells_.back().empty()) cells_.pop_back();
    if (cells_.size() < columns_->size) return complaints_.add("a row with too few cells was left out", lines_.place());
    if (const auto extra = cells_.size() - columns_->size; extra > 0) {  // commas in the kernel's name
      const std::size_t at = columns_->kernel;
      for (std::size_t i = 0; i < extra; ++i) cells_[at] += "," + cells_[at + 1 + i];
      cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(at + 1),
                   cells_.begin() + static_cast<std::ptrdiff_t>(at + 1 + extra));
    }
    SummaryRow row;
    row.kernel = cells_[columns_->kernel];
    if (columns_->cu != SummaryColumns::npos) row.cu = cells_[columns_->cu];
    row.mean_s = seconds(columns_->mean);
    row.least_s = columns_->least == SummaryColumns::npos ? row.mean_s : seconds(columns_->least);
    row.most_s = columns_->most == SummaryColumns::npos ? row.mean_s : seconds(columns_->most);
    if (columns_->runs != SummaryColumns::npos) {
      const auto runs = base::to_int(cells_[columns_->runs]);
      if (!runs || *runs < 1 || *runs > 1000000000000)
        fail("a number of runs is expected, found " + base::in_quotes(cells_[columns_->runs]));
      row.runs = *runs;
    }
    if (row.mean_s < row.least_s - 0.6e-6 || row.mean_s > row.most_s + 0.6e-6)
      complaints_.add("the average time does not lie between minimum and maximum", lines_.place());
    const auto work = columns_->work == SummaryColumns::npos ? std::nullopt : base::to_double(cells_[columns_->work]);
    if (work && is_cost(*work * 1e9)) row.operations = *work * 1e9;
    const auto performance =
        columns_->performance == SummaryColumns::npos ? std::nullopt : base::to_double(cells_[columns_->performance]);
    if (performance && row.operations > 0 && row.mean_s > 0) {
      const double exact = row.operations / row.mean_s / 1e9;
      if (!(std::abs(*performance - exact) <= 0.05 * exact + 0.6e-3 / row.mean_s))
        complaints_.add("the printed performance is not workload over average time; only the time is used",
                        lines_.place());
    }
    if (rows_.size() >= most_rows) fail("more than " + std::to_string(most_rows) + " kernels");
    rows_.push_back(std::move(row));
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(Fault::input, lines_.place() + ": " + what); }

  double seconds(std::size_t column) const {
    const auto value = base::to_double(cells_[column]);
    if (!value || !is_cost(*value)) fail("a time from 0 on is expected, found " + base::in_quotes(cells_[column]));
    return *value / 1e3;
  }

  Lines& lines_;
  Complaints& complaints_;
  std::optional<SummaryColumns> columns_;
  std::vector<std::string> cells_;
  std::vector<SummaryRow> rows_;
};

/// Time stamps are in ms unless the header says us or ns.
double per_second(const std::vector<std::string>& cells) {
  if (cells.size() > 1 && cells[1] == "us") return 1e6;
  if (cells.size() > 1 && cells[1] == "ns") return 1e9;
  return 1e3;
}

}  // namespace

std::vector<SummaryRow> read_profile_summary(Lines& lines, Complaints& complaints) {
  return SummaryRows(lines, complaints).run();
}

std::map<std::string, Tally> read_vart_trace(Lines& lines, Complaints& complaints) {
  struct Begun {
    double at = 0;
    std::string kernel;
  };
  enum class Section { none, mapping, events } section = Section::none;
  double per_s = 1e3;
  std::unordered_map<std::string, std::string> names;
  std::unordered_map<std::string, Begun> open;
  std::map<std::string, Tally> out;
  std::string_view line;
  std::vector<std::string> cells;
  while (lines.next(line)) {
    split_cells(line, cells);
    if (cells.size() == 1 && !cells[0].empty()) {
      section = cells[0] == "MAPPING" ? Section::mapping : cells[0] == "EVENTS" ? Section::events : Section::none;
      continue;
    }
    if (cells[0] == "Resolution") per_s = per_second(cells);
    if (section == Section::mapping && cells.size() >= 2) {
      if (names.size() < most_rows) names[cells[0]] = cells[1];
    } else if (section == Section::events && cells.size() >= 6) {
      // number, number of the beginning (0: this is one), time, row, kind, kernel
      const auto at = base::to_double(cells[2]);
      if (!at || !is_cost(*at)) {
        complaints.add("an event without a time was left out", lines.place());
      } else if (cells[1] == "0") {
        if (open.size() >= most_open) {
          complaints.add("more than 65536 runs at once; those before were forgotten", lines.place());
          open.clear();
        }
        open[cells[0]] = {*at, cells[5]};
      } else if (const auto begun = open.find(cells[1]); begun == open.end() || *at < begun->second.at) {
        complaints.add("the end of a run that did not begin before was left out", lines.place());
      } else {
        const auto name = names.find(begun->second.kernel);
        if (name != names.end() && (out.size() < most_rows || out.count(name->second) != 0))
          out[name->second].add((*at - begun->second.at) / per_s);
        open.erase(begun);
      }
    }
  }
  if (!open.empty()) complaints.add("runs that did not end were left out", lines.source());
  return out;
}

ThroughputProfile read_throughput(Lines& lines, Complaints& complaints) {
  enum class Section { none, frames, bandwidth } section = Section::none;
  ThroughputProfile out;
  std::string_view line;
  std::vector<std::string> cells;
  while (lines.next(line)) {
    if (base::trim(line).empty()) continue;
    split_cells(line, cells);
    if (base::starts_with(cells[0], "DPU Throughput")) {
      section = Section::frames;
    } else if (base::starts_with(cells[0], "DDR Bandwidth")) {
      section = Section::bandwidth;
    } else if (cells[0] == "timestamp") {
      continue;
    } else if (section == Section::frames) {
      const auto rate = cells.size() > 1 ? base::to_double(cells[1]) : std::nullopt;
      if (rate && is_cost(*rate))
        out.frames_per_s.add(*rate);
      else
        complaints.add("a row without a frame rate was left out", lines.place());
    } else if (section == Section::bandwidth) {
      ++out.bandwidth_rows;
    }
  }
  return out;
}

NetRecord summary_record(const std::vector<SummaryRow>& rows, const std::map<std::string, Tally>& traces,
                         const std::string& place, Complaints& complaints) {
  NetRecord record;
  record.from.device = "dpu";
  record.from.compiler = "vitis-ai";
  record.from.mode = "inference";
  std::map<std::string, SummaryRow> kernels;  // of several cores, together
  std::vector<std::string> order;
  for (const auto& row : rows) {
    const auto [at, fresh] = kernels.emplace(row.kernel, row);
    if (fresh) {
      order.push_back(row.kernel);
      continue;
    }
    const auto a = static_cast<double>(std::max<std::int64_t>(at->second.runs, 1));
    const auto b = static_cast<double>(std::max<std::int64_t>(row.runs, 1));
    at->second.mean_s = (a * at->second.mean_s + b * row.mean_s) / (a + b);
    at->second.runs += row.runs;
    at->second.least_s = std::min(at->second.least_s, row.least_s);
    at->second.most_s = std::max(at->second.most_s, row.most_s);
  }
  std::int64_t network_runs = 0;
  for (const auto& [name, row] : kernels)
    if (network_runs == 0 || row.runs < network_runs) network_runs = row.runs;
  Measured overall;
  double squares = 0;
  for (const auto& name : order) {
    const SummaryRow& row = kernels.at(name);
    Measured cost;
    const double share = network_runs > 0 ? static_cast<double>(row.runs) / static_cast<double>(network_runs) : 1;
    cost.value = row.mean_s * share;
    cost.samples = row.runs;
    if (const auto trace = traces.find(name); trace != traces.end()) {
      const Tally& tally = trace->second;
      cost.spread = tally.mean_half_width() * share;
      // Both print microseconds; a trace may hold less than was run.
      const bool agrees = tally.count() == row.runs && std::abs(tally.mean() - row.mean_s) < 1.1e-6 &&
                          std::abs(tally.least() - row.least_s) < 1.1e-6 &&
                          std::abs(tally.most() - row.most_s) < 1.1e-6;
      if (!agrees)
        complaints.add("the trace's runs do not give the summary's number, minimum, mean and maximum", place);
    }
    NodeRecord node;
    node.name = name;
    node.macs = row.operations / 2;
    node.perf[Metric::latency] = cost;
    overall.value += cost.value;
    squares += cost.spread * cost.spread;
    if (overall.samples == 0 || cost.samples < overall.samples) overall.samples = cost.samples;
    record.nodes.push_back(std::move(node));
  }
  overall.spread = std::sqrt(squares);
  record.from.derived = order.size() > 1;
  record.overall[Metric::latency] = overall;
  // "DPUCZDX8G_1:batch-1"
  if (!rows.empty()) {
    const auto at = rows.front().cu.rfind("batch-");
    const auto batch = at == std::string::npos ? std::nullopt : base::to_int(rows.front().cu.substr(at + 6));
    if (batch && *batch >= 1 && *batch <= 1000000) record.batch = static_cast<int>(*batch);
  }
  return record;
}

}  // namespace hwprof::record

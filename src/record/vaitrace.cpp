// SPDX-License-Identifier: Apache-2.0
#include "record/vaitrace.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

constexpr std::size_t most_rows = 100000;

enum class Title { none, core, batch, name, runtime, software, hardware, workload, performance, runs, device };

Title title_of(const std::string& cell) {
  const std::string name = base::lower_case(cell);
  if (name.find("subgraph") != std::string::npos || name == "function") return Title::name;
  if (name == "dpu" || name == "dpu id") return Title::core;
  if (base::starts_with(name, "bat")) return Title::batch;
  if (base::starts_with(name, "sw_rt")) return Title::software;
  if (base::starts_with(name, "hw_rt")) return Title::hardware;
  if (name == "rt" || base::starts_with(name, "rt(") || base::starts_with(name, "runtime") ||
      base::starts_with(name, "averageruntime"))
    return Title::runtime;
  if (name == "wl" || base::starts_with(name, "wl(") || base::starts_with(name, "workload")) return Title::workload;
  if (base::starts_with(name, "perf")) return Title::performance;
  if (name == "runs") return Title::runs;
  if (name == "device") return Title::device;
  return Title::none;
}

void split_bars(std::string_view line, std::vector<std::string>& cells) {
  cells.clear();
  for (std::size_t begin = 0; begin <= line.size();) {
    const auto end = std::min(line.find('|', begin), line.size());
    cells.emplace_back(base::trim(line.substr(begin, end - begin)));
    begin = end + 1;
  }
}

struct Subgraph {
  Tally runtime_s, hardware_s;
  double operations = 0;
  bool cpu = false;
};

class SummaryReader {
 public:
  SummaryReader(Lines& lines, Notes& notes) : lines_(lines), notes_(notes) {}

  std::vector<NetRecord> run() {
    std::string_view line;
    while (lines_.next(line)) read(base::trim(line));
    finish();
    complaints_.report(notes_);
    if (records_.empty()) throw Error(Fault::input, lines_.source() + ": no rows of DPU subgraphs in this summary");
    const std::string stem = safe_id(std::filesystem::path(lines_.source()).stem().string());
    for (std::size_t i = 0; i < records_.size(); ++i)
      records_[i].net_id = records_.size() == 1 ? stem : stem + "." + std::to_string(i);
    return std::move(records_);
  }

 private:
  void read(std::string_view line) {
    if (base::starts_with(line, "DPU Summary")) {
      finish();
      titles_.clear();
    } else if (base::starts_with(line, "CPU Functions")) {
      titles_.clear();
      outside_ = true;
    } else if (base::starts_with(line, "CPU OPs")) {
      titles_.clear();
      outside_ = false;
    } else if (line.find('|') != std::string_view::npos) {
      split_bars(line, cells_);
      if (!read_header() && !titles_.empty() && !outside_) read_row();
    }
  }

  bool read_header() {
    std::vector<Title> titles;
    for (const auto& cell : cells_) titles.push_back(title_of(cell));
    const auto holds = [&titles](Title title) {
      return std::find(titles.begin(), titles.end(), title) != titles.end();
    };
    if (!holds(Title::name) || !(holds(Title::runtime) || holds(Title::software) || holds(Title::hardware)))
      return false;
    cpu_ = holds(Title::device) || !holds(Title::core);
    titles_ = std::move(titles);
    return true;
  }

  [[nodiscard]] std::string cell(Title title) const {
    const auto at = std::find(titles_.begin(), titles_.end(), title);
    return at == titles_.end() ? std::string() : cells_[static_cast<std::size_t>(at - titles_.begin())];
  }

  /// The cell under a title; "~0", which is less than the last digit, counts as half of that.
  std::optional<double> number(Title title) {
    const auto at = std::find(titles_.begin(), titles_.end(), title);
    if (at == titles_.end()) return {};
    const auto& cell = cells_[static_cast<std::size_t>(at - titles_.begin())];
    if (cell == "~0") {
      complaints_.add("~0, less than 0.001, was taken as 0.0005", lines_.place());
      return 0.0005;
    }
    return base::to_double(cell);
  }

  void read_row() {
    if (cells_.size() < titles_.size()) return complaints_.add("a row with too few cells was left out", lines_.place());
    // Bars in a name give more cells; what stands right of it is counted from the end.
    if (const auto extra = cells_.size() - titles_.size(); extra > 0) {
      const auto at = std::find(titles_.begin(), titles_.end(), Title::name) - titles_.begin();
      for (std::size_t i = 0; i < extra; ++i) {
        cells_[static_cast<std::size_t>(at)] += "|" + cells_[static_cast<std::size_t>(at) + 1 + i];
      }
      cells_.erase(cells_.begin() + at + 1, cells_.begin() + at + 1 + static_cast<std::ptrdiff_t>(extra));
    }
    std::string name = cell(Title::name);
    auto hardware = number(Title::hardware);
    auto runtime = number(Title::software);
    if (!runtime) runtime = number(Title::runtime);
    if (!runtime) runtime = hardware;
    if (!runtime || !is_cost(*runtime)) return complaints_.add("a row without a runtime was left out", lines_.place());
    if (hardware && !is_cost(*hardware)) hardware.reset();
    if (hardware && *hardware > *runtime) {
      complaints_.add("the hardware took longer than the software around it; the longer time counts", lines_.place());
      runtime = hardware;
    }
    if (order_.size() >= most_rows) throw Error(Fault::input, lines_.place() + ": more than 100000 subgraphs");
    // Names are cut to their last letters: what one core ran under one name twice are two subgraphs.
    const auto core = std::make_pair(cell(Title::core), name);
    if (const std::size_t seen = ++rows_[core]; seen > 1) {
      complaints_.add("two subgraphs of one name on one core; both count", lines_.place());
      name += " #" + std::to_string(seen);
    }
    const auto [at, fresh] = subgraphs_.try_emplace(name);
    if (fresh) order_.push_back(name);
    Subgraph& subgraph = at->second;
    subgraph.runtime_s.add(*runtime / 1e3);
    subgraph.hardware_s.add(hardware.value_or(*runtime) / 1e3);
    subgraph.cpu = cpu_;
    if (const auto work = number(Title::workload); work && is_cost(*work * 1e9)) subgraph.operations = *work * 1e9;
    if (const auto batch = number(Title::batch); batch && *batch >= 1 && *batch <= 1e6) {
      const int images = static_cast<int>(*batch);
      if (batch_ != 0 && batch_ != images)
        complaints_.add("subgraphs of different batch; the first one's counts", lines_.place());
      else
        batch_ = images;
    }
  }

  void finish() {
    const bool dpu = std::any_of(subgraphs_.begin(), subgraphs_.end(), [](const auto& s) { return !s.second.cpu; });
    if (dpu) {
      NetRecord record;
      record.from.device = "dpu";
      record.from.compiler = "vitis-ai";
      record.from.mode = "inference";
      record.from.derived = order_.size() > 1;
      record.batch = std::max(batch_, 1);
      double overall = 0;
      double overhead = 0;
      for (const auto& name : order_) {
        const Subgraph& subgraph = subgraphs_.at(name);
        NodeRecord node;
        node.name = name;
        if (subgraph.cpu) node.ops = {"cpu"};
        node.macs = subgraph.operations / 2;
        node.perf[Metric::latency].value = subgraph.hardware_s.mean();
        overall += subgraph.runtime_s.mean();
        overhead += subgraph.runtime_s.mean() - subgraph.hardware_s.mean();
        if (subgraph.runtime_s.count() > 1)
          complaints_.add("a subgraph on several cores; the mean of its runtimes counts", lines_.source());
        record.nodes.push_back(std::move(node));
      }
      record.overall[Metric::latency].value = overall;
      if (overhead > 0) record.overhead[Metric::latency].value = overhead;
      records_.push_back(std::move(record));
    } else if (!subgraphs_.empty()) {
      complaints_.add("CPU ops without a DPU subgraph were left out", lines_.source());
    }
    subgraphs_.clear();
    rows_.clear();
    order_.clear();
    batch_ = 0;
    outside_ = false;
  }

  Lines& lines_;
  Notes& notes_;
  Complaints complaints_;
  std::vector<NetRecord> records_;
  std::vector<Title> titles_;
  std::vector<std::string> cells_, order_;
  std::map<std::string, Subgraph> subgraphs_;
  std::map<std::pair<std::string, std::string>, std::size_t> rows_;  ///< by core and name
  int batch_ = 0;
  bool outside_ = false;  ///< in the table of functions that are not in the graph
  bool cpu_ = false;
};

}  // namespace

std::vector<NetRecord> read_vaitrace(Lines& lines, Notes& notes) {
  return SummaryReader(lines, notes).run();
}

}  // namespace hwprof::record

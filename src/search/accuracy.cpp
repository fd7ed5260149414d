// SPDX-License-Identifier: Apache-2.0
// Where accuracies come from, and where candidates go: files.
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/search.hpp"

namespace hwprof {

namespace {

struct Row {
  std::string arch, accuracy;
};

/// The first two columns. An architecture by names holds commas: it stands in quotes, or no further columns follow.
std::optional<Row> read_row(std::string_view line, std::size_t columns) {
  if (!line.empty() && line.front() == '"') {
    const auto end = line.find('"', 1);
    if (end == std::string_view::npos) return {};
    const auto rest = base::trim(line.substr(end + 1));
    if (rest.empty() || rest.front() != ',') return {};
    return Row{std::string(line.substr(1, end - 1)), std::string(base::trim(rest.substr(1, rest.find(',', 1) - 1)))};
  }
  std::size_t comma = columns == 2 ? line.rfind(',') : line.find(',');
  if (comma == std::string_view::npos) return {};
  const auto rest = line.substr(comma + 1);
  return Row{std::string(base::trim(line.substr(0, comma))), std::string(base::trim(rest.substr(0, rest.find(','))))};
}

}  // namespace

AccuracyTable load_accuracy_table(const MixinProfilingSearchSpace& space, const std::string& file) {
  const std::string content = base::read_file(file);
  auto known = std::make_shared<std::map<Arch, double>>();
  AccuracyTable table;
  std::size_t number = 0, columns = 0;
  const auto fail = [&](const std::string& what) {
    throw Error(Fault::input, file + ":" + std::to_string(number) + ": " + what);
  };
  for (const auto& raw : base::split(base::drop_byte_order_mark(content), '\n')) {
    ++number;
    const auto line = base::trim(raw);
    if (number == 1) {
      const auto names = base::split(line, ',');
      columns = names.size();
      if (columns < 2 || base::trim(names[0]) != "arch" || base::trim(names[1]) != "accuracy")
        fail("the header arch,accuracy is expected, found " + base::in_quotes(line));
      continue;
    }
    if (line.empty()) continue;
    const auto row = read_row(line, columns);
    if (!row) {
      fail("arch,accuracy is expected, found " + base::in_quotes(line));
      continue;
    }
    const auto accuracy = base::to_double(row->accuracy);
    if (!accuracy || !std::isfinite(*accuracy))
      fail("a finite accuracy is expected, found " + base::in_quotes(row->accuracy));
    try {
      Arch arch = parse_arch(space, row->arch);
      if (!known->emplace(arch, *accuracy).second)
        fail("architecture " + base::in_quotes(row->arch) + " is there twice");
      table.archs.push_back(std::move(arch));
    } catch (const Error& error) {
      if (error.fault() == Fault::input) throw;
      fail(error.what());
    }
  }
  if (known->empty()) fail("no accuracy is given");
  table.accuracy = [known](const Arch& arch) {
    const auto found = known->find(arch);
    return found == known->end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  };
  return table;
}

Accuracy capacity_proxy(const MixinProfilingSearchSpace& space) {
  const Predictor macs(space, [](const Prim& prim) { return count_work(prim).macs; });
  return [macs](const Arch& arch) { return std::log10(macs.predict(arch)); };
}

void save_archs(const std::string& file, const std::vector<std::string>& columns, const std::vector<ArchRow>& rows) {
  std::string text = "arch";
  for (const auto& column : columns) text += "," + column;
  text += '\n';
  for (const auto& row : rows) {
    if (row.values.size() != columns.size())
      throw Error(Fault::usage, "architecture " + to_string(row.arch) + " has " + std::to_string(row.values.size()) +
                                    " values for " + std::to_string(columns.size()) + " columns");
    text += to_string(row.arch);
    for (const double value : row.values) text += "," + base::format_number(value);
    text += '\n';
  }
  base::write_file(file, text);
}

void save_candidates(const std::string& file, const std::vector<Candidate>& candidates,
                     const std::vector<SearchCost>& costs) {
  std::vector<std::string> columns{"accuracy"};
  for (const auto& cost : costs) columns.push_back(cost.name + (cost.unit.empty() ? "" : "_" + cost.unit));
  std::vector<ArchRow> rows;
  for (const auto& candidate : candidates) {
    rows.push_back({candidate.arch, {candidate.accuracy}});
    rows.back().values.insert(rows.back().values.end(), candidate.costs.begin(), candidate.costs.end());
  }
  save_archs(file, columns, rows);
}

}  // namespace hwprof

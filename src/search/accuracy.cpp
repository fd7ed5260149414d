// SPDX-License-Identifier: Apache-2.0
// Where accuracies come from, and where candidates go: files.
#include <cmath>
#include <limits>
#include <map>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/search.hpp"

namespace hwprof {

Accuracy load_accuracies(const MixinProfilingSearchSpace& space, const std::string& file) {
  const std::string content = base::read_file(file);
  auto known = std::make_shared<std::map<Arch, double>>();
  std::size_t number = 0;
  const auto fail = [&](const std::string& what) {
    throw Error(Fault::input, file + ":" + std::to_string(number) + ": " + what);
  };
  for (const auto& raw : base::split(content, '\n')) {
    ++number;
    const auto line = base::trim(raw);
    if (number == 1) {
      if (line != "arch,accuracy") fail("the header arch,accuracy is expected, found " + base::in_quotes(line));
      continue;
    }
    if (line.empty()) continue;
    const auto comma = line.rfind(',');
    if (comma == std::string_view::npos) fail("arch,accuracy is expected, found " + base::in_quotes(line));
    std::string_view text = line.substr(0, comma);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const auto accuracy = base::to_double(base::trim(line.substr(comma + 1)));
    if (!accuracy || !std::isfinite(*accuracy))
      fail("a finite accuracy is expected, found " + base::in_quotes(line.substr(comma + 1)));
    try {
      if (!known->emplace(parse_arch(space, std::string(text)), *accuracy).second)
        fail("architecture " + base::in_quotes(text) + " is there twice");
    } catch (const Error& error) {
      if (error.fault() == Fault::input) throw;
      fail(error.what());
    }
  }
  if (known->empty()) fail("no accuracy is given");
  return [known](const Arch& arch) {
    const auto found = known->find(arch);
    return found == known->end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  };
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

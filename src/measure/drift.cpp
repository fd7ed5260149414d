// SPDX-License-Identifier: Apache-2.0
#include "measure/drift.hpp"

#include <algorithm>
#include <cmath>

#include "base/stats.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

using Group = std::vector<const Cell*>;

/// Sets own[i] to the median of what the other direction leaves of line i; returns the largest change.
template <typename Left>
double fit_lines(const std::vector<Group>& lines, std::vector<double>& own, Left left) {
  double moved = 0;
  std::vector<double> rest;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    rest.clear();
    for (const Cell* cell : lines[i]) rest.push_back(left(*cell));
    const double value = base::median(rest);
    moved = std::max(moved, std::abs(value - own[i]));
    own[i] = value;
  }
  return moved;
}

}  // namespace

Polish median_polish(const std::vector<Cell>& cells, std::size_t rows, std::size_t columns) {
  std::vector<Group> by_row(rows);
  std::vector<Group> by_column(columns);
  for (const Cell& cell : cells) {
    if (cell.row >= rows || cell.column >= columns)
      throw Error(Fault::internal, "median polish: a cell lies outside its table");
    by_row[cell.row].push_back(&cell);
    by_column[cell.column].push_back(&cell);
  }
  Polish fit{std::vector<double>(rows), std::vector<double>(columns)};
  constexpr int most_turns = 200;
  constexpr double still = 1e-10;
  for (int turn = 0; turn < most_turns; ++turn) {
    const double by_rows =
        fit_lines(by_row, fit.rows, [&fit](const Cell& c) { return c.value - fit.columns[c.column]; });
    const double by_columns =
        fit_lines(by_column, fit.columns, [&fit](const Cell& c) { return c.value - fit.rows[c.row]; });
    if (by_rows < still && by_columns < still) break;
  }
  std::vector<double> seen;
  for (std::size_t i = 0; i < columns; ++i)
    if (!by_column[i].empty()) seen.push_back(fit.columns[i]);
  const double centre = base::median(seen);
  for (std::size_t i = 0; i < columns; ++i)
    if (!by_column[i].empty()) fit.columns[i] -= centre;
  for (std::size_t i = 0; i < rows; ++i)
    if (!by_row[i].empty()) fit.rows[i] += centre;
  return fit;
}

}  // namespace hwprof::measuring

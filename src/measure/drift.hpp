// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace hwprof::measuring {

/// One observed entry of a table with holes.
struct Cell {
  std::size_t row = 0, column = 0;
  double value = 0;
};

/// value ≈ rows[row] + columns[column]; the median of columns is 0. A row or column without a cell has 0.
struct Polish {
  std::vector<double> rows, columns;
};

/// Tukey's median polish, alternating row and column medians until nothing moves any more (at most 200
/// times). O(cells log cells) a turn.
/// @throws Error(Fault::internal) for a cell outside the table.
[[nodiscard]] Polish median_polish(const std::vector<Cell>& cells, std::size_t rows, std::size_t columns);

}  // namespace hwprof::measuring

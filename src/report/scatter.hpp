// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hwprof::report {

struct Point {
  double x = 0, y = 0;
  double dx = 0, dy = 0;   ///< half widths of intervals; 0: none is drawn
  std::size_t series = 0;  ///< which of the scatter's
  bool marked = false;     ///< drawn full
  std::string label;       ///< shown where the pointer is
};

struct Scatter {
  std::string title, x_label, y_label;
  std::vector<std::string> series;
  std::vector<Point> points;
};

/// A picture as SVG, self-contained. Points that are not finite are left out.
[[nodiscard]] std::string to_svg(const Scatter& scatter);

}  // namespace hwprof::report

// SPDX-License-Identifier: Apache-2.0
#include "report/scatter.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.hpp"

namespace hwprof::report {
namespace {

constexpr double width = 760, height = 480, left = 70, right = 150, top = 40, bottom = 50;
constexpr std::array<const char*, 6> colours{"#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b08900", "#555555"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= ' ')
      out += c;
  }
  return out;
}

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

/// A range with round steps around the values.
struct Axis {
  double least = 0, most = 1, step = 0.2;

  Axis(double low, double high) {
    if (!(low <= high)) return;
    const double span = high > low ? high - low : std::max(std::abs(low), 1e-9) * 0.1;
    const double raw = span / 5, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
      step = factor * power;
      if (step >= raw) break;
    }
    least = std::floor((low - span * 0.05) / step) * step;
    most = std::ceil((high + span * 0.05) / step) * step;
  }
  [[nodiscard]] double share(double value) const { return (value - least) / (most - least); }
};

void text(std::string& out, double x, double y, const char* anchor, const std::string& content) {
  out += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" + escaped(content) +
         "</text>\n";
}

void line(std::string& out, double x0, double y0, double x1, double y1, const char* colour) {
  out += "<line x1=\"" + number(x0) + "\" y1=\"" + number(y0) + "\" x2=\"" + number(x1) + "\" y2=\"" + number(y1) +
         "\" stroke=\"" + colour + "\"/>\n";
}

}  // namespace

std::string to_svg(const Scatter& scatter) {
  std::vector<Point> points;
  double x0 = std::numeric_limits<double>::infinity(), x1 = -x0, y0 = x0, y1 = -x0;
  for (const auto& point : scatter.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    points.push_back(point);
    x0 = std::min(x0, point.x);
    x1 = std::max(x1, point.x);
    y0 = std::min(y0, point.y);
    y1 = std::max(y1, point.y);
  }
  const Axis x_axis(x0, x1), y_axis(y0, y1);
  const double inner_width = width - left - right, inner_height = height - top - bottom;
  const auto px = [&](double x) { return left + inner_width * x_axis.share(x); };
  const auto py = [&](double y) { return top + inner_height * (1 - y_axis.share(y)); };

  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(width) + " " + number(height) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                    "fill=\"white\"/>\n";
  text(out, left + inner_width / 2, top - 15, "middle", scatter.title);
  text(out, left + inner_width / 2, height - 12, "middle", scatter.x_label);
  text(out, left, top - 4, "end", scatter.y_label);
  for (int i = 0; x_axis.least + i * x_axis.step <= x_axis.most + x_axis.step / 2; ++i) {
    const double value = x_axis.least + i * x_axis.step;
    line(out, px(value), top, px(value), top + inner_height, "#dddddd");
    text(out, px(value), top + inner_height + 16, "middle", base::format_number(std::round(value * 1e6) / 1e6));
  }
  for (int i = 0; y_axis.least + i * y_axis.step <= y_axis.most + y_axis.step / 2; ++i) {
    const double value = y_axis.least + i * y_axis.step;
    line(out, left, py(value), left + inner_width, py(value), "#dddddd");
    text(out, left - 6, py(value) + 4, "end", base::format_number(std::round(value * 1e6) / 1e6));
  }
  for (const auto& point : points) {
    const char* colour = colours[point.series % colours.size()];
    const double x = px(point.x), y = py(point.y);
    if (point.dx > 0) line(out, px(point.x - point.dx), y, px(point.x + point.dx), y, colour);
    if (point.dy > 0) line(out, x, py(point.y - point.dy), x, py(point.y + point.dy), colour);
    out += "<circle cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"5\" stroke=\"" + colour + "\" fill=\"" +
           (point.marked ? colour : "white") + "\"><title>" + escaped(point.label) + "</title></circle>\n";
  }
  for (std::size_t s = 0; s < scatter.series.size(); ++s) {
    const double y = top + 10 + 20 * static_cast<double>(s);
    out += "<circle cx=\"" + number(width - right + 15) + "\" cy=\"" + number(y) + "\" r=\"5\" fill=\"" +
           colours[s % colours.size()] + "\"/>\n";
    text(out, width - right + 27, y + 4, "start", scatter.series[s]);
  }
  return out + "</svg>\n";
}

}  // namespace hwprof::report

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "report/scatter.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::has;

TEST_CASE("pictures hold what they are given, escaped") {
  report::Scatter scatter;
  scatter.title = "a < b & \"c\"";
  scatter.series = {"one"};
  scatter.points = {{1, 2, 0.1, 0.2, 0, true, "p<1>"}, {3, 4, 0, 0, 0, false, "p2"}, {NAN, 1, 0, 0, 0, false, "no"}};
  const std::string svg = report::to_svg(scatter);
  CHECK(has(svg, "a &lt; b &amp; &quot;c&quot;"));
  CHECK(has(svg, "<title>p&lt;1&gt;</title>"));
  CHECK(svg.find("<title>no</title>") == std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(report::to_svg({}).find("nan") == std::string::npos);
  report::Scatter single;
  single.points = {{5, 5, 0, 0, 0, false, "only"}};
  CHECK(report::to_svg(single).find("nan") == std::string::npos);
}

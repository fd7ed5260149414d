// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>

#include "base/text.hpp"

namespace base = hwprof::base;

TEST_CASE("numbers are read as Python writes them, and only whole texts count") {
  CHECK(base::to_double("1.") == 1.0);
  CHECK(base::to_double("1.e-5") == 1e-5);
  CHECK(base::to_double(" +2.5 ") == 2.5);
  CHECK_FALSE(base::to_double("1.5x"));
  CHECK_FALSE(base::to_double(""));
  CHECK_FALSE(base::to_double("+-1"));
  CHECK(base::to_int("-12") == -12);
  CHECK_FALSE(base::to_int("12.0"));
  CHECK_FALSE(base::to_int("99999999999999999999"));
}

TEST_CASE("a written number reads back as the same double") {
  for (const double value : {0.0, 1.0, -3.0, 0.1, 1.0 / 3.0, 1e300, 5e-324, 9007199254740993.0})
    CHECK(base::to_double(base::format_number(value)) == value);
  CHECK(base::format_number(3.0) == "3");
  CHECK(base::format_number(0.5) == "0.5");
}

TEST_CASE("times are shown in a unit that fits") {
  CHECK(base::format_seconds(0.00321) == "3.21 ms");
  CHECK(base::format_seconds(0) == "0 s");
  CHECK(base::format_seconds(12e-6) == "12 us");
  CHECK(base::format_seconds(2) == "2 s");
}

TEST_CASE("near names come first, otherwise the known ones are listed") {
  const std::vector<std::string> known{"conv_1x1", "conv_3x3", "skip_connect"};
  CHECK(base::near_names("conv_3x", known).front() == "conv_3x3");
  CHECK(base::suggest("zzz", known) == " (known: conv_1x1, conv_3x3, skip_connect)");
  CHECK(base::suggest("zzz", {}).empty());
}

TEST_CASE("split, join, trim") {
  CHECK(base::split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(base::split("", ',') == std::vector<std::string>{""});
  CHECK(base::join({"a", "b"}, ", ") == "a, b");
  CHECK(base::trim(" \t x y\n") == "x y");
}

TEST_CASE("foreign text in a message is made harmless") {
  CHECK(base::in_quotes("a\x1b[31mb") == "'a\\x1b[31mb'");
  CHECK(base::in_quotes(std::string(1000, 'x')).size() < 100);
}

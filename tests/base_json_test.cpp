// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>

#include "base/files.hpp"
#include "base/json.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using hwprof::Fault;
using hwprof::base::JsonReader;
using hwprof_test::error_of;
using hwprof_test::has;

TEST_CASE("values are read with their place") {
  const auto json =
      JsonReader::parse(R"({"schema": "hwprof.x/1", "list": [1, 2.5], "on": true, "none": null})", "f.json");
  CHECK(json.schema("hwprof.x", 1) == 1);
  CHECK(json["list"].numbers() == std::vector<double>{1, 2.5});
  CHECK(json["on"].boolean());
  CHECK_FALSE(json.has("none"));
  CHECK(has(error_of(Fault::input, [&] { (void)json["list"].list()[1].integer(); }), "f.json: list[1]"));
  CHECK(has(error_of(Fault::input, [&] { (void)json["gone"]; }), "'gone' is missing"));
  CHECK(has(error_of(Fault::input, [&] { (void)json["on"].text(); }), "f.json: on"));
}

TEST_CASE("broken, deep and newer texts are refused with the place") {
  CHECK(has(error_of(Fault::input, [] { (void)JsonReader::parse("{\n \"a\": ]", "b.json"); }), "b.json:2:7"));
  CHECK(has(error_of(Fault::input, [] { (void)JsonReader::parse(std::string(100000, '['), "d.json"); }), "deeper"));
  std::string wide = "{";
  for (int i = 0; i < 60000; ++i) wide += "\"k" + std::to_string(i) + "\": 0, ";
  CHECK(has(error_of(Fault::input, [&] { (void)JsonReader::parse(wide + "\"k\": 0}", "w.json"); }),
            "more than 50000 keys"));
  CHECK(JsonReader::parse(R"([{"a:b": 1}, {"c": {"d": 2}}])", "n.json").list().size() == 2);
  const auto newer = JsonReader::parse(R"({"schema": "hwprof.x/7"})", "n.json");
  CHECK(has(error_of(Fault::input, [&] { newer.schema("hwprof.x", 1); }), "newer"));
  CHECK(has(error_of(Fault::input, [&] { newer.schema("hwprof.y", 9); }), "hwprof.y/1"));
  error_of(Fault::input, [] { (void)JsonReader::parse("1e999", "n.json").number(); });
  error_of(Fault::input, [] { (void)JsonReader::parse("18446744073709551615", "n.json").integer(); });
}

TEST_CASE("what is not finite is never written") {
  const hwprof_test::TempFolder folder;
  hwprof::base::Json json{{"a", std::numeric_limits<double>::quiet_NaN()}};
  error_of(Fault::internal, [&] { hwprof::base::save_json(folder.file("x.json"), json); });
  CHECK_FALSE(hwprof::base::exists(folder.file("x.json")));
  json["a"] = 0.1;
  hwprof::base::save_json(folder.file("x.json"), json);
  CHECK(JsonReader::load(folder.file("x.json"))["a"].number() == 0.1);
}

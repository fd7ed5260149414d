// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/yaml.hpp"
#include "throws.hpp"

using hwprof::Fault;
using hwprof::base::Yaml;
using hwprof_test::error_of;
using hwprof_test::has;

TEST_CASE("values as Python tools write them") {
  const Yaml yaml = Yaml::parse("a: True\nb: 1.\nc: None\nd: 'True'\ne: 5.e8\nf: [1, 2.0]\ng: ~\n", "x.yaml");
  CHECK(yaml["a"].boolean());
  CHECK(yaml["b"].integer() == 1);
  CHECK_FALSE(yaml.find("c"));
  CHECK_FALSE(yaml["d"].as_boolean());
  CHECK(yaml["e"].number() == 5e8);
  CHECK(yaml["f"].integers(0, 10) == std::vector<int>{1, 2});
  CHECK_FALSE(yaml.find("g"));
}

TEST_CASE("of a key given twice the last counts") {
  const Yaml yaml = Yaml::parse("a: 1\na: 2\n", "x.yaml");
  CHECK(yaml["a"].integer() == 2);
  CHECK(yaml.items().size() == 1);
}

TEST_CASE("errors name file, line and key") {
  const Yaml yaml = Yaml::parse("top:\n  width: [1, x]\n  name: {a: 1}\n", "space.yaml");
  CHECK(has(error_of(Fault::input, [&] { (void)yaml["top"]["width"].integers(0, 9); }), "space.yaml:2: top.width[1]"));
  CHECK(has(error_of(Fault::input, [&] { (void)yaml["top"]["name"].text(); }), "found a map"));
  CHECK(has(error_of(Fault::input, [&] { (void)yaml["top"]["depth"]; }), "'depth' is missing"));
  CHECK(has(error_of(Fault::input, [&] { yaml["top"].only({"widths", "name"}); }), "did you mean widths?"));
  CHECK(has(error_of(Fault::input, [&] { (void)Yaml::parse("a: [1\nb: 2", "y.yaml"); }), "y.yaml:"));
  CHECK(has(error_of(Fault::input, [&] { (void)Yaml::parse("a: .nan", "y.yaml")["a"].number(); }), "number"));
  CHECK(has(error_of(Fault::input, [&] { (void)Yaml::parse("a: 1.5", "y.yaml")["a"].integer(); }), "whole number"));
}

TEST_CASE("hostile text is refused, not executed") {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? "," : "") + before;
    bomb += "]\n";
  }
  CHECK(has(error_of(Fault::input, [&] { (void)Yaml::parse(bomb, "bomb.yaml"); }), "million"));
  error_of(Fault::input, [] { (void)Yaml::parse(std::string(100000, '['), "deep.yaml"); });
  error_of(Fault::input, [] { (void)Yaml::parse("a: &x\n  b: *x\n", "loop.yaml"); });
}

TEST_CASE("a scalar is quoted when it would read as something else") {
  for (const char* text : {"plain", "True", "1.5", "a: b", "", "-x", "None", "two words", "q\"uote", "#no"})
    CHECK(Yaml::parse("k: " + hwprof::base::yaml_scalar(text), "x")["k"].text() == text);
  for (const char* text : {"True", "1.5", "None"}) CHECK(hwprof::base::yaml_scalar(text).front() == '"');
}

TEST_CASE("what is written again reads as the same") {
  const Yaml yaml = Yaml::parse(
      "a: 'yes'\nb: yes\nc: \"1.0\"\nd: 1.0\n'on': [~, '', 'null']\ne: {f: !mine g}\nh: |\n  x\n  y\n", "x.yaml");
  const Yaml again = Yaml::parse(yaml.dump(), "again.yaml");
  CHECK(again["a"].quoted_text());
  CHECK(again["b"].boolean());
  CHECK(again["c"].quoted_text());
  CHECK(again["d"].number() == 1);
  REQUIRE(again["on"].list().size() == 3);
  CHECK(again["on"].list()[0].is_null());
  CHECK(again["on"].list()[1].quoted_text());
  CHECK(again["on"].list()[2].quoted_text());
  CHECK(has(yaml.dump(), "!<!mine> g"));
  CHECK(again["h"].text() == "x\ny\n");
  CHECK(yaml.dump() == again.dump());
}

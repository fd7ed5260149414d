// SPDX-License-Identifier: Apache-2.0
// Spaces of which nothing but decisions is known.
#include <doctest/doctest.h>

#include "hwprof/space.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

using Needs = std::vector<std::vector<OptionSpace::Need>>;

}  // namespace

TEST_CASE("options: decisions by name, by number and many at once") {
  const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/options.yaml");
  CHECK(file.kind == "options");
  CHECK(file.name == "options");
  const auto decisions = file.space->decisions();
  REQUIRE(decisions.size() == 8);
  CHECK(decisions[0].name == "image_size");
  CHECK(decisions[0].options == std::vector<std::string>{"160", "192", "224"});
  CHECK(decisions[3].name == "always1");
  CHECK(decisions[3].options == decisions[2].options);
  CHECK(decisions[6].options == std::vector<std::string>{"0", "1"});
  CHECK(decisions[7].name == "decision7");
  CHECK(decisions[7].options.size() == 3);
  const Arch arch = parse_arch(*file.space, "2.0.3.1.0.2.1.2");
  CHECK(parse_arch(*file.space, describe(*file.space, arch)) == arch);
  using Factors = std::vector<std::vector<std::size_t>>;
  CHECK(file.space->factors() == Factors{{0}, {1}, {2}, {3}, {1, 4}, {1, 5}, {6}, {7}});
  const auto& space = dynamic_cast<const OptionSpace&>(*file.space);
  const auto means = [&](const char* text, std::size_t decision) {
    return space.means(parse_arch(space, text), decision);
  };
  CHECK(means("0.0.0.0.0.0.0.0", 2));
  CHECK_FALSE(means("0.0.0.0.0.0.0.0", 4));
  CHECK(means("0.1.0.0.0.0.0.0", 4));
  CHECK_FALSE(means("0.1.0.0.0.0.0.0", 5));
  CHECK(means("0.2.0.0.0.0.0.0", 5));
  std::mt19937_64 rng(3);
  for (int i = 0; i < 20; ++i) CHECK_NOTHROW(check_arch(space, space.sample(rng)));
}

TEST_CASE("options: what would need primitives is refused, not empty") {
  const OptionSpace space({{"a", {"x", "y"}}});
  CHECK(has(error_of(Fault::unsupported, [&] { (void)space.primitives({0}); }), "no primitives"));
  CHECK(has(error_of(Fault::unsupported, [&] { (void)space.generate_profiling_primitives(); }), "no primitives"));
  CHECK(has(error_of(Fault::unsupported, [&] { (void)space.network({0}); }), "no primitives"));
}

TEST_CASE("options: needs of needs hold, too") {
  // c needs b, which needs a to be 1.
  const OptionSpace space({{"a", {"0", "1"}}, {"b", {"0", "1"}}, {"c", {"0", "1"}}}, Needs{{}, {{0, {1}}}, {{1, {0}}}});
  CHECK(space.factors()[2] == std::vector<std::size_t>{0, 1, 2});
  CHECK_FALSE(space.means({0, 0, 0}, 2));
  CHECK(space.means({1, 0, 0}, 2));
  CHECK_FALSE(space.means({1, 1, 0}, 2));
  // Both lists of a must hold, and none does.
  const OptionSpace never({{"a", {"0", "1"}}, {"b", {"0", "1"}}}, Needs{{}, {{0, {1}}, {0, {0}}}});
  CHECK_FALSE(never.means({0, 0}, 1));
  CHECK_FALSE(never.means({1, 0}, 1));
}

TEST_CASE("options: wrong decisions and needs") {
  const auto refused = [](std::vector<Decision> decisions, Needs needs, const std::string& what) {
    CHECK(has(error_of(Fault::usage, [&] { OptionSpace(std::move(decisions), std::move(needs)); }), what));
  };
  refused({{"a", {}}}, {}, "'a' has 0 options");
  refused({{"a", {"x", "x"}}}, {}, "1 of them different");
  refused({{"a", {"x"}}, {"a", {"x"}}}, {}, "two decisions are called 'a'");
  refused({{"a", {"x"}}}, Needs{{}, {}}, "needs of 2 decisions, and 1");
  refused({{"a", {"x"}}}, Needs{{{0, {0}}}}, "not before it");
  refused({{"a", {"x"}}, {"b", {"x"}}}, Needs{{}, {{0, {1}}}}, "option 1 of 'a'");
  // Each needs the two before it.
  std::vector<Decision> many;
  Needs needs;
  for (std::size_t i = 0; i < 60; ++i) {
    many.push_back({std::to_string(i), {"x"}});
    needs.emplace_back();
    for (std::size_t before = i < 2 ? 0 : i - 2; before < i; ++before) needs.back().push_back({before, {0}});
  }
  refused(many, needs, "more than 32");
}

TEST_CASE("options: bad files") {
  const TempFolder dir;
  const auto refused = [&](const std::string& text, const std::string& what) {
    const auto file = dir.write("x.yaml", "kind: options\n" + text);
    const std::string error = error_of(Fault::input, [&] { (void)load_space(file); });
    CHECK(has(error, what));
    CHECK(has(error, "x.yaml:"));
  };
  refused("decisions: []\n", "at least one decision");
  refused("name: x\n", "'decisions' is missing");
  refused("decisions: [0]\n", "within 1 to 1000");
  refused("decisions: [[]]\n", "at least one option");
  refused("decisions: [[a, a]]\n", "there twice");
  refused("decisions: [['a,b']]\n", "without ','");
  refused("decisions: [{options: 2, name: 'a=b'}]\n", "without ','");
  refused("decisions: [{name: a}]\n", "'options' is missing");
  refused("decisions: [{options: 2, time: 2}]\n", "times");
  refused("decisions: [{name: a, options: 2}, {name: a, options: 2}]\n", "two decisions are called 'a'");
  refused("decisions: [{name: a, options: 2}, {name: b, options: 2, needs: {aa: 1}}]\n", "no decision before this");
  refused("decisions: [{name: a, options: [x, y]}, {name: b, options: 2, needs: {a: [z]}}]\n", "no option 'z'");
  refused("decisions: [{name: a, options: [x, y]}, {name: b, options: 2, needs: {a: []}}]\n", "at least one option");
  refused("decisions: [{options: 1000, times: 5}]\n", "more than 4096 options");
  refused("decisions: [{options: 2, times: 100000000}]\n", "within 1 to 4096");
  refused("image_size: 3\ndecisions: [2]\n", "image_size");
  const auto plain = dir.write("plain.yaml", "kind: options\ndecisions: [2]\n");
  CHECK(has(error_of(Fault::usage, [&] { (void)load_space(plain, {}, 64); }), "no image"));
}

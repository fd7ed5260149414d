// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "hwprof/selection.hpp"
#include "ssprofile/job.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

SsbnResult result(const std::string& family, std::vector<int> blocks, int group, double accuracy, double latency_ms,
                  double accuracy_spread = 0, double latency_spread_ms = 0) {
  std::string id = family;
  for (const int block : blocks) id += "_" + std::to_string(block);
  return {{id, family, std::move(blocks), group},
          {accuracy, accuracy_spread, 0, 0},
          {latency_ms * 1e-3, latency_spread_ms * 1e-3, 0, 0}};
}

/// Two families of two groups and three blocks.
std::vector<SsbnResult> some() {
  return {result("Res", {1, 1}, -1, 0.90, 1.0),    result("Res", {0, 1}, 0, 0.91, 1.2),
          result("Res", {2, 1}, 0, 0.89, 0.7),     result("Res", {1, 0}, 1, 0.90, 1.1),
          result("Res", {1, 2}, 1, 0.92, 1.05),    result("Mobile", {1, 1}, -1, 0.88, 0.5),
          result("Mobile", {0, 1}, 0, 0.87, 0.6),  result("Mobile", {2, 1}, 0, 0.885, 0.55),
          result("Mobile", {1, 0}, 1, 0.80, 0.45), result("Mobile", {1, 2}, 1, 0.93, 0.9)};
}

using Names = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("ssprofile's cost, by hand, in any unit") {
  SelectOptions options;
  // exp(-(0.9 - 0.92)) - 0.5 / 2 with the latency in milliseconds
  CHECK(ssprofile_cost(0.9, 2e-3, options) == doctest::Approx(1.0202013400 - 0.25));
  options.latency_unit_s = 1e-6;  // the same table read in microseconds: the term is a thousandth
  CHECK(ssprofile_cost(0.9, 2e-3, options) == doctest::Approx(1.0202013400 - 0.00025));
  options.accuracy_cost_scale = 0.1;
  options.accuracy_threshold = 0.8;
  CHECK(ssprofile_cost(0.9, 1, options) == doctest::Approx(std::exp(-1) - 0.5e-6));
  (void)error_of(Fault::usage, [&] { (void)ssprofile_cost(91.2, 1e-3, options); });
  (void)error_of(Fault::usage, [&] { (void)ssprofile_cost(0.9, 0, options); });
  (void)error_of(Fault::usage, [&] { (void)ssprofile_cost(0.9, NAN, options); });
}

TEST_CASE("the family that first has N networks wins, and its N give the blocks") {
  SelectOptions options;
  options.networks = 3;
  const auto results = some();
  const Selection selection = select_blocks(results, options);
  // Of the ranking by hand: with 0.5 / latency the faster family leads.
  CHECK(selection.family == "Mobile");
  std::vector<std::string> first;
  for (const auto& ranked : selection.ranking) first.push_back(results[ranked.index].net.id);
  CHECK(std::vector<std::string>(first.begin(), first.begin() + 4) ==
        std::vector<std::string>{"Mobile_1_0", "Mobile_1_1", "Mobile_2_1", "Mobile_0_1"});
  CHECK(selection.cell_shared_primitives ==
        Names{{"Mobileblock_1", "Mobileblock_2"}, {"Mobileblock_0", "Mobileblock_1"}});
  CHECK(std::count_if(selection.ranking.begin(), selection.ranking.end(),
                      [](const RankedNet& ranked) { return ranked.chosen; }) == 3);
  options.networks = 6;
  CHECK(has(error_of(Fault::missing, [&] { (void)select_blocks(results, options); }), "Res has 5"));
  // A family whose name begins like another's is another family.
  auto odd = results;
  odd.push_back(result("Resx", {1, 1}, -1, 0.9, 1));
  options.networks = 1;
  options.latency_cost_coeff = 0;
  CHECK(select_blocks(odd, options).family == "Mobile");
}

TEST_CASE("costs are finite, and where latency has no digit in them it still decides") {
  SelectOptions options;
  options.networks = 1;
  for (const double scale : {0., 1e-4, -1., double(NAN), double(INFINITY)}) {
    CAPTURE(scale);
    options.accuracy_cost_scale = scale;
    CHECK(has(error_of(Fault::usage, [&] { (void)select_blocks(some(), options); }), "accuracy_cost_scale"));
  }
  options.accuracy_cost_scale = 0.002;
  const std::vector<SsbnResult> results{result("Res", {0}, 0, 0, 2), result("Res", {1}, -1, 0, 1),
                                        result("Res", {2}, 0, 0, 3)};
  const Selection selection = select_blocks(results, options);
  CHECK(std::isfinite(selection.ranking[0].cost));
  CHECK(selection.ranking[0].cost == selection.ranking[2].cost);
  CHECK(selection.cell_shared_primitives == Names{{"Resblock_1"}});
  for (const double threshold : {92., -0.1, double(NAN)}) {
    options.accuracy_threshold = threshold;
    CHECK(has(error_of(Fault::usage, [&] { (void)select_blocks(some(), options); }), "accuracy_threshold"));
  }
}

TEST_CASE("surely beaten means beyond both intervals") {
  const auto a = result("Res", {1}, -1, 0.900, 1.0, 0.004, 0.01);
  CHECK(surely_beats(result("Res", {2}, 0, 0.910, 1.0, 0.004, 0.01), a));
  CHECK_FALSE(surely_beats(result("Res", {2}, 0, 0.903, 1.0, 0.004, 0.01), a));
  CHECK(surely_beats(result("Res", {2}, 0, 0.900, 0.9, 0.004, 0.01), a));
  CHECK_FALSE(surely_beats(result("Res", {2}, 0, 0.899, 0.1, 0.004, 0.01), a));
  CHECK_FALSE(surely_beats(a, a));
}

TEST_CASE("rule pareto keeps what nothing surely beats in its group") {
  SelectOptions options;
  options.rule = "pareto";
  const Selection selection = select_blocks(some(), options);
  CHECK(selection.family.empty());
  // Group 0: Mobile 1 (.88, .5), Mobile 2 (.885, .55), Res 2 (.89, .7), Res 1 (.90, 1.0), Res 0 (.91, 1.2); Mobile 0 is
  // beaten. Group 1: Mobile 0, Mobile 1, Mobile 2; Res is beaten by (.93, .9).
  CHECK(selection.cell_shared_primitives ==
        Names{{"Mobileblock_1", "Mobileblock_2", "Resblock_0", "Resblock_1", "Resblock_2"},
              {"Mobileblock_0", "Mobileblock_1", "Mobileblock_2"}});
}

TEST_CASE("the additive front is that of all combinations") {
  const auto results = some();
  for (const std::string family : {"Res", "Mobile"}) {
    CAPTURE(family);
    // Every combination of the measured differences, the slow way.
    struct Point {
      double accuracy, latency;
    };
    std::vector<Point> all;
    const auto own = [&](int group) {
      std::vector<const SsbnResult*> out;
      for (const auto& one : results)
        if (one.net.family == family && (one.net.group == group || one.net.group < 0)) out.push_back(&one);
      return out;
    };
    const SsbnResult& base = *own(-1).front();
    for (const auto* a : own(0))
      for (const auto* b : own(1))
        all.push_back({a->accuracy.value + b->accuracy.value - base.accuracy.value,
                       a->latency.value + b->latency.value - base.latency.value});
    CHECK(all.size() == 9);
    const auto front = additive_front(results, family);
    for (const auto& arch : front)
      for (const auto& point : all)
        CHECK_FALSE((point.accuracy > arch.accuracy.value + 1e-12 && point.latency < arch.latency.value - 1e-12));
    for (const auto& point : all)
      CHECK(std::any_of(front.begin(), front.end(), [&](const AdditiveArch& arch) {
        return arch.accuracy.value >= point.accuracy - 1e-12 && arch.latency.value <= point.latency + 1e-12;
      }));
  }
  (void)error_of(Fault::missing, [&] { (void)additive_front(results, "VGG"); });
}

TEST_CASE("rule budget") {
  SelectOptions options;
  options.rule = "budget";
  (void)error_of(Fault::usage, [&] { (void)select_blocks(some(), options); });
  options.latency_limit_s = 0.6e-3;
  const Selection tight = select_blocks(some(), options);
  CHECK(tight.family == "Mobile");
  for (const auto& arch : tight.front) CHECK(arch.latency.value <= 0.6e-3);
  CHECK(tight.cell_shared_primitives[1] == std::vector<std::string>{"Mobileblock_0", "Mobileblock_1"});
  options.latency_limit_s = 0.1e-3;
  CHECK(has(error_of(Fault::missing, [&] { (void)select_blocks(some(), options); }), "100"));
  options.rule = "bugdet";
  CHECK(has(error_of(Fault::usage, [&] { (void)select_blocks(some(), options); }), "budget"));
  (void)error_of(Fault::missing, [] { (void)select_blocks({}, {}); });

  // A family without its base network costs the others nothing.
  options.rule = "budget";
  options.latency_limit_s = 0.6e-3;
  auto without = some();
  without.erase(without.begin());
  const Selection others = select_blocks(without, options);
  CHECK(others.cell_shared_primitives == tight.cell_shared_primitives);
  CHECK(others.notes.at(0) == "family Res takes no part: its base network has no result");
}

TEST_CASE("the configuration comes back with the choice filled in, all else untouched") {
  const TempFolder folder;
  const std::string before =
      "search_space_cfg:\n  num_cell_groups: 2\n  shared_primitives: [Resblock_0, Resblock_1]\n"
      "  cell_shared_primitives: null\ntrainer_cfg: {epochs: 600, name: 'x: y', 'yes': '1.0', n: 010}\nlist:\n  - "
      "1.e-5\n  - True\n";
  const std::string config = folder.write("in.yaml", before);
  Selection selection;
  selection.cell_shared_primitives = {{"Resblock_1"}, {"Resblock_0", "Resblock_1"}};
  save_selected_config(config, folder.file("out.yaml"), selection, "dry run");
  const std::string out = base::read_file(folder.file("out.yaml"));
  CHECK(out.rfind("# dry run\n", 0) == 0);
  CHECK(has(out, "shared_primitives: ~"));
  CHECK(has(out, "[Resblock_0, Resblock_1]"));
  CHECK(has(out, R"({epochs: 600, name: "x: y", "yes": "1.0", n: 010})"));  // still a text and a number
  CHECK(has(out, "1.e-5"));
  CHECK(has(out, "True"));
  (void)error_of(Fault::input,
                 [&] { save_selected_config(folder.write("no.yaml", "a: 1\n"), folder.file("out.yaml"), selection); });
  (void)error_of(Fault::input,
                 [&] { save_selected_config(folder.write("no.yaml", "a: [\n"), folder.file("out.yaml"), selection); });
}

TEST_CASE("the interval of an accuracy is Wilson's") {
  // 90 of 100: 0.8256 to 0.9448 by the formula; half of that width
  const Measured share = ssprofiling::share(90, 100);
  CHECK(share.value == doctest::Approx(0.9));
  CHECK(share.spread == doctest::Approx(0.0596).epsilon(0.01));
  CHECK(ssprofiling::share(100, 100).spread > 0.01);
}

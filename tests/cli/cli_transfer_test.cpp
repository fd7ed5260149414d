// SPDX-License-Identifier: Apache-2.0
// A new device from a few architectures: choose, genmodel --type transfer, evaluate, predict, search.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "hwprof/graph.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// Devices on the cells of nasbench201 whose costs are made up from MACs and the number of operations.
struct Setting {
  Setting() {
    const auto space = load_space("nasbench201").space;
    std::mt19937_64 rng(1);
    std::string fast = "arch,latency_ms\n", slow = "arch,latency_us\n", energy = "energy_mj,arch\n", target = fast,
                query = fast, heavy = fast;
    for (int i = 0; i < 400; ++i) {
      const Arch arch = space->sample(rng);
      double macs = 0;
      const auto prims = space->primitives(arch);
      for (const auto& prim : prims) macs += count_work(prim).macs;
      const double wiggle = 1 + 0.01 * static_cast<double>(rng() % 5);
      const auto text = [&](double value) { return std::to_string(value * wiggle); };
      const double count = static_cast<double>(prims.size());
      fast += hwprof::to_string(arch) + "," + text(1e-7 * macs + 0.05 * count) + "\n";
      slow += hwprof::to_string(arch) + "," + text(2e-4 * macs + 9 * count) + "\n";
      energy += text(3e-7 * macs + 1) + "," + hwprof::to_string(arch) + "\n";
      const std::string row = hwprof::to_string(arch) + "," + text(2e-7 * macs + 0.03 * count) + "\n";
      (i < 20 ? target : query) += row;
      if (i >= 20 && 2e-7 * macs + 0.03 * count > 4) heavy += row;
    }
    folder.write("sources/fast.csv", fast);
    folder.write("sources/slow.csv", slow);
    folder.write("sources/energy.csv", energy);
    samples = folder.write("mine.csv", target);
    queries = folder.write("query.csv", query);
    heavies = folder.write("heavy.csv", heavy);
    pattern = folder.file("sources/*.csv");
    model = folder.file("model.json");
  }
  [[nodiscard]] std::vector<std::string> genmodel() const {
    return {"genmodel", "--type",    "transfer", "--space", "nasbench201", "--sources",
            pattern,    "--records", samples,    "--out",   model,         "--json"};
  }
  TempFolder folder;
  std::string samples, queries, heavies, pattern, model;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("genmodel from a pattern of sources, evaluate and predict without the space") {
  const Setting setting;
  const auto made = cli(setting.genmodel());
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const auto model = made.json()["model"];
  CHECK(model["kind"] == "transfer");
  CHECK(model["device"] == "mine");
  CHECK(model["nets_used"] == 20);
  for (const char* member : {"scaling", "stacking", "mixed", "analytic", "transfer", "combined"}) {
    REQUIRE(model["members"].contains(member));
    CHECK(model["members"][member].contains("loo_spearman"));
  }
  const auto evaluated = cli({"evaluate", "--model", setting.model, "--records", setting.queries, "--json"});
  REQUIRE_MESSAGE(evaluated.code == 0, evaluated.err);
  CHECK(evaluated.json()["n"] == 380);
  CHECK(evaluated.json()["spearman"].get<double>() > 0.97);
  // What the noise of the samples leaves open, a percent of their mean or two, is much of cells that cost next to
  // nothing.
  CHECK(evaluated.json()["within_10"].get<double>() > 0.8);
  const auto heavy = cli({"evaluate", "--model", setting.model, "--records", setting.heavies, "--json"});
  REQUIRE_MESSAGE(heavy.code == 0, heavy.err);
  CHECK(heavy.json()["n"].get<int>() > 200);
  CHECK(heavy.json()["within_10"].get<double>() > 0.98);
  const auto predicted = cli({"predict", "--model", setting.model, "1.2.3.4.0.1", "--json"});
  REQUIRE_MESSAGE(predicted.code == 0, predicted.err);
  CHECK(predicted.json()["predictions"][0]["value"].get<double>() > 0);
  CHECK(predicted.json()["predictions"][0]["standard_error"].get<double>() > 0);
  const auto sampled = cli({"predict", "--model", setting.model, "--space", "nasbench201", "--sample", "3"});
  CHECK(sampled.code == 0);
  CHECK(lines_of(sampled.out).size() == 3);
}

TEST_CASE("evaluate tells sums from measurements") {
  const Setting setting;
  REQUIRE(cli(setting.genmodel()).code == 0);
  std::string sums = "arch,latency_ms\n";
  std::mt19937_64 rng(7);
  for (int i = 0; i < 300; ++i) {
    double cost = 1;
    std::string arch;
    for (int edge = 0; edge < 6; ++edge) {
      const auto option = static_cast<int>(rng() % 5);
      arch += (edge == 0 ? "" : ".") + std::to_string(option);
      cost += .1 * ((option * 7 + edge * 3) % 11);
    }
    sums += arch + "," + std::to_string(cost) + "\n";
  }
  const auto derived = cli({"evaluate", "--model", setting.model, "--records", setting.folder.write("sums.csv", sums)});
  REQUIRE_MESSAGE(derived.code == 0, derived.err);
  CHECK(has(derived.out, "exact sums over decisions"));
  // Of what is live in a cell, which options alone do not tell.
  const auto cells = load_space("nasbench201").space;
  sums = "arch,latency_ms\n";
  for (int i = 0; i < 600; ++i) {
    const Arch arch = cells->sample(rng);
    double cost = 1;
    for (const auto& prim : cells->primitives(arch)) cost += .01 * static_cast<double>(hash(prim) % 97);
    sums += hwprof::to_string(arch) + "," + std::to_string(cost) + "\n";
  }
  const std::string live = setting.folder.write("live.csv", sums);
  CHECK(cli({"evaluate", "--model", setting.model, "--records", live, "--json"}).json()["derived"] == true);
  const auto evaluated = cli({"evaluate", "--model", setting.model, "--records", setting.queries, "--json"});
  CHECK(evaluated.json()["derived"] == false);
  CHECK(evaluated.json()["notes"].empty());
}

TEST_CASE("a space of which only the options are known") {
  const Setting setting;
  const std::string space = setting.folder.write("cells.yaml", "kind: options\ndecisions: [{options: 5, times: 6}]\n");
  auto words = setting.genmodel();
  words[4] = space;
  const auto made = cli(words);
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const auto evaluated = cli({"evaluate", "--model", setting.model, "--records", setting.queries, "--json"});
  REQUIRE_MESSAGE(evaluated.code == 0, evaluated.err);
  CHECK(evaluated.json()["spearman"].get<double>() > 0.9);
  const auto chosen = cli({"choose", "--space", space, "--count", "5"});
  CHECK(lines_of(chosen.out).size() == 5);
  for (const std::vector<std::string>& call :
       {std::vector<std::string>{"search", space, "--model", setting.model}, {"sample", space, "--prims"}}) {
    const auto outcome = cli(call);
    CHECK(outcome.code == 4);
    CHECK(has(outcome.err, "no primitives"));
  }
}

TEST_CASE("people see the members") {
  const Setting setting;
  auto words = setting.genmodel();
  words.pop_back();
  const auto made = cli(words);
  CHECK(has(made.out, "transfer of latency, mine"));
  CHECK(has(made.out, "stacking    weight"));
}

TEST_CASE("search, count and pareto take a transfer model") {
  const Setting setting;
  REQUIRE(cli(setting.genmodel()).code == 0);
  const auto found = cli({"search", "nasbench201", "--model", setting.model, "--limit", "latency=50ms", "--algorithm",
                          "random", "--evaluations", "200", "--json"});
  CHECK_MESSAGE(found.code == 0, found.err);
  // Where nothing is cut off below, a model is a sum and exact tools take it; else they say so.
  for (const char* verb : {"count", "pareto"}) {
    std::vector<std::string> words{verb, "nasbench201", "--model", setting.model, "--json"};
    if (words[0] == "count") words.insert(words.end(), {"--limit", "latency=5ms"});
    const auto outcome = cli(words);
    CHECK((outcome.code == 0 || (outcome.code == 4 && has(outcome.err, "least that it predicts"))));
  }
}

TEST_CASE("choose prints architectures of the sources, the same for the same seed") {
  const Setting setting;
  const std::vector<std::string> words{"choose",  "--space", "nasbench201", "--sources", setting.pattern,
                                       "--count", "8",       "--seed",      "1"};
  const auto chosen = cli(words);
  REQUIRE_MESSAGE(chosen.code == 0, chosen.err);
  auto lines = lines_of(chosen.out);
  CHECK(lines.size() == 8);
  CHECK(cli(words).out == chosen.out);
  const std::string known = hwprof_test::read_all(setting.folder.file("sources/fast.csv"));
  std::string measured = "arch,latency_ms\n";
  for (const auto& line : lines) {
    CHECK(has(known, "\n" + line + ","));
    measured += line + ",1\n";
  }
  auto more = words;
  more.insert(more.end(), {"--records", setting.folder.write("measured.csv", measured), "--json"});
  const auto next = cli(more);
  REQUIRE_MESSAGE(next.code == 0, next.err);
  const auto result = next.json();
  CHECK(result["measured"] == 8);
  for (const auto& row : result["archs"])
    CHECK(std::count(lines.begin(), lines.end(), row["arch"].get<std::string>()) == 0);
}

TEST_CASE("wrong calls and bad files say what is wrong") {
  const Setting setting;
  const auto refused = [&](int code, std::vector<std::string> words, const std::string& what) {
    const auto outcome = cli(words);
    CHECK(outcome.code == code);
    CHECK(has(outcome.err, what));
  };
  refused(2, {"genmodel", "--type", "transfer", "--records", setting.samples, "--out", setting.model}, "--space");
  refused(2,
          {"genmodel", "--type", "table", "--sources", setting.pattern, "--records", setting.samples, "--out",
           setting.model},
          "belong to --type transfer");
  refused(3,
          {"genmodel", "--type", "transfer", "--space", "nasbench201", "--sources", setting.folder.file("no*.csv"),
           "--records", setting.samples, "--out", setting.model},
          "no*.csv");
  refused(3,
          {"genmodel", "--type", "transfer", "--space", "fbnet", "--records", setting.samples, "--out", setting.model},
          "mine.csv:2: architecture: the space has 22 decisions");
  const std::string two = setting.folder.write("two.csv", "arch,latency_ms\n0.1.2.3.4.0,1\n1.1.2.3.4.0,2\n");
  refused(6, {"genmodel", "--type", "transfer", "--space", "nasbench201", "--records", two, "--out", setting.model},
          "found 2");
  const std::string bad = setting.folder.write("bad.csv", "arch,latency_ms\n0.1.2.3.4.0,-1\n");
  refused(3, {"genmodel", "--type", "transfer", "--space", "nasbench201", "--records", bad, "--out", setting.model},
          "bad.csv:2");
  const std::string nameless = setting.folder.write("nameless.csv", "latency_ms\n1\n");
  refused(3,
          {"genmodel", "--type", "transfer", "--space", "nasbench201", "--records", nameless, "--out", setting.model},
          "nameless.csv:1: no column arch");
  const std::string longer = setting.folder.write("longer.csv", "arch,latency_ms\n0.1.2.3.4.0,1\n1.1.2.3.4.0.1,2\n");
  refused(3, {"genmodel", "--type", "transfer", "--space", "nasbench201", "--records", longer, "--out", setting.model},
          "longer.csv:3");
  refused(3, {"choose", "--space", "nasbench201", "--records", longer, "--count", "2"}, "longer.csv:3");
  const std::string digits =
      setting.folder.write("digits/bad.csv", "arch,latency_ms\n\n0.1.2.3.4.0,1\n1.1.2.3.4.5,2\n");
  refused(3,
          {"genmodel", "--type", "transfer", "--space", "nasbench201", "--sources", setting.folder.file("digits"),
           "--records", setting.samples, "--out", setting.model},
          "bad.csv:4: architecture: decision 5");
  const std::string headless = setting.folder.write("headless.csv", "0.1.2.3.4.0,1\n1.1.2.3.4.0,2\n");
  refused(3, {"choose", "--space", "nasbench201", "--records", headless},
          "headless.csv:1: unknown column '0.1.2.3.4.0'");
  refused(2, {"choose", "--space", "nasbench201", "--seed", "-1"},
          "--seed: 0 or a number above it is expected, found '-1'");
  refused(2, {"choose", "--space", "nasbench201", "--count", "0"}, "1 to 2000 architectures can be chosen, not 0");
  REQUIRE(cli(setting.genmodel()).code == 0);
  refused(2, {"predict", "--model", setting.model, "1.2.3"}, "6 numbers");
  refused(2, {"predict", "--model", setting.model, "1.2.3.4.0.9"}, "decision 5");
  refused(2, {"predict", "--model", setting.model, "--space", "fbnet", "--sample", "1"}, "fitted on a space");
}

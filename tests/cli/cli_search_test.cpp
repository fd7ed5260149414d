// SPDX-License-Identifier: Apache-2.0
// The verbs that look at a whole space: search, pareto, count. The models are made up, so that every number
// can be worked out from the primitives.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "hwprof/graph.hpp"
#include "hwprof/model.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

double latency_of(const Prim& prim) {
  return 1e-9 * count_work(prim).macs + 1e-5 * prim.C;
}

/// The tiny space of 2 * (3 + 9) * (3 + 9) networks, of 324 decision vectors, and a model of it.
struct Setting {
  Setting() {
    space_file = folder.write("tiny.yaml", hwprof_test::tiny_space);
    space = load_space(space_file).space;
    model_file = save("latency.json", Metric::latency, latency_of);
  }

  std::string save(const std::string& name, Metric metric, double (*cost)(const Prim&)) const {
    NetRecord record;
    record.net_id = "made up";
    for (const auto& prim : space->generate_profiling_primitives()) {
      Measured measured;
      measured.value = cost(prim);
      record.prims.push_back({prim, {{metric, measured}}, false});
    }
    FitOptions options;
    options.kind = "table";
    options.metric = metric;
    save_model(folder.file(name), fit({record}, options));
    return folder.file(name);
  }

  [[nodiscard]] std::vector<double> latencies() const {
    std::vector<std::size_t> options;
    for (const auto& decision : space->decisions()) options.push_back(decision.options.size());
    std::vector<double> out;
    for (std::size_t number = 0;; ++number) {
      Arch arch;
      std::size_t rest = number;
      for (const auto count : options) {
        arch.push_back(static_cast<std::uint16_t>(rest % count));
        rest /= count;
      }
      if (rest > 0) break;
      double sum = 0;
      for (const auto& prim : space->primitives(arch)) sum += latency_of(prim);
      out.push_back(sum);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  TempFolder folder;
  std::string space_file, model_file;
  std::unique_ptr<MixinProfilingSearchSpace> space;
};

}  // namespace

TEST_CASE("count: number, cheapest and costliest") {
  const Setting setting;
  const auto all = setting.latencies();
  const double limit = (all[100] + all[101]) / 2;
  const auto under = std::count_if(all.begin(), all.end(), [&](double latency) { return latency <= limit; });
  const auto plain = cli({"count", setting.space_file, "--model", setting.model_file, "--json"});
  REQUIRE(plain.code == 0);
  CHECK(plain.json()["schema"] == "hwprof.count/1");
  CHECK(plain.json()["archs"] == all.size());
  CHECK(plain.json()["costs"][0]["least"].get<double>() == doctest::Approx(all.front()));
  CHECK(plain.json()["costs"][0]["most"].get<double>() == doctest::Approx(all.back()));
  CHECK_FALSE(plain.json().contains("within_limits"));
  const auto limited = cli({"count", setting.space_file, "--model", setting.model_file, "--limit",
                            "latency=" + std::to_string(limit * 1e6) + "us", "--threads", "2", "--json"});
  REQUIRE(limited.code == 0);
  CHECK(limited.json()["within_limits"]["at_least"] == under);
  CHECK(limited.json()["within_limits"]["at_most"] == under);
  const auto text =
      cli({"count", setting.space_file, "--model", "phone=" + setting.model_file, "--limit", "phone=1 s"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "tiny, " + std::to_string(all.size()) + " architectures"));
  CHECK(has(text.out, "phone <= 1 s"));
  CHECK(has(text.out, "(100.00 %)"));
}

TEST_CASE("pareto: a front against MACs, and of two models") {
  const Setting setting;
  const auto out = setting.folder.file("front.csv");
  const auto first = cli({"pareto", setting.space_file, "--model", setting.model_file, "--out", out, "--json"});
  REQUIRE(first.code == 0);
  const auto front = first.json()["front"];
  REQUIRE(front.size() > 2);
  const auto all = setting.latencies();
  CHECK(front.front()["latency_s"].get<double>() == doctest::Approx(all.front()));
  for (std::size_t i = 1; i < front.size(); ++i) {
    CHECK(front[i]["latency_s"].get<double>() > front[i - 1]["latency_s"].get<double>());
    CHECK(front[i]["macs"].get<double>() > front[i - 1]["macs"].get<double>());
  }
  const auto csv = hwprof_test::read_all(out);
  CHECK(csv.rfind("arch,latency_s,macs\n", 0) == 0);
  CHECK(static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n')) == front.size() + 1);
  CHECK(cli({"pareto", setting.space_file, "--model", setting.model_file, "--out", out}).code == 2);
  CHECK(cli({"pareto", setting.space_file, "--model", setting.model_file, "--out", out, "--force"}).code == 0);

  const auto energy = setting.save("energy.json", Metric::energy, [](const Prim& prim) { return 1.0 / prim.C_out; });
  const auto two = cli({"pareto", setting.space_file, "--model", setting.model_file, "--model", energy});
  CHECK(two.code == 0);
  CHECK(has(two.out, " J\n"));
}

TEST_CASE("search: within the limit, the same for every number of threads") {
  const Setting setting;
  const auto all = setting.latencies();
  const std::string limit = "latency=" + std::to_string(all[200]);
  const auto search = [&](std::vector<std::string> more) {
    std::vector<std::string> call{
        "search", setting.space_file, "--model", setting.model_file, "--limit", limit,   "--evaluations",
        "40",     "--population",     "10",      "--seed",           "3",       "--json"};
    call.insert(call.end(), more.begin(), more.end());
    return cli(call);
  };
  for (const std::string algorithm : {"random", "evolution", "nsga2"}) {
    const auto one = search({"--algorithm", algorithm}), two = search({"--algorithm", algorithm, "--threads", "2"});
    REQUIRE(one.code == 0);
    CHECK(one.out == two.out);
    CHECK(one.json()["schema"] == "hwprof.search/1");
    CHECK(one.json()["evaluated"] == 40);
    CHECK(one.json()["accuracy_from"] == "log10_macs");
    CHECK(one.json()["best"]["latency_s"].get<double>() <= std::stod(limit.substr(8)));
  }

  const auto out = setting.folder.file("front.csv");
  REQUIRE(search({"--out", out}).code == 0);
  CHECK(hwprof_test::read_all(out).rfind("arch,accuracy,latency_s\n", 0) == 0);

  // A table that knows two architectures.
  std::mt19937_64 rng(1);
  const auto a = to_string(setting.space->sample(rng)), b = to_string(setting.space->sample(rng));
  REQUIRE(a != b);
  const auto table = setting.folder.write("accuracy.csv", "arch,accuracy\n" + a + ",0.5\n" + b + ",0.75\n");
  const auto known = cli({"search", setting.space_file, "--model", setting.model_file, "--accuracy", table,
                          "--algorithm", "random", "--evaluations", "324", "--json"});
  REQUIRE(known.code == 0);
  CHECK(known.json()["evaluated"] == 2);
  CHECK(known.json()["exhausted"] == true);
  CHECK(known.json()["best"]["accuracy"] == 0.75);
}

TEST_CASE("sizes that wrap are refused, not searched for") {
  const Setting setting;
  for (const std::string option : {"--evaluations", "--population", "--tournament", "--seed"})
    for (const std::string value : {"-5", "-1"}) {
      CAPTURE(option);
      const auto refused = cli({"search", setting.space_file, "--model", setting.model_file, option, value});
      CHECK(refused.code == 2);
      CHECK(has(refused.err, option));
    }
  const auto large = cli({"search", setting.space_file, "--model", setting.model_file, "--tournament", "20",
                          "--population", "10", "--evaluations", "20"});
  CHECK(large.code == 2);
  CHECK(has(large.err, "at most its population"));
}

TEST_CASE("limits in whole milliseconds: count, search, pareto and sample agree") {
  const Setting setting;
  // 1 to 9 ms each, as a script writes them.
  const auto whole = setting.save("whole.json", Metric::latency,
                                  [](const Prim& prim) { return static_cast<double>(1 + hash(prim) % 9) * 1e-3; });
  std::vector<std::size_t> options;
  for (const auto& decision : setting.space->decisions()) options.push_back(decision.options.size());
  std::vector<int> all;
  for (std::uint64_t number = 0; number < 324; ++number) {
    Arch arch;
    std::uint64_t rest = number;
    for (const auto count : options) {
      arch.push_back(static_cast<std::uint16_t>(rest % count));
      rest /= count;
    }
    int sum = 0;
    for (const auto& prim : setting.space->primitives(arch)) sum += static_cast<int>(1 + hash(prim) % 9);
    all.push_back(sum);
  }
  std::sort(all.begin(), all.end());
  for (const int limit : {all[0], all[20], all[100], all[200]}) {
    CAPTURE(limit);
    const auto within = std::count_if(all.begin(), all.end(), [&](int cost) { return cost <= limit; });
    const std::string text = "latency=" + std::to_string(limit) + "ms";
    const auto call = [&](const std::string& verb, const std::vector<std::string>& more) {
      std::vector<std::string> words{verb, setting.space_file, "--model", whole, "--limit", text, "--json"};
      words.insert(words.end(), more.begin(), more.end());
      const auto result = cli(words);
      REQUIRE_MESSAGE(result.code == 0, result.err);
      return result.json();
    };
    CHECK(call("count", {})["within_limits"]["at_least"] == within);
    const auto found = call("search", {"--algorithm", "random", "--evaluations", "1000"});
    CHECK(found["evaluated"] == within);
    const auto front = call("pareto", {})["front"];
    REQUIRE_FALSE(front.empty());
    // The most MACs that the limit allows are those that the search found.
    CHECK(std::log10(front.back()["macs"].get<double>()) ==
          doctest::Approx(found["best"]["accuracy"].get<double>()).epsilon(1e-12));
    const auto drawn = call("sample", {"-n", "30", "--seed", "2"});
    for (const auto& row : drawn["archs"]) {
      int sum = 0;
      for (const auto& prim : setting.space->primitives(parse_arch(*setting.space, row["arch"].get<std::string>())))
        sum += static_cast<int>(1 + hash(prim) % 9);
      CHECK(sum <= limit);
    }
  }
  for (const std::string verb : {"search", "pareto", "sample"}) {
    const auto none = cli({verb, setting.space_file, "--model", whole, "--limit", "latency=1us"});
    CHECK(none.code == 2);
    CHECK(has(none.err, "no architecture"));
    CHECK(has(none.err, "least"));
  }
  const auto least = cli({"count", setting.space_file, "--model", whole, "--json"}).json()["costs"][0]["least"];
  const auto at_least = cli({"search", setting.space_file, "--model", whole, "--limit", "latency=" + least.dump()});
  CHECK(at_least.code == 0);
}

TEST_CASE("sample: limits need models and models limits") {
  const Setting setting;
  CHECK(cli({"sample", setting.space_file, "--model", setting.model_file}).code == 2);
  CHECK(cli({"sample", setting.space_file, "--limit", "latency=1ms"}).code == 2);
  CHECK(cli({"sample", setting.space_file, "--model", setting.model_file, "--limit", "latency=1ns"}).code == 2);
  const auto comma = cli({"search", setting.space_file, "--model", "a,b=" + setting.model_file});
  CHECK(comma.code == 2);
  CHECK(has(comma.err, "a,b"));
  const auto empty = setting.folder.write("none.yaml", "[]\n");
  CHECK(cli({"predict", "--model", setting.model_file, "--prims", empty}).code == 3);
}

#if HWPROF_TEST_TORCH
TEST_CASE("search takes models that are no sum, which exact verbs refuse") {
  const Setting setting;
  std::vector<NetRecord> records;
  std::mt19937_64 rng(5);
  for (int i = 0; i < 40; ++i) {
    NetRecord record;
    record.net_id = std::to_string(i);
    double sum = 0;
    for (const auto& prim : setting.space->primitives(setting.space->sample(rng))) {
      Measured measured;
      measured.value = latency_of(prim);
      sum += measured.value;
      record.prims.push_back({prim, {{Metric::latency, measured}}, false});
    }
    record.overall[Metric::latency].value = 1.2 * sum + 1e-4;
    records.push_back(record);
  }
  save_records(setting.folder.file("records.jsonl"), records);
  const auto model = setting.folder.file("lstm.json");
  REQUIRE(cli({"genmodel", "--records", setting.folder.file("records.jsonl"), "--type", "lstm", "--out", model}).code ==
          0);
  const Model loaded = load_model(model);
  std::vector<double> costs;
  for (int i = 0; i < 200; ++i) costs.push_back(loaded.predict(setting.space->primitives(setting.space->sample(rng))));
  std::sort(costs.begin(), costs.end());
  const auto found =
      cli({"search", setting.space_file, "--model", model, "--limit", "latency=" + std::to_string(costs[100]),
           "--evaluations", "30", "--population", "10", "--algorithm", "nsga2", "--json"});
  REQUIRE(found.code == 0);
  const auto result = found.json();
  CHECK(result["evaluated"] == 30);
  for (const auto& row : result["front"]) {
    const auto arch = parse_arch(*setting.space, row["arch"].get<std::string>());
    CHECK(row["latency_s"].get<double>() ==
          doctest::Approx(loaded.predict(setting.space->primitives(arch))).epsilon(1e-9));
    CHECK(row["latency_s"].get<double>() <= costs[100] + 1e-6);
  }
  for (const std::string verb : {"count", "pareto"}) {
    const auto refused = cli({verb, setting.space_file, "--model", model});
    CHECK(refused.code == 4);
    CHECK(has(refused.err, "'lstm' is no sum over primitives"));
  }
}
#endif

TEST_CASE("wrong calls name what is wrong") {
  const Setting setting;
  const auto refused = [&](const std::string& verb, std::vector<std::string> more, int code = 2) {
    std::vector<std::string> call{verb, setting.space_file, "--model", setting.model_file};
    call.insert(call.end(), more.begin(), more.end());
    const auto outcome = cli(call);
    CHECK(outcome.code == code);
    return outcome.err;
  };
  CHECK(has(refused("search", {"--limit", "latency=5parsec"}), "ms"));
  CHECK(has(refused("search", {"--limit", "latency=-5ms"}), "above 0"));
  CHECK(has(refused("search", {"--limit", "latency=1e-320ns"}), "above 0"));
  CHECK(has(refused("search", {"--limit", "latencey=5ms"}), "latency"));
  CHECK(has(refused("search", {"--limit", "5ms"}), "NAME=VALUE"));
  CHECK(has(refused("search", {"--limit", "latency=1s", "--limit", "latency=2s"}), "twice"));
  CHECK(has(refused("search", {"--limit", "latency=1ns"}), "the least"));
  CHECK(has(refused("search", {"--algorithm", "evolutoin"}), "evolution"));
  CHECK(has(refused("count", {"--model", setting.model_file}), "NAME=FILE"));
  CHECK(has(refused("count", {"--threads", "0"}), "threads"));
  CHECK(has(refused("search", {"--accuracy", setting.folder.file("none.csv")}, 3), "none.csv"));
  CHECK(has(refused("pareto", {"--model", "a=" + setting.model_file, "--model", "b=" + setting.model_file}),
            "two models"));
}

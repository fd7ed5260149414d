// SPDX-License-Identifier: Apache-2.0
#include "hwprof/search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>

#include "base/files.hpp"
#include "factor_spaces.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/limit.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

/// Higher is better, and dearer: 0 to 1 over the options, each decision weighted by its place.
double made_up_accuracy(const Arch& arch) {
  double sum = 0, all = 0;
  for (std::size_t d = 0; d < arch.size(); ++d) {
    const double weight = 1 + static_cast<double>(d % 5);
    sum += weight * std::sqrt(arch[d]);
    all += weight * std::sqrt(8.0);
  }
  return sum / all;
}

/// A cost that grows with the options, in its own way.
double made_up_latency(const Arch& arch) {
  double sum = 1e-3;
  for (std::size_t d = 0; d < arch.size(); ++d) sum += 1e-4 * (1 + static_cast<double>(d % 3)) * arch[d];
  return sum;
}

const std::vector<SearchCost> latency{{"latency", "s", made_up_latency, 8e-3}};

SearchOptions options_for(const std::string& algorithm, std::uint64_t seed = 1) {
  SearchOptions options;
  options.algorithm = algorithm;
  options.evaluations = 600;
  options.population = 40;
  options.tournament = 10;
  options.seed = seed;
  return options;
}

bool equal(const Candidate& a, const Candidate& b) {
  return a.arch == b.arch && a.accuracy == b.accuracy && a.costs == b.costs;
}

/// Area that a front covers below accuracy and left of the limit (hypervolume, reference (limit, 0)).
double hypervolume(const std::vector<Candidate>& front, double limit) {
  double area = 0, accuracy = 0;
  for (const auto& candidate : front) {
    area += (candidate.accuracy - accuracy) * (limit - candidate.costs[0]);
    accuracy = candidate.accuracy;
  }
  return area;
}

}  // namespace

TEST_CASE("every algorithm keeps the limit, and repeats itself whatever the threads") {
  const PositionSpace space(12, 9);
  CHECK(list_search_algorithms() == std::vector<std::string>{"random", "evolution", "nsga2"});
  for (const auto& algorithm : list_search_algorithms()) {
    CAPTURE(algorithm);
    std::atomic<int> asked{0};
    const auto accuracy = [&](const Arch& arch) {
      ++asked;
      return made_up_accuracy(arch);
    };
    auto options = options_for(algorithm);
    std::size_t reported = 0;
    options.progress = [&](std::size_t done, std::size_t total) {
      CHECK(done >= reported);
      CHECK(total == 600);
      reported = done;
    };
    const auto one = run_search(space, accuracy, latency, options);
    CHECK(asked == 600);
    CHECK(reported == 600);
    REQUIRE(one.evaluated.size() == 600);
    CHECK_FALSE(one.exhausted);
    CHECK_FALSE(one.stopped);
    std::set<Arch> archs;
    for (const auto& candidate : one.evaluated) {
      CHECK(keeps_limit(candidate.costs.at(0), 8e-3));
      CHECK(candidate.costs[0] == made_up_latency(candidate.arch));
      CHECK(candidate.accuracy == made_up_accuracy(candidate.arch));
      CHECK(candidate.accuracy <= one.best.accuracy);
      archs.insert(candidate.arch);
    }
    CHECK(archs.size() == 600);
    CHECK(one.infeasible > 0);

    // The front beats everything that was seen, and nothing in it is beaten.
    for (const auto& candidate : one.evaluated)
      CHECK(std::any_of(one.front.begin(), one.front.end(), [&](const Candidate& other) {
        return other.accuracy >= candidate.accuracy && keeps_limit(other.costs[0], candidate.costs[0]);
      }));
    for (std::size_t i = 1; i < one.front.size(); ++i) {
      CHECK(one.front[i].costs[0] > one.front[i - 1].costs[0]);
      CHECK(one.front[i].accuracy > one.front[i - 1].accuracy);
    }
    CHECK(one.front.back().accuracy == one.best.accuracy);

    options.threads = 4;
    options.progress = nullptr;
    const auto four = run_search(space, accuracy, latency, options);
    CHECK(std::equal(one.evaluated.begin(), one.evaluated.end(), four.evaluated.begin(), four.evaluated.end(), equal));
    CHECK(equal(one.best, four.best));
    CHECK(one.infeasible == four.infeasible);

    options.seed = 2;
    const auto other = run_search(space, accuracy, latency, options);
    CHECK_FALSE(equal(one.evaluated[0], other.evaluated[0]));
  }
}

TEST_CASE("evolution finds more than chance") {
  const PositionSpace space(12, 9);
  double random = 0, evolution = 0, random_area = 0, nsga2_area = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto chance = run_search(space, made_up_accuracy, latency, options_for("random", seed));
    random += chance.best.accuracy;
    random_area += hypervolume(chance.front, 8e-3);
    evolution += run_search(space, made_up_accuracy, latency, options_for("evolution", seed)).best.accuracy;
    nsga2_area += hypervolume(run_search(space, made_up_accuracy, latency, options_for("nsga2", seed)).front, 8e-3);
  }
  CHECK(evolution > 1.05 * random);
  CHECK(nsga2_area > 1.1 * random_area);
}

TEST_CASE("a child differs from a member of the population in one decision") {
  const PositionSpace space(4, 3);
  SearchOptions options = options_for("evolution");
  options.batch = 1;
  options.population = 5;
  options.tournament = 3;
  options.evaluations = 30;
  const auto result = run_search(space, made_up_accuracy, {}, options);
  CHECK(result.evaluated.size() == 30);
  for (std::size_t i = 5; i < result.evaluated.size(); ++i) {
    bool has_parent = false;
    for (std::size_t p = 0; p < i; ++p) {
      int differing = 0;
      for (std::size_t d = 0; d < 4; ++d) differing += result.evaluated[i].arch[d] != result.evaluated[p].arch[d];
      has_parent = has_parent || differing == 1;
    }
    CHECK(has_parent);
  }
}

TEST_CASE("several limits, none of them free") {
  const PositionSpace space(12, 9);
  const auto energy = [](const Arch& arch) { return static_cast<double>(std::count(arch.begin(), arch.end(), 8)); };
  const std::vector<SearchCost> costs{{"latency", "s", made_up_latency, 8e-3}, {"energy", "J", energy, 1}};
  for (const auto& algorithm : list_search_algorithms()) {
    const auto result = run_search(space, made_up_accuracy, costs, options_for(algorithm));
    for (const auto& candidate : result.evaluated)
      CHECK((keeps_limit(candidate.costs[0], 8e-3) && candidate.costs[1] <= 1));
  }
}

TEST_CASE("a tight limit is met with samples that know it") {
  const StageSpace space(5, 4, {224});
  const Predictor predictor(space, made_up_cost);
  const double limit = cheapest(predictor).cost * 1.02;
  const std::vector<SearchCost> costs{
      {"latency", "s", [&](const Arch& arch) { return predictor.predict(arch); }, limit}};
  auto options = options_for("evolution");
  const auto what = error_of(Fault::missing, [&] { (void)run_search(space, made_up_accuracy, costs, options); });
  CHECK(has(what, "none of 10000"));
  CHECK(has(what, "not proven"));
  CHECK(has(what, "latency"));
  const FeasibleSet feasible(predictor, limit);
  options.sample = [&](std::mt19937_64& rng) { return feasible.sample(rng); };
  const auto result = run_search(space, made_up_accuracy, costs, options);
  CHECK(result.evaluated.size() == 600);
  for (const auto& candidate : result.evaluated) CHECK(keeps_limit(candidate.costs[0], limit));
}

TEST_CASE("a space smaller than the search ends it") {
  const PositionSpace space(3, 2);
  for (const auto& algorithm : list_search_algorithms()) {
    const auto result = run_search(space, made_up_accuracy, {}, options_for(algorithm));
    CHECK(result.exhausted);
    CHECK(result.evaluated.size() == 8);
    CHECK(result.best.arch == Arch{1, 1, 1});
  }
  const auto only = run_search(PositionSpace(3, 1), made_up_accuracy, {}, options_for("evolution"));
  CHECK(only.evaluated.size() == 1);
}

TEST_CASE("architectures of unknown cost are not said to be over a limit") {
  const PositionSpace space(4, 4);
  const auto partial = [](const Arch& arch) { return arch[0] == 3 ? std::nan("") : made_up_latency(arch); };
  for (const auto& algorithm : list_search_algorithms()) {
    CAPTURE(algorithm);
    const auto result = run_search(space, made_up_accuracy, {{"latency", "s", partial}}, options_for(algorithm));
    CHECK(result.evaluated.size() == 192);
    CHECK(result.infeasible == 0);
    CHECK(result.unpriced > 0);
  }
  auto options = options_for("random");
  const std::vector<SearchCost> none{{"latency", "s", [](const Arch&) { return std::nan(""); }}};
  CHECK(has(error_of(Fault::missing, [&] { (void)run_search(space, made_up_accuracy, none, options); }),
            "of 10000 a cost is not known"));
  options.among = {{0, 0, 0, 0}, {1, 0, 0, 0}};
  CHECK(has(error_of(Fault::missing, [&] { (void)run_search(space, made_up_accuracy, none, options); }),
            "of 2 a cost is not known"));
}

TEST_CASE("of equally accurate architectures the best is the cheapest, which the front has") {
  const PositionSpace space(4, 4);
  const auto coarse = [](const Arch& arch) { return made_up_accuracy(arch) < 0.4 ? 0.25 : 0.75; };
  for (const auto& algorithm : list_search_algorithms()) {
    CAPTURE(algorithm);
    const auto result = run_search(space, coarse, latency, options_for(algorithm));
    REQUIRE(result.front.size() == 2);
    CHECK(result.best.accuracy == 0.75);
    CHECK(result.best.costs[0] == doctest::Approx(result.front.back().costs[0]).epsilon(1e-12));
  }
}

TEST_CASE("every architecture of a small space is found, however far from the population") {
  const PositionSpace space(4, 4);
  for (const auto& algorithm : list_search_algorithms()) {
    CAPTURE(algorithm);
    auto options = options_for(algorithm);
    options.population = 20;
    const auto result = run_search(space, made_up_accuracy, {}, options);
    CHECK(result.evaluated.size() == 256);
    CHECK(result.exhausted);
    CHECK_FALSE(result.stopped);
  }
}

TEST_CASE("a table that covers little of a space") {
  const PositionSpace space(12, 9);  // 2.8e11 architectures, of which 300 are known
  std::mt19937_64 rng(8);
  std::map<Arch, double> table;
  while (table.size() < 300) {
    const auto arch = space.sample(rng);
    table[arch] = made_up_accuracy(arch);
  }
  const auto accuracy = [&](const Arch& arch) { return table.count(arch) > 0 ? table.at(arch) : std::nan(""); };
  const auto costs = latency;
  double best = 0;
  std::size_t within = 0;
  for (const auto& [arch, value] : table)
    if (keeps_limit(made_up_latency(arch), costs[0].limit)) {
      best = std::max(best, value);
      ++within;
    }
  REQUIRE(within > 20);
  REQUIRE(within < 300);
  for (const auto& algorithm : list_search_algorithms()) {
    CAPTURE(algorithm);
    auto options = options_for(algorithm);
    for (const auto& [arch, value] : table) options.among.push_back(arch);
    const auto result = run_search(space, accuracy, costs, options);
    CHECK(result.best.accuracy == best);
    CHECK(result.evaluated.size() == within);
    CHECK(result.exhausted);
    CHECK(result.unknown == 0);
    options.evaluations = 20;
    CHECK(run_search(space, accuracy, costs, options).evaluated.size() == 20);
    options.threads = 3;
    options.evaluations = 600;
    CHECK(run_search(space, accuracy, costs, options).best.arch == result.best.arch);
    (void)error_of(Fault::missing, [&] {
      (void)run_search(space, accuracy, {{"latency", "s", made_up_latency, 1e-3}}, options);
    });
  }
}

TEST_CASE("a table that covers a space is used up, however many children are known already") {
  const PositionSpace space(4, 6);
  SearchOptions options;
  for (std::uint64_t number = 0; number < 1296; ++number) options.among.push_back(arch_number(number, {6, 6, 6, 6}));
  options.evaluations = 1296;
  options.batch = 1;
  for (const auto& algorithm : list_search_algorithms())
    for (const std::size_t population : {30U, 400U}) {
      CAPTURE(algorithm);
      CAPTURE(population);
      options.algorithm = algorithm;
      options.population = population;
      const auto result = run_search(space, made_up_accuracy, {}, options);
      CHECK(result.evaluated.size() == 1296);
      CHECK_FALSE(result.exhausted);
    }
  // What children have brought does not come again at random: after one repeat more than the population comes a new
  // one.
  options.algorithm = "evolution";
  options.population = options.tournament = 20;
  std::size_t last = 0, row = 0, longest = 0;
  options.progress = [&](std::size_t done, std::size_t) {
    row = done == last ? row + 1 : 0;
    last = done;
    longest = std::max(longest, row);
  };
  CHECK(run_search(space, made_up_accuracy, {}, options).evaluated.size() == 1296);
  CHECK(longest == 21);
}

TEST_CASE("a search that is stopped while it looks for a proposal ends at once") {
  const PositionSpace space(12, 9);
  for (const auto& algorithm : list_search_algorithms()) {
    auto options = options_for(algorithm);
    bool stop = false;
    int asked = 0;
    // The first is within the limit, and nothing else is.
    options.sample = [&](std::mt19937_64& rng) { return ++asked == 1 ? Arch(12, 0) : space.sample(rng); };
    options.batch = options.population = options.tournament = 1;
    options.stop = [&] { return stop = asked > 500; };
    const auto result =
        run_search(space, made_up_accuracy,
                   {{"latency", "s", [](const Arch& arch) { return arch == Arch(12, 0) ? 0.0 : 2.0; }, 1}}, options);
    CHECK(stop);
    CHECK(asked <= 502);
    CHECK(result.stopped);
    CHECK(result.evaluated.size() == 1);
  }
  // And between accuracies, which may take minutes each.
  auto options = options_for("nsga2");
  std::atomic<int> trained{0};
  options.stop = [&] { return trained >= 5; };
  const auto result = run_search(
      space,
      [&](const Arch& arch) {
        ++trained;
        return made_up_accuracy(arch);
      },
      {}, options);
  CHECK(result.stopped);
  CHECK(result.evaluated.size() == 5);
}

TEST_CASE("stopping, failing, and unknown accuracies") {
  const PositionSpace space(12, 9);
  for (const auto& algorithm : list_search_algorithms()) {
    auto options = options_for(algorithm);
    int asked_to_stop = 0;
    options.stop = [&] { return ++asked_to_stop > 100; };  // asked before each proposal and each accuracy
    const auto result = run_search(space, made_up_accuracy, {}, options);
    CHECK(result.stopped);
    CHECK(result.evaluated.size() > 0);
    CHECK(result.evaluated.size() < 600);
    options.stop = [] { return true; };
    (void)error_of(Fault::interrupted, [&] { (void)run_search(space, made_up_accuracy, {}, options); });

    options.stop = nullptr;
    options.threads = 3;
    std::atomic<int> asked{0};
    const auto failing = [&](const Arch& arch) {
      if (++asked == 50) throw std::runtime_error("no such network");
      return made_up_accuracy(arch);
    };
    CHECK_THROWS_WITH((void)run_search(space, failing, {}, options), "no such network");

    const auto partly = [](const Arch& arch) { return arch[0] % 2 == 0 ? std::nan("") : made_up_accuracy(arch); };
    const auto known = run_search(space, partly, {}, options);
    CHECK(known.unknown > 0);
    CHECK(known.unknown + known.evaluated.size() == 600);
    for (const auto& candidate : known.evaluated) CHECK(candidate.arch[0] % 2 == 1);
    const auto nothing = [](const Arch&) { return std::nan(""); };
    (void)error_of(Fault::missing, [&] { (void)run_search(space, nothing, {}, options); });
  }
}

TEST_CASE("bad options are refused") {
  const PositionSpace space(3, 2);
  const auto refused = [&](void (*spoil)(SearchOptions&)) {
    SearchOptions options = options_for("evolution");
    spoil(options);
    return error_of(Fault::usage, [&] { (void)run_search(space, made_up_accuracy, {}, options); });
  };
  CHECK(has(refused([](SearchOptions& o) { o.algorithm = "evolutoin"; }), "evolution"));
  CHECK(has(refused([](SearchOptions& o) { o.evaluations = 0; }), "evaluations"));
  CHECK(has(refused([](SearchOptions& o) { o.population = 0; }), "population"));
  CHECK(has(refused([](SearchOptions& o) { o.batch = 0; }), "batch"));
  CHECK(has(refused([](SearchOptions& o) { o.tournament = 41; }), "at most its population, 40"));
  const auto wrapped = static_cast<std::size_t>(-5);
  for (const auto& algorithm : list_search_algorithms()) {
    auto options = options_for(algorithm);
    options.evaluations = wrapped;
    CHECK(has(error_of(Fault::usage, [&] { (void)run_search(space, made_up_accuracy, {}, options); }), "evaluations"));
  }
  CHECK(has(refused([](SearchOptions& o) { o.population = static_cast<std::size_t>(-1); }), "population"));
  CHECK(has(refused([](SearchOptions& o) { o.tournament = static_cast<std::size_t>(-1); }), "tournament"));
  CHECK(has(refused([](SearchOptions& o) { o.threads = 0; }), "threads"));
  CHECK(has(refused([](SearchOptions& o) { o.crossover = std::nan(""); }), "crossover"));
  (void)error_of(Fault::usage, [&] {
    (void)run_search(space, made_up_accuracy, {{"latency", "s", made_up_latency, std::nan("")}}, {});
  });
  (void)error_of(Fault::usage, [&] { (void)run_search(space, made_up_accuracy, {{"latency", "s", {}, 1}}, {}); });
  (void)error_of(Fault::usage, [&] { (void)run_search(space, {}, {}, {}); });
}

TEST_CASE("non-dominated candidates by hand") {
  const std::vector<Candidate> all{{{0}, 0.5, {1, 5}}, {{1}, 0.6, {2, 4}}, {{2}, 0.6, {2, 4}}, {{3}, 0.55, {3, 3}},
                                   {{4}, 0.4, {1, 6}}, {{5}, 0.7, {1, 9}}, {{6}, 0.1, {9, 1}}};
  const auto front = non_dominated(all);
  std::vector<Arch> archs;
  for (const auto& candidate : front) archs.push_back(candidate.arch);
  // 4 is beaten by 0; 2 equals 1.
  CHECK(archs == std::vector<Arch>{{0}, {5}, {1}, {3}, {6}});
  CHECK(non_dominated({}).empty());
}

TEST_CASE("accuracies from a file") {
  const PositionSpace space(2, 3);
  const TempFolder folder;
  const auto good = folder.write(
      "good.csv", "arch,accuracy\n0.1,0.91\n\"position0=2,position1=0\",0.5\r\nposition0=1,position1=1,0.25\n\n");
  const Accuracy accuracy = load_accuracy_table(space, good).accuracy;
  CHECK(accuracy({0, 1}) == 0.91);
  CHECK(accuracy({2, 0}) == 0.5);
  CHECK(accuracy({1, 1}) == 0.25);
  CHECK(std::isnan(accuracy({2, 2})));
  const auto loose = folder.write("loose.csv",
                                  "\xEF\xBB\xBF"
                                  "arch, accuracy, epochs\r\n0.1 , 0.91, 30\r\n"
                                  "\"position0=2,position1=0\" , 0.5,20\n1.1, 0.25\n");
  const auto table = load_accuracy_table(space, loose);
  CHECK(table.archs == std::vector<Arch>{{0, 1}, {2, 0}, {1, 1}});
  CHECK(table.accuracy({0, 1}) == 0.91);
  CHECK(table.accuracy({2, 0}) == 0.5);
  CHECK(table.accuracy({1, 1}) == 0.25);
  const auto refused = [&](const std::string& content) {
    const auto file = folder.write("bad.csv", content);
    return error_of(Fault::input, [&] { (void)load_accuracy_table(space, file); });
  };
  CHECK(has(refused("arch;accuracy\n"), "bad.csv:1"));
  CHECK(has(refused("arch,epochs,accuracy\n"), "bad.csv:1"));
  CHECK(has(refused("arch,accuracy\n\"0.1,0.9\n"), "bad.csv:2"));
  CHECK(has(refused("arch,accuracy,epochs\nposition0=1,position1=1,0.25\n"), "bad.csv:2"));
  CHECK(has(refused("arch,accuracy\n0.1,0.9\n0.1,0.8\n"), "bad.csv:3"));
  CHECK(has(refused("arch,accuracy\n0.1,nan\n"), "bad.csv:2"));
  CHECK(has(refused("arch,accuracy\n0.3,0.5\n"), "position1"));
  CHECK(has(refused("arch,accuracy\n0.1\n"), "bad.csv:2"));
  CHECK(has(refused("arch,accuracy\n"), "no accuracy"));
  (void)error_of(Fault::input, [&] { (void)load_accuracy_table(space, folder.file("none.csv")); });
}

TEST_CASE("candidates as CSV, and read back as accuracies") {
  const TempFolder folder;
  const auto file = folder.file("front.csv");
  save_candidates(file, {{{0, 2}, 0.75, {0.0025}}, {{1, 1}, 0.5, {0.01}}}, {{"latency", "s", made_up_latency, 1}});
  CHECK(base::read_file(file) == "arch,accuracy,latency_s\n0.2,0.75,0.0025\n1.1,0.5,0.01\n");
  save_candidates(file, {{{0, 2}, 0.75, {}}}, {});
  CHECK(load_accuracy_table(PositionSpace(2, 3), file).accuracy({0, 2}) == 0.75);
  (void)error_of(Fault::usage, [&] { save_candidates(file, {{{0}, 1, {}}}, {{"latency", "s", made_up_latency, 1}}); });
}

TEST_CASE("the capacity proxy counts multiply-accumulates") {
  // 1x1 convolutions of 8 channels on 8, 9 and 10 px.
  const PositionSpace space(3, 4);
  const double macs = 64 * 8 * 9 + 81 * 8 * 8 + 100 * 8 * 11;
  CHECK(capacity_proxy(space)({1, 0, 3}) == doctest::Approx(std::log10(macs)).epsilon(1e-12));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>

#include "hwprof/error.hpp"
#include "measure/estimate.hpp"
#include "measure/outcome.hpp"
#include "measure/sampler.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof::measuring;
using hwprof_test::TempFolder;

namespace {

/// A machine whose time passes only when something is run on it.
class FakeHost : public Host {
 public:
  double now() override { return usage_.wall_s; }
  Usage usage() override { return usage_; }

  /// Runs for seconds of processor time; lost: seconds for which it is preempted meanwhile.
  void pass(double seconds, double lost = 0) {
    usage_.cpu_s += seconds;
    usage_.wall_s += seconds + lost;
    if (lost > 0) ++usage_.preemptions;
  }

 private:
  Usage usage_;
};

struct FakeNet : Subject {
  FakeHost* host = nullptr;
  double seconds = 0.001;
  double noise = 0;                     ///< relative, uniform
  int slow_start = 0;                   ///< so many forwards are slower by half each
  int interrupt_every = 0;              ///< 0: never
  std::function<double(double)> drift;  ///< of the host's time
  std::function<void(int)> before;      ///< gets the number of the forward
  std::mt19937 rng;
  int count = 0;

  void forward(double* out, bool processor_time) override {
    ++count;
    if (before) before(count);
    std::uniform_real_distribution<double> spread(1 - noise, 1 + noise);
    double time = seconds * spread(rng);
    if (drift) time *= drift(host->now());
    if (count <= slow_start) time *= 1 + 0.5 * (slow_start - count + 1);
    const double lost = interrupt_every > 0 && count % interrupt_every == 0 ? 0.004 : 0;
    host->pass(time, lost);
    const double shown = processor_time ? time : time + lost;
    out[0] = shown;
    out[1] = 0.25 * shown;
    out[2] = 0.75 * shown;
  }
};

struct Bench {
  explicit Bench(std::size_t count, const TempFolder& folder) : nets(count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "net" + std::to_string(i);
      nets[i].host = &host;
      nets[i].seconds = 0.001 * static_cast<double>(i + 1);
      nets[i].rng.seed(static_cast<unsigned>(i));
      journals.push_back(std::make_unique<Journal>(folder.file(name), JournalHead{name, 2, {}}));
      entries.push_back({name, &nets[i], journals[i].get(), false});
    }
    options.max_rel_ci = 0.01;
    options.budget_s = 1e6;
  }

  const std::vector<Visit>& visits(std::size_t i) const { return journals[i]->content().visits; }

  FakeHost host;
  std::vector<FakeNet> nets;
  std::vector<std::unique_ptr<Journal>> journals;
  std::vector<Entry> entries;
  SamplerOptions options;
};

}  // namespace

TEST_CASE("networks without noise are steady after six rounds, each visited once a round") {
  const TempFolder folder;
  Bench bench(10, folder);
  sample(bench.entries, bench.host, bench.options);
  for (std::size_t i = 0; i < 10; ++i) {
    REQUIRE(bench.visits(i).size() == 6);
    for (int r = 0; r < 6; ++r) CHECK(bench.visits(i)[static_cast<std::size_t>(r)].round == r);
    for (const Visit& visit : bench.visits(i))
      for (const Sample& sample : visit.samples) CHECK(sample[0] == doctest::Approx(bench.nets[i].seconds));
  }
  for (const Outcome& outcome : conclude(bench.entries, 0.01)) CHECK(outcome.state == "measured");
}

TEST_CASE("a noisy network goes on while steady ones help to see the drift") {
  const TempFolder folder;
  Bench bench(20, folder);
  bench.nets[3].noise = 0.2;
  bench.options.forwards = bench.options.most_forwards = 1;
  sample(bench.entries, bench.host, bench.options);
  const std::size_t noisy = bench.visits(3).size();
  CHECK(noisy > 12);
  std::size_t others = 0;
  for (std::size_t i = 0; i < 20; ++i)
    if (i != 3) {
      CHECK(bench.visits(i).size() >= 6);
      others += bench.visits(i).size() - 6;
    }
  CHECK(others == (noisy - 6) * (bench.options.fewest - 1));  // eight in every later round
  const auto outcomes = conclude(bench.entries, 0.01);
  CHECK(outcomes[3].state == "measured");
  CHECK(outcomes[3].session.rounds == noisy);
}

TEST_CASE("the budget ends it, and what is not steady says so") {
  const TempFolder folder;
  Bench bench(10, folder);
  for (auto& net : bench.nets) net.noise = 0.5;
  bench.options.budget_s = 3;
  bench.options.max_rel_ci = 0.0001;
  sample(bench.entries, bench.host, bench.options);
  CHECK(bench.host.now() >= 3);
  CHECK(bench.host.now() < 3.2);
  CHECK(spent_seconds(bench.entries) == doctest::Approx(bench.host.now()).epsilon(0.001));
  for (const Outcome& outcome : conclude(bench.entries, 0.0001)) {
    CHECK(outcome.state == "unsteady");
    CHECK(hwprof_test::has(outcome.reason, "0.01 % was asked for"));
  }
  const double spent = bench.host.now();
  sample(bench.entries, bench.host, bench.options);  // nothing left
  CHECK(bench.host.now() == spent);
}

TEST_CASE("a budget too small for all names those without a number") {
  const TempFolder folder;
  Bench bench(10, folder);
  bench.options.budget_s = 0.4;  // the first visit warms the process for 0.3 s
  sample(bench.entries, bench.host, bench.options);
  std::size_t failed = 0;
  std::size_t unsteady = 0;
  for (const Outcome& outcome : conclude(bench.entries, 0.01)) {
    failed += outcome.state == "failed" ? 1 : 0;
    unsteady += outcome.state == "unsteady" ? 1 : 0;
    if (outcome.state == "failed") CHECK(hwprof_test::has(outcome.reason, "budget"));
    if (outcome.state == "unsteady") CHECK(hwprof_test::has(outcome.reason, "takes six"));
  }
  CHECK(failed > 0);
  CHECK(unsteady > 0);
  CHECK(failed + unsteady == 10);
}

TEST_CASE("the machine's drift does not reach the estimates") {
  const TempFolder folder;
  Bench bench(12, folder);
  for (auto& net : bench.nets) {
    net.noise = 0.01;
    // Slow against a stretch, which lasts about 0.3 s.
    net.drift = [](double now) { return 1 + 0.3 * std::sin(now / 3); };
  }
  bench.options.budget_s = 30;
  bench.options.max_rel_ci = 0.0001;
  sample(bench.entries, bench.host, bench.options);
  std::vector<const std::vector<Visit>*> visits;
  for (std::size_t i = 0; i < 12; ++i) visits.push_back(&bench.visits(i));
  const Factors factors = drift_factors(visits);
  CHECK(drift_spread(factors) > 0.15);
  const double scale = estimate(bench.visits(0), 2, factors).whole.value_s / bench.nets[0].seconds;
  for (std::size_t i = 0; i < 12; ++i) {
    const double found = estimate(bench.visits(i), 2, factors).whole.value_s;
    CHECK(found / bench.nets[i].seconds / scale == doctest::Approx(1).epsilon(0.01));
  }
}

TEST_CASE("interrupted forwards are dropped, counted and repeated") {
  const TempFolder folder;
  Bench bench(10, folder);
  bench.nets[2].interrupt_every = 3;
  sample(bench.entries, bench.host, bench.options);
  std::int64_t dropped = 0;
  for (const Visit& visit : bench.visits(2)) {
    dropped += visit.dropped;
    CHECK(visit.disturbed.empty());
    for (const Sample& sample : visit.samples) CHECK(sample[0] == doctest::Approx(0.003));
  }
  CHECK(dropped >= 4);
  CHECK(estimate(bench.visits(2), 2, {}).dropped == dropped);
  CHECK(conclude(bench.entries, 0.01)[2].state == "measured");
}

TEST_CASE("where every forward is interrupted processor time is taken, and the state says so") {
  const TempFolder folder;
  Bench bench(10, folder);
  for (auto& net : bench.nets) net.interrupt_every = 1;
  bench.options.budget_s = 3;
  sample(bench.entries, bench.host, bench.options);
  const auto outcomes = conclude(bench.entries, 0.01);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(outcomes[i].state == "unsteady");
    CHECK(hwprof_test::has(outcomes[i].reason, "every forward was interrupted"));
    CHECK(bench.visits(i).size() >= 6);
    for (const Visit& visit : bench.visits(i)) {
      CHECK(visit.samples.empty());
      for (const Sample& sample : visit.disturbed) CHECK(sample[0] == doctest::Approx(bench.nets[i].seconds));
    }
  }
}

TEST_CASE("when the machine is quiet again forwards are timed by the clock on the wall") {
  const TempFolder folder;
  Bench bench(10, folder);
  for (auto& net : bench.nets) {
    net.interrupt_every = 1;
    net.before = [&net](int count) {
      if (count > 30) net.interrupt_every = 0;
    };
  }
  sample(bench.entries, bench.host, bench.options);
  for (const Outcome& outcome : conclude(bench.entries, 0.01)) CHECK(outcome.state == "measured");
}

TEST_CASE("long rounds are cut into stretches of their own drift factor") {
  const TempFolder folder;
  Bench bench(40, folder);
  sample(bench.entries, bench.host, bench.options);
  std::map<int, std::set<int>> rounds_of;
  std::map<int, int> visits_of;
  for (std::size_t i = 0; i < 40; ++i)
    for (const Visit& visit : bench.visits(i)) {
      rounds_of[visit.stretch].insert(visit.round);
      ++visits_of[visit.stretch];
    }
  CHECK(rounds_of.size() == 12);  // two of twenty in each of six rounds
  for (const auto& [stretch, rounds] : rounds_of) {
    CHECK(rounds.size() == 1);
    CHECK(*rounds.begin() == stretch / 2);
    CHECK(visits_of[stretch] == 20);
  }
}

TEST_CASE("when a forward counts as interrupted") {
  Usage before;
  Usage after;
  after.wall_s = 1;
  after.cpu_s = 1;
  CHECK_FALSE(interrupted(before, after, 1));
  after.preemptions = 1;
  CHECK_FALSE(interrupted(before, after, 1));  // nothing was lost
  CHECK(interrupted(before, after, 2));        // but another thread may have waited
  after.cpu_s = 0.9;
  CHECK(interrupted(before, after, 1));
  after.preemptions = 0;
  CHECK_FALSE(interrupted(before, after, 1));  // it waited of its own accord
  after.stolen_s = 0.01;
  CHECK(interrupted(before, after, 1));
}

TEST_CASE("warm-up lasts as long as forwards get faster") {
  const TempFolder folder;
  Bench bench(9, folder);
  for (auto& net : bench.nets) net.slow_start = 7;
  bench.options.forwards = bench.options.most_forwards = 1;
  sample(bench.entries, bench.host, bench.options);
  for (std::size_t i = 0; i < 9; ++i)
    for (const Visit& visit : bench.visits(i)) CHECK(visit.samples.at(0)[0] == doctest::Approx(bench.nets[i].seconds));
}

TEST_CASE("short networks are run several times in a visit") {
  const TempFolder folder;
  Bench bench(10, folder);
  bench.options.visit_s = 0.004;
  bench.options.forwards = 1;
  bench.options.most_forwards = 3;
  sample(bench.entries, bench.host, bench.options);
  CHECK(bench.visits(0)[1].samples.size() == 3);  // 4 would fit
  CHECK(bench.visits(1)[1].samples.size() == 2);
  CHECK(bench.visits(9)[1].samples.size() == 1);
}

TEST_CASE("a visit has fewer forwards where the budget would not do for eight rounds otherwise") {
  const auto forwards = [](double budget) {
    const TempFolder folder;
    Bench bench(10, folder);  // one forward of each: 55 ms
    bench.options.budget_s = budget;
    bench.options.visit_s = 0;
    bench.options.max_rel_ci = 0;
    for (auto& net : bench.nets) net.noise = 1e-6;
    sample(bench.entries, bench.host, bench.options);
    CHECK(bench.visits(9)[0].samples.size() == 1);
    return std::pair(bench.visits(9)[1].samples.size(), bench.visits(9).size());
  };
  // 0.42 s go to the first round, then 7 rounds of 55 ms times (1 + forwards) are to fit in.
  CHECK(forwards(2.2).first == 3);
  CHECK(forwards(2.2).second >= 8);
  CHECK(forwards(1.7).first == 2);
  CHECK(forwards(1.2).first == 1);
}

TEST_CASE("a network that throws is failed with its reason, the others go on") {
  const TempFolder folder;
  Bench bench(10, folder);
  bench.nets[1].before = [](int count) {
    if (count > 3) throw hwprof::Error(hwprof::Fault::device, "the board is on fire");
  };
  bench.nets[2].before = [](int) { throw std::bad_alloc(); };
  bench.nets[3].before = [](int) { throw hwprof::Error(hwprof::Fault::unsupported, "no such op"); };
  bench.nets[4].seconds = 0;
  sample(bench.entries, bench.host, bench.options);
  const auto outcomes = conclude(bench.entries, 0.01);
  CHECK(outcomes[0].state == "measured");
  CHECK(outcomes[1].state == "failed");
  CHECK(outcomes[1].reason == "the board is on fire");
  CHECK(outcomes[2].state == "out_of_memory");
  CHECK(outcomes[3].state == "unsupported");
  CHECK(outcomes[4].state == "failed");
  CHECK(outcomes[9].state == "measured");
  const int before = bench.nets[2].count;
  sample(bench.entries, bench.host, bench.options);  // and is not tried again
  CHECK(bench.nets[2].count == before);
}

TEST_CASE("a request to stop keeps what was measured, and the next call goes on") {
  const TempFolder folder;
  std::size_t before = 0;
  double spent = 0;
  {
    Bench bench(10, folder);
    int visits = 0;
    bench.options.stop = [&visits] { return ++visits > 25; };
    hwprof_test::error_of(hwprof::Fault::interrupted, [&] { sample(bench.entries, bench.host, bench.options); });
    for (std::size_t i = 0; i < 10; ++i) before += bench.visits(i).size();
    CHECK(before == 25);
    spent = spent_seconds(bench.entries);
  }
  Bench bench(10, folder);
  std::size_t found = 0;
  for (std::size_t i = 0; i < 10; ++i) found += bench.visits(i).size();
  CHECK(found == before);
  CHECK(spent_seconds(bench.entries) == doctest::Approx(spent).epsilon(1e-5));
  sample(bench.entries, bench.host, bench.options);
  for (std::size_t i = 0; i < 10; ++i) {
    std::set<int> rounds;
    for (const Visit& visit : bench.visits(i)) CHECK(rounds.insert(visit.round).second);
    CHECK(rounds.count(3) == 1);  // the broken round 2 is not filled up, because time has passed since
  }
  CHECK(spent_seconds(bench.entries) > spent);
}

TEST_CASE("the order is shuffled, differs from round to round, and follows the seed") {
  const auto order = [](std::uint64_t seed) {
    const TempFolder folder;
    Bench bench(10, folder);
    bench.options.seed = seed;
    std::vector<std::size_t> seen;
    std::vector<std::size_t> last(10);
    bench.options.progress = [&](double, std::size_t, std::size_t) {
      for (std::size_t i = 0; i < 10; ++i)
        if (bench.visits(i).size() != last[i]) {
          last[i] = bench.visits(i).size();
          seen.push_back(i);
        }
    };
    sample(bench.entries, bench.host, bench.options);
    return seen;
  };
  const auto first = order(1);
  REQUIRE(first.size() == 60);
  CHECK(first == order(1));
  CHECK(first != order(2));
  const std::vector<std::size_t> round0(first.begin(), first.begin() + 10);
  const std::vector<std::size_t> round1(first.begin() + 10, first.begin() + 20);
  CHECK(round0 != round1);
  CHECK(std::is_permutation(round0.begin(), round0.end(), round1.begin()));
  CHECK_FALSE(std::is_sorted(round0.begin(), round0.end()));
}

TEST_CASE("references are visited in every round and are never finished") {
  const TempFolder folder;
  Bench bench(9, folder);
  for (std::size_t i = 2; i < 9; ++i) bench.entries[i].reference = true;
  bench.nets[0].noise = 0.1;
  for (auto& net : bench.nets) net.drift = [](double now) { return now < 1 ? 1.0 : 1.4; };
  bench.options.forwards = bench.options.most_forwards = 1;
  bench.options.budget_s = 4;
  bench.options.max_rel_ci = 0.02;
  sample(bench.entries, bench.host, bench.options);
  const auto rounds = static_cast<int>(bench.visits(8).size());
  CHECK(rounds > 6);
  for (std::size_t i = 2; i < 9; ++i)  // the budget may end the last round early
    CHECK(std::abs(static_cast<int>(bench.visits(i).size()) - rounds) <= 1);
  const auto outcomes = conclude(bench.entries, 0.02);
  CHECK(outcomes[0].session.nets == 2);
  CHECK(outcomes[1].state == "measured");
}

TEST_CASE("an outcome is read as it was written") {
  const TempFolder folder;
  Outcome outcome;
  outcome.state = "unsteady";
  outcome.reason = "it \"shook\"";
  outcome.visits = 7;
  outcome.factors = {{0, 1.25}, {3, 0.9}};
  outcome.session = {4, 9, 31, 12.5, 0.125};
  outcome.environment = {{"cpu", "a chip"}};
  outcome.notes = {"line 3 is not believed"};
  save_outcome(folder.file("o.json"), outcome);
  const Outcome found = load_outcome(folder.file("o.json"));
  CHECK(found.state == outcome.state);
  CHECK(found.reason == outcome.reason);
  CHECK(found.visits == 7);
  CHECK(found.factors == outcome.factors);
  CHECK(found.session.nets == 4);
  CHECK(found.session.rounds == 9);
  CHECK(found.session.stretches == 31);
  CHECK(found.session.seconds == 12.5);
  CHECK(found.session.drift_spread == 0.125);
  CHECK(found.environment == outcome.environment);
  CHECK(found.notes == outcome.notes);
  CHECK_FALSE(find_outcome(folder.file("none.json")).has_value());
  folder.write("bad.json", R"({"schema":"hwprof-outcome/2"})");
  hwprof_test::error_of(hwprof::Fault::input, [&] { (void)load_outcome(folder.file("bad.json")); });
}

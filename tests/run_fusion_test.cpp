// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "hwprof/error.hpp"
#include "hwprof/fusion.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

double op_cost(const std::string& kind) {
  return 1e-5 * (1 + static_cast<double>(kind.size()));
}

/// What a device would answer that takes 20 µs for any network and saves a share of the smaller op of a pair.
std::vector<NetRecord> answers(const std::map<std::pair<std::string, std::string>, double>& saved, double spread) {
  std::vector<NetRecord> records;
  for (const auto& net : fusion_nets()) {
    NetRecord record;
    record.net_id = net.id;
    record.arch = net.arch;
    record.from.device = "made_up";
    double cost = 20e-6;
    const auto plus = net.arch.find('+'), behind = net.arch.find('>');
    if (plus != std::string::npos) {
      const std::string first = net.arch.substr(0, plus), second = net.arch.substr(plus + 1);
      const auto share = saved.find({first, second});
      cost += op_cost(first) + op_cost(second) -
              (share == saved.end() ? 0 : share->second) * std::min(op_cost(first), op_cost(second));
    } else if (!net.arch.empty()) {
      cost += op_cost(behind == std::string::npos ? net.arch : net.arch.substr(behind + 1));
    }
    record.overall[Metric::latency] = {cost, spread, 10, 0};
    records.push_back(record);
  }
  return records;
}

}  // namespace

TEST_CASE("the test networks are what their names say") {
  std::set<std::string> ids, archs;
  std::size_t pairs = 0;
  for (const auto& net : fusion_nets()) {
    CAPTURE(net.arch);
    CHECK(ids.insert(net.id).second);
    CHECK(archs.insert(net.arch).second);
    std::string found;
    for (const auto& kernel : group_kernels(lower(net), {1, net.image_channels, net.image_size, net.image_size}))
      found += (found.empty() ? "" : "+") + kernel.kind;
    const auto behind = net.arch.find('>');
    CHECK(found == (behind == std::string::npos ? net.arch : net.arch.substr(behind + 1)));
    pairs += net.arch.find('+') != std::string::npos ? 1 : 0;
    if (net.arch.find('+') == std::string::npos || net.arch.find("+add") == std::string::npos) continue;
    const Graph graph = lower(net);  // the addition reads what the first op made
    CHECK(group_kernels(graph, {1, net.image_channels, net.image_size, net.image_size}, usual_fusion()).size() <= 2);
  }
  CHECK(pairs > 70);
  CHECK_THROWS_AS((void)fusion_nets({0, 64, 0.5}), Error);
  CHECK_THROWS_AS((void)fusion_nets({28, 6, 0.5}), Error);
}

TEST_CASE("what fusing cannot save, and what is below the times' spread, does not tell") {
  const auto more = find_fusion(answers({{{"relu", "max_pool"}, 3.0}, {{"conv", "bn"}, 0.9}}, 1e-9));
  CHECK(more.rules.pairs == std::set<std::pair<std::string, std::string>>{{"conv", "bn"}});
  REQUIRE(more.notes.size() == 1);
  CHECK(has(more.notes[0], "relu + max_pool: saved 3 of the smaller op, which does not tell"));
  // Twice the smallest op: even what is far from one half is chance.
  const auto coarse = find_fusion(answers({{{"fc", "add"}, 0.9}}, 6e-5));
  CHECK(coarse.rules.pairs.empty());
  for (const auto& test : coarse.tests) CHECK(test.sure == (test.spread < 1 && test.saved < 0.5 - test.spread));
}

TEST_CASE("fused pairs are found, and only they") {
  const auto records = answers({{{"conv", "bn"}, 0.9}, {{"bn", "relu"}, 1.0}, {{"conv", "relu"}, 0.3}}, 1e-9);
  const auto report = find_fusion(records);
  CHECK(report.rules.pairs == std::set<std::pair<std::string, std::string>>{{"bn", "relu"}, {"conv", "bn"}});
  CHECK(report.notes.empty());
  CHECK(report.from.device == "made_up");
  for (const auto& test : report.tests) {
    CHECK(test.sure);
    CHECK(test.first_s == Approx(op_cost(test.first)));
    CHECK(test.second_s == Approx(op_cost(test.second)));
    if (test.first == "conv" && test.second == "relu") CHECK(test.saved == Approx(0.3));
  }
  CHECK(find_fusion(records, 0.2).rules.pairs.size() == 3);
}

TEST_CASE("times that do not tell make no rule") {
  const auto report = find_fusion(answers({{{"conv", "bn"}, 0.55}}, 2e-6));
  CHECK(report.rules.pairs.empty());
  bool noted = false;
  for (const auto& note : report.notes) noted = noted || note.find("conv + bn: saved 0.55") != std::string::npos;
  CHECK(noted);
}

TEST_CASE("an overhead that the device tells apart is taken off instead of the network of nothing") {
  auto records = answers({{{"conv", "bn"}, 0.9}}, 1e-9);
  records.erase(records.begin());  // the network of nothing
  CHECK(!find_fusion(records).notes.empty());
  for (auto& record : records) record.overhead[Metric::latency].value = 20e-6;
  const auto report = find_fusion(records);
  CHECK(report.notes.empty());
  CHECK(report.rules.pairs.size() == 1);
  CHECK(report.tests[0].first_s == Approx(op_cost(report.tests[0].first)));
}

TEST_CASE("tests that are not there are named, not guessed") {
  auto records = answers({}, 1e-9);
  std::size_t all = find_fusion(records).tests.size();
  for (auto& record : records)
    if (record.arch == "conv>bn") {
      record.state = RunState::failed;
      record.reason = "no such op";
    }
  const auto report = find_fusion(records);
  CHECK(report.tests.size() == all - 1);
  CHECK(report.notes.size() == 2);
  CHECK(has(error_of(Fault::missing, [] { (void)find_fusion({}); }), "no pair of ops"));
  CHECK(has(error_of(Fault::usage, [&] { (void)find_fusion(records, 2); }), "alpha"));
  records[1].from.device = "another";
  CHECK(has(error_of(Fault::usage, [&] { (void)find_fusion(records); }), "different devices"));
  // An op that takes no time cannot be told from a fused one.
  auto free = answers({}, 1e-9);
  for (auto& record : free)
    if (record.arch == "conv>relu") record.overall[Metric::latency].value = 20e-6;
  CHECK(has(find_fusion(free).notes.at(0), "no longer than a network of nothing"));
}

TEST_CASE("a report is saved as rules that load") {
  const TempFolder folder;
  save_fusion(folder.file("f.json"), find_fusion(answers({{{"conv", "bn"}, 0.9}}, 1e-9)));
  CHECK(load_fusion(folder.file("f.json")).pairs == std::set<std::pair<std::string, std::string>>{{"conv", "bn"}});
}

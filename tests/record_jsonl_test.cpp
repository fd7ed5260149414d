// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "hwprof/record.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using nlohmann::json;

namespace {

const std::string golden = std::string(HWPROF_SOURCE_DIR) + "/tests/data/records_v1.jsonl";

std::vector<NetRecord> sample() {
  NetRecord good;
  good.net_id = "net \"7\"\n";
  good.purpose = "calibration";
  good.arch = "0.2.1";
  good.batch = 8;
  good.from = {"cpu", "cpu", "inference", {{"threads", "2"}, {"cpu", "Ünusual"}}, true};
  good.overall = {
      {Metric::latency, {0.1 + 0.2, 1e-17, 120, 3}}, {Metric::memory, {1e9, 0, 0, 0}}, {Metric::energy, {0, 0, 1, 0}}};
  good.overhead = {{Metric::latency, {6.5e-4, 0, 0, 0}}};
  PrimRecord prim;
  prim.prim = parse_prim("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=2.5:kernel_size=5");
  prim.perf = {{Metric::latency, {1e-300, 0, 0, 0}}};
  good.prims.push_back(prim);
  prim.glue = true;
  prim.prim = parse_prim("conv_1x1:7x3x4s1:affine=0");
  good.prims.push_back(prim);
  good.nodes = {{"conv1", {"L0.conv", "L0.bn"}, {{Metric::latency, {2e-3, 0, 5, 0}}}}, {"bare", {}, {}}};
  NetRecord bad;
  bad.net_id = "b";
  bad.state = RunState::out_of_memory;
  bad.reason = "needs 3 GiB";
  return {good, bad};
}

bool same(const Perf& a, const Perf& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && x.second.value == y.second.value && x.second.spread == y.second.spread &&
                  x.second.samples == y.second.samples && x.second.dropped == y.second.dropped;
         });
}

/// The error of the golden file's second line after one change.
template <typename Change>
std::string refusal(Change&& change) {
  const std::string text = base::read_file(golden);
  const auto end = text.find('\n');
  json line = json::parse(text.substr(0, end));
  change(line);
  const TempFolder folder;
  const std::string file = folder.write("r.jsonl", text.substr(0, end + 1) + line.dump() + "\n");
  const std::string what = error_of(Fault::input, [&] { (void)load_records(file); });
  CHECK(has(what, "r.jsonl:2"));
  return what;
}

}  // namespace

TEST_CASE("records come back as they were saved") {
  const TempFolder folder;
  const auto records = sample();
  save_records(folder.file("r.jsonl"), records);
  Notes notes;
  const auto again = load_records(folder.file("r.jsonl"), &notes);
  CHECK(notes.empty());
  REQUIRE(again.size() == 2);
  const auto& a = records[0];
  const auto& b = again[0];
  CHECK(b.net_id == a.net_id);
  CHECK(b.purpose == a.purpose);
  CHECK(b.arch == a.arch);
  CHECK(b.batch == a.batch);
  CHECK(b.state == a.state);
  CHECK(b.from.device == a.from.device);
  CHECK(b.from.compiler == a.from.compiler);
  CHECK(b.from.mode == a.from.mode);
  CHECK(b.from.environment == a.from.environment);
  CHECK(b.from.derived);
  CHECK(same(a.overall, b.overall));
  CHECK(same(a.overhead, b.overhead));
  REQUIRE(b.prims.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(b.prims[i].prim == a.prims[i].prim);
    CHECK(b.prims[i].glue == a.prims[i].glue);
    CHECK(same(a.prims[i].perf, b.prims[i].perf));
  }
  REQUIRE(b.nodes.size() == 2);
  CHECK(b.nodes[0].name == "conv1");
  CHECK(b.nodes[0].ops == a.nodes[0].ops);
  CHECK(same(a.nodes[0].perf, b.nodes[0].perf));
  CHECK(again[1].state == RunState::out_of_memory);
  CHECK(again[1].reason == "needs 3 GiB");
  CHECK(again[1].overall.empty());
  CHECK(again[1].overhead.empty());
  const std::string text = base::read_file(folder.file("r.jsonl"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(has(text, R"("latency_s":{"value")"));
  CHECK(has(text, R"("memory_bytes")"));
  CHECK(has(text, R"("energy_j")"));
}

TEST_CASE("a file of schema version 1 loads for ever") {
  Notes notes;
  const auto records = load_records(golden, &notes);
  CHECK(notes.empty());
  REQUIRE(records.size() == 2);
  CHECK(records[0].net_id == "3");
  CHECK(records[0].purpose == "coverage");
  CHECK(records[0].from.environment.at("threads") == "1");
  CHECK(records[0].overall.at(Metric::latency).value == 0.0031);
  CHECK(records[0].overall.at(Metric::latency).spread == 0.00002);
  CHECK(records[0].overall.at(Metric::latency).samples == 40);
  CHECK(records[0].overall.at(Metric::latency).dropped == 2);
  REQUIRE(records[0].prims.size() == 2);
  CHECK(records[0].prims[1].glue);
  CHECK(records[0].prims[0].prim == parse_prim("conv_3x3:224x3x16s2"));
  CHECK(records[0].nodes.at(0).ops == std::vector<std::string>{"L0.conv"});
  CHECK(records[1].state == RunState::failed);
  CHECK(records[1].reason == "the device did not answer");
}

TEST_CASE("a torn last line is noted and not believed; the same line in the middle is an error") {
  const TempFolder folder;
  const std::string text = base::read_file(golden);
  const std::string first = text.substr(0, text.find('\n') + 1);
  for (std::size_t size = 1; size + 1 < first.size(); size += 13) {
    const std::string torn = first.substr(0, size);
    Notes notes;
    CHECK(load_records(folder.write("torn.jsonl", first + torn), &notes).size() == 1);
    REQUIRE(notes.size() == 1);
    CHECK(has(notes[0], "torn.jsonl:2: the last line is torn"));
    const std::string what =
        error_of(Fault::input, [&] { (void)load_records(folder.write("middle.jsonl", first + torn + "\n" + first)); });
    CHECK(has(what, "middle.jsonl:2"));
  }
  Notes notes;
  CHECK(load_records(folder.write("whole.jsonl", first + first.substr(0, first.size() - 1)), &notes).size() == 2);
  CHECK(notes.empty());
  CHECK(load_records(folder.write("empty.jsonl", ""), &notes).empty());
  CHECK(has(notes.at(0), "is empty"));
  CHECK(load_records(folder.write("crlf.jsonl", first.substr(0, first.size() - 1) + "\r\n\r\n" + first)).size() == 2);
}

TEST_CASE("values that no device gives are refused, with their place") {
  CHECK(has(refusal([](json& r) { r["overall"]["latency_s"]["value"] = -1; }), "overall: latency_s: value"));
  CHECK(has(refusal([](json& r) { r["overall"]["latency_s"]["value"] = nullptr; }), "value"));
  CHECK(has(refusal([](json& r) { r["overall"]["latency_s"]["value"] = "NaN"; }), "a number is expected"));
  CHECK(has(refusal([](json& r) { r["overall"]["latency_ms"] = {{"value", 1}}; }), "unknown key 'latency_ms'"));
  CHECK(has(refusal([](json& r) { r["overall"]["latency_s"]["samples"] = -1; }), "samples"));
  CHECK(has(refusal([](json& r) { r["overall"]["latency_s"]["mean"] = 1; }), "unknown key 'mean'"));
  CHECK(has(refusal([](json& r) { r["state"] = "mesured"; }), "did you mean measured"));
  CHECK(has(refusal([](json& r) { r["prims"][1]["prim"] = "conv_1x1:7x3"; }), "prims[1]: prim"));
  CHECK(has(refusal([](json& r) { r["prims"] = {}; }), "prims"));
  CHECK(has(refusal([](json& r) { r["batch"] = 0; }), "batch"));
  CHECK(has(refusal([](json& r) { r["batch"] = 1e99; }), "batch"));
  CHECK(has(refusal([](json& r) { r["schema"] = "hwprof.record/2"; }), "newer"));
  CHECK(has(refusal([](json& r) { r.erase("schema"); }), "schema"));
  CHECK(has(refusal([](json& r) { r["nott"] = 1; }), "unknown key 'nott'"));
  CHECK(has(refusal([](json& r) { r["from"]["environment"]["threads"] = 1; }), "threads"));
  CHECK(has(refusal([](json& r) { r = 7; }), "object"));
  const TempFolder folder;
  const std::string first = base::read_file(golden).substr(0, base::read_file(golden).find('\n') + 1);
  const std::string deep = R"({"schema":)" + std::string(100000, '[') + "\n";
  CHECK_THROWS_AS((void)load_records(folder.write("deep.jsonl", first + deep)), Error);
  std::string huge = first;
  huge.replace(huge.find("0.0031"), 6, "1e9999");
  CHECK_THROWS_AS((void)load_records(folder.write("huge.jsonl", huge)), Error);
}

TEST_CASE("a number that is none is not written") {
  const TempFolder folder;
  for (const double wrong : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto records = sample();
    records[0].prims[0].perf[Metric::latency].value = wrong;
    CHECK(has(error_of(Fault::internal, [&] { save_records(folder.file("r.jsonl"), records); }), "latency"));
    CHECK_FALSE(base::exists(folder.file("r.jsonl")));
  }
}

TEST_CASE("names of metrics and states") {
  CHECK(list_metrics().size() == 12);
  for (const Metric metric : list_metrics()) CHECK(parse_metric(to_string(metric)) == metric);
  CHECK(quantity(Metric::backward_latency) == Metric::latency);
  CHECK(std::string(unit(Metric::optimizer_latency)) == "s");
  CHECK(std::string(unit(Metric::process_memory)) == "bytes");
  CHECK(std::string(unit(Metric::train_energy)) == "J");
  CHECK(std::string(unit(Metric::latency)) == "s");
  CHECK(std::string(unit(Metric::memory)) == "bytes");
  CHECK(std::string(unit(Metric::energy)) == "J");
  CHECK(has(error_of(Fault::usage, [] { (void)parse_metric("latencies"); }), "did you mean latency"));
}

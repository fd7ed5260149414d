// SPDX-License-Identifier: Apache-2.0
// The whole job for a DPU against the stand-ins: Vitis AI's programs, a board
// behind ssh, a real HTTP server.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "http_server.hpp"
#include "hwprof/model.hpp"
#include "hwprof/record.hpp"
#include "program.hpp"
#include "standins/made_up_dpu.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::HttpServer;
using hwprof_test::Peer;
using hwprof_test::read_all;
using hwprof_test::Received;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

hwprof_test::Environment desk(const TempFolder& folder) {
  return {{"HWPROF_STANDIN", folder.path()},
          {"PATH", HWPROF_DPU_STANDINS ":" + std::string(std::getenv("PATH"))},
          {"no_proxy", "127.0.0.1"}};
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::string tiny =
    "kind: mobilenet\nimage_size: 32\nsettings:\n- [16, 2, 1]\ncandidates: "
    "[MB3 3x3, MB6 3x3]\nlast_channels: 64\n"
    "num_classes: 10\n";

double latency(const Perf& perf) {
  return perf.at(Metric::latency).value;
}

}  // namespace

TEST_CASE(
    "profile on the proxyless space stops where tools and board are "
    "missing, and ends with a model") {
  const TempFolder folder;
  const std::string run = folder.file("run");
  const Words job{"profile",       HWPROF_SOURCE_DIR "/examples/spaces/proxyless.yaml",
                  "--device",      "dpu",
                  "--calibration", "4",
                  "--validation",  "3",
                  "--image-size",  "64",
                  "--out",         run,
                  "--json"};
  // 7x7 kernels of 1152 channels do not fit v1.4.0; the stand-in does not mind.
  const Words lasting{"--device-option", "target=none", "--device-option", "calib-iter=2"};

  const auto no_tools = cli(with(job, lasting), {{"PATH", "/usr/bin:/bin"}});
  CHECK(no_tools.code == 4);
  CHECK(has(no_tools.err, "vai_q_caffe is not on PATH"));
  CHECK(has(no_tools.err, "--resume"));
  const auto other = cli(with(job, {"--resume", "--device-option", "target=none", "--device-option", "calib-iter=3"}));
  CHECK(other.code == 2);
  CHECK(has(other.err, "device-options"));

  const auto environment = desk(folder);
  const auto no_board = cli(with(with(job, lasting), {"--resume", "--device-option", "jobs=2"}), environment);
  CHECK(no_board.code == 4);
  CHECK(has(no_board.err, "server=URL"));
  const std::string log = read_all(folder.file("vitis.log"));

  std::set<std::string> posted;
  const TempFolder there;
  HttpServer server([&](const Received& request, Peer& peer) {
    const std::string name = request.form.at("kernel_name");
    if (posted.size() == 3 && posted.count(name) == 0 && posted.insert("busy").second)
      return (void)peer.answer(500, "busy");
    posted.insert(name);
    const auto kernel = load_dpu_elf(there.write("got.elf", request.form.at("file"))).at(0);
    std::string tables;
    for (unsigned i = 0; i < 8; ++i) tables += hwprof_test::profile_table(kernel, i);
    peer.answer(200, tables);
  });
  const auto outcome =
      cli(with(with(job, lasting), {"--resume", "--device-option", "server=" + server.url()}), environment);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const auto report = outcome.json();
  CHECK(report["measured"]["failed"] == 0);
  CHECK(report["validation"]["n"] == 3);
  CHECK(report["validation"]["mape"].get<double>() < 0.05);
  CHECK(read_all(folder.file("vitis.log")) == log);  // nothing was quantised or compiled twice

  std::size_t fused = 0;
  for (const auto& record : load_records(run + "/records.jsonl")) {
    double sum = record.overhead.empty() ? 0 : latency(record.overhead);
    for (const auto& prim : record.prims) sum += prim.perf.empty() ? 0 : latency(prim.perf);
    CHECK(sum == doctest::Approx(latency(record.overall)));
    CHECK(record.overall.at(Metric::latency).samples == 8);
    double nodes = 0;
    for (const auto& node : record.nodes) nodes += latency(node.perf);
    CHECK(nodes == doctest::Approx(latency(record.overall)).epsilon(0.01));
    CHECK(record.from.environment.at("measure_by") == "server");
    const auto& notes = record.from.environment.find("notes");
    if (notes != record.from.environment.end()) CHECK_FALSE(has(notes->second, "other work than the ops"));
    fused += std::stoul(record.from.environment.at("fused_depthwise"));
  }
  CHECK(fused > 50);
}

TEST_CASE("the steps one by one over ssh, and what each leaves") {
  const TempFolder folder;
  const auto environment = desk(folder);
  const std::string space = folder.write("tiny.yaml", tiny);
  const std::string run = folder.file("run");
  REQUIRE(cli({"genprof", space, "--result-dir", run, "-c", "dpu", "--validation", "2"}).code == 0);
  const Words none{"--device-option", "target=none"};
  const auto early = cli(with({"compile", run, "--json"}, none), environment);
  CHECK_MESSAGE(early.code == 0, early.err);
  CHECK(early.json()["waiting"] == early.json()["networks"]);
  const auto checked = cli(with({"quantize", run, "--check-only", "--json"}, none), environment);
  REQUIRE_MESSAGE(checked.code == 0, checked.err);
  CHECK(checked.json()["step"] == "check");
  CHECK(checked.json()["done"] == checked.json()["networks"]);
  CHECK(has(checked.json()["notes"][0].get<std::string>(), "types of layers: ReLU6 ("));
  CHECK(cli({"compile", run, "--check-only"}).code == 2);
  const auto quantized =
      cli(with({"quantize", run + "/hardwares/0-dpu", "--json", "--device-option", "jobs=2"}, none), environment);
  REQUIRE_MESSAGE(quantized.code == 0, quantized.err);
  CHECK(quantized.json()["done"] == quantized.json()["networks"]);
  CHECK(cli(with({"compile", run}, none), environment).code == 0);
  const Words board{"--device-option", "host=root@zcu102", "--device-option", "target=none"};
  const auto deployed = cli(with({"deploy", run, "--json"}, board), environment);
  REQUIRE_MESSAGE(deployed.code == 0, deployed.err);
  CHECK(fs::exists(folder.file("board/hwprof-dpu/elf/dpu_net0.elf")));
  CHECK_FALSE(fs::exists(folder.file("board/hwprof-dpu/logs")));
  const auto measured = cli(with({"measure", run, "--runs", "7", "--json"}, board), environment);
  REQUIRE_MESSAGE(measured.code == 0, measured.err);
  CHECK(measured.json()["folders"][0]["failed"] == 0);
  const std::string records = folder.file("r.jsonl");
  CHECK(cli({"net2primitive", run, "--result-file", records}).code == 0);
  for (const auto& record : load_records(records)) {
    CHECK(record.state == RunState::measured);
    CHECK(record.overall.at(Metric::latency).samples == 7);
    CHECK(record.from.environment.at("dpu") == "B4096");
    CHECK(record.from.environment.at("runs") == "7");
  }
  folder.write("run/hardwares/0-dpu/0/raw/board.txt", "dexplorer: no such device\n");
  CHECK(cli({"net2primitive", run, "--result-file", folder.file("other.jsonl")}).code == 0);
  const auto unknown = load_records(folder.file("other.jsonl")).at(0);
  CHECK(unknown.state == RunState::measured);  // a board that does not say what it is measured all the same
  CHECK(has(unknown.from.environment.at("notes"), "no DPU core is described here"));
  CHECK(cli({"genmodel", "--records", records, "--type", "table", "--out", folder.file("m.json")}).code == 0);
  CHECK(cli(with({"measure", run, "--runs", "9"}, board), environment).code == 2);
  CHECK(cli({"deploy", run, "--device-option", "hots=x"}).code == 2);
  CHECK(cli({"deploy", folder.path()}).code == 6);
}

TEST_CASE(
    "aw_nas' first-generation files name the compiler dpu; what Caffe "
    "cannot express is named by layer") {
  const TempFolder folder;
  const std::string run = folder.file("run");
  const std::string awnas = HWPROF_SOURCE_DIR "/examples/awnas/";
  const auto outcome = cli(
      {"genprof", awnas + "ofa_final.yaml", awnas + "ofa_lat_first_generation.yaml", "--result-dir", run, "--json"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(fs::exists(run + "/hardwares/0-dpu/0/net.yaml"));
  const auto quantized = cli({"quantize", run, "--json"}, desk(folder));
  REQUIRE_MESSAGE(quantized.code == 0, quantized.err);
  CHECK(quantized.json()["failed"].get<int>() > 0);
  const std::string failure = quantized.json()["failures"][0];
  CHECK(has(failure, "L"));
  CHECK(cli({"net2primitive", run, "--result-file", folder.file("r.jsonl")}).code == 0);
  std::size_t unsupported = 0;
  for (const auto& record : load_records(folder.file("r.jsonl")))
    unsupported += record.state == RunState::unsupported && !record.reason.empty() ? 1 : 0;
  CHECK(unsupported == quantized.json()["failed"]);
}

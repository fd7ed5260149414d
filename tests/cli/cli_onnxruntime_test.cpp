// SPDX-License-Identifier: Apache-2.0
// The whole job on ONNX Runtime, where it is installed.
#include <doctest/doctest.h>

#include <filesystem>

#include "hwprof/format.hpp"
#include "hwprof/record.hpp"
#include "onnxruntime_here.hpp"
#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

TEST_CASE("profile runs a small space on ONNX Runtime from end to end") {
  const std::string package = hwprof_test::onnxruntime_here();
  if (package.empty() || !hwprof::has_onnx()) return;
  const TempFolder folder;
  const std::string space = folder.write("tiny.yaml", hwprof_test::tiny_space);
  const std::string run = folder.file("run");
  const std::vector<std::string> command{"profile",       space,  "--device",     "onnxruntime", "--out",    run,
                                         "--calibration", "6",    "--validation", "3",           "--budget", "12",
                                         "--ci",          "0.05", "--json"};
  const auto done = cli(command, {{"HWPROF_ONNXRUNTIME", package}});
  REQUIRE_MESSAGE(done.code == 0, done.err);
  const auto report = done.json();
  CHECK(report["measured"]["failed"] == 0);
  CHECK(report["validation"]["n"] == 3);
  const auto records = hwprof::load_records(run + "/records.jsonl");
  REQUIRE(records.size() == report["generated"]["nets"].get<std::size_t>());
  for (const auto& record : records) {
    CHECK(record.from.device == "onnxruntime");
    CHECK(record.from.environment.at("graph_optimization") == "all");
    const double overall = record.overall.at(hwprof::Metric::latency).value;
    double sum = record.overhead.at(hwprof::Metric::latency).value;
    CHECK(sum > 0);
    for (const auto& prim : record.prims) sum += prim.perf.at(hwprof::Metric::latency).value;
    CHECK(sum == doctest::Approx(overall));
    CHECK(record.nodes.size() >= record.prims.size());
    CHECK(record.prims.front().perf.at(hwprof::Metric::latency).value > 0);
  }
  auto resume = command;
  resume.emplace_back("--resume");
  const auto again = cli(resume, {{"HWPROF_ONNXRUNTIME", package}});
  REQUIRE_MESSAGE(again.code == 0, again.err);
  CHECK(again.json()["measured"]["failed"] == 0);
}

TEST_CASE("without the package the device says how to get it") {
  if (!hwprof::has_onnx()) return;
  const TempFolder folder;
  const std::string space = folder.write("nine.yaml", hwprof_test::nine_networks);
  const auto refused = cli({"profile", space, "--device", "onnxruntime", "--out", folder.file("run")},
                           {{"HWPROF_ONNXRUNTIME", folder.file("nowhere")}, {"PATH", folder.file("no-programs")}});
  CHECK(refused.code == 4);
  CHECK(has(refused.err, "install_onnxruntime.sh"));
}

// SPDX-License-Identifier: Apache-2.0
// The whole job for a phone, from nnabla-nas' MobileNetV2 space to the estimator, against the stand-in programs.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "hwprof/latency_table.hpp"
#include "hwprof/objective.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::read_all;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

namespace {

const std::string space = HWPROF_SOURCE_DIR "/examples/spaces/mobilenet_cifar10.yaml";

hwprof_test::Environment phones(const TempFolder& folder, const std::string& control) {
  folder.write("control.json", control);
  return {{"HWPROF_STANDIN", folder.path()}, {"PATH", HWPROF_SNPE_STANDINS ":" + std::string(std::getenv("PATH"))}};
}

double latency(const Perf& perf) {
  return perf.at(Metric::latency).value;
}

}  // namespace

TEST_CASE("profile, table, genmodel and the search's objective on a phone whose true cost is known") {
  const TempFolder folder;
  const auto environment = phones(folder, R"({"phones": {"P1": "device", "P2": "device"}, "lose": {"P2": 20}})");
  const std::string run = folder.file("run");
  const auto outcome =
      cli({"profile", space,          "--device", "snpe",     "--runtime", "GPU",        "--phone",
           "P1",      "--phone",      "P2",       "--inputs", "2",         "--isolated", "--calibration",
           "12",      "--validation", "8",        "--out",    run,         "--json"},
          environment);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const auto report = outcome.json();
  CHECK(report["measured"]["failed"] == 0);
  CHECK(report["validation"]["n"] == 8);
  CHECK(report["validation"]["mape"].get<double>() < 0.02);

  // What nnabla-nas warns of: adding up the times of whole runs counts the launching once a module.
  std::map<std::string, double> alone;
  const auto records = load_records(run + "/records.jsonl");
  for (const auto& record : records)
    if (record.purpose == "coverage") alone[to_string(record.prims.at(0).prim)] = latency(record.overall);
  CHECK(alone.size() > 50);
  int whole = 0;
  for (const auto& record : records) {
    if (record.purpose != "validation") continue;
    ++whole;
    double sum = 0;
    for (const auto& prim : record.prims) sum += alone.at(to_string(prim.prim));
    CHECK(sum / latency(record.overall) > 1.5);
    CHECK(latency(record.overhead) == doctest::Approx(650e-6).epsilon(0.1));
  }
  CHECK(whole == 8);

  SUBCASE("the objective of a search") {
    const auto loaded = load_space(space);
    const auto model = load_model(run + "/model.json");
    double error = 0;
    for (const auto& record : records)
      if (record.purpose == "validation")
        error += std::abs(model.predict(loaded.space->primitives(parse_arch(*loaded.space, record.arch))) /
                              latency(record.overall) -
                          1);
    CHECK(error / 8 < 0.02);
    CHECK(model.summary().coefficients.at("bias") == doctest::Approx(650e-6).epsilon(0.25));
  }
  SUBCASE("a runtime that was not asked for has no records") {
    const auto other =
        cli({"net2primitive", run, "--device", "snpe:DSP", "--result-file", folder.file("dsp.jsonl"), "--json"});
    REQUIRE_MESSAGE(other.code == 0, other.err);
    CHECK(other.json()["states"]["failed"] == other.json()["records"]);
    const auto same =
        cli({"net2primitive", run, "--device", "snpe:GPU", "--result-file", folder.file("gpu.jsonl"), "--json"});
    CHECK(same.json()["states"]["measured"] == same.json()["records"]);
    CHECK(read_all(folder.file("gpu.jsonl")) == read_all(run + "/records.jsonl"));
  }
  SUBCASE("the table and what is fitted to it") {
    const std::string stem = folder.file("table");
    const auto made = cli({"table", run, "--out", stem, "--json"}, environment);
    REQUIRE_MESSAGE(made.code == 0, made.err);
    CHECK(made.json()["modules"] == alone.size());
    const auto table = load_latency_table(stem + ".csv");
    for (const auto& row : table.rows) CHECK(row.layers->avg_us < row.total->avg_us);
    CHECK(has(read_all(stem + ".meta"), "perf_profile:sustained_high_performance\n"));
    CHECK(has(read_all(stem + ".meta"), "gpu_clock_hz:585000000\n"));
    const std::string model = folder.file("t.json");
    const auto fitted = cli({"genmodel", "--records", stem + ".csv", "--device", "snpe:GPU", "--type", "table", "--out",
                             model, "--export-header", folder.file("t.hpp"), "--export-python", folder.file("t.py")});
    REQUIRE_MESSAGE(fitted.code == 0, fitted.err);
    // Their precision is the same, so table and records go together.
    for (const std::string& file : {stem + ".csv", stem + ".json"}) {
      const auto both = cli({"genmodel", "--records", file, "--records", run + "/records.jsonl", "--device", "snpe:GPU",
                             "--type", "linear", "--out", folder.file("both.json"), "--force"});
      CHECK_MESSAGE(both.code == 0, both.err);
    }
    const auto loaded = load_model(model);
    // The table's sum is the layers alone: what is missing to the whole is the launching, and 4 % of cache.
    for (const auto& record : records) {
      if (record.purpose != "validation") continue;
      double layers = 0;
      std::vector<Prim> prims;
      for (const auto& prim : record.prims) {
        layers += latency(prim.perf);
        prims.push_back(prim.prim);
      }
      CHECK(loaded.predict(prims) == doctest::Approx(layers / 0.96).epsilon(0.01));
    }
    CHECK(has(read_all(folder.file("t.hpp")), "inline double estimate("));
    CHECK(has(read_all(folder.file("t.py")), "def estimate(prims):"));
    CHECK(has(cli({"genmodel", "--records", stem + ".csv", "--device", "snpe:GPA", "--type", "table", "--out",
                   folder.file("x.json")})
                  .err,
              "snpe:GPU"));
    CHECK(cli({"table", run, "--out", stem}, environment).code == 2);
  }
}

TEST_CASE("a phone that goes away midway ends the job with 5, and resume completes it") {
  const TempFolder folder;
  const auto environment = phones(folder, R"({"phones": {"P1": "device"}, "lose": {"P1": 4}})");
  const std::string file = folder.write("tiny.yaml",
                                        "kind: mobilenet\nimage_size: 32\nsettings:\n- [16, 2, 1]\n"
                                        "candidates: [MB3 3x3, MB6 3x3]\nlast_channels: 64\nnum_classes: 10\n");
  const std::vector<std::string> job{
      "profile",          file,           "--device", "snpe",          "--inputs", "1",         "--out",
      folder.file("run"), "--validation", "2",        "--calibration", "2",        "--isolated"};
  const auto stopped = cli(job, environment);
  CHECK(stopped.code == 5);
  CHECK(has(stopped.err, "no phone is left"));
  fs::remove(folder.file("gone-P1"));
  auto resumed = job;
  resumed.emplace_back("--resume");
  const auto done = cli(resumed, environment);
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(cli({"profile", file, "--device", "snpe", "--device-option", "nonsense", "--out", folder.file("r")}).code == 2);
  CHECK(has(
      cli({"profile", file, "--device", "snpe", "--device-option", "run=1", "--out", folder.file("r2"), "--isolated"},
          environment)
          .err,
      "runs"));
}

TEST_CASE("bench takes a folder of ONNX files and its table the names of their index") {
  const TempFolder folder;
  const auto environment = phones(folder, R"({"phones": {"P1": "device"}})");
  REQUIRE(cli({"export", space, "--out", folder.file("all")}).code == 0);
  const auto index = nlohmann::json::parse(read_all(folder.file("all/index.json")));
  fs::create_directories(folder.file("models"));
  fs::copy_file(folder.file("all/index.json"), folder.file("models/index.json"));
  for (const int i : {0, 7}) {
    const std::string name = index["files"][static_cast<std::size_t>(i)]["file"];
    fs::copy_file(folder.file("all/" + name), folder.file("models/" + name));
  }
  fs::copy_file(folder.file("all/" + index["files"][9]["file"].get<std::string>()), folder.file("models/own.onnx"));
  const auto bench = cli({"bench", "snpe", folder.file("models"), "--out", folder.file("bench"), "--runtime", "CPU",
                          "--runtime", "GPU", "--inputs", "1", "--json"},
                         environment);
  REQUIRE_MESSAGE(bench.code == 0, bench.err);
  CHECK(bench.json()["done"] == 3);
  CHECK(cli({"table", folder.file("bench"), "--out", folder.file("t")}).code == 0);
  const std::string csv = read_all(folder.file("t.csv"));
  for (const int i : {0, 7})
    CHECK(has(csv, "\"" + index["files"][static_cast<std::size_t>(i)]["module_uid"].get<std::string>() +
                       "\",CPU,Layers Time,Avg_Time,"));
  CHECK(has(csv, "own,GPU,Total Inference Time,Min_Time,"));
  CHECK(has(cli({"bench", "cpu", folder.file("models"), "--out", folder.file("b2")}).err, "snpe is expected"));
  CHECK(cli({"bench", "snpe", folder.file("models")}).code == 2);
  CHECK(cli({"bench", "snpe", folder.file("none"), "--out", folder.file("b3")}).code == 3);
}

TEST_CASE("bench notices a model that was replaced, one damaged file, and names that are none") {
  const TempFolder folder;
  const auto environment = phones(folder, R"({"phones": {"P1": "device"}})");
  REQUIRE(cli({"export", space, "--out", folder.file("all")}).code == 0);
  const auto index = nlohmann::json::parse(read_all(folder.file("all/index.json")));
  const auto exported = [&](std::size_t i) {
    return folder.file("all/" + index["files"][i]["file"].get<std::string>());
  };
  fs::create_directories(folder.file("models"));
  const std::string mine = folder.file("models/mine.onnx");
  fs::copy_file(exported(0), mine);
  fs::copy_file(exported(3), folder.file("models/other.onnx"));
  const auto bench = [&] {
    return cli({"bench", "snpe", folder.file("models"), "--out", folder.file("bench"), "--inputs", "1", "--json"},
               environment);
  };
  REQUIRE(bench().json()["done"] == 2);
  CHECK(bench().json()["done_before"] == 2);
  const auto time_of = [&] {
    const auto made = cli({"table", folder.file("bench"), "--out", folder.file("t"), "--force", "--json"});
    CHECK_MESSAGE(made.code == 0, made.err);
    for (const auto& row : load_latency_table(folder.file("t.csv")).rows)
      if (row.uid == "mine") return row.layers->avg_us;
    return 0.0;
  };
  const double before = time_of();
  const auto old = fs::last_write_time(mine) - std::chrono::hours(48);
  fs::copy_file(exported(20), mine, fs::copy_options::overwrite_existing);
  fs::last_write_time(mine, old);
  CHECK(bench().json()["done_before"] == 1);
  CHECK(time_of() != before);

  folder.write("bench/mine/raw/session.json", "{\"schema\": ");
  const auto made = cli({"table", folder.file("bench"), "--out", folder.file("u"), "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json()["rows"] == 1);
  CHECK(has(made.json()["problems"].at(0), "mine: "));
  CHECK(bench().json()["done_before"] == 1);
  CHECK(time_of() > 0);

  for (const char* name : {"...onnx", "..onnx"}) {
    fs::copy_file(exported(0), folder.file("models/" + std::string(name)));
    const auto refused = bench();
    CHECK(refused.code == 3);
    CHECK(has(refused.err, name));
    fs::remove(folder.file("models/" + std::string(name)));
  }
  CHECK_FALSE(fs::exists(folder.file("model.onnx")));
}

TEST_CASE("table and genmodel take the folder that nnabla-nas' scripts bench into") {
  const TempFolder folder;
  const auto put = [&folder](const std::string& uid, const char* time) {
    folder.write("space/" + uid + "/latest_results/stats.json",
                 std::string(R"x({"Runtimes": "GPU", "Execution_Data": {"GPU": {"Total Inference Time":
      {"Min_Time": 600, "Avg_Time": 700, "Max_Time": 800}, "layer_001 (Name:y Type:x)": {"Min_Time": 1, "Avg_Time": )x") +
                     time + R"(, "Max_Time": 90}}}})");
  };
  put("ReLU6[][[1,32,16,16]]", "10");
  put("ReLU6[][[1,64,16,16]]", "20");
  put("ReLU6[][[1,96,16,16]]", "NaN");
  const auto made = cli({"table", folder.file("space"), "--out", folder.file("t"), "--json"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(made.json()["modules"] == 2);
  CHECK(made.json()["problems"].size() == 1);
  CHECK(has(read_all(folder.file("t.csv")), "\"ReLU6[][[1,64,16,16]]\",GPU,Layers Time,Avg_Time,20.0\n"));
  const auto fitted = cli({"genmodel", "--records", folder.file("space"), "--device", "snpe:GPU", "--type", "table",
                           "--out", folder.file("m.json")});
  REQUIRE_MESSAGE(fitted.code == 0, fitted.err);
  CHECK(load_model(folder.file("m.json")).predict({parse_module_uid("ReLU6[][[1,64,16,16]]")}) ==
        doctest::Approx(20e-6));
}

// SPDX-License-Identifier: Apache-2.0
// Whole jobs, from the space to the prediction.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::Outcome;
using hwprof_test::Program;
using hwprof_test::read_all;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

namespace {

/// A folder with the tiny space and the profile command on the made-up device.
struct Job {
  TempFolder folder;
  std::string space = folder.write("tiny.yaml", hwprof_test::tiny_space);
  std::string run = folder.file("run");

  [[nodiscard]] Arguments profile(const Arguments& more = {}, const std::string& validation = "8") const {
    Arguments all{"profile", space, "--device",      "fake", "--plugin",     HWPROF_TEST_PLUGIN,
                  "--out",   run,   "--calibration", "12",   "--validation", validation};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

std::vector<nlohmann::json> records(const std::string& file) {
  std::vector<nlohmann::json> out;
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

std::multiset<std::string> lines_of(const std::string& file) {
  std::multiset<std::string> out;
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) out.insert(line);
  return out;
}

}  // namespace

TEST_CASE("profile measures, fits, validates, and its files serve the other verbs") {
  const Job job;
  const auto outcome = cli(job.profile({"--json"}));
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const auto report = outcome.json();
  CHECK(report["schema"] == "hwprof.profile/1");
  CHECK(report["generated"]["calibration_nets"] == 12);
  CHECK(report["generated"]["validation_nets"] == 8);
  CHECK(report["measured"]["nets"] == report["generated"]["nets"]);
  CHECK(report["measured"]["failed"] == 0);
  CHECK(report["validation"]["n"] == 8);
  CHECK(report["validation"]["mape"].get<double>() < 0.01);
  for (const char* name : {"run.json", "config.yaml", "prof_prims.yaml", "prof_nets/0.yaml",
                           "hardwares/0-fake/0/net.yaml", "records.jsonl", "model.json", "validation.json"})
    CHECK_MESSAGE(fs::exists(fs::path(job.run) / name), name);
  CHECK(records(job.run + "/records.jsonl").size() == report["generated"]["nets"]);

  SUBCASE("predict") {
    const auto by_sample = cli({"predict", "--model", job.run, "--sample", "3", "--json"});
    REQUIRE_MESSAGE(by_sample.code == 0, by_sample.err);
    const auto rows = by_sample.json()["predictions"];
    REQUIRE(rows.size() == 3);
    const std::string arch = rows[1]["arch"];
    const auto by_arch = cli({"predict", "--model", job.run + "/model.json", arch, "--json"}).json();
    CHECK(by_arch["predictions"][0]["value"] == rows[1]["value"]);
    CHECK(by_arch["unit"] == "s");
    CHECK(has(cli({"predict", "--model", job.run, arch}).out, arch + "  "));
    const auto alone = cli({"predict", "--model", job.run, "--prims", job.run + "/prof_prims.yaml", "--json"});
    CHECK(alone.json()["predictions"].size() == 1);
    CHECK(cli({"predict", "--model", job.run}).code == 2);
    CHECK(cli({"predict", "--model", job.run, "9.9"}).code == 2);
    CHECK(cli({"predict", "--model", job.folder.file("none.json"), arch}).code == 3);
  }
  SUBCASE("predict names a primitive that was not measured") {
    const auto other = job.folder.write(
        "other.yaml", "- {prim_type: conv_bn_relu_3x3, spatial_size: 99, C: 7, C_out: 5, stride: 1}\n");
    const auto missing = cli({"predict", "--model", job.run, "--prims", other});
    CHECK(missing.code == 6);
    CHECK(has(missing.err, "conv_bn_relu_3x3:99x7x5"));
    CHECK(missing.out.empty());
  }
  SUBCASE("evaluate") {
    const auto json = cli({"evaluate", "--model", job.run, "--json"}).json();
    for (const char* key : {"n", "mape", "median_ape", "rrmse", "max_ape", "within_5", "within_10", "pearson",
                            "spearman", "kendall", "repeatability_mape"})
      CHECK_MESSAGE(json[key].is_number(), key);
    CHECK(json["mape"] == report["validation"]["mape"]);
    CHECK(has(cli({"evaluate", "--model", job.run}).out, "Spearman"));
    std::string csv = "arch,latency_ms\n";
    const auto predicted = cli({"predict", "--model", job.run, "--sample", "4", "--json"}).json();
    for (const auto& row : predicted["predictions"])
      csv += row["arch"].get<std::string>() + "," + std::to_string(row["value"].get<double>() * 1e3) + "\n";
    const auto measured = job.folder.write("measured.csv", csv);
    const auto by_arch = cli({"evaluate", "--model", job.run, "--records", measured, "--json"});
    REQUIRE_MESSAGE(by_arch.code == 0, by_arch.err);
    CHECK(by_arch.json()["n"] == 4);
    CHECK(by_arch.json()["mape"].get<double>() < 1e-3);
    const auto model = job.folder.file("alone.json");
    fs::copy_file(job.run + "/model.json", model);
    const auto without = cli({"evaluate", "--model", model, "--records", measured});
    CHECK(without.code == 2);
    CHECK(has(without.err, "--space"));
    CHECK(cli({"evaluate", "--model", model, "--records", measured, "--space", job.space, "--json"}).json()["n"] == 4);
  }
  SUBCASE("net2primitive and genmodel") {
    const auto file = job.folder.file("again.jsonl");
    const Arguments parse{"net2primitive", job.run, "--result-file", file, "--plugin", HWPROF_TEST_PLUGIN};
    CHECK(cli(parse).code == 0);
    CHECK(read_all(file) == read_all(job.run + "/records.jsonl"));
    CHECK(cli(parse).code == 2);
    CHECK(cli({"genmodel", "--records", file, "--type", "table", "--out", job.folder.file("table.json")}).code == 0);
    CHECK(cli({"genmodel", "--records", file, "--type", "tabel", "--out", job.folder.file("x.json")}).code == 2);
    CHECK(cli({"genmodel", "--out", job.folder.file("x.json")}).code == 2);
    const auto by_table = cli({"evaluate", "--model", job.folder.file("table.json"), "--records", file, "--json"});
    CHECK(by_table.json()["n"] == 8);
    const auto again = job.folder.file("again.json");
    CHECK(cli({"genmodel", "--records", job.run + "/records.jsonl", "--out", again}).code == 0);
    const auto space_in = [](const std::string& model) {
      return nlohmann::json::parse(read_all(model))["from"]["environment"].value("space", "");
    };
    CHECK(space_in(job.run + "/model.json").size() == 16);
    CHECK(space_in(again) == space_in(job.run + "/model.json"));
  }
  SUBCASE("aw_nas' result files hold the same") {
    const auto dir = job.folder.file("parsed");
    const std::string hardware = job.run + "/hardwares/0-fake";
    const Arguments parse{"parse",           job.space,      hardware, job.run + "/prof_prims.yaml",
                          hardware,          "--result-dir", dir,      "--plugin",
                          HWPROF_TEST_PLUGIN};
    const auto parsed = cli(parse);
    REQUIRE_MESSAGE(parsed.code == 0, parsed.err);
    CHECK(cli(parse).code == 2);
    const auto model = job.folder.file("awnas.json");
    const auto made = cli({"genmodel", "--records", dir, "--type", "table", "--out", model, "--json"});
    REQUIRE_MESSAGE(made.code == 0, made.err);
    CHECK(made.json()["model"]["prims_known"].get<int>() >= report["model"]["prims_known"].get<int>());
    const auto again = cli({"evaluate", "--model", model, "--records", job.run + "/records.jsonl", "--json"}).json();
    CHECK(again["mape"].get<double>() < 0.01);
  }
}

TEST_CASE("records that are given twice count once, and a file without any is named") {
  const Job job;
  REQUIRE(cli(job.profile()).code == 0);
  const std::string records = job.run + "/records.jsonl";
  const auto fitted = [&](Arguments files, const std::string& out) {
    files.insert(files.begin(), "genmodel");
    files.insert(files.end(), {"--out", job.folder.file(out), "--json"});
    return cli(files);
  };
  const auto once = fitted({"--records", records}, "once.json");
  const auto twice = fitted({"--records", records, "--records", records}, "twice.json");
  REQUIRE_MESSAGE(twice.code == 0, twice.err);
  CHECK(has(twice.out, "records were given twice"));
  CHECK_FALSE(has(once.out, "records were given twice"));
  CHECK(read_all(job.folder.file("once.json")) == read_all(job.folder.file("twice.json")));
  const auto empty = fitted({"--records", job.folder.write("empty.jsonl", "")}, "none.json");
  CHECK(empty.code == 3);
  CHECK(has(empty.err, "empty.jsonl"));
}

TEST_CASE("the report for people") {
  const Job job;
  const auto outcome = cli(job.profile());
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  for (const char* part : {"primitives", "12 for calibration, 8 for validation", "steady", "linear: ", "8 networks",
                           "MAPE", "Spearman", "Kendall", "within 5 %", "records.jsonl", "predict --model"})
    CHECK(has(outcome.out, part));
  CHECK(outcome.err.empty());
  const Job quiet;
  CHECK(cli(quiet.profile({"--quiet"})).out.empty());
}

TEST_CASE("genprof, measure and net2primitive are the steps of profile") {
  const Job job;
  const auto generated = cli({"genprof", job.space, "--result-dir", job.run, "-c", "fake", "--plugin",
                              HWPROF_TEST_PLUGIN, "--calibration", "12", "--validation", "8", "--json"});
  REQUIRE_MESSAGE(generated.code == 0, generated.err);
  const auto measured = cli({"measure", job.run, "--plugin", HWPROF_TEST_PLUGIN, "--json"});
  REQUIRE_MESSAGE(measured.code == 0, measured.err);
  CHECK(measured.json()["folders"][0]["measured"] == generated.json()["nets"]);
  const auto steps = job.folder.file("steps.jsonl");
  REQUIRE(cli({"net2primitive", job.run + "/hardwares/0-fake", "--result-file", steps, "--plugin", HWPROF_TEST_PLUGIN})
              .code == 0);
  const Job whole;
  REQUIRE(cli(whole.profile()).code == 0);
  CHECK(read_all(steps) == read_all(whole.run + "/records.jsonl"));
  CHECK(cli({"measure", job.folder.file("nowhere"), "--plugin", HWPROF_TEST_PLUGIN}).code == 3);
  CHECK(cli({"measure", job.folder.path(), "--plugin", HWPROF_TEST_PLUGIN}).code == 2);
}

TEST_CASE("a folder that is not ours is refused and left as it was") {
  const Job job;
  job.folder.write("run/thesis.txt", "years of work");
  for (const Arguments& more : {Arguments{}, Arguments{"--force"}, Arguments{"--resume"}}) {
    const auto outcome = cli(job.profile(more));
    CHECK(outcome.code == 2);
    CHECK(has(outcome.err, "thesis.txt"));
  }
  CHECK(lines_of(job.run + "/thesis.txt").count("years of work") == 1);
  CHECK(std::distance(fs::directory_iterator(job.run), {}) == 1);
}

TEST_CASE("a run is only replaced with --force, and what others put there stays") {
  const Job job;
  REQUIRE(cli(job.profile()).code == 0);
  const auto again = cli(job.profile());
  CHECK(again.code == 2);
  CHECK(has(again.err, "--resume"));
  job.folder.write("run/notes.txt", "mine");
  job.folder.write("run/prof_nets/notes.txt", "mine");
  const auto forced = cli(job.profile({"--force", "--seed", "5"}));
  REQUIRE_MESSAGE(forced.code == 0, forced.err);
  CHECK(read_all(job.run + "/notes.txt") == "mine");
  CHECK(read_all(job.run + "/prof_nets/notes.txt") == "mine");
  // What lies in raw/ or has a name like a temporary file's stays as well.
  fs::path artifact;
  for (const auto& entry : fs::recursive_directory_iterator(job.run + "/hardwares"))
    if (entry.path().filename() == "net.yaml" && artifact.empty()) artifact = entry.path().parent_path();
  REQUIRE(fs::is_directory(artifact / "raw"));
  std::ofstream(artifact / "raw/notes.txt") << "mine";
  job.folder.write("run/notes.hwprof-backup", "mine");
  REQUIRE(cli(job.profile({"--force", "--seed", "6"})).code == 0);
  CHECK(read_all((artifact / "raw/notes.txt").string()) == "mine");
  CHECK(read_all(job.run + "/notes.hwprof-backup") == "mine");
  // In the way of a compiled network, it is named before anything is erased.
  std::ofstream(artifact / "notes.txt") << "mine";
  const auto records = read_all(job.run + "/records.jsonl");
  const auto blocked = cli(job.profile({"--force", "--seed", "7"}));
  CHECK(blocked.code == 2);
  CHECK(has(blocked.err, "notes.txt"));
  CHECK(read_all(job.run + "/records.jsonl") == records);
  fs::remove(job.run + "/.hwprof-manifest");
  CHECK(cli(job.profile({"--force"})).code == 2);
}

TEST_CASE("folders that the system refuses to look into are bad input, and what is in a foreign folder stays") {
  const Job job;
  fs::create_symlink("loop", job.folder.file("loop"));
  for (const auto& arguments : {Arguments{"genprof", job.space, "--result-dir", job.folder.file("loop")},
                                Arguments{"net2primitive", job.folder.file("loop"), "--result-file", "x.jsonl"}}) {
    const auto outcome = cli(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(has(outcome.err, "loop"));
  }
  job.folder.write("theirs/notes.hwprof-part-abcdef", "mine");
  job.folder.write("theirs/other.txt", "mine");
  CHECK(cli({"genprof", job.space, "--result-dir", job.folder.file("theirs")}).code == 2);
  CHECK(read_all(job.folder.file("theirs/notes.hwprof-part-abcdef")) == "mine");
}

TEST_CASE("resume asks for the same options and names those that differ") {
  const Job job;
  REQUIRE(cli(job.profile()).code == 0);
  const auto before = read_all(job.run + "/records.jsonl");
  const auto other = cli(job.profile({"--resume", "--batch", "4", "--huber"}));
  CHECK(other.code == 2);
  CHECK(has(other.err, "batch (1 then, 4 now)"));
  CHECK(has(other.err, "huber (false then, true now)"));
  CHECK_FALSE(has(other.err, "threads"));
  const auto same = cli(job.profile({"--resume"}));
  CHECK_MESSAGE(same.code == 0, same.err);
  CHECK(read_all(job.run + "/records.jsonl") == before);
  std::string text = hwprof_test::tiny_space;
  text.replace(text.find("channels: 24"), 12, "channels: 40");
  job.folder.write("tiny.yaml", text);
  const auto moved = cli(job.profile({"--resume"}));
  CHECK(moved.code == 2);
  CHECK(has(moved.err, "the space has changed"));
}

TEST_CASE("a signal stops the run with a hint, and resume completes it without measuring twice") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Job job;
    const auto log = job.folder.file("log");
    const hwprof_test::Environment slow{{"HWPROF_FAKE_DELAY_MS", "20"}, {"HWPROF_FAKE_LOG", log}};
    Program program(job.profile(), slow);
    for (int turn = 0; turn < 1000 && read_all(log).empty(); ++turn)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    program.send(signal);
    const Outcome stopped = program.wait();
    CHECK(stopped.code == 7);
    CHECK(has(stopped.err, "--resume"));
    CHECK_FALSE(fs::exists(job.run + "/model.json"));
    const auto outcome = cli(job.profile({"--resume", "--json"}), {{"HWPROF_FAKE_LOG", log}});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    const auto measured = lines_of(log);
    CHECK(measured.size() == outcome.json()["generated"]["nets"]);
    CHECK(std::set<std::string>(measured.begin(), measured.end()).size() == measured.size());
  }
}

TEST_CASE("killed at any moment and resumed, a run ends as if it had not been") {
  const Job whole;
  REQUIRE(cli(whole.profile()).code == 0);
  const Job job;
  std::mt19937 rng(7);
  for (int kill = 0; kill < 25; ++kill) {
    Program program(job.profile({"--resume"}), {{"HWPROF_FAKE_DELAY_MS", "5"}});
    std::this_thread::sleep_for(std::chrono::milliseconds(rng() % 120));
    program.send(SIGKILL);
    (void)program.wait();
  }
  const auto outcome = cli(job.profile({"--resume"}));
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(read_all(job.run + "/records.jsonl") == read_all(whole.run + "/records.jsonl"));
  CHECK(read_all(job.run + "/model.json") == read_all(whole.run + "/model.json"));
  // Everything is on the list of what hwprof wrote, so it can be replaced.
  const auto forced = cli(job.profile({"--force"}));
  CHECK_MESSAGE(forced.code == 0, forced.err);
}

TEST_CASE("two processes do not work in one folder") {
  const Job job;
  const auto log = job.folder.file("log");
  Program first(job.profile(), {{"HWPROF_FAKE_DELAY_MS", "50"}, {"HWPROF_FAKE_LOG", log}});
  for (int turn = 0; turn < 1000 && read_all(log).empty(); ++turn)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto second = cli(job.profile({"--resume"}));
  CHECK(second.code == 2);
  CHECK(has(second.err, "another hwprof process"));
}

TEST_CASE("a space with few networks keeps some for validation, and says so") {
  const TempFolder folder;
  const auto space = folder.write("nine.yaml", hwprof_test::nine_networks);
  const auto outcome = cli({"profile", space, "--device", "fake", "--plugin", HWPROF_TEST_PLUGIN, "--out",
                            folder.file("run"), "--model", "table", "--json"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const auto report = outcome.json();
  CHECK(report["generated"]["validation_nets"] == 2);
  CHECK(report["generated"]["calibration_nets"] == 4);
  CHECK(report["validation"]["n"] == 2);
  REQUIRE(report["notes"].size() == 1);
  CHECK(has(report["notes"][0], "only 6 distinct networks"));
}

TEST_CASE("without validation nothing is said about the error") {
  const Job job;
  const auto outcome = cli(job.profile({"--json"}, "0"));
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(outcome.json()["validation"].is_null());
  CHECK_FALSE(fs::exists(job.run + "/validation.json"));
  const auto evaluated = cli({"evaluate", "--model", job.run, "--json"}).json();
  CHECK(has(evaluated["notes"][0], "may have been fitted on"));
}

TEST_CASE("a device that is not there is refused before anything is written") {
  const Job job;
  for (const char* device : {"tpu", "cuda:99"}) {
    const auto outcome = cli({"profile", job.space, "--out", job.run, "--device", device});
    CHECK((outcome.code == 2 || outcome.code == 4));
    CHECK(has(outcome.err, device));
    CHECK_FALSE(fs::exists(job.run));
  }
#if !HWPROF_TEST_TORCH
  const auto outcome = cli({"profile", job.space, "--out", job.run, "--device", "cpu"});
  CHECK(outcome.code == 4);
  CHECK(has(outcome.err, "-DHWPROF_TORCH=ON"));
#endif
}

#if HWPROF_TEST_TORCH
TEST_CASE("what the processor cannot do is refused before anything is written, and -1 is cpu") {
  const Job job;
  const auto outcome = cli({"profile", job.space, "--out", job.run, "--device", "-1", "--threads", "4096"});
  CHECK(outcome.code == 2);
  CHECK(has(outcome.err, "4096 threads asked for"));
  CHECK_FALSE(fs::exists(job.run));
  REQUIRE(cli({"genprof", job.space, "--result-dir", job.run, "-c", "-1"}).code == 0);
  CHECK(fs::is_directory(job.run + "/hardwares/0-cpu"));
}

TEST_CASE("a whole profile on the processor") {
  const Job job;
  const auto outcome = cli({"profile", job.space, "--out", job.run, "--device", "cpu", "--budget", "3", "--calibration",
                            "8", "--validation", "4", "--json"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const auto report = outcome.json();
  CHECK(report["measured"]["failed"] == 0);
  CHECK(report["measured"]["rounds"].get<int>() > 0);
  CHECK(report["measured"]["samples"].get<int>() > 0);
  CHECK(report["validation"]["n"] == 4);
  CHECK(report["validation"]["repeatability_mape"].is_number());
  CHECK(cli({"predict", "--model", job.run, "--sample", "2"}).code == 0);
}
#endif

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "program.hpp"
#include "ssprofile_data.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::Program;
using hwprof_test::read_all;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

namespace {

const std::string example = std::string(HWPROF_SOURCE_DIR) + "/examples/ssprofile/fashion.yaml";

struct Job {
  TempFolder folder;
  std::string config = folder.write("tiny.yaml", hwprof_test::tiny_ssprofile);
  Job() { hwprof_test::write_idx_data(folder); }

  [[nodiscard]] Arguments call(const std::string& dir, const Arguments& more = {}) const {
    Arguments all{"ssprofile", config, "--profile-dir", folder.file(dir),   "--data", "idx:" + folder.file("data"),
                  "--device",  "fake", "--plugin",      HWPROF_TEST_PLUGIN, "--seed", "5"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] std::string tables(const std::string& dir) const {
    std::string out;
    for (const char* name : {"accuracy_table.yaml", "latency_table.yaml", "networks.csv", "output.yaml", "speed.txt"})
      out += read_all(folder.file(dir + "/" + name));
    return out;
  }
};

}  // namespace

TEST_CASE("a dry run of the example goes through and is marked") {
  const TempFolder folder;
  const std::string dir = folder.file("profile");
  const auto outcome = cli({"ssprofile", example, "--profile-dir", dir, "--dry-run", "--seed", "2"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(has(outcome.out, "random numbers"));
  CHECK(has(read_all(dir + "/output.yaml"), "# dry run: random accuracies and latencies"));
  const auto by_variable =
      cli({"ssprofile", example, "--profile-dir", folder.file("other"), "--seed", "2", "--json"}, {{"DEBUG", "1"}});
  REQUIRE_MESSAGE(by_variable.code == 0, by_variable.err);
  CHECK(by_variable.json()["dry_run"].size() == 2);
  CHECK(read_all(dir + "/networks.csv") == read_all(folder.file("other/networks.csv")));
  // "0" is off: then the data, which is not there, is asked for.
  const auto off =
      cli({"ssprofile", example, "--profile-dir", folder.file("off"), "--data", "idx:/nowhere", "--dry-run-latency"},
          {{"DEBUG", "0"}, {"DEBUG_ACC", "0"}});
  CHECK(off.code == (HWPROF_TEST_TORCH ? 6 : 4));
  const auto again = cli({"ssprofile", example, "--profile-dir", dir, "--dry-run", "--seed", "2"});
  CHECK(again.code == 2);
  CHECK(has(again.err, "--resume"));
}

TEST_CASE("an objective without data, a wrong call") {
  const TempFolder folder;
  const auto outcome = cli(
      {"ssprofile", example, "--profile-dir", folder.file("profile"), "--objective", "params", "--dry-run-latency"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(has(outcome.out, "latencies are random"));
  CHECK(cli({"ssprofile", example}).code == 2);
  CHECK(cli({"ssprofile", "no.yaml", "--profile-dir", folder.file("none"), "--dry-run"}).code == 3);
  CHECK_FALSE(fs::exists(folder.file("none")));
}

#if HWPROF_TEST_TORCH
TEST_CASE("training: a second run gives the same tables, and a run killed at random moments too") {
  const Job job;
  const auto whole = cli(job.call("whole"));
  REQUIRE_MESSAGE(whole.code == 0, whole.err);
  const std::string expected = job.tables("whole");
  CHECK(has(expected, "Res_1_1: 0."));
  REQUIRE(cli(job.call("second", {"--jobs", "2"})).code == 0);
  CHECK(job.tables("second") == expected);

  const auto accuracies = read_all(job.folder.file("whole/accuracy/VGG_1_1.json"));
  CHECK(has(accuracies, "\"test_images\": 100"));
  CHECK(fs::exists(job.folder.file("whole/checkpoints/VGG_1_1.state_dict.pth")));
  for (const auto& entry : fs::directory_iterator(job.folder.file("whole/checkpoints")))
    CHECK(entry.path().extension() != ".partial");

  std::mt19937_64 rng(9);
  int killed = 0;
  for (int round = 0; round < 40; ++round) {
    Program program(job.call("killed", {"--resume"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + rng() % 500));
    program.send(SIGKILL);
    const auto outcome = program.wait();
    if (outcome.signal == 0) break;
    ++killed;
  }
  const auto last = cli(job.call("killed", {"--resume"}));
  REQUIRE_MESSAGE(last.code == 0, last.err);
  MESSAGE("killed " << killed << " times");
  CHECK(job.tables("killed") == expected);
}

TEST_CASE("accuracy trains alone, ssprofile goes on; nothing is trained twice") {
  const Job job;
  const std::string dir = job.folder.file("profile");
  const auto first = cli({"accuracy", job.config, "--profile-dir", dir, "--data", "idx:" + job.folder.file("data"),
                          "--seed", "5", "--json"});
  REQUIRE_MESSAGE(first.code == 0, first.err);
  CHECK(first.json()["networks"].size() == 6);
  const auto before = fs::last_write_time(dir + "/checkpoints/Res_1_1.state_dict.pth");
  const auto second = cli(job.call("profile", {"--resume"}));
  REQUIRE_MESSAGE(second.code == 0, second.err);
  CHECK(fs::last_write_time(dir + "/checkpoints/Res_1_1.state_dict.pth") == before);
  CHECK(has(second.out, "6 networks of an earlier call"));
}
#endif

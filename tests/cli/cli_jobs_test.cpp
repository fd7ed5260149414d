// SPDX-License-Identifier: Apache-2.0
// Networks times levels times batches: from the plan to the records.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>

#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::read_all;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

namespace {

const std::string squeezenet = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/squeezenet.yaml";

std::vector<nlohmann::json> records(const std::string& file) {
  std::vector<nlohmann::json> out;
  std::istringstream lines(read_all(file));
  for (std::string line; std::getline(lines, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

}  // namespace

TEST_CASE("a plan becomes a run folder that can be carried to another place and measured there") {
  const TempFolder temp;
  const std::string plan = temp.write("plan.yaml", "kind: jobs\nnetworks: ['" + squeezenet +
                                                       "']\nlevels: [0, 0.5]\nmodes: [inference]\nbatches: [1, 4]\n"
                                                       "image_size: 64\n");
  const Arguments plugin{"--plugin", HWPROF_TEST_PLUGIN};
  const auto with_plugin = [&plugin](Arguments arguments) {
    arguments.insert(arguments.end(), plugin.begin(), plugin.end());
    return cli(arguments);
  };
  const auto made = with_plugin({"jobs", plan, "--result-dir", temp.file("run"), "-c", "fake", "--json"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(made.json()["schema"] == "hwprof.jobs/1");
  CHECK(made.json()["jobs"] == 4);
  fs::rename(temp.file("run"), temp.file("there"));
  // The made-up device adds up layers, which pruned networks do not have: theirs take no time.
  const auto measured = with_plugin({"measure", temp.file("there"), "--quiet"});
  REQUIRE_MESSAGE(measured.code == 0, measured.err);
  const auto parsed =
      with_plugin({"net2primitive", temp.file("there"), "--result-file", temp.file("records.jsonl"), "--quiet"});
  REQUIRE_MESSAGE(parsed.code == 0, parsed.err);
  const auto rows = records(temp.file("records.jsonl"));
  REQUIRE(rows.size() == 4);
  std::map<std::string, int> archs;
  for (const auto& row : rows) ++archs[row["arch"]];
  CHECK(archs == std::map<std::string, int>{{"squeezenet", 2}, {"squeezenet/random/0.5/0", 2}});

  const auto again = with_plugin({"jobs", plan, "--result-dir", temp.file("there"), "-c", "fake", "--seed", "3"});
  CHECK(again.code == 2);
  CHECK(has(again.err, "seed"));
  const auto train = with_plugin({"jobs", plan, "--mode", "train", "--level", "0", "--batch", "1,2,8", "--result-dir",
                                  temp.file("train"), "-c", "fake", "--json"});
  CHECK(train.json()["jobs"] == 3);
  const auto refused = with_plugin({"measure", temp.file("train")});
  CHECK(refused.code == 4);
  CHECK(has(refused.err, "inference only"));
}

TEST_CASE("wrong calls of jobs") {
  const TempFolder temp;
  const auto said = [&temp](Arguments arguments, int code) {
    arguments.insert(arguments.begin(), "jobs");
    arguments.insert(arguments.end(), {"--result-dir", temp.file("run")});
    const auto outcome = cli(arguments);
    CHECK(outcome.code == code);
    CHECK_FALSE(fs::exists(temp.file("run")));
    return outcome.err;
  };
  CHECK(has(said({}, 2), "no network"));
  CHECK(has(said({"--network", squeezenet, "--level", "1.5"}, 2), "level"));
  CHECK(has(said({"--network", squeezenet, "--strategy", "l2"}, 2), "strategy 'l2'"));
  CHECK(has(said({"--network", squeezenet, "--batch", "0"}, 2), "batch"));
  CHECK(has(said({"--network", "/no/such.yaml"}, 3), "/no/such.yaml"));
  CHECK(has(said({"--network", squeezenet, "-c", "abacus"}, 2), "abacus"));
  CHECK(has(said({temp.write("p.yaml", "kind: jobs\nnetwork: [a]\n")}, 3), "did you mean networks"));
}

#if HWPROF_TEST_TORCH
TEST_CASE("training is measured, and what does not fit is a result") {
  const TempFolder temp;
  const auto made = cli({"jobs", "--network", squeezenet, "--level", "0.9", "--batch", "1,2,64,128", "--image-size",
                         "32", "--result-dir", temp.file("run"), "-c", "cpu", "--quiet"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const auto measured = cli({"measure", temp.file("run"), "--budget", "1", "--ci", "0.5", "--memory-limit", "3MB",
                             "--till-first-fail", "--json"});
  REQUIRE_MESSAGE(measured.code == 0, measured.err);
  CHECK(measured.json()["folders"][0]["failed"] == 2);
  REQUIRE(cli({"net2primitive", temp.file("run"), "--result-file", temp.file("r.jsonl"), "--quiet"}).code == 0);
  const auto rows = records(temp.file("r.jsonl"));
  REQUIRE(rows.size() == 4);
  for (const std::size_t i : {0U, 1U}) {
    CHECK(rows[i]["from"]["mode"] == "train");
    CHECK(rows[i]["overall"]["train_latency_s"]["value"] > 0);
    CHECK(rows[i]["overall"]["train_memory_bytes"]["value"] < 3e6);
    CHECK(rows[i]["from"]["environment"]["net_name"] == "squeezenet");
    CHECK(rows[i]["from"]["environment"]["level"] == "90");
  }
  CHECK(rows[2]["state"] == "out_of_memory");
  CHECK(rows[3]["state"] == "out_of_memory");
  CHECK(has(rows[3]["reason"], "a batch of 64 was too large already"));
}

TEST_CASE("a space's training step is profiled like its forward") {
  const TempFolder temp;
  const std::string space = temp.write("tiny.yaml", hwprof_test::tiny_space);
  const auto outcome = cli({"profile", space, "--mode", "train", "--batch", "2", "--budget", "2", "--ci", "0.5",
                            "--calibration", "8", "--validation", "0", "--out", temp.file("run"), "--json"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(outcome.json()["model"]["metric"] == "train_latency");
  for (const auto& row : records(temp.file("run/records.jsonl"))) {
    CHECK(row["from"]["mode"] == "train");
    double sum = row["overhead"]["train_latency_s"]["value"];
    for (const auto& prim : row["prims"]) sum += prim["perf"]["train_latency_s"]["value"].get<double>();
    CHECK(sum == doctest::Approx(row["overall"]["train_latency_s"]["value"].get<double>()).epsilon(1e-6));
  }
  const auto other = cli({"profile", space, "--budget", "2", "--batch", "2", "--ci", "0.5", "--calibration", "8",
                          "--validation", "0", "--out", temp.file("run"), "--resume"});
  CHECK(other.code == 2);
  CHECK(has(other.err, "mode"));
}
#endif

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "fake_compiler.hpp"
#include "hwprof/run.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

namespace fs = std::filesystem;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

struct Job {
  TempFolder folder;
  hwprof::GenerateOptions options;

  explicit Job(const std::string& text = hwprof_test::tiny_space) {
    hwprof_test::register_fake_compiler();
    options.space_file = folder.write("space.yaml", text);
    options.dir = folder.file("run");
    options.compilers = {"fake"};
    options.calibration_nets = 12;
    options.validation_nets = 8;
  }
  [[nodiscard]] std::string in_run(const std::string& name) const { return options.dir + "/" + name; }

  [[nodiscard]] std::vector<hwprof::Net> nets() const {
    std::vector<hwprof::Net> out;
    for (int i = 0; fs::exists(in_run("prof_nets/" + std::to_string(i) + ".yaml")); ++i)
      out.push_back(hwprof::load_net(in_run("prof_nets/" + std::to_string(i) + ".yaml")));
    return out;
  }
};

std::string structure(const hwprof::Net& net) {
  std::string text;
  for (const auto& layer : net.layers) text += hwprof::to_string(layer.prim) + "\n";
  return text;
}

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("aw_nas' layout, and networks that say what they are for") {
  const Job job;
  const auto summary = hwprof::generate(job.options);
  CHECK(content(job.in_run("config.yaml")) == hwprof_test::tiny_space);
  CHECK_FALSE(fs::exists(job.in_run("hwobj_config.yaml")));
  const auto nets = job.nets();
  CHECK(nets.size() == summary.nets);
  CHECK(summary.nets == summary.coverage + 12 + 2 * 8);
  CHECK(summary.compiler_dirs == std::vector<std::string>{job.in_run("hardwares/0-fake")});
  CHECK(hwprof::compiler_dirs(job.options.dir) == summary.compiler_dirs);

  std::map<std::string, std::vector<hwprof::Net>> by_purpose;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    CHECK(nets[i].id == std::to_string(i));
    CHECK(hwprof::BaseHardwareCompiler::open(job.in_run("hardwares/0-fake/" + nets[i].id)).net.id == nets[i].id);
    by_purpose[nets[i].purpose].push_back(nets[i]);
  }
  CHECK(by_purpose["coverage"].size() == summary.coverage);
  CHECK(by_purpose["calibration"].size() == 12);
  REQUIRE(by_purpose["validation"].size() == 8);
  REQUIRE(by_purpose["repeat"].size() == 8);

  // Sampled networks are pairwise different; a repeat is its validation network once more.
  std::set<std::string> seen;
  for (const char* purpose : {"calibration", "validation"})
    for (const auto& net : by_purpose[purpose]) {
      CHECK(seen.insert(structure(net)).second);
      CHECK_FALSE(net.arch.empty());
    }
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(by_purpose["repeat"][i].arch == by_purpose["validation"][i].arch);
    CHECK(structure(by_purpose["repeat"][i]) == structure(by_purpose["validation"][i]));
  }

  // Every primitive of the space is in a packed network.
  std::set<hwprof::Prim> covered;
  for (const auto& net : by_purpose["coverage"])
    for (const auto& layer : net.layers) covered.insert(layer.prim);
  const auto prims = hwprof::load_prims(job.in_run("prof_prims.yaml"));
  CHECK(prims.size() == summary.prims);
  for (const auto& prim : prims) CHECK_MESSAGE(covered.count(prim) == 1, hwprof::to_string(prim));
}

TEST_CASE("the seed decides what is sampled, and nothing else does") {
  Job first;
  Job second;
  Job other;
  other.options.seed = 1;
  for (const Job* job : {&first, &second, &other}) (void)hwprof::generate(job->options);
  std::string a;
  std::string b;
  std::string c;
  for (const auto& net : first.nets()) a += structure(net) + net.arch;
  for (const auto& net : second.nets()) b += structure(net) + net.arch;
  for (const auto& net : other.nets()) c += structure(net) + net.arch;
  CHECK(a == b);
  CHECK(a != c);
}

TEST_CASE("sampled architectures in place of packed networks") {
  Job job;
  job.options.num_sample = 3;
  job.options.calibration_nets = job.options.validation_nets = 0;
  const auto summary = hwprof::generate(job.options);
  CHECK(summary.nets == 3);
  CHECK(summary.coverage == 0);
  CHECK(summary.calibration == 3);
  for (const auto& net : job.nets()) CHECK(net.purpose == "calibration");
  std::set<hwprof::Prim> covered;
  for (const auto& net : job.nets())
    for (const auto& layer : net.layers) covered.insert(layer.prim);
  std::size_t open = 0;
  for (const auto& prim : hwprof::load_prims(job.in_run("prof_prims.yaml"))) open += 1 - covered.count(prim);
  REQUIRE(open > 0);
  REQUIRE(summary.notes.size() == 1);
  CHECK(has(summary.notes[0], std::to_string(open) + " of " + std::to_string(summary.prims)));
}

TEST_CASE("a space with few networks is shared out") {
  struct Case {
    int calibration, validation;
    std::size_t fitted, kept;
  };
  for (const Case& one :
       {Case{40, 32, 4, 2}, Case{1, 2, 1, 2}, Case{0, 32, 0, 6}, Case{9, 0, 6, 0}, Case{100, 1, 5, 1}}) {
    Job job(hwprof_test::nine_networks);
    job.options.calibration_nets = one.calibration;
    job.options.validation_nets = one.validation;
    const auto summary = hwprof::generate(job.options);
    CHECK(summary.coverage == 3);
    CHECK(summary.calibration == one.fitted);
    CHECK(summary.validation == one.kept);
    CHECK(summary.notes.empty() == (one.calibration + one.validation <= 6));
    // No sampled network is a packed one.
    std::set<std::string> seen;
    for (const auto& net : job.nets())
      if (net.purpose != "repeat") CHECK(seen.insert(structure(net)).second);
  }
}

TEST_CASE("a plain network validates on what was fitted on, and says so") {
  Job job(hwprof_test::one_network);
  const auto summary = hwprof::generate(job.options);
  CHECK(summary.coverage == 1);
  CHECK(summary.validation == 1);
  REQUIRE(summary.notes.size() == 2);
  CHECK(has(summary.notes[0], "only 1 distinct network where"));
  CHECK(has(summary.notes[1], "fitted on"));
}

TEST_CASE("the same call completes what a killed one left, another one is refused") {
  Job job;
  const auto summary = hwprof::generate(job.options);
  const auto net = content(job.in_run("hardwares/0-fake/3/net.yaml"));
  fs::remove_all(job.in_run("hardwares/0-fake/3"));
  fs::remove(job.in_run("prof_prims.yaml"));
  CHECK(hwprof::generate(job.options).nets == summary.nets);
  CHECK(content(job.in_run("hardwares/0-fake/3/net.yaml")) == net);

  job.options.seed = 9;
  job.options.max_layers = 2;
  const auto message = error_of(Fault::usage, [&] { (void)hwprof::generate(job.options); });
  CHECK(has(message, "seed (0 then, 9 now)"));
  CHECK(has(message, "max-layers (0 then, 2 now)"));
  job.options.force = true;
  CHECK(hwprof::generate(job.options).coverage > summary.coverage);
  CHECK(hwprof::compiler_dirs(job.options.dir).size() == 1);
}

TEST_CASE("nothing is erased that hwprof did not write") {
  Job job;
  (void)hwprof::generate(job.options);
  job.folder.write("run/mine.txt", "1");
  job.folder.write("run/prof_nets/mine.yaml", "2");
  job.folder.write("run/hardwares/0-fake/0/raw/from-the-board.log", "3");
  job.folder.write("run/hardwares/0-fake/0/mine.bin", "4");
  const auto plan = content(job.in_run("run.json"));
  job.options.force = true;
  job.options.seed = 9;
  // The compiler could not tell network 0's new files from mine.bin, so that nothing is begun.
  const auto message = error_of(Fault::usage, [&] { (void)hwprof::generate(job.options); });
  CHECK(has(message, "hardwares/0-fake/0/mine.bin"));
  CHECK(content(job.in_run("run.json")) == plan);
  std::filesystem::remove(job.in_run("hardwares/0-fake/0/mine.bin"));
  (void)hwprof::generate(job.options);
  CHECK(content(job.in_run("run.json")) != plan);
  CHECK(content(job.in_run("mine.txt")) == "1");
  CHECK(content(job.in_run("prof_nets/mine.yaml")) == "2");
  CHECK(content(job.in_run("hardwares/0-fake/0/raw/from-the-board.log")) == "3");
}

TEST_CASE("a folder or file that is in the way is named") {
  Job job;
  job.folder.write("run/other.txt", "x");
  for (const bool force : {false, true}) {
    job.options.force = force;
    CHECK(has(error_of(Fault::usage, [&] { (void)hwprof::generate(job.options); }), "other.txt"));
  }
  Job second;
  (void)hwprof::generate(second.options);
  std::ofstream(second.in_run(".hwprof-manifest")) << "run.json\n";
  CHECK(has(error_of(Fault::usage, [&] { (void)hwprof::generate(second.options); }), "was not written by hwprof"));
  Job third;
  third.options.dir = third.folder.write("file", "x");
  error_of(Fault::input, [&] { (void)hwprof::generate(third.options); });
}

TEST_CASE("numbers that make no sense, and unknown devices, leave nothing behind") {
  for (int i = 0; i < 4; ++i) {
    Job job;
    if (i == 0) job.options.calibration_nets = -1;
    if (i == 1) job.options.validation_nets = 2'000'000'000;
    if (i == 2) job.options.num_sample = -2;
    if (i == 3) job.options.compilers = {"faek"};
    const auto message = error_of(Fault::usage, [&] { (void)hwprof::generate(job.options); });
    if (i == 3) CHECK(has(message, "fake"));
    CHECK_FALSE(fs::exists(job.options.dir));
  }
}

TEST_CASE("the space of a run folder is the one that it was made from") {
  Job job;
  job.options.image_size = 48;
  (void)hwprof::generate(job.options);
  std::mt19937_64 rng(1);
  const auto file = hwprof::open_space(job.options.dir);
  const auto prims = file.space->primitives(file.space->sample(rng));
  CHECK(prims.front().spatial_size == 48);
  error_of(Fault::input, [&] { (void)hwprof::open_space(job.folder.path()); });
}

TEST_CASE("a built-in space has no file, and its run folder can be read all the same") {
  Job job;
  job.options.space_file = "nasbench201";
  job.options.calibration_nets = 2;
  job.options.validation_nets = 1;
  (void)hwprof::generate(job.options);
  CHECK(hwprof::open_space(job.options.dir).kind == "nasbench201");
}

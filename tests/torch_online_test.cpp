// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "measure/journal.hpp"
#include "measure/outcome.hpp"
#include "measure/settings.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

extern char** environ;

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// Small chains that differ in width.
std::vector<Net> small_nets(int count) {
  std::vector<Net> nets;
  for (int i = 0; i < count; ++i) {
    Net net;
    net.id = "net-" + std::to_string(i);
    net.purpose = "coverage";
    net.image_size = 32;
    const int width = 8 * (i + 1);
    net.layers = {{normalized({"conv_bn_relu_3x3", 32, 3, width, 2, true, {}}), false, {}},
                  {normalized({"conv_bn_relu_1x1", 16, width, 16, 1, true, {}}), true, {}},
                  {normalized({"mobilenet_block_3", 16, 16, 16, 1, true, {}}), false, {}}};
    nets.push_back(net);
  }
  return nets;
}

std::vector<Artifact> compiled(BaseHardwareCompiler& compiler, const std::string& dir, int count) {
  std::vector<Artifact> artifacts;
  for (const Net& net : small_nets(count)) artifacts.push_back(compiler.compile(net, dir + "/" + net.id));
  return artifacts;
}

std::unique_ptr<BaseHardwareCompiler> make(const std::string& name) {
  static const bool once = (register_torch_compilers(), true);
  CHECK(once);
  return make_compiler(name);
}

MeasureOptions quick() {
  MeasureOptions options;
  options.max_rel_ci = 0.9;  // six visits are enough on any machine
  options.budget_s = 60;
  return options;
}

std::string content(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::map<std::string, std::string> contents(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir))
    if (entry.is_regular_file()) files[entry.path().string()] = content(entry.path().string());
  return files;
}

void check_record(const NetRecord& record, const Net& net) {
  CAPTURE(record.reason);
  REQUIRE((record.state == RunState::measured || record.state == RunState::unsteady));
  const Measured overall = record.overall.at(Metric::latency);
  CHECK(overall.value > 0);
  CHECK(overall.samples >= 6);
  REQUIRE(record.prims.size() == net.layers.size());
  double sum = 0;
  for (std::size_t i = 0; i < record.prims.size(); ++i) {
    CHECK(record.prims[i].prim == net.layers[i].prim);
    CHECK(record.prims[i].glue == net.layers[i].glue);
    CHECK(record.prims[i].perf.at(Metric::latency).value > 0);
    sum += record.prims[i].perf.at(Metric::latency).value;
  }
  CHECK(sum == doctest::Approx(overall.value).epsilon(1e-9));
}

}  // namespace

TEST_CASE("compile, measure, parse: one forward gives the whole and the layers") {
  const TempFolder temp;
  const auto cpu = make("cpu");
  const auto artifacts = compiled(*cpu, temp.path(), 3);
  double shown = -1;
  MeasureOptions options = quick();
  options.progress = [&shown](const Progress& progress) {
    CHECK(progress.done >= shown);
    CHECK(progress.total == 60);
    CHECK(has(progress.what, "of 3 networks"));
    shown = progress.done;
  };
  const auto processors = measuring::allowed_processors();
  const int threads = torch::get_num_threads();
  cpu->measure(artifacts, options);
  CHECK(shown > 0);
  CHECK(measuring::allowed_processors() == processors);
  CHECK(torch::get_num_threads() == threads);
  for (const Artifact& artifact : artifacts) {
    const NetRecord record = make("cpu")->hwobj_net_to_primitive(BaseHardwareCompiler::open(artifact.dir));
    check_record(record, artifact.net);
    CHECK(record.net_id == artifact.net.id);
    CHECK(record.batch == 1);
    CHECK(record.from.device == "cpu");
    CHECK(record.from.mode == "inference");
    CHECK_FALSE(record.from.derived);
    for (const char* key : {"allocator", "tensor_memory", "affinity", "threads", "blas", "libtorch", "kernel", "layout",
                            "measuring_rounds", "measuring_seconds", "drift_spread"}) {
      CAPTURE(key);
      CHECK(record.from.environment.count(key) == 1);
    }
    CHECK(record.from.environment.at("threads") == "1");
  }
  // Fewer than eight networks need references to show the drift.
  CHECK(std::filesystem::exists(temp.file("net-0/raw/reference-4.jsonl")));
  CHECK_FALSE(std::filesystem::exists(temp.file("net-0/raw/reference-5.jsonl")));
}

TEST_CASE("what is measured is not measured again, and is parsed from its own folder alone") {
  const TempFolder temp;
  const auto cpu = make("-1");
  CHECK(cpu->name() == "cpu");
  const auto artifacts = compiled(*cpu, temp.path(), 9);
  cpu->measure(artifacts, quick());
  const auto before = contents(temp.path());
  cpu->measure(artifacts, quick());
  CHECK(contents(temp.path()) == before);
  const NetRecord here = cpu->hwobj_net_to_primitive(artifacts[4]);
  const TempFolder elsewhere;
  std::filesystem::copy(artifacts[4].dir, elsewhere.file("copy"), std::filesystem::copy_options::recursive);
  const NetRecord there = cpu->hwobj_net_to_primitive(BaseHardwareCompiler::open(elsewhere.file("copy")));
  CHECK(here.overall.at(Metric::latency).value == there.overall.at(Metric::latency).value);
  CHECK(here.overall.at(Metric::latency).spread == there.overall.at(Metric::latency).spread);
}

TEST_CASE("options of batch, layout and threads are kept to and recorded") {
  const TempFolder temp;
  const auto cpu = make("cpu");
  const auto artifacts = compiled(*cpu, temp.path(), 1);
  MeasureOptions options = quick();
  options.batch = 4;
  options.channels_last = true;
  cpu->measure(artifacts, options);
  const NetRecord record = cpu->hwobj_net_to_primitive(artifacts[0]);
  CHECK(record.batch == 4);
  CHECK(record.from.environment.at("layout") == "channels_last");
  options.batch = 2;
  CHECK(has(error_of(Fault::usage, [&] { cpu->measure(artifacts, options); }), "batch '4', now it is '2'"));
  options.batch = 4;
  options.threads = 1000000;
  CHECK(has(error_of(Fault::usage, [&] { cpu->measure(artifacts, options); }), "threads"));
}

TEST_CASE("a network that was not measured says so instead of giving a number") {
  const TempFolder temp;
  const auto cpu = make("cpu");
  const auto artifacts = compiled(*cpu, temp.path(), 2);
  NetRecord record = cpu->hwobj_net_to_primitive(artifacts[0]);
  CHECK(record.state == RunState::failed);
  CHECK(record.reason == "was not measured");
  CHECK(record.overall.empty());

  MeasureOptions options = quick();
  int visits = 0;
  options.stop = [&visits] { return ++visits > 5; };
  error_of(Fault::interrupted, [&] { cpu->measure(artifacts, options); });
  record = cpu->hwobj_net_to_primitive(artifacts[0]);
  CHECK(record.state == RunState::failed);
  CHECK(has(record.reason, "resumed"));
  options.stop = nullptr;
  cpu->measure(artifacts, options);
  check_record(cpu->hwobj_net_to_primitive(artifacts[0]), artifacts[0].net);

  // A journal that lost lines since is not believed to be whole.
  const std::string journal = artifacts[1].dir + "/raw/samples.jsonl";
  const std::string text = content(journal);
  std::ofstream(journal, std::ios::binary) << text.substr(0, text.size() - 20);
  record = cpu->hwobj_net_to_primitive(artifacts[1]);
  CHECK(record.state == RunState::failed);
  CHECK(has(record.reason, "damaged"));
}

TEST_CASE("a failing network is noted in its own folder and does not stop the others") {
  const TempFolder temp;
  const auto cpu = make("cpu");
  auto artifacts = compiled(*cpu, temp.path(), 2);
  Net huge = small_nets(1)[0];
  huge.id = "huge";
  huge.image_size = 1 << 16;
  huge.layers = {{normalized({"conv_1x1", 1 << 16, 3, 4096, 1, true, {}}), false, {}}};
  artifacts.push_back(cpu->compile(huge, temp.file("huge")));
  cpu->measure(artifacts, quick());
  CHECK(cpu->hwobj_net_to_primitive(artifacts[2]).state == RunState::out_of_memory);
  check_record(cpu->hwobj_net_to_primitive(artifacts[0]), artifacts[0].net);
  check_record(cpu->hwobj_net_to_primitive(artifacts[1]), artifacts[1].net);
}

TEST_CASE("a budget that is spent leaves unsteady networks, a larger one goes on") {
  const TempFolder temp;
  const auto cpu = make("cpu");
  const auto artifacts = compiled(*cpu, temp.path(), 2);
  MeasureOptions options;
  options.max_rel_ci = 1e-9;
  options.budget_s = 1.5;
  cpu->measure(artifacts, options);
  const auto visits = [&] { return measuring::load_journal(artifacts[0].dir + "/raw/samples.jsonl").visits.size(); };
  const std::size_t first = visits();
  const NetRecord record = cpu->hwobj_net_to_primitive(artifacts[0]);
  CHECK(record.state == RunState::unsteady);
  CHECK_FALSE(record.reason.empty());
  CHECK_FALSE(record.overall.empty());
  cpu->measure(artifacts, options);  // nothing left of it
  CHECK(visits() == first);
  options.budget_s = 3;
  cpu->measure(artifacts, options);
  CHECK(visits() > first);
}

TEST_CASE("CUDA is refused with what it takes where libtorch has none") {
  const TempFolder temp;
  const auto cuda = make("cuda:0");
  CHECK(cuda->name() == "cuda:0");
  const auto artifacts = compiled(*cuda, temp.path(), 1);
  CHECK(cuda->hwobj_net_to_primitive(artifacts[0]).state == RunState::failed);
  if (torch::cuda::is_available()) {
    cuda->measure(artifacts, quick());
    check_record(cuda->hwobj_net_to_primitive(artifacts[0]), artifacts[0].net);
  } else {
    CHECK(has(error_of(Fault::unsupported, [&] { cuda->measure(artifacts, quick()); }), "CMAKE_PREFIX_PATH"));
  }
  for (const char* bad : {"cuda:", "cuda:x", "cuda:-1", "cuda:1000", "cpu:3", "-1:0"})
    error_of(Fault::usage, [&] { (void)make(bad); });
}

// Run in a process of its own by the test below.
TEST_CASE("child that measures until it is killed" * doctest::skip()) {
  const char* dir = std::getenv("HWPROF_TEST_DIR");
  REQUIRE(dir != nullptr);
  const auto cpu = make("cpu");
  MeasureOptions options = quick();
  options.max_rel_ci = 1e-9;
  options.budget_s = 2.5;
  cpu->measure(compiled(*cpu, dir, 3), options);
}

TEST_CASE("killed at any moment and called again, it ends as if it had not been killed") {
  const TempFolder temp;
  ::setenv("HWPROF_TEST_DIR", temp.path().c_str(), 1);
  std::mt19937 rng(std::random_device{}());
  const auto child = [](double kill_after_s) {
    std::string name = "--test-case=child that measures until it is killed";
    std::string no_skip = "--no-skip";
    std::string program = "/proc/self/exe";
    std::vector<char*> arguments = {program.data(), name.data(), no_skip.data(), nullptr};
    pid_t pid = 0;
    REQUIRE(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environ) == 0);
    if (kill_after_s > 0) {
      std::this_thread::sleep_for(std::chrono::duration<double>(kill_after_s));
      ::kill(pid, SIGKILL);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  };
  std::map<std::string, std::set<int>> before;
  for (int turn = 0; turn < 6; ++turn) {
    child(std::uniform_real_distribution<double>(0.1, 1.5)(rng));
    for (const auto& entry : std::filesystem::directory_iterator(temp.path())) {
      const std::string id = entry.path().filename().string();
      std::set<int> rounds;
      for (const auto& visit : measuring::load_journal(entry.path().string() + "/raw/samples.jsonl").visits)
        CHECK(rounds.insert(visit.round).second);
      for (const int round : before[id]) CHECK(rounds.count(round) == 1);  // nothing is lost
      before[id] = rounds;
    }
  }
  CHECK(child(0));
  const auto cpu = make("cpu");
  for (const Net& net : small_nets(3)) {
    const Artifact artifact = BaseHardwareCompiler::open(temp.file(net.id));
    check_record(cpu->hwobj_net_to_primitive(artifact), net);
    const auto outcome = measuring::load_outcome(artifact.dir + "/raw/outcome.json");
    CHECK(outcome.session.seconds > 2);
    CHECK(outcome.session.seconds < 10);  // the budget counts over all calls
  }
}

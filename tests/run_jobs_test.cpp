// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/files.hpp"
#include "fake_compiler.hpp"
#include "hwprof/format.hpp"
#include "hwprof/jobs.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

std::string bundled(const std::string& name) {
  return std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml";
}

JobPlan small_plan() {
  JobPlan plan;
  plan.networks = {bundled("squeezenet"), bundled("mobilenet_v2")};
  plan.levels = {0, 0.3, 0.5};
  plan.strategies = {"random", "l1_norm"};
  plan.repeats = 2;
  plan.modes = {"inference", "train"};
  plan.batches = {4, 1};
  plan.image_size = 32;
  return plan;
}

double params(const Net& net) {
  double sum = 0;
  for (const Work& work : count_work(lower(net), {1, net.image_channels, net.image_size, net.image_size}))
    sum += work.params;
  return sum;
}

}  // namespace

TEST_CASE("a plan is multiplied out, smaller batches first") {
  Notes notes;
  const auto jobs = make_jobs(small_plan(), &notes);
  // Level 0 once; two random prunings and one by norm for each of two levels.
  REQUIRE(jobs.size() == 2 * (1 + 2 * 3) * 2 * 2);
  CHECK_FALSE(notes.empty());  // the weights that were ranked are drawn
  std::map<std::string, std::set<double>> sizes;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CHECK(jobs[i].id == std::to_string(i));
    CHECK(jobs[i].batch == (i < jobs.size() / 2 ? 1 : 4));
    CHECK(jobs[i].image_size == 32);
    sizes[jobs[i].arch].insert(params(jobs[i]));
  }
  CHECK(sizes.size() == 14);
  for (const auto& [arch, seen] : sizes) CHECK(seen.size() == 1);  // every batch and mode is of the same network
  const auto of = [&sizes](const std::string& arch) {
    REQUIRE(sizes.count(arch) == 1);
    return *sizes.at(arch).begin();
  };
  CHECK(of("squeezenet") > of("squeezenet/random/0.3/0"));
  CHECK(of("squeezenet/random/0.3/0") > of("squeezenet/random/0.5/0"));
  CHECK(of("squeezenet/random/0.3/0") != of("squeezenet/random/0.3/1"));
  CHECK(of("mobilenet_v2/l1_norm/0.5/0") < of("mobilenet_v2/l1_norm/0.3/0"));
}

TEST_CASE("a network is pruned alike whatever else the plan holds") {
  JobPlan one = small_plan();
  one.networks = {bundled("mobilenet_v2")};
  one.levels = {0.5};
  one.strategies = {"random"};
  const auto few = make_jobs(one);
  const auto many = make_jobs(small_plan());
  for (const Net& net : many)
    if (net.arch == few[0].arch) CHECK(params(net) == params(few[0]));
  one.seed = 1;
  CHECK(params(make_jobs(one)[0]) != params(few[0]));
}

TEST_CASE("networks for calibration: each kind of them in each size, each size at each batch") {
  const TempFolder folder;
  JobPlan plan;
  plan.levels = {0};
  plan.modes = {"train"};
  plan.calibration = 81;
  for (const int size : {16, 24, 32})
    plan.networks.push_back(folder.write("n" + std::to_string(size) + ".yaml",
                                         "kind: listed\nname: n\nimage_size: " + std::to_string(size) +
                                             "\nlayers:\n- {prim_type: conv_bn_act, C_out: 8, kernel_size: 3, "
                                             "activation: relu}\n- {prim_type: global_avg_pool}\n"
                                             "- {prim_type: linear, C_out: 10}\n"));
  for (const auto& some : {std::vector<int>{2, 4, 8}, {2, 4}, {1, 2, 4, 8, 16, 32}}) {
    plan.batches = some;
    std::map<int, std::set<int>> by_kind;
    std::map<int, std::set<int>> by_batch;
    for (const Net& net : make_jobs(plan)) {
      if (net.arch.rfind("calibration/", 0) != 0) continue;
      by_kind[std::stoi(net.arch.substr(12)) % 9].insert(net.image_size);
      by_batch[net.batch].insert(net.image_size);
    }
    CHECK(by_kind.size() == 9);
    for (const auto& kind : by_kind) CHECK_MESSAGE(kind.second.size() == 3, kind.first);
    CHECK(by_batch.size() == some.size());
    for (const auto& batch : by_batch) CHECK_MESSAGE(batch.second.size() == 3, batch.first);
  }
  // Drawn alike whichever compiler built this.
  JobPlan same;
  same.calibration = 9;
  same.image_size = 32;
  same.modes = {"train"};
  std::size_t layers = 0;
  std::string stems;
  for (const Net& net : make_jobs(same)) {
    layers += net.layers.size();
    const Prim& stem = net.layers.at(0).prim;
    stems += std::to_string(std::get<std::int64_t>(stem.attrs.at("kernel_size"))) + "-" + std::to_string(stem.C_out) +
             "/" + std::to_string(stem.stride) + " ";
  }
  CHECK(layers == 188);
  CHECK(stems == "7-8/2 7-40/2 7-8/2 3-15/1 3-10/1 3-32/2 3-8/2 5-12/2 7-16/1 ");
  // They count as jobs.
  plan.batches.clear();
  for (int batch = 1; batch <= 31; ++batch) plan.batches.push_back(batch);
  plan.levels = {0.5};
  plan.strategies = {"random"};
  plan.repeats = 1000;
  plan.calibration = 10000;
  CHECK(has(error_of(Fault::usage, [&] { (void)make_jobs(plan); }), "more than 100000 jobs"));
}

TEST_CASE("networks for calibration: drawn by number and seed, of all kinds of blocks, any image size") {
  JobPlan plan;
  plan.calibration = 45;
  plan.image_size = 32;
  plan.batches = {2, 8};
  plan.modes = {"train", "inference"};
  const auto jobs = make_jobs(plan);
  REQUIRE(jobs.size() == 90);
  std::map<std::string, std::set<int>> batches;
  std::map<OpKind, int> kinds;
  std::set<double> sizes;
  bool grouped = false;
  for (const Net& net : jobs) {
    CAPTURE(net.arch);
    batches[net.arch].insert(net.batch);
    sizes.insert(params(net));
    double macs = 0;
    const Graph graph = lower(net);
    for (const Op& op : graph.ops) {
      ++kinds[op.kind];
      grouped = grouped || op.groups > 1;
    }
    const auto work = count_work(graph, {1, 3, 32, 32});
    for (const Work& one : work) macs += one.macs;
    CHECK(macs > 1e4);
    CHECK(macs < 3e8);
  }
  CHECK(batches.size() == 45);
  CHECK(sizes.size() == 45);
  CHECK(grouped);
  for (const OpKind kind : {OpKind::batch_norm, OpKind::add, OpKind::concat, OpKind::max_pool, OpKind::linear})
    CHECK(kinds[kind] > 0);
  std::size_t twos = 0;
  for (const auto& [arch, seen] : batches) {
    CHECK(seen.size() == 1);  // one batch each
    twos += seen.count(2);
  }
  CHECK(twos > 15);
  CHECK(twos < 30);
  CHECK(batches.count("calibration/0") == 1);

  // The same beside networks, and for another seed others.
  plan.networks = {bundled("squeezenet")};
  std::size_t same = 0;
  for (const Net& net : make_jobs(plan))
    for (const Net& other : jobs)
      if (net.arch == other.arch && net.mode == other.mode) same += params(net) == params(other) ? 1 : 0;
  CHECK(same == 90);
  plan.seed = 7;
  std::size_t alike = 0;
  for (const Net& net : make_jobs(plan)) alike += sizes.count(params(net));
  CHECK(alike < 10);

  plan.networks.clear();
  plan.modes = {"train"};
  for (const int size : {1, 2, 33, 224}) {
    plan.image_size = size;
    CHECK(make_jobs(plan).size() == 45);  // shapes are inferred
    for (const Net& net : make_jobs(plan)) CHECK(params(net) > 0);
  }
  plan.image_size = 0;
  CHECK(has(error_of(Fault::usage, [&] { (void)make_jobs(plan); }), "no network"));
  plan.image_size = 32;
  for (const int wrong : {-1, 100000}) {
    plan.calibration = wrong;
    CHECK(has(error_of(Fault::usage, [&] { (void)make_jobs(plan); }), "calibration"));
  }
}

TEST_CASE("a plan in YAML") {
  const TempFolder temp;
  base::write_file(temp.file("nets/squeezenet.yaml"), base::read_file(bundled("squeezenet")));
  const std::string file = temp.write("plan.yaml",
                                      "kind: jobs\nnetworks: [nets/squeezenet.yaml]\nlevels: [0, 0.25]\nstrategies: "
                                      "[l1_norm]\nrepeats: 3\nper_layer: true\nmodes: [train]\nbatches: [1, 2]\n"
                                      "image_size: 64\nseed: 5\ncalibration: 3\ntill_first_fail: true\n");
  const JobPlan plan = load_job_plan(file);
  CHECK(plan.networks == std::vector<std::string>{temp.file("nets/squeezenet.yaml")});
  CHECK(plan.levels == std::vector<double>{0, 0.25});
  CHECK(plan.batches == std::vector<int>{1, 2});
  CHECK(plan.repeats == 3);
  CHECK(plan.per_layer);
  CHECK(plan.till_first_fail);
  CHECK(plan.seed == 5);
  CHECK(plan.calibration == 3);
  CHECK(make_jobs(plan).size() == 4 + 3);
  const auto refused = [&](const std::string& text) {
    temp.write("bad.yaml", text);
    return error_of(Fault::input, [&] { (void)load_job_plan(temp.file("bad.yaml")); });
  };
  CHECK(has(refused("networks: []\n"), "no network"));
  CHECK(has(refused("batches: [1]\n"), "no network"));
  CHECK(has(refused("networks: [a]\ncalibration: -1\n"), "calibration"));
  CHECK(has(refused("networks: [a]\nlevel: [0]\n"), "levels"));
  CHECK(has(refused("networks: [a, a]\n"), "twice"));
  CHECK(has(refused("networks: [a]\nbatches: [0]\n"), "batches"));
  CHECK(has(refused("networks: [a]\nmodes: [training]\n"), "inference or train"));
  CHECK(has(refused("kind: chain\nnetworks: [a]\n"), "jobs is expected"));
  CHECK(has(refused("networks: [a]\nlevels: [.nan]\n"), "levels"));
  CHECK(has(refused("networks: [a]\nrepeats: 100000\n"), "repeats"));
}

TEST_CASE("a plan in perf4sight's config.ini") {
  const TempFolder temp;
  for (const char* name : {"mobilenet_v2", "squeezenet"})
    base::write_file(temp.file("models/" + std::string(name) + ".yaml"), base::read_file(bundled(name)));
  const std::string sections =
      "[create_network_dataset]\nnetworks = ['MobileNetV2', 'squeezenet']\npruning_perc = [0, 30]\nmode = 'l1-norm'\n"
      "model_desc_dir = models\n[profile]\nbs = [2, 8]\nstage = ['training', 'inference']\ntill_first_fail = True\n";
  const JobPlan plan = load_job_plan(temp.write("config.ini", sections + "dataset = 'cifar'\n"));
  REQUIRE(plan.networks.size() == 2);
  CHECK(has(plan.networks[0], "models/mobilenet_v2.yaml"));
  CHECK(plan.levels == std::vector<double>{0, 0.3});
  CHECK(plan.strategies == std::vector<std::string>{"l1_norm"});
  CHECK(plan.batches == std::vector<int>{2, 8});
  CHECK(plan.modes == std::vector<std::string>{"train", "inference"});
  CHECK(plan.image_size == 32);
  CHECK(plan.till_first_fail);
  CHECK(make_jobs(plan).size() == 2 * 2 * 2 * 2);
  CHECK(load_job_plan(temp.write("some.ini", sections + "network = ['squeezenet']\n")).networks.size() == 1);
  const auto refused = [&](Fault fault, const std::string& text) {
    temp.write("bad.ini", text);
    return error_of(fault, [&] { (void)load_job_plan(temp.file("bad.ini")); });
  };
  CHECK(has(refused(Fault::input, "[create_network_dataset]\nnetworks = ['squeezenet']\n"), "no file squeezenet.yaml"));
  CHECK(has(refused(Fault::input, "[fingerprint]\nstage = training\n"), "neither"));
  CHECK(has(refused(Fault::input, sections + "dataset = 'svhn'\n"), "bad.ini:10: dataset: imagenet or cifar"));
  JobPlan noted = load_job_plan(temp.write("noted.ini", sections + "batch_size = 4\n[other]\n"));
  REQUIRE(noted.notes.size() == 2);
  CHECK(has(noted.notes[0], "noted.ini:10: unknown key 'batch_size'"));
  GenerateOptions options;
  options.dir = temp.file("run");
  noted.networks.resize(1);
  noted.levels = {0};
  noted.image_size = 32;
  const auto summary = generate_jobs(noted, options);
  CHECK(std::count(summary.notes.begin(), summary.notes.end(), noted.notes[0]) == 1);
  CHECK(std::count(summary.notes.begin(), summary.notes.end(), noted.notes[1]) == 1);
  CHECK(has(refused(Fault::unsupported, sections + "dataset = ['cifar', 'imagenet']\n"), "one size"));
}

TEST_CASE("hostile plans are refused before anything is made") {
  const auto refused = [](auto change) {
    JobPlan plan = small_plan();
    change(plan);
    return error_of(Fault::usage, [&] { (void)make_jobs(plan); });
  };
  CHECK(has(refused([](JobPlan& p) { p.levels = {0.5, 1}; }), "level"));
  CHECK(has(refused([](JobPlan& p) { p.levels = {-0.5}; }), "level"));
  CHECK(has(refused([](JobPlan& p) { p.strategies = {"best"}; }), "strategy"));
  CHECK(has(refused([](JobPlan& p) { p.batches = {-1}; }), "batch"));
  CHECK(has(refused([](JobPlan& p) { p.networks.push_back("elsewhere/squeezenet.yaml"); }), "named 'squeezenet'"));
  for (const char* name : {"calibration", "Calibration_30"})  // which fits would take for drawn ones
    CHECK(has(refused([&](JobPlan& p) { p.networks.push_back("elsewhere/" + std::string(name) + ".yaml"); }), "drawn"));
  CHECK(has(refused([](JobPlan& p) {
              p.repeats = 1000;
              for (int i = 2; i < 100; ++i) p.levels.push_back(i / 1000.0);
            }),
            "100000 jobs"));
}

TEST_CASE("networks of files: listed, network files, ONNX") {
  const TempFolder temp;
  const Net listed = load_network(bundled("resnet18"), 64);
  CHECK(listed.id == "resnet18");
  CHECK(listed.layers.size() == 12);
  save_net(temp.file("again.yaml"), listed);
  CHECK(params(load_network(temp.file("again.yaml"))) == params(listed));
  CHECK(has(error_of(Fault::input, [&] { (void)load_network(temp.file("again.yaml"), 32); }), "64 pixels"));
  Net graph = listed;
  graph.graph = std::make_shared<const Graph>(lower(listed));
  graph.layers.clear();
  save_net(temp.file("graph.yaml"), graph);
  CHECK(load_network(temp.file("graph.yaml"), 96).image_size == 96);
  CHECK(params(load_network(temp.file("graph.yaml"))) == params(listed));
  CHECK(has(error_of(Fault::input, [] { (void)load_network(bundled("fbnet")); }), "choices"));
  error_of(Fault::input, [] { (void)load_network("/no/such/file.yaml"); });
  error_of(Fault::usage, [] { (void)load_network(bundled("resnet18"), -1); });
  if (!has_onnx()) return;
  const Net small = load_network(bundled("squeezenet"), 32);
  write_onnx(temp.file("net.onnx"), lower(small), {1, 3, 32, 32});
  const Net back = load_network(temp.file("net.onnx"));
  CHECK(back.image_size == 32);
  CHECK(params(back) == params(small));
  JobPlan plan;
  plan.networks = {temp.file("net.onnx")};
  plan.levels = {0.5};
  plan.strategies = {"l1_norm"};
  Notes notes;
  const auto jobs = make_jobs(plan, &notes);
  CHECK(notes.empty());  // the file has weights
  CHECK(params(jobs[0]) < params(small));
}

TEST_CASE("jobs are a run folder that is measured and parsed like any other") {
  const TempFolder temp;
  register_compiler("fake", [](const std::string& name) { return std::make_unique<hwprof_test::FakeCompiler>(name); });
  JobPlan plan = small_plan();
  plan.networks = {bundled("squeezenet")};
  plan.levels = {0};
  plan.modes = {"inference"};
  GenerateOptions options;
  options.dir = temp.file("run");
  options.compilers = {"fake"};
  const auto summary = generate_jobs(plan, options);
  CHECK(summary.nets == 2);
  CHECK(generate_jobs(plan, options).nets == 2);  // completes what is there
  const auto measured = measure(summary.compiler_dirs.at(0), {});
  CHECK(measured.measured == 2);
  const auto records = parse(summary.compiler_dirs[0]);
  CHECK(records.at(0).arch == "squeezenet");
  CHECK(load_net(temp.file("run/prof_nets/1.yaml")).batch == 4);
  plan.seed = 9;
  CHECK(has(error_of(Fault::usage, [&] { generate_jobs(plan, options); }), "seed"));
  const JobPlan kept = load_job_plan(temp.file("run/config.yaml"));
  CHECK(kept.batches == std::vector<int>{4, 1});
  CHECK(kept.levels == std::vector<double>{0});
  CHECK(kept.image_size == 32);
}

// SPDX-License-Identifier: Apache-2.0
// Files of perf4sight, in the forms that its fitter and its profiler have.
#include <doctest/doctest.h>

#include "hwprof/perf4sight.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

TEST_CASE("config.ini: lists, tuples, ranges, bare and quoted texts, lines that go on") {
  const TempFolder folder;
  const auto config = load_perf4sight_config(folder.write("config.ini", R"(# comment
[create_network_dataset]
networks = ['resnet18', "mobilenetv2",]
pruning_perc = list(range(0, 95, 5))
mode: random, l1-norm
repeats = 3
model_desc_dir = 'models/imagenet'

[profile]
create_config = True
run_profiling = False
device = tx2
network = ('resnet18',
           'squeezenet')
bs = [2, 8, 16,
    32]
stage = ['training', 'inference']
dataset = imagenet
profile_variables = ['memory', 'latency']
till_first_fail = true
limit_mem = 7500
idle_mem = None
extra = 1

[fingerprint]
stage = training
train_nets = ['resnet18']
memory_logs = 'profiling_csvs'
evaluate = False
[other]
)"));
  REQUIRE(config.dataset);
  CHECK(config.dataset->networks == std::vector<std::string>{"resnet18", "mobilenetv2"});
  REQUIRE(config.dataset->levels.size() == 19);
  CHECK(config.dataset->levels[6] == doctest::Approx(0.3));
  CHECK(config.dataset->levels.back() == doctest::Approx(0.9));
  CHECK(config.dataset->modes == std::vector<std::string>{"random", "l1-norm"});
  CHECK(config.dataset->repeats == 3);
  CHECK(config.dataset->model_desc_dir == "models/imagenet");
  REQUIRE(config.profile);
  CHECK(config.profile->create_config);
  CHECK(!config.profile->run_profiling);
  CHECK(config.profile->till_first_fail);
  CHECK(config.profile->networks == std::vector<std::string>{"resnet18", "squeezenet"});
  CHECK(config.profile->batches == std::vector<int>{2, 8, 16, 32});
  CHECK(config.profile->stages.size() == 2);
  CHECK(config.profile->datasets == std::vector<std::string>{"imagenet"});
  CHECK(config.profile->limit_mem_mb == 7500);
  CHECK(!config.profile->idle_mem_mb);
  REQUIRE(config.fingerprint);
  CHECK(config.fingerprint->memory_logs == std::vector<std::string>{"profiling_csvs"});
  REQUIRE(config.notes.size() == 2);
  CHECK(has(config.notes[0], "config.ini:23: unknown key 'extra'"));
  CHECK(has(config.notes[1], "unknown section 'other'"));
}

TEST_CASE("config.ini: levels as shares or percentages, and what is refused with its place") {
  const TempFolder folder;
  const auto load = [&folder](const std::string& text) { return load_perf4sight_config(folder.write("c.ini", text)); };
  CHECK(load("[pruner]\npruning_perc = [0, 0.3, 0.5]\n").dataset->levels[1] == 0.3);
  CHECK(load("[pruner]\npruning_perc = 30\n").dataset->levels[0] == 0.3);
  const auto refused = [&](const std::string& text, const std::string& part) {
    CHECK(has(error_of(Fault::input, [&] { load(text); }), part));
  };
  refused("", "none of the sections");
  refused("[x]\n", "none of the sections");
  refused("key = 1\n", "c.ini:1: a key before");
  refused("[profile]\nbs\n", "c.ini:2: [section] or key = value");
  refused("[profile\n", "[section] is expected");
  refused("[profile]\nbs = [1]\nbs = [2]\n", "stands twice");
  refused("[profile]\n[profile]\n", "stands twice");
  refused("[profile]\nbs = [2, 8\n", "c.ini:2: bs: the list is not closed");
  refused("[profile]\nbs = [1.5]\n", "whole numbers");
  refused("[profile]\nbs = [0]\n", "numbers from 1");
  refused("[profile]\nbs = [nan]\n", "numbers from 1");
  refused("[profile]\nbs = [2**i for i in range(8)]\n", "expressions are not evaluated");
  refused("[profile]\nnetwork = __import__('os').system('x')\n", "expressions are not evaluated");
  refused("[profile]\nbs = range(0, 10, 0)\n", "step that is not 0");
  refused("[profile]\nbs = range(1000000000)\n", "more than 10000");
  refused("[profile]\nnetwork = ['a\n", "the list is not closed");
  refused("[profile]\nnetwork = ['a]\n", "a quote is not closed");
  refused("[profile]\ncreate_config = perhaps\n", "True or False");
  refused("[pruner]\npruning_perc = [100]\n", "leaves no filters");
  refused("[pruner]\nrepeats = [1, 2]\n", "one number");
  refused("[profile]\nlog_dir = %(home)s/logs\n", "not evaluated");
  refused("[profile]\nbs = " + std::string(100000, '[') + "\n", "not closed");
  std::string calls = "[profile]\nbs = ";
  for (int i = 0; i < 50000; ++i) calls += "list(";
  refused(calls + std::string(50000, ')') + "\n", "expressions are not evaluated");
  refused(std::string(2 << 20, '#'), "c.ini");
  refused("[profile]\n\ndevice = ['tx2', '2080ti']\n", "c.ini:3: device: one value is expected, found a list of 2");
  refused("[profile]\nsave = [True, False]\n", "one value is expected");
  refused("[profile]\nlimit_mem = (1, 2)\n", "one value is expected");
  CHECK(load("[profile]\ndevice = ['tx2']\n").profile->device == "tx2");
  refused("[profile]\nbs = range(-9223372036854775808, 1)\n", "range() of whole numbers");
  refused("[profile]\nbs = [2]\ndataset = ['cifar', 'cifar100']\n",
          "c.ini:3: dataset: imagenet or cifar is expected, found 'cifar100'");
}

TEST_CASE("config.ini: keys may be indented; what is indented more goes on") {
  const TempFolder folder;
  const auto config = load_perf4sight_config(
      folder.write("c.ini", "[profile]\n  device = tx2\n  # comment\n  bs = [1,\n    2]\n  stage = training\n"));
  REQUIRE(config.profile);
  CHECK(config.profile->device == "tx2");
  CHECK(config.profile->batches == std::vector<int>{1, 2});
  CHECK(config.profile->stages == std::vector<std::string>{"training"});
  const auto deeper = folder.write("d.ini", "[fingerprint]\nstage = inference\n eval_nets = ['a']\n");
  CHECK(has(error_of(Fault::input, [&] { (void)load_perf4sight_config(deeper); }), "d.ini:2: stage: "));
}

TEST_CASE("logs of the fitter: columns by name, level from the name, units") {
  const TempFolder folder;
  Notes notes;
  const auto records =
      load_perf4sight_log(folder.write("logs/resnet18_30-gt.csv", R"(,bs,passed,net_name,model,dataset,mem_used,more
0,8,True,resnet18,models/pruned/resnet18_30.py,imagenet,512.5,x
1,16,False,resnet18,models/pruned/resnet18_30.py,imagenet,,y
2,32,True,resnet18,models/pruned/resnet18_30.py,imagenet,nan,z
)"),
                          &notes);
  REQUIRE(records.size() == 3);
  CHECK(records[0].net_id == "resnet18_30");
  CHECK(records[0].batch == 8);
  CHECK(records[0].from.mode == "train");
  CHECK(records[0].from.environment.at("level") == "30");
  CHECK(records[0].from.environment.at("log") == "resnet18_30");
  CHECK(records[0].overall.at(Metric::train_memory).value == 512.5 * 1048576);
  CHECK(records[1].state == RunState::out_of_memory);
  CHECK(records[1].overall.empty());
  CHECK(records[2].state == RunState::failed);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "resnet18_30-gt.csv:4"));

  // Which of two columns of one name counts, nobody can tell; columns without a name are an index.
  const auto twice = folder.write("twice-gt.csv", ",passed,BS,bs,latency\n0,True,4,8,1.5\n");
  CHECK(has(error_of(Fault::input, [&] { (void)load_perf4sight_log(twice); }),
            "twice-gt.csv:1: two columns are called 'bs'"));
  std::filesystem::remove(twice);
  CHECK(load_perf4sight_log(folder.write("x/index-gt.csv", ",,passed,bs,latency\n0,0,True,4,1.5\n")).size() == 1);
  std::filesystem::remove_all(folder.file("x"));

  // load_records knows it by its header, whatever the separator.
  const auto log =
      folder.write("squeezenet_0.5-gt.csv",
                   "passed;latency;bs;net_name;model;dataset;exec_stage\nTrue;12.5;4;squeezenet;;cifar;inference\n");
  const auto other = load_records(log);
  REQUIRE(other.size() == 1);
  CHECK(other[0].net_id == "squeezenet_50");
  CHECK(other[0].from.mode == "inference");
  CHECK(other[0].overall.at(Metric::latency).value == doctest::Approx(0.0125));
  CHECK(load_records(folder.path()).size() == 4);  // a folder of logs
}

TEST_CASE("the pruning level of a row: from the model's name, the log's, or the model's folders") {
  const TempFolder folder;
  const auto level = [&folder](const std::string& log, const std::string& net, const std::string& model) {
    const auto file = folder.write(log, "passed|bs|net_name|model|latency\nTrue|4|" + net + "|" + model + "|1.5\n");
    const auto records = load_perf4sight_log(file);
    std::filesystem::remove(file);
    const auto& environment = records.at(0).from.environment;
    return environment.count("level") == 0 ? std::string() : environment.at("level");
  };
  for (const char* log : {"resnet18_30-gt.csv", "resnet18_30-memory.csv", "resnet18_30_latency-gt.csv",
                          "resnet18_30-gt-mem.csv", "memory_resnet18_30-gt.csv", "ResNet18-0.3_tx2_train.csv",
                          "resnet18_p30.csv", "resnet18_30.memory.csv", "run_2-resnet18_l1_30_tx2.csv"})
    CHECK_MESSAGE(level(log, "resnet18", "models/resnet18.py") == "30", log);
  for (const char* log : {"mobilenet_v2-gt.csv", "mobilenet_v2-memory.csv", "latency_mobilenet_v2.csv", "all.csv"})
    CHECK_MESSAGE(level(log, "mobilenet_v2", "mobilenet_v2.py") == "", log);
  CHECK(level("resnet_18-memory.csv", "resnet_18", "resnet_18.py") == "");
  CHECK(level("resnet18_50-gt.csv", "resnet18", "pruned/resnet18_30.pth.tar") == "30");
  CHECK(level("resnet18-memory.csv", "resnet18", "/home/x/pruned/resnet18/30/model.py") == "30");
  CHECK(level("resnet18-memory.csv", "resnet18", "/home/x/2021/resnet18.py") == "");
}

TEST_CASE("the stage of a log without such a column: from its name, else its folders; training otherwise") {
  const TempFolder folder;
  for (const auto& one : std::map<std::string, std::string>{{"a/b/resnet18_30-gt.csv", "train"},
                                                            {"a/b/resnet18_30-inference-gt.csv", "inference"},
                                                            {"inference/latency/resnet18_30.csv", "inference"},
                                                            {"inference/b/train_resnet18.csv", "train"},
                                                            {"a/b/infer_latency.csv", "inference"},
                                                            {"a/b/inferno_30.csv", "train"}}) {
    const auto records = load_perf4sight_log(folder.write(one.first, "passed|bs|net_name|latency\nTrue|4|x|1.5\n"));
    CHECK_MESSAGE(records.at(0).from.mode == one.second, one.first);
  }
  const auto told = folder.write("inference/c/x.csv", "passed|bs|net_name|stage|latency\nTrue|4|x|training|1.5\n");
  CHECK(load_perf4sight_log(told).at(0).from.mode == "train");
}

TEST_CASE("logs of the profiler: params as Python writes them, and back") {
  const TempFolder folder;
  Notes notes;
  const auto file = folder.write("run.csv", R"(passed|mem_alloc|mem_reserved|mem_used|mem_avail|free|capacity|params
True|100.25|120|300.5|1|2|7850|{'test_var': 'memory', 'bs': 16, 'dataset': 'cifar', 'net_name': 'mnasnet', 'exec_stage': 'training', 'model': 'm/mnasnet_r1_45.py'}
False|||||||{'bs': 32, 'net_name': 'mnasnet', 'model': None, 'other': [1, 2]}
)");
  const auto records = load_perf4sight_log(file, &notes);
  CHECK(notes.empty());
  REQUIRE(records.size() == 2);
  CHECK(records[0].net_id == "mnasnet_r1_45");
  CHECK(records[0].batch == 16);
  CHECK(records[0].from.environment.at("dataset") == "cifar");
  CHECK(records[0].overall.at(Metric::train_memory).value == 300.5 * 1048576);
  CHECK(records[1].net_id == "mnasnet");

  const auto mixed = folder.write("both.csv", R"(passed|latency|params
True|1.5|{'test_var': 'latency', 'bs': 1, 'net_name': 'mnasnet'}
True|90|{'test_var': 'cpu-latency', 'bs': 1, 'net_name': 'mnasnet'}
)");
  Notes told;
  CHECK(load_perf4sight_log(mixed, &told).size() == 1);
  REQUIRE(told.size() == 1);
  CHECK(has(told[0], "cpu-latency is not the device's"));
  CHECK(has(told[0], "both.csv:3"));

  const auto written = folder.file("out/again.csv");
  save_perf4sight_log(written, records, Metric::memory);
  const auto again = load_perf4sight_log(written, &notes);
  REQUIRE(again.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(again[i].net_id == records[i].net_id);
    CHECK(again[i].batch == records[i].batch);
    CHECK(again[i].state == records[i].state);
    CHECK(again[i].from.mode == records[i].from.mode);
    CHECK(again[i].overall.size() == records[i].overall.size());
  }
  CHECK(again[0].overall.at(Metric::train_memory).value == records[0].overall.at(Metric::train_memory).value);
  save_perf4sight_log(written, records, Metric::latency);
  CHECK(load_perf4sight_log(written).size() == 1);  // only what ran out of memory has no need of a latency
  CHECK(has(error_of(Fault::usage, [&] { save_perf4sight_log(written, records, Metric::energy); }), "energy"));
  NetRecord both;  // as a run has it, with both stages
  both.net_id = "17";
  both.arch = "resnet18/random/0.3/1";
  both.batch = 4;
  both.overall[Metric::latency].value = 0.25;
  both.overall[Metric::train_latency].value = 1.5;
  save_perf4sight_log(written, {both}, Metric::latency);
  const auto stages = load_perf4sight_log(written);
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].from.mode == "inference");
  CHECK(stages[0].overall.at(Metric::latency).value == 0.25);
  CHECK(stages[1].overall.at(Metric::train_latency).value == 1.5);
  CHECK(stages[1].from.environment.at("model") == "resnet18_random_0.3_1.py");
  CHECK(stages[1].from.environment.at("net_name") == "resnet18");
  CHECK(stages[1].net_id == "resnet18_random_0.3_1");
  CHECK(stages[1].from.environment.at("level") == "30");  // not the repeat at the end of the model's name
  save_perf4sight_log(written, stages, Metric::latency);
  CHECK(load_perf4sight_log(written)[1].from.environment.at("level") == "30");
  const std::pair<std::string, std::string> levels[] = {{"0.29", "29"}, {"0.005", "0.5"}, {"0", "0"}};
  for (const auto& [share, percent] : levels) {
    both.arch = "resnet18/random/" + share + "/7";
    save_perf4sight_log(written, {both}, Metric::latency);
    CHECK(load_perf4sight_log(written)[0].from.environment.at("level") == percent);
  }

  const auto reserved = folder.write("a.csv", "passed|mem_reserved|bs\nTrue|10|1\n");
  CHECK(load_perf4sight_log(reserved, &notes)[0].overall.at(Metric::train_memory).value == 10485760);
  CHECK(has(notes.back(), "mem_reserved is taken"));
}

TEST_CASE("logs that are damaged are refused with their line") {
  const TempFolder folder;
  const auto refused = [&](const std::string& text, const std::string& part) {
    CHECK(has(error_of(Fault::input, [&] { (void)load_perf4sight_log(folder.write("l.csv", text)); }), part));
  };
  refused("", "l.csv:1: a header");
  refused("passed|bs\n", "l.csv:1: a header");
  refused("passed|bs|latency\nTrue|2\n", "l.csv:2: 3 cells are expected, found 2");
  refused("passed|bs|latency\nTrue|2|1\nmaybe|2|1\n", "l.csv:3: passed");
  refused("passed|bs|latency\nTrue|2|-1\n", "latency: a number from 0");
  refused("passed|bs|latency\nTrue|2|1e30\n", "latency: a number from 0");
  refused("passed|bs|latency\nTrue|2|fast\n", "latency: a number from 0");
  refused("passed|bs|latency\nTrue||1\n", "bs: a batch size");
  refused("passed|bs|latency\nTrue|0|1\n", "bs: a batch size");
  refused("passed|bs|latency\nTrue|2.5|1\n", "bs: a batch size");
  refused("passed|bs|latency\nTrue|inf|1\n", "bs: a batch size");
  refused("passed|latency|params\nTrue|1|[1, 2]\n", "a dictionary is expected");
  refused("passed|latency|params\nTrue|1|{'bs': \n", "l.csv:2");
  refused("passed|bs|latency|exec_stage\nTrue|1|1|sleeping\n", "exec_stage");
  refused("passed|bs|latency|level\nTrue|1|1|300\n", "a level from 0 to 100");
  refused("passed,bs,latency\nTrue,1,\"1\n", "l.csv");
}

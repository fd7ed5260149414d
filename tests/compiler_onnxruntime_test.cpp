// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>

#include "base/files.hpp"
#include "compiler/ort_measuring.hpp"
#include "compiler/ort_profile.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof::compiling;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

std::string kernel(const std::string& name, const std::string& type, int micros) {
  return R"({"cat":"Node","pid":1,"tid":1,"dur":)" + std::to_string(micros) + R"(,"ts":5,"ph":"X","name":")" + name +
         R"(_kernel_time","args":{"op_name":")" + type + R"(","node_index":"7"}})";
}
const std::string run_end =
    R"({"cat":"Session","dur":99,"ts":1,"ph":"X","name":"SequentialExecutor::Execute","args":{}},)"
    R"({"cat":"Session","dur":100,"ts":1,"ph":"X","name":"model_run","args":{}})";

std::string profile_of(const std::vector<std::vector<std::string>>& runs) {
  std::string text = R"([{"cat":"Session","dur":5,"ts":1,"ph":"X","name":"session_initialization","args":{}})";
  for (const auto& run : runs) {
    for (const auto& event : run) text += ",\n" + event;
    text += ",\n" + run_end;
  }
  return text + "]\n";
}

Net tiny_net() {
  Net net;
  net.id = "0";
  net.image_size = 16;
  net.layers = {{normalized({"conv_bn_3x3", 16, 3, 8, 2, true, {}}), false, {}},
                {normalized({"relu_conv_bn_1x1", 8, 8, 8, 1, true, {}}), false, {}},
                {normalized({"avg_pool_3x3", 8, 8, 8, 1, true, {}}), true, {}}};
  return net;
}

}  // namespace

TEST_CASE("a profile gives the kernels of every forward in their order") {
  const auto text = profile_of({{kernel("L0.a", "Conv", 90), kernel("L1.b", "Relu", 9)},
                                {kernel("L0.a", "Conv", 10), kernel("L1.b", "Relu", 2)},
                                {kernel("L0.a", "Conv", 12), kernel("L1.b", "Relu", 0)}});
  const auto nodes = read_ort_profile(text, "p.json", 1);
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].name == "L0.a");
  CHECK(nodes[0].type == "Conv");
  REQUIRE(nodes[0].seconds.size() == 2);
  CHECK(nodes[0].seconds[0] == doctest::Approx(10e-6));
  CHECK(nodes[0].seconds[1] == doctest::Approx(12e-6));
  CHECK(nodes[1].seconds.at(1) == 0);
}

TEST_CASE("what is no profile is refused") {
  const auto refuse = [](const std::string& text) {
    return error_of(Fault::input, [&] { (void)read_ort_profile(text, "p.json", 0); });
  };
  CHECK(has(refuse("[1, 2"), "p.json"));
  CHECK(has(refuse("{}"), "p.json"));
  CHECK(has(refuse("[]"), "no forward"));
  CHECK(has(refuse(profile_of({{kernel("a", "Conv", -3)}})), "0 or more"));
  CHECK(has(refuse(profile_of({{kernel("a", "Conv", 3)}, {kernel("b", "Conv", 3)}})), "'b'"));
  CHECK(has(refuse(profile_of({{kernel("a", "Conv", 3)}, {}})), "0 kernels"));
  CHECK(has(error_of(Fault::input, [] { (void)read_ort_profile(profile_of({{kernel("a", "Conv", 1)}}), "p.json", 1); }),
            "no forward"));
}

TEST_CASE("kernels belong to the layer of their op, fused ones to that of the convolution") {
  // conv, bn | relu, conv, bn | h_swish of two nodes
  const OpMap map = {{"image", "input", -1, {}},        {"L0.conv", "conv2d", 0, {0}}, {"L0.bn", "batch_norm", 0, {1}},
                     {"L1.relu", "relu", 1, {2}},       {"L1.conv", "conv2d", 1, {3}}, {"L1.bn", "batch_norm", 1, {4}},
                     {"L2.h_swish", "h_swish", 2, {5}}, {"L3.fc", "linear", 3, {6}}};
  const auto node = [](const std::string& name, const std::string& type) { return OrtNode{name, type, {1e-6}}; };
  const std::vector<OrtNode> nodes = {node("ReorderInput", "ReorderInput"),
                                      node("L1.relu_nchwc", "Conv"),  // the first convolution with the next one's relu
                                      node("L1.bn_nchwc", "Conv"),
                                      node("ReorderOutput_token_12", "ReorderOutput"),
                                      node("L2.h_swish/add", "Add"),
                                      node("L2.h_swish", "Div"),
                                      node("ReorderInput_token_3", "ReorderInput"),
                                      node("L3.fc", "Gemm"),
                                      node("unheard_of", "Magic")};
  const auto shares = attribute(nodes, map);
  std::vector<int> layers;
  for (const auto& share : shares) layers.push_back(share.layer);
  CHECK(layers == std::vector<int>{0, 0, 1, 1, 2, 2, 3, 3, 3});
  CHECK(shares[1].ops == std::vector<std::string>{"L0.conv", "L0.bn", "L1.relu"});
  CHECK(shares[2].ops == std::vector<std::string>{"L1.conv", "L1.bn"});
  CHECK(shares[0].ops.empty());
}

TEST_CASE("compiling leaves the network and the map of its ops") {
  const hwprof_test::TempFolder folder;
  const auto compiler = make_compiler("onnxruntime");
  const Net net = tiny_net();
  if (!has_onnx()) {
    CHECK(has(error_of(Fault::unsupported, [&] { (void)compiler->compile(net, folder.file("n")); }), "HWPROF_ONNX"));
    return;
  }
  const Artifact artifact = compiler->compile(net, folder.file("n"));
  std::vector<int> layers;
  const Graph graph = lower(net, &layers);
  const OnnxNet back = read_onnx(folder.file("n/net.onnx"));
  REQUIRE(back.graph.ops.size() == graph.ops.size());
  const OpMap map = load_op_map(folder.file("n/ops.json"), net.layers.size());
  REQUIRE(map.size() == graph.ops.size());
  for (std::size_t i = 0; i < map.size(); ++i) {
    CHECK(map[i].name == back.graph.ops[i].name);
    CHECK(map[i].layer == layers[i]);
  }
  CHECK(compiler->hwobj_net_to_primitive(artifact).state == RunState::failed);
}

TEST_CASE("a record attributes every microsecond to a layer or to the launch") {
  if (!has_onnx()) return;
  const hwprof_test::TempFolder folder;
  const auto compiler = make_compiler("onnxruntime");
  const Artifact artifact = compiler->compile(tiny_net(), folder.file("n"));
  const OrtFiles files(artifact.dir);
  {
    measuring::JournalHead head;
    head.subject = "0";
    head.settings = {{"batch", "1"}};
    measuring::Journal journal(files.journal, head);
    for (int round = 0; round < 8; ++round) {
      measuring::Visit visit;
      visit.round = visit.stretch = round;
      visit.samples = {{200e-6}, {200e-6}, {200e-6}};
      journal.append(visit);
    }
  }
  measuring::Outcome outcome;
  outcome.state = "measured";
  outcome.visits = 8;
  outcome.environment[launch_key] = "0.00004";
  measuring::save_outcome(files.outcome, outcome);
  const std::vector<std::string> run = {kernel("L1.relu_nchwc", "Conv", 20), kernel("L1.conv.bn_nchwc", "Conv", 10),
                                        kernel("ReorderOutput", "ReorderOutput", 4),
                                        kernel("L2.avg_pool", "AveragePool", 6)};
  base::write_file(files.profile, profile_of(std::vector<std::vector<std::string>>(profile_skip + 4, run)));
  const NetRecord record = compiler->hwobj_net_to_primitive(artifact);
  CHECK(record.state == RunState::measured);
  CHECK(record.overall.at(Metric::latency).value == doctest::Approx(200e-6));
  CHECK(record.overhead.at(Metric::latency).value == doctest::Approx(40e-6));
  REQUIRE(record.prims.size() == 3);
  CHECK(record.prims[0].perf.at(Metric::latency).value == doctest::Approx(80e-6));
  CHECK(record.prims[1].perf.at(Metric::latency).value == doctest::Approx(56e-6));
  CHECK(record.prims[2].perf.at(Metric::latency).value == doctest::Approx(24e-6));
  CHECK(record.nodes.size() == 4);
}

TEST_CASE("options of the device are checked") {
  using Given = std::map<std::string, std::string>;
  CHECK(has(error_of(Fault::usage, [] { OrtOptions(Given{{"optimisation", "all"}}); }), "optimization"));
  CHECK(has(error_of(Fault::usage, [] { OrtOptions(Given{{"optimization", "most"}}); }), "extended"));
  CHECK(OrtOptions(Given{{"optimization", "basic"}}).optimization == "basic");
  CHECK(has(error_of(Fault::usage, [] { (void)make_compiler("onnxruntime:1"); }), "nothing behind"));
}

TEST_CASE("without Node the device says what it takes") {
  if (!has_onnx()) return;
  const hwprof_test::TempFolder folder;
  const auto compiler = make_compiler("onnxruntime");
  const std::vector<Artifact> artifacts{compiler->compile(tiny_net(), folder.file("n"))};
  MeasureOptions options;
  options.device_options = {{"node", folder.file("no-such-node")}};
  CHECK(has(error_of(Fault::unsupported, [&] { compiler->measure(artifacts, options); }), "install_onnxruntime.sh"));
}

namespace {

/// A program in the place of Node that does what lines says; $1 to $3 are --expose-gc, the runner and the job.
std::string stand_in(const hwprof_test::TempFolder& folder, const std::string& lines) {
  const std::string file = folder.write("node", "#!/bin/sh\nout=$(dirname \"$3\")/results.jsonl\n" + lines);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return file;
}

std::vector<Artifact> three_nets(const hwprof_test::TempFolder& folder) {
  std::vector<Artifact> artifacts;
  for (const char* id : {"0", "1", "2"}) {
    Net net = tiny_net();
    net.id = id;
    artifacts.push_back(make_compiler("onnxruntime")->compile(net, folder.file(id)));
    const std::vector<std::string> run = {kernel("L0.conv.bn", "Conv", 20), kernel("L2.avg_pool", "AveragePool", 5)};
    base::write_file(OrtFiles(artifacts.back().dir).profile,
                     profile_of(std::vector<std::vector<std::string>>(profile_skip + 2, run)));
  }
  return artifacts;
}

}  // namespace

TEST_CASE("a network at which the runner dies is noted, and the others are measured") {
  if (!has_onnx()) return;
  const hwprof_test::TempFolder folder;
  const auto artifacts = three_nets(folder);
  MeasureOptions options;
  options.budget_s = 5;
  options.device_options["node"] = stand_in(folder, R"(
echo '{"kind":"environment","values":{"onnxruntime":"0.0"}}' >> "$out"
if grep -q '"id": "1"' "$3"; then
  echo '{"kind":"begin","net":"1"}' >> "$out"
  kill -9 $$
fi
for round in 0 1 2 3 4 5 6 7; do
  for net in 0 2 3; do
    echo '{"kind":"visit","net":"'$net'","round":'$round',"stretch":'$round',"at_s":0.1,"samples":[[0.001,0.001,0],[0.001,0.001,0],[0.009,0.001,3]]}' >> "$out"
  done
done
printf '{"kind":"begin","ne' >> "$out"
)");
  const auto compiler = make_compiler("onnxruntime");
  compiler->measure(artifacts, options);
  std::vector<NetRecord> records;
  for (const auto& artifact : artifacts) records.push_back(compiler->hwobj_net_to_primitive(artifact));
  CHECK(records[1].state == RunState::failed);
  CHECK(has(records[1].reason, "signal 9"));
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    CHECK(records[i].state == RunState::measured);
    CHECK(records[i].overall.at(Metric::latency).value == doctest::Approx(0.001));
    CHECK(records[i].overall.at(Metric::latency).dropped == 8);  // the interrupted forwards
    CHECK(records[i].from.environment.at("onnxruntime") == "0.0");
  }
}

TEST_CASE("a runner that fails, is not there, or talks nonsense ends in a clear error") {
  if (!has_onnx()) return;
  const hwprof_test::TempFolder folder;
  const auto artifacts = three_nets(folder);
  const auto refused = [&](Fault fault, const std::string& lines) {
    MeasureOptions options;
    options.budget_s = 5;
    options.device_options["node"] = stand_in(folder, lines);
    return error_of(fault, [&] { make_compiler("onnxruntime")->measure(artifacts, options); });
  };
  CHECK(has(refused(Fault::unsupported, "echo onnxruntime-node cannot be loaded >&2; exit 3\n"), "HWPROF_ONNXRUNTIME"));
  CHECK(has(refused(Fault::device, "echo out of order >&2; exit 1\n"), "out of order"));
  CHECK(has(refused(Fault::input, "echo '{\"kind\":' >> \"$out\"; sleep 1\n"), "results.jsonl"));
  CHECK(has(refused(Fault::input, "echo '{\"kind\":\"visit\",\"net\":\"9\"}' >> \"$out\"; sleep 1\n"), "'9'"));
  CHECK(has(refused(Fault::input,
                    "echo '{\"kind\":\"visit\",\"net\":\"0\",\"round\":0,\"stretch\":0,\"at_s\":1,"
                    "\"samples\":[[-1,0,0]]}' >> \"$out\"; sleep 1\n"),
            "above 0"));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

std::unique_ptr<BaseHardwareCompiler> cpu() {
  static const bool once = (register_torch_compilers(), true);
  CHECK(once);
  return make_compiler("cpu");
}

MeasureOptions quick() {
  MeasureOptions options;
  options.max_rel_ci = 0.9;  // six visits are enough on any machine
  options.budget_s = 60;
  return options;
}

Op make(OpKind kind, std::vector<int> inputs) {
  Op op;
  op.kind = kind;
  op.inputs = std::move(inputs);
  return op;
}

Op linear(int from, std::int64_t channels) {
  Op op = make(OpKind::linear, {from});
  op.out_channels = channels;
  op.bias = true;
  return op;
}

/// channels x size x size through `kinds` and a linear layer.
Net graph_net(const std::string& id, int channels, int size, bool pool, int classes) {
  GraphBuilder builder(id);
  int at = builder.input();
  if (pool) {
    Op op = make(OpKind::avg_pool, {at});
    op.kernel = op.stride = {2, 2};
    at = builder.op(op);
  }
  if (size > 1) at = builder.op(make(OpKind::flatten, {at}));
  Net net;
  net.id = id;
  net.image_size = size;
  net.image_channels = channels;
  net.graph = std::make_shared<const Graph>(std::move(builder).finish(builder.op(linear(at, classes))));
  return net;
}

Net layered_net() {
  Net net;
  net.id = "layers";
  net.image_size = 32;
  net.layers = {{normalized({"conv_bn_relu_3x3", 32, 3, 8, 2, true, {}}), false, {}},
                {normalized({"mobilenet_block_3", 16, 8, 8, 1, true, {}}), false, {}},
                {normalized({"global_avg_pool", 16, 8, 8, 1, true, {}}), false, {}},
                {normalized({"linear", 1, 8, 10, 1, true, {}}), false, {}}};
  return net;
}

NetRecord measured(const Net& net, const TempFolder& temp, const MeasureOptions& options) {
  const auto compiler = cpu();
  const Artifact artifact = compiler->compile(net, temp.file(net.id));
  compiler->measure({artifact}, options);
  return compiler->hwobj_net_to_primitive(artifact);
}

double value(const Perf& perf, Metric metric) {
  REQUIRE(perf.count(metric) == 1);
  return perf.at(metric).value;
}

std::map<std::string, std::string> contents(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    files[entry.path().string()] = text.str();
  }
  return files;
}

}  // namespace

TEST_CASE("peak memory of a forward, counted by hand") {
  const TempFolder temp;
  Net net = graph_net("pooled", 3, 8, true, 10);
  net.batch = 2;
  const NetRecord record = measured(net, temp, quick());
  REQUIRE((record.state == RunState::measured || record.state == RunState::unsteady));
  CHECK(record.batch == 2);
  CHECK(record.prims.empty());
  const double own = 4 * (2 * 3 * 8 * 8 /* input */ + 10 * 3 * 4 * 4 + 10 /* parameters */);
  const double pooled = 4 * 2 * 3 * 4 * 4, out = 4 * 2 * 10;
  CHECK(value(record.overall, Metric::memory) == own + pooled + out);
  CHECK(value(record.overall, Metric::reserved_memory) >= own + pooled + out);  // blocks are rounded
  CHECK(record.overall.count(Metric::train_memory) == 0);
  CHECK(record.from.mode == "inference");
}

TEST_CASE("peak memory of a training step, counted by hand") {
  const double parameters = 4 * (3 * 6 + 3), input = 4 * 4 * 6, labels = 8 * 4;
  const double own = parameters + input + labels;
  const double out = 4 * 4 * 3, loss = 4, decayed = 4 * 3 * 6;
  const auto peak = [](const std::string& momentum) {
    const TempFolder temp;
    Net net = graph_net("line", 6, 1, false, 3);
    net.batch = 4;
    net.mode = "train";
    MeasureOptions options = quick();
    options.device_options["momentum"] = momentum;
    const NetRecord record = measured(net, temp, options);
    REQUIRE((record.state == RunState::measured || record.state == RunState::unsteady));
    CHECK(record.overall.count(Metric::memory) == 0);
    return value(record.overall, Metric::train_memory);
  };
  // The peak is in the optimiser's step of the weight: gradients of all parameters, output and loss of the step, and
  // the weight's gradient with its decay.
  CHECK(peak("0") == own + parameters + out + loss + decayed);
  // With momentum also its state, and the factor that it is multiplied with: a double, and the float made of it.
  CHECK(peak("0.9") == own + 2 * parameters + out + loss + decayed + 8 + 4);
}

TEST_CASE("a training step is the sum of its phases, and of its layers") {
  const TempFolder temp;
  Net net = layered_net();
  MeasureOptions options = quick();
  options.mode = "train";
  options.batch = 2;
  options.device_options = {{"learning-rate", "0.001"}, {"momentum", "0.5"}};
  const NetRecord record = measured(net, temp, options);
  REQUIRE((record.state == RunState::measured || record.state == RunState::unsteady));
  CHECK(record.from.mode == "train");
  CHECK(record.batch == 2);
  const double whole = value(record.overall, Metric::train_latency);
  double phases = 0;
  for (const Metric metric :
       {Metric::forward_latency, Metric::loss_latency, Metric::backward_latency, Metric::optimizer_latency}) {
    CHECK(value(record.overall, metric) > 0);
    phases += value(record.overall, metric);
  }
  CHECK(phases == doctest::Approx(whole).epsilon(1e-9));
  CHECK(record.overall.count(Metric::latency) == 0);
  REQUIRE(record.prims.size() == 4);
  double sum = value(record.overhead, Metric::train_latency);
  for (const auto& row : record.prims) {
    CHECK(value(row.perf, Metric::train_latency) >=
          value(row.perf, Metric::forward_latency) + value(row.perf, Metric::backward_latency));
    sum += value(row.perf, Metric::train_latency);
  }
  CHECK(sum == doctest::Approx(whole).epsilon(1e-9));
  // The two blocks take more than pooling does, forwards and backwards.
  for (const Metric metric : {Metric::forward_latency, Metric::backward_latency})
    CHECK(value(record.prims[1].perf, metric) > value(record.prims[2].perf, metric));
  const auto& environment = record.from.environment;
  CHECK(environment.at("optimizer") == "sgd, learning rate 0.001, momentum 0.5, weight decay 5e-04");
  CHECK(environment.at("gradients") == "on");
  CHECK((record.overall.count(Metric::train_energy) == 1 || environment.count("no_train_energy_j") == 1));
  CHECK((record.overall.count(Metric::process_memory) == 1 || environment.count("no_process_memory_bytes") == 1));
  options.device_options["momentum"] = "0.9";
  const auto compiler = cpu();
  CHECK(has(
      error_of(Fault::usage, [&] { compiler->measure({BaseHardwareCompiler::open(temp.file("layers"))}, options); }),
      "optimizer"));
}

TEST_CASE("a network that does not fit is a result, and larger batches of it need not be tried") {
  const TempFolder temp;
  const auto compiler = cpu();
  std::vector<Artifact> artifacts;
  for (const int batch : {64, 1, 4, 32}) {
    Net net = layered_net();
    net.id = std::to_string(batch);
    net.arch = "layers";
    net.batch = batch;
    net.mode = "train";
    artifacts.push_back(compiler->compile(net, temp.file(net.id)));
  }
  MeasureOptions options = quick();
  options.device_options["memory-limit"] = "2MB";  // of activations a batch of 4 takes less, one of 32 more
  options.till_first_fail = true;
  compiler->measure(artifacts, options);
  const auto record = [&](std::size_t i) { return compiler->hwobj_net_to_primitive(artifacts[i]); };
  CHECK(record(0).state == RunState::out_of_memory);
  CHECK(has(record(0).reason, "a batch of 32 was too large already"));
  CHECK(record(3).state == RunState::out_of_memory);
  CHECK(has(record(3).reason, "2000000 bytes"));
  for (const std::size_t i : {1U, 2U}) {
    CHECK((record(i).state == RunState::measured || record(i).state == RunState::unsteady));
    CHECK(value(record(i).overall, Metric::train_memory) < 2e6);
  }
  CHECK(value(record(2).overall, Metric::train_memory) > value(record(1).overall, Metric::train_memory));
  const auto before = contents(temp.path());
  compiler->measure(artifacts, options);  // nothing is left to do
  CHECK(contents(temp.path()) == before);
}

TEST_CASE("options of the device are checked") {
  const TempFolder temp;
  const auto compiler = cpu();
  const Artifact artifact = compiler->compile(layered_net(), temp.file("n"));
  const auto refused = [&](const std::string& name, const std::string& text) {
    MeasureOptions options = quick();
    options.device_options[name] = text;
    return error_of(Fault::usage, [&] { compiler->measure({artifact}, options); });
  };
  CHECK(has(refused("momentun", "1"), "did you mean momentum"));
  CHECK(has(refused("momentum", "1.5"), "below 1"));
  CHECK(has(refused("momentum", "nan"), "a number"));
  CHECK(has(refused("memory-limit", "2 parsecs"), "512MB"));
  CHECK(has(refused("memory-limit", "0"), "512MB"));
  CHECK(has(refused("tf32", "yes"), "one of cuda"));
  CHECK(has(refused("nesterov", "maybe"), "yes or no"));
}

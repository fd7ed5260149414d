// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// Does what the test tells it to.
class Puppet : public BaseHardwareCompiler {
 public:
  explicit Puppet(std::string name = "puppet") : name_(std::move(name)) {}
  [[nodiscard]] std::string name() const override { return name_; }
  int compiled = 0, measured = 0;
  std::string batches;
  bool fail_to_compile = false;
  NetRecord record;

 private:
  void do_compile(const Artifact&) override {
    if (fail_to_compile) throw Error(Fault::device, "the tool crashed");
    ++compiled;
  }
  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override {
    measured += static_cast<int>(artifacts.size());
    for (const auto& artifact : artifacts) batches += artifact.net.id + ":" + std::to_string(options.batch) + " ";
  }
  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact&) const override { return record; }
  std::string name_;
};

Net small_net(const std::string& id = "net-1", int channels = 8) {
  Net net;
  net.id = id;
  net.purpose = "coverage";
  net.image_size = 16;
  const Prim first = normalized({"conv_bn_relu_3x3", 16, 3, channels, 2, true, {}});
  const Prim second = normalized({"conv_bn_relu_1x1", 8, channels, 4, 1, true, {}});
  net.layers = {{first, false, {}}, {second, true, {}}};
  return net;
}

NetRecord good_record(const Net& net) {
  NetRecord record;
  record.overall[Metric::latency] = {3.0, 0.1, 10, 0};
  record.prims = {{net.layers[0].prim, {{Metric::latency, {1.0, 0.1, 10, 0}}}, false},
                  {net.layers[1].prim, {{Metric::latency, {2.0, 0.1, 10, 0}}}, true}};
  return record;
}

}  // namespace

TEST_CASE("compile writes a folder that can be opened, and does nothing twice") {
  const TempFolder temp;
  Puppet puppet;
  const std::string dir = temp.file("a/b");
  const Artifact artifact = puppet.compile(small_net(), dir);
  CHECK(artifact.dir == dir);
  CHECK(puppet.compiled == 1);
  (void)puppet.compile(small_net(), dir);
  CHECK(puppet.compiled == 1);
  const Artifact opened = BaseHardwareCompiler::open(dir);
  CHECK(opened.net.id == "net-1");
  CHECK(opened.net.layers.size() == 2);
  CHECK(opened.net.layers[1].glue);
}

TEST_CASE("a compilation that failed or was killed is done again") {
  const TempFolder temp;
  Puppet puppet;
  puppet.fail_to_compile = true;
  error_of(Fault::device, [&] { (void)puppet.compile(small_net(), temp.file("a")); });
  error_of(Fault::missing, [&] { (void)BaseHardwareCompiler::open(temp.file("a")); });
  puppet.fail_to_compile = false;
  (void)puppet.compile(small_net(), temp.file("a"));
  CHECK(puppet.compiled == 1);
  CHECK(BaseHardwareCompiler::open(temp.file("a")).net.id == "net-1");
  // Killed within its first file.
  const std::string part = temp.write("b/net.yaml.hwprof-part-aB3xYz", "id: ne");
  (void)puppet.compile(small_net(), temp.file("b"));
  CHECK(BaseHardwareCompiler::open(temp.file("b")).net.id == "net-1");
  CHECK_FALSE(std::ifstream(part).good());
}

TEST_CASE("a folder that holds something else is left as it is") {
  const TempFolder temp;
  Puppet puppet;
  (void)puppet.compile(small_net(), temp.file("a"));
  CHECK(has(error_of(Fault::usage, [&] { (void)puppet.compile(small_net("net-2"), temp.file("a")); }), "another"));
  CHECK(has(error_of(Fault::usage, [&] { (void)puppet.compile(small_net("net-1", 16), temp.file("a")); }), "another"));
  Puppet other("other");
  CHECK(has(error_of(Fault::usage, [&] { (void)other.compile(small_net(), temp.file("a")); }), "'puppet'"));
  temp.write("mine/diary.txt", "dear diary");
  error_of(Fault::usage, [&] { (void)puppet.compile(small_net(), temp.file("mine")); });
  temp.write("file", "");
  error_of(Fault::usage, [&] { (void)puppet.compile(small_net(), temp.file("file")); });
  error_of(Fault::missing, [&] { (void)BaseHardwareCompiler::open(temp.file("mine")); });
  error_of(Fault::missing, [&] { (void)BaseHardwareCompiler::open(temp.file("none")); });
}

TEST_CASE("measure refuses what makes no sense before anything runs") {
  const TempFolder temp;
  Puppet puppet;
  const Artifact artifact = puppet.compile(small_net(), temp.file("a"));
  const auto refused = [&](MeasureOptions options) {
    return error_of(Fault::usage, [&] { puppet.measure({artifact}, options); });
  };
  MeasureOptions options;
  options.batch = 0;
  CHECK(has(refused(options), "batch"));
  options = {};
  options.threads = -1;
  CHECK(has(refused(options), "threads"));
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    options = {};
    options.budget_s = bad;
    CHECK(has(refused(options), "budget"));
    options = {};
    options.max_rel_ci = bad;
    CHECK(has(refused(options), "interval"));
  }
  CHECK(has(error_of(Fault::usage, [&] { puppet.measure({artifact, artifact}); }), "twice"));
  error_of(Fault::usage, [&] { puppet.measure({}); });
  error_of(Fault::missing, [&] { puppet.measure({{small_net(), temp.file("none")}}); });
  Puppet other("other");
  CHECK(has(error_of(Fault::usage, [&] { other.measure({artifact}); }), "not by 'other'"));
  CHECK(puppet.measured == 0);
  puppet.measure({artifact});
  CHECK(puppet.measured == 1);
}

TEST_CASE("a record gets its network's names, and must keep to its layers") {
  const TempFolder temp;
  Puppet puppet;
  const Net net = small_net();
  const Artifact artifact = puppet.compile(net, temp.file("a"));
  puppet.record = good_record(net);
  const NetRecord record = puppet.hwobj_net_to_primitive(artifact);
  CHECK(record.net_id == "net-1");
  CHECK(record.purpose == "coverage");

  const auto refused = [&] {
    return error_of(Fault::internal, [&] { (void)puppet.hwobj_net_to_primitive(artifact); });
  };
  puppet.record.prims[0].perf[Metric::latency].value = 1.1;
  CHECK(has(refused(), "3.1 s of 3 s"));
  puppet.record.overhead[Metric::latency].value = -0.1;
  CHECK(has(refused(), "overhead of -0.1 s"));
  puppet.record.overall[Metric::latency].value = 3.6;
  puppet.record.overhead[Metric::latency].value = 0.5;
  CHECK_NOTHROW((void)puppet.hwobj_net_to_primitive(artifact));
  puppet.record = good_record(net);
  puppet.record.prims.pop_back();
  CHECK(has(refused(), "1 primitives"));
  puppet.record = good_record(net);
  std::swap(puppet.record.prims[0].prim, puppet.record.prims[1].prim);
  CHECK(has(refused(), "layer 0"));
  puppet.record = good_record(net);
  puppet.record.overall.clear();
  CHECK(has(refused(), "overall"));
  puppet.record = {};
  puppet.record.state = RunState::failed;
  CHECK(has(refused(), "without a reason"));
  puppet.record.reason = "no power";
  CHECK(puppet.hwobj_net_to_primitive(artifact).reason == "no power");
}

TEST_CASE("compilers are made by the word before the colon, which gets the whole name") {
  register_compiler("zebra", [](const std::string& name) { return std::make_unique<Puppet>(name); });
  CHECK(make_compiler("zebra")->name() == "zebra");
  CHECK(make_compiler("zebra:7")->name() == "zebra:7");
  const auto names = list_compilers();
  CHECK(std::find(names.begin(), names.end(), "zebra") != names.end());
  const std::string message = error_of(Fault::usage, [] { (void)make_compiler("zebbra:1"); });
  CHECK(has(message, "zebra"));
  CHECK(has(message, "--plugin"));
  error_of(Fault::usage, [] { (void)make_compiler(""); });
  error_of(Fault::usage, [] { register_compiler("", [](const std::string&) { return std::make_unique<Puppet>(); }); });
  error_of(Fault::usage,
           [] { register_compiler("a:b", [](const std::string&) { return std::make_unique<Puppet>(); }); });
  error_of(Fault::usage, [] { register_compiler("null", nullptr); });
  register_compiler("empty", [](const std::string&) { return std::unique_ptr<BaseHardwareCompiler>(); });
  error_of(Fault::internal, [] { (void)make_compiler("empty"); });
}

TEST_CASE("networks that name a batch or a mode of their own") {
  const TempFolder temp;
  Puppet puppet;
  std::vector<Artifact> artifacts;
  for (const int batch : {4, 0, 2, 4}) {
    Net net = small_net("n" + std::to_string(artifacts.size()));
    net.batch = batch;
    artifacts.push_back(puppet.compile(net, temp.file(net.id)));
  }
  MeasureOptions options;
  options.batch = 3;
  puppet.measure(artifacts, options);
  CHECK(puppet.batches == "n2:2 n1:3 n0:4 n3:4 ");
  options.mode = "train";
  CHECK(has(error_of(Fault::unsupported, [&] { puppet.measure(artifacts, options); }), "inference only"));
  options.mode = "both";
  CHECK(has(error_of(Fault::usage, [&] { puppet.measure(artifacts, options); }), "inference or train"));
  Net other = small_net("n0");
  other.batch = 8;
  CHECK(has(error_of(Fault::usage, [&] { puppet.compile(other, temp.file("n0")); }), "another network"));
  Net trained = small_net("n9");
  trained.mode = "train";
  const auto artifact = puppet.compile(trained, temp.file("n9"));
  CHECK(BaseHardwareCompiler::open(artifact.dir).net.mode == "train");
  error_of(Fault::unsupported, [&] { puppet.measure({artifact}, {}); });
}

// SPDX-License-Identifier: Apache-2.0
// Networks from files, and the networks of records.
#include <doctest/doctest.h>

#include "fingerprint_support.hpp"
#include "hwprof/net.hpp"
#include "hwprof/perf4sight.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

constexpr const char* chain = R"(kind: listed
name: tiny
image_size: 32
layers:
- {prim_type: conv_bn_act, C_out: 16, stride: 2, kernel_size: 3, activation: relu}
- {prim_type: conv_bn_act, C_out: 24, kernel_size: 3, activation: relu}
- {prim_type: global_avg_pool}
- {prim_type: linear, C_out: 10}
)";

CostedNet named(const std::string& id) {
  auto net = make_net("plain", 0);
  net.id = id;
  net.family = family_of(id);
  net.level.reset();
  return net;
}

NetRecord record(const std::string& id, const std::map<std::string, std::string>& environment = {}) {
  NetRecord out;
  out.net_id = id;
  out.batch = 4;
  out.from.mode = "train";
  out.from.environment = environment;
  out.overall[Metric::train_latency].value = 0.5;
  return out;
}

}  // namespace

TEST_CASE("families: what a name says behind the network") {
  for (const auto& one : std::map<std::string, std::string>{{"resnet18", "resnet18"},
                                                            {"resnet18_30", "resnet18"},
                                                            {"resnet18_l1-norm_30", "resnet18"},
                                                            {"resnet18_random_r2_45", "resnet18"},
                                                            {"mobilenet_v2", "mobilenet_v2"},
                                                            {"mobilenet_v2-0.3", "mobilenet_v2"},
                                                            {"squeezenet_b8_train", "squeezenet"},
                                                            {"resnet18/random/0.3/1", "resnet18"},
                                                            {"resnet18_30-memory-gt", "resnet18"},
                                                            {"30", "30"},
                                                            {"", ""}})
    CHECK_MESSAGE(family_of(one.first) == one.second, one.first);
}

TEST_CASE("networks from files: a listed chain, layers by themselves, a list of primitives, prof_nets") {
  const TempFolder folder;
  const auto net = load_costed_net(folder.write("resnet18_30.yaml", chain));
  CHECK(net.id == "resnet18_30");
  CHECK(net.family == "resnet18");
  CHECK(net.level == 30);
  CHECK(net.aliases == std::vector<std::string>{"tiny"});
  REQUIRE(net.parts.size() == 1);
  CHECK(net.parts[0].input == Shape{1, 3, 32, 32});

  // The same layers with a branch between them, which no chain can have.
  const auto layers = load_costed_net(folder.write("branches.yaml", R"(kind: listed
name: branches
image_size: 32
layers:
- {prim_type: conv_bn, spatial_size: 32, C: 3, C_out: 16, stride: 2, kernel_size: 3}
- {prim_type: conv_bn, spatial_size: 16, C: 16, C_out: 24, kernel_size: 3}
- {prim_type: conv_bn, spatial_size: 16, C: 16, C_out: 24, kernel_size: 1}
- {prim_type: linear, spatial_size: 1, C: 24, C_out: 10}
)"));
  REQUIRE(layers.parts.size() == 4);
  CHECK(layers.parts[2].input == Shape{1, 16, 16, 16});
  const auto names = list_fingerprint_features(Stage::inference);
  const auto macs = static_cast<std::size_t>(std::find(names.begin(), names.end(), "own.macs") - names.begin());
  CHECK(fingerprint_of(layers, 2, Stage::inference)[macs] ==
        2.0 * (256 * 16 * 27 + 256 * 24 * 144 + 256 * 24 * 16 + 240));

  const auto list = load_costed_net(
      folder.write("prims.yaml", "- {prim_type: conv_bn, spatial_size: 8, C: 4, C_out: 4, kernel_size: 3}\n"));
  CHECK(list.parts.size() == 1);

  Net whole;
  whole.id = "packed-3";
  whole.image_size = 8;
  whole.layers = {{parse_prim("conv_3x3:8x3x4s1"), false, {}}};
  save_net(folder.file("a/net.yaml"), whole);
  CHECK(load_costed_net(folder.file("a/net.yaml")).id == "packed-3");
  whole.id = "17";
  whole.arch = "resnet18/l1_norm/0.3/2";
  save_net(folder.file("a/17.yaml"), whole);
  const auto job = load_costed_net(folder.file("a/17.yaml"));
  CHECK(job.id == "resnet18/l1_norm/0.3/2");
  CHECK(job.family == "resnet18");
  CHECK(job.level == doctest::Approx(30));

  const auto refused = [&](const std::string& text, const std::string& part) {
    CHECK(has(error_of(Fault::input, [&] { (void)load_costed_net(folder.write("x.yaml", text)); }), part));
  };
  refused("", "x.yaml");
  refused("kind: listed\nlayers: []\n", "x.yaml");
  refused("kind: listed\nlayers:\n- {prim_type: conv_bn, C_out: 16}\n", "x.yaml:3");
  refused("kind: listed\nlayers:\n- {prim_type: conv_bn, spatial_size: 9, C: 5, C_out: 16}\n", "kernel_size");
  refused("kind: listed\nlayers:\n- {prim_type: conv_bn, spatial_size: 9, C: 5, C_out: 99999999, kernel_size: 1}\n",
          "x.yaml:3");
  // A window that does not fit into its map, in a layer and in a list of primitives.
  refused(
      "kind: listed\nlayers:\n- {prim_type: linear, spatial_size: 1, C: 5, C_out: 6}\n"
      "- {prim_type: max_pool, spatial_size: 2, C: 5, kernel_size: 3}\n",
      "x.yaml:4");
  refused("- {prim_type: max_pool, spatial_size: 2, C: 5, C_out: 5, kernel_size: 3}\n", "x.yaml");
  refused("kind: mobilenet\n", "x.yaml");
  CHECK(has(error_of(Fault::input, [&] { (void)load_costed_net(folder.file("none.yaml")); }), "none.yaml"));
}

TEST_CASE("records find their networks by name") {
  const std::vector<CostedNet> nets{named("resnet18_30"), named("resnet18_60"), named("ResNet18"),
                                    named("mobilenet-v2_30"), named("alexnet_0")};
  using Settings = std::map<std::string, std::string>;
  const auto found = [&nets](const NetRecord& one) {
    const auto data = pair_costs({one}, nets);
    return data.nets[data.samples.at(0).net].id;
  };
  CHECK(found(record("resnet18_30")) == "resnet18_30");
  CHECK(found(record("resnet18-60")) == "resnet18_60");
  CHECK(found(record("x", {{"model", "models/pruned/MobileNet_V2_30.py"}})) == "mobilenet-v2_30");
  CHECK(found(record("x", {{"model", "pruned/resnet18/60.py"}})) == "resnet18_60");
  CHECK(found(record("x", {{"net_name", "resnet18"}, {"level", "60"}})) == "resnet18_60");
  CHECK(found(record("x", {{"log", "resnet18_30"}})) == "resnet18_30");
  CHECK(found(record("x", {{"net_name", "resnet18"}})) == "ResNet18");
  CHECK(found(record("x", {{"net_name", "resnet18"}, {"level", "0"}})) == "ResNet18");
  CHECK(found(record("x", {{"net_name", "alexnet"}})) == "alexnet_0");
  // A pruned network is never taken for the unpruned one.
  const auto pruned =
      record("resnet18_45",
             Settings{{"net_name", "resnet18"}, {"level", "45"}, {"log", "resnet18"}, {"model", "models/resnet18.py"}});
  const auto message = error_of(Fault::missing, [&] { (void)pair_costs({pruned}, nets); });
  CHECK(has(message, "resnet18_45"));
  (void)error_of(Fault::missing, [&] {
    (void)pair_costs({record("ResNet18", {{"net_name", "resnet18"}, {"level", "45"}, {"model", "a/ResNet18.py"}})},
                     nets);
  });
  CHECK(found(record("x", {{"net_name", "resnet18_30"}, {"level", "30"}, {"log", "resnet18_30"}})) == "resnet18_30");

  // Nor for another level of the same log, nor for another network of it.
  for (const auto& [model, level] : {std::pair{"models/resnet18_45.py", "45"}, {"models/vgg16.py", ""}}) {
    auto other = record("x", Settings{{"model", model}, {"log", "resnet18_30"}});
    if (*level != 0) other.from.environment["level"] = level;
    auto beside = record("resnet18_30", {{"model", "models/resnet18_30.py"}, {"log", "resnet18_30"}});
    const auto data = pair_costs({beside, other}, nets);
    CHECK(data.samples.size() == 1);
    CHECK(data.unpaired == 1);
    REQUIRE(data.notes.size() == 1);
    CHECK(has(data.notes[0], std::string("'x' (") + model + "), 1 records left out"));
  }
  CHECK(found(record("x", {{"model", "models/a.py"}, {"level", "30"}, {"log", "resnet18_30"}})) == "resnet18_30");
  CHECK(found(record("x", {{"model", "models/a.py"}, {"level", "0"}, {"log", "resnet18"}})) == "ResNet18");

  // A log of one network tells it, however the model is called, unless they speak of two levels.
  const Settings one{{"net_name", "resnet18"}, {"level", "45"}, {"model", "pruned/resnet18_45.py"}};
  const auto of_log = [&](Settings settings, const std::string& log, const std::string& net) {
    settings["log"] = log;
    auto data = pair_costs({record("x", settings), record("resnet18_30")}, {named(net), named("resnet18_30")});
    return data.unpaired == 0 ? data.nets[data.samples.at(0).net].id : "";
  };
  CHECK(of_log(one, "tx2_017", "tx2_017") == "tx2_017");
  CHECK(of_log(one, "memory_resnet18_50", "memory_resnet18_50").empty());
  CHECK(of_log(one, "resnet18", "resnet18").empty());
  CHECK(of_log({{"net_name", "resnet18"}, {"level", "30"}, {"model", "resnet18.py"}}, "resnet18_30-memory",
               "resnet18_30-memory-gt") == "resnet18_30");
  CHECK(of_log({{"net_name", "vgg"}, {"level", "30"}, {"model", "vgg.py"}}, "vgg_p30-memory", "vgg_p30-gt") ==
        "vgg_p30-gt");

  // Of several models that the name alone would pair with one network, nobody knows which is the unpruned one.
  const auto plain = [](const std::string& model) {
    return record("resnet18", Settings{{"net_name", "resnet18"}, {"model", model}, {"log", "all"}});
  };
  CHECK(found(plain("a/resnet18.py")) == "ResNet18");
  const auto two = error_of(Fault::missing, [&] { (void)pair_costs({plain("a/net.py"), plain("b/net.py")}, nets); });
  CHECK(has(two, "2 of these records have net_name alone in common with a network"));
  (void)error_of(Fault::missing, [&] {
    (void)pair_costs({plain("a/net.py"), plain("b/net.py")}, {named("resnet18_0")});
  });

  auto oom = record("resnet18_30");
  oom.state = RunState::out_of_memory;
  oom.overall.clear();
  const auto data = pair_costs({record("resnet18_30", {{"net_name", "resnet18"}}), oom, record("vgg16")}, nets);
  CHECK(data.samples.size() == 1);
  CHECK(data.samples[0].stage == Stage::training);
  CHECK(data.samples[0].batch == 4);
  CHECK(data.failed == 1);
  CHECK(data.unpaired == 1);
  CHECK(data.nets[0].family == "resnet18");
  REQUIRE(data.notes.size() == 2);
  CHECK(has(data.notes[0], "1 of them out of memory"));
  CHECK(has(data.notes[1], "vgg16"));

  CHECK(has(error_of(Fault::usage, [&] { (void)pair_costs({}, {named("a_b"), named("A-b")}); }), "two networks"));
  CHECK(has(error_of(Fault::missing, [&] { (void)pair_costs({}, nets); }), "0 records"));
  auto a = record("resnet18_30"), b = record("resnet18_60");
  a.from.device = "tx2";
  b.from.device = "xavier";
  CHECK(has(error_of(Fault::usage, [&] { (void)pair_costs({a, b}, nets); }), "one device at a time"));
}

// SPDX-License-Identifier: Apache-2.0
// Logs of devices through the command line.
#include <doctest/doctest.h>

#include "dpu_logs.hpp"
#include "program.hpp"
#include "throws.hpp"

using namespace hwprof_test;
using doctest::Approx;

namespace {

const std::string map_text =
    "- {prim: 'conv_bn_relu_3x3:16x8x8s1', ops: [k_conv_1]}\n- {prim: 'conv_bn_relu_3x3:16x8x16s1', ops: [k_conv_2]}\n"
    "- ops: [k_fc_1]\n";

std::string log_text() {
  return DpuTable{"k",
                  {{"k_conv_1", 0.294912, 0.1, 0.25}, {"k_conv_2", 0.589824, 0.1, 0.5}, {"k_fc_1", 0.1, 0.1, 0.125}}}
      .text();
}

double seconds(const nlohmann::json& perf) {
  return perf.at("latency_s").at("value").get<double>();
}

}  // namespace

TEST_CASE("net2primitive gives a log's nodes to primitives by a map") {
  const TempFolder folder;
  folder.write("latency/k.txt", log_text());
  const std::string map = folder.write("map.yaml", map_text);
  const std::string out = folder.file("r.jsonl");
  const auto outcome = cli({"net2primitive", folder.file("latency"), "--map", map, "--result-file", out, "--json"});
  CHECK_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(outcome.json().at("records") == 1);
  const auto record = nlohmann::json::parse(read_all(out));
  CHECK(record.at("net") == "k");
  CHECK(seconds(record.at("overall")) == Approx(0.875e-3));
  CHECK(seconds(record.at("prims").at(0).at("perf")) == Approx(0.25e-3));
  CHECK(seconds(record.at("prims").at(1).at("perf")) == Approx(0.5e-3));
  CHECK(seconds(record.at("overhead")) == Approx(0.125e-3));
  CHECK(record.at("nodes").at(0).at("macs").get<double>() == Approx(147456).epsilon(0.001));
  CHECK(has(outcome.out, "k_fc_1"));
  const auto model = cli({"genmodel", "--records", out, "--type", "table", "--out", folder.file("m.json")});
  CHECK_MESSAGE(model.code == 0, model.err);
  const auto table = nlohmann::json::parse(read_all(folder.file("m.json"))).at("table");
  REQUIRE(table.size() == 2);
  CHECK(table.at(0).at("prim") == "conv_bn_relu_3x3:16x8x8s1");
  CHECK(table.at(0).at("value").get<double>() == Approx(0.25e-3));
}

TEST_CASE("aw_nas' four arguments take a map as PRIM_TO_OPS") {
  const TempFolder folder;
  folder.write("prof/k/1000.txt", log_text());
  folder.write("ops/k/pytorch_to_caffe/map.yaml", map_text);
  const std::string config = folder.write("cfg.yaml", "a: 1\n");
  const std::string prims = folder.write(
      "prims.yaml", "- {prim_type: conv_bn_relu_3x3, spatial_size: 16, C: 8, C_out: 32, stride: 1, affine: true}\n");
  const auto outcome = cli({"parse", config, folder.file("prof"), prims, folder.file("ops"), "--result-file",
                            folder.file("r.jsonl"), "--json"});
  CHECK_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(nlohmann::json::parse(read_all(folder.file("r.jsonl"))).at("prims").size() == 2);
  CHECK(has(outcome.out, "16x8x32s1 was not measured"));
}

TEST_CASE("energy from a power log, by the network's name") {
  const TempFolder folder;
  const std::string log = folder.write("k.txt", log_text());
  std::string power;
  for (int s = 0; s < 40; ++s)
    power += DpuTable::line("2020-11-19 05:00:%02d,%d\n", s, s >= 10 && s <= 20 ? 8000000 : 6000000);
  const std::string power_file = folder.write("p.csv", power);
  const std::string stamps = folder.write("s.txt", "k 2020-11-19 04:00:10.0 2020-11-19 04:00:20.0\n");
  const std::vector<std::string> call{"net2primitive", log,        "--result-file", folder.file("r.jsonl"), "--power",
                                      power_file,      "--stamps", stamps,          "--power-runs",         "1000"};
  const auto apart = cli(call);
  CHECK(apart.code == 3);
  CHECK(has(apart.err, "about -1 hours"));
  auto shifted = call;
  shifted.insert(shifted.end(), {"--power-offset", "-1"});
  const auto outcome = cli(shifted);
  CHECK_MESSAGE(outcome.code == 0, outcome.err);
  const auto record = nlohmann::json::parse(read_all(folder.file("r.jsonl")));
  CHECK(record.at("overall").at("energy_j").at("value").get<double>() == Approx(0.02));
}

TEST_CASE("wrong calls and logs that hold nothing") {
  const TempFolder folder;
  const std::string log = folder.write("k.txt", log_text());
  const std::string out = folder.file("r.jsonl");
  CHECK(cli({"net2primitive", log, "--result-file", out, "--prims", log}).code == 2);
  CHECK(cli({"net2primitive", log, "--result-file", out, "--power", log}).code == 2);
  CHECK(cli({"net2primitive", log, "--result-file", out, "--map", folder.write("m.yaml", "- ops: [other]\n")}).code ==
        3);
  const std::string torn = folder.write("t.txt", log_text().substr(0, 500));
  const auto outcome = cli({"net2primitive", torn, "--result-file", out});
  CHECK(outcome.code == 3);
  CHECK(has(outcome.err, "no complete table"));
  for (const auto& nothing :
       {folder.write("zero.txt", ""), folder.write("blank.txt", " \n"), std::string("/dev/null")}) {
    const auto refused = cli({"net2primitive", nothing, "--result-file", out});
    CHECK(refused.code == 3);
    CHECK(has(refused.err, "is empty"));
  }
}

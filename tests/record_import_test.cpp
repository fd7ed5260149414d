// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/stats.hpp"
#include "hwprof/record.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

std::string prim_yaml(const std::string& indent, int kernel, const std::string& costs) {
  return indent + "- C: 16\n" + indent + "  C_out: 24\n" + indent + "  activation: relu6\n" + indent +
         "  affine: true\n" + indent + "  expansion: 4\n" + indent + "  kernel_size: " + std::to_string(kernel) + "\n" +
         costs + indent + "  prim_type: mobilenet_v2_block\n" + indent + "  spatial_size: 112\n" + indent +
         "  stride: 2\n";
}

std::string run_yaml(double overall, double first, double second) {
  return "overall_latency: " + std::to_string(overall) + "\nblock_sum_latency: 99.0\nprimitives:\n" +
         prim_yaml("", 3, "  performances:\n    latency: " + std::to_string(first) + "\n") +
         prim_yaml("", 5, "  performances: {latency: " + std::to_string(second) + "}\n");
}

const Prim kernel_3 = parse_prim("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=4:kernel_size=3");
const Prim kernel_5 = parse_prim("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=4:kernel_size=5");

double latency(const Perf& perf) {
  return perf.at(Metric::latency).value;
}

}  // namespace

TEST_CASE("the interval of a median comes from order statistics") {
  CHECK(base::median({3, 1, 2}) == 2);
  CHECK(base::median({4, 1, 2, 3}) == 2.5);
  CHECK(base::median_half_width({1, 2, 3, 4, 5}) == 0);
  // Six: the extremes (96.9 %). Nine: second and eighth (96.1 %). 20: sixth and fifteenth (95.9 %).
  CHECK(base::median_half_width({6, 1, 2, 3, 4, 9}) == 4);
  CHECK(base::median_half_width({1, 2, 3, 4, 5, 6, 7, 8, 9}) == 3);
  std::vector<double> values;
  for (int i = 20; i > 0; --i) values.push_back(i);
  CHECK(base::median_half_width(values) == 4.5);
  for (int i = 21; i <= 10000; ++i) values.push_back(i);
  CHECK(base::median_half_width(values) == Approx(98).epsilon(0.02));  // 1.96 / 2 * sqrt(10000)
  CHECK(base::robust_deviation({1, 2, 3, 4, 100}, 3) == Approx(1.4826));
}

TEST_CASE("a run of aw_nas: milliseconds become seconds") {
  const TempFolder folder;
  Notes notes;
  const auto records = load_records(folder.write("0.yaml", run_yaml(3.5, 1.25, 2)), &notes);
  CHECK(notes.empty());
  REQUIRE(records.size() == 1);
  CHECK(records[0].net_id == "0");
  CHECK(latency(records[0].overall) == 0.0035);
  REQUIRE(records[0].prims.size() == 2);
  CHECK(records[0].prims[0].prim == kernel_3);
  CHECK(records[0].prims[1].prim == kernel_5);
  CHECK(latency(records[0].prims[0].perf) == 0.00125);
  CHECK(latency(records[0].prims[1].perf) == 0.002);
  CHECK(records[0].from.mode == "inference");
  CHECK(records[0].state == RunState::measured);
}

TEST_CASE("the first generation: costs beside the parameters, rows in lists") {
  const TempFolder folder;
  const auto flat = load_records(
      folder.write("prims.yaml", prim_yaml("", 3, "  latency: 1.5\n") + prim_yaml("", 3, "  latency: 2.5\n")));
  REQUIRE(flat.size() == 1);
  REQUIRE(flat[0].prims.size() == 2);
  CHECK(latency(flat[0].prims[1].perf) == 0.0025);
  CHECK(flat[0].overall.empty());
  const std::string nested =
      "-\n" + prim_yaml("  ", 3, "    latency: 1.5\n") + "-\n" + prim_yaml("  ", 5, "    latency: 2.5\n");
  const auto lists = load_records(folder.write("nets.yaml", nested));
  REQUIRE(lists.size() == 2);
  CHECK(lists[1].net_id == "nets.1");
  CHECK(lists[1].prims.at(0).prim == kernel_5);
  const std::string means = "async_elapse: 4.0\nsync_elapse: 5.0\nprimitives:\n" + prim_yaml("", 3, "  latency: 1.5\n");
  CHECK(latency(load_records(folder.write("gen1.yaml", means))[0].overall) == 0.004);
}

TEST_CASE("power in microwatts gives energy; costs of other names and rows without a size are noted") {
  const TempFolder folder;
  std::string rows = prim_yaml("", 3, "  performances:\n    latency: 0.5\n    power: 6200000.0\n    speed: 3\n") +
                     prim_yaml("", 5, "  performances: {latency: 1.0, energy: 2.0, memory: 4096, speed: 4}\n");
  rows +=
      "- C: 8\n  C_out: 8\n  prim_type: conv_1x1\n  spatial_size: null\n  stride: 1\n  performances: {latency: 1}\n";
  Notes notes;
  const auto records = load_records(folder.write("blocks.yaml", rows), &notes);
  REQUIRE(records.size() == 1);
  REQUIRE(records[0].prims.size() == 2);
  CHECK(records[0].prims[0].perf.at(Metric::energy).value == Approx(6.2 * 0.5e-3));
  CHECK(records[0].prims[1].perf.at(Metric::energy).value == 0.002);
  CHECK(records[0].prims[1].perf.at(Metric::memory).value == 4096);
  REQUIRE(notes.size() == 2);
  CHECK(has(notes[0], "'speed'"));
  CHECK(has(notes[1], "blocks.yaml:24"));
  CHECK(has(notes[1], "without spatial_size"));
}

TEST_CASE("a list whose rows of one primitive contradict each other says so") {
  const TempFolder folder;
  const auto rows = [](const char* a, const char* b) {
    return prim_yaml("", 3, std::string("  performances: {latency: ") + a + "}\n") +
           prim_yaml("", 3, std::string("  performances: {latency: ") + b + "}\n");
  };
  Notes notes;
  (void)load_records(folder.write("a.yaml", rows("0.159627", "0.159536")), &notes);
  CHECK(notes.empty());
  (void)load_records(folder.write("b.yaml", rows("0.16", "0.25")), &notes);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "b.yaml: rows of mobilenet_v2_block:112x16x24s2"));
  CHECK(has(notes[0], "contradict each other: 160 us to 250 us"));
}

TEST_CASE("a folder of runs: one record a network, medians with their interval") {
  const TempFolder folder;
  const double first[] = {1.0, 1.1, 1.2, 1.3, 1.4, 50.0, 1.25};
  for (int i = 0; i < 7; ++i) folder.write("10/" + std::to_string(i) + ".yaml", run_yaml(4 + i, first[i], 2));
  folder.write("2/0.yaml", run_yaml(3, 1, 2));
  folder.write("2/1.yaml", run_yaml(5, 1, 2));
  folder.write("readme.txt", "nothing");
  Notes notes;
  const auto records = load_records(folder.path(), &notes);
  REQUIRE(records.size() == 2);
  CHECK(records[0].net_id == "2");
  CHECK(records[1].net_id == "10");
  CHECK(latency(records[0].overall) == 0.004);
  CHECK(records[0].overall.at(Metric::latency).samples == 2);
  CHECK(records[0].overall.at(Metric::latency).spread == 0);
  const Measured prim = records[1].prims[0].perf.at(Metric::latency);
  CHECK(prim.value == Approx(1.25e-3));
  CHECK(prim.samples == 7);
  CHECK(prim.spread == Approx((50 - 1.0) / 2 * 1e-3));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "readme.txt"));
}

TEST_CASE("runs of one folder must be of one network; loose files are grouped by their primitives") {
  const TempFolder folder;
  folder.write("0/0.yaml", run_yaml(3, 1, 2));
  folder.write("0/1.yaml", "overall_latency: 1\nprimitives:\n" + prim_yaml("", 3, "  latency: 1\n"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_records(folder.path()); }), "0/1.yaml: has other primitives"));
  const auto loose = load_records(folder.path() + "/0");
  REQUIRE(loose.size() == 2);
  CHECK(loose[0].net_id == "0");
  CHECK(loose[1].net_id == "1");
  const TempFolder empty;
  CHECK(has(error_of(Fault::input, [&] { (void)load_records(empty.path()); }), "no measurements"));
}

TEST_CASE("what does not fit in a YAML file is refused with its line") {
  const TempFolder folder;
  const auto refusal = [&folder](const std::string& text) {
    const std::string file = folder.write("x.yaml", text);
    const std::string what = error_of(Fault::input, [&] { (void)load_records(file); });
    CHECK(has(what, "x.yaml"));
    return what;
  };
  CHECK(has(refusal(run_yaml(-1, 1, 1)), "x.yaml:1: overall_latency"));
  CHECK(has(refusal(run_yaml(1, -1, 1)), "latency: a number from 0 to 1e18"));
  CHECK(has(refusal("overall_latency: .nan\nprimitives:\n" + prim_yaml("", 3, "  latency: 1\n")), "overall_latency"));
  CHECK(has(refusal("overall_latency: nan\nprimitives:\n" + prim_yaml("", 3, "  latency: 1\n")), "overall_latency"));
  CHECK(has(refusal("primitives:\n" + prim_yaml("", 3, "  latency: 1\n")), "no overall cost"));
  CHECK(has(refusal("overall_latency: 1\n"), "'primitives' is missing"));
  CHECK(has(refusal("overall_latency: 1\nlatenzy: 2\nprimitives:\n" + prim_yaml("", 3, "  latency: 1\n")),
            "x.yaml:2: latenzy"));
  CHECK(has(refusal(prim_yaml("", 3, "")), "no cost"));
  CHECK(has(refusal(prim_yaml("", 3, "  latency: 1\n  dilation: 2\n")), "dilation"));
  CHECK(has(refusal(prim_yaml("", 3, "  performances: {power: 3}\n")), "power without a latency"));
  CHECK(has(refusal("just a text\n"), "a map"));
  CHECK(has(refusal("[]\n"), "empty list"));
  CHECK(has(refusal("- [1, 2\n"), "not valid YAML"));
}

TEST_CASE("CSV: architectures with a cost, unit in the header") {
  const TempFolder folder;
  const auto records = load_records(folder.write("a.csv",
                                                 "\xef\xbb\xbf"
                                                 "arch,latency_ms\r\n0.1.2,2.5\r\n\"depth=3,width=4\",1e1\r\n"));
  REQUIRE(records.size() == 2);
  CHECK(records[0].arch == "0.1.2");
  CHECK(latency(records[0].overall) == 0.0025);
  CHECK(records[1].arch == "depth=3,width=4");
  CHECK(latency(records[1].overall) == 0.01);
  CHECK(records[1].prims.empty());
  CHECK(records[1].net_id == "1");
  const auto several = load_records(folder.write("b.csv", "latency_us, arch ,energy_mj,memory_bytes\n12,0,3,4096\n"));
  CHECK(latency(several[0].overall) == 12e-6);
  CHECK(several[0].overall.at(Metric::energy).value == 0.003);
  CHECK(several[0].overall.at(Metric::memory).value == 4096);
  CHECK(latency(load_records(folder.write("c.csv", "arch,latency_s\n0,0.5\n"))[0].overall) == 0.5);
}

TEST_CASE("what does not fit in a CSV file is refused with its line") {
  const TempFolder folder;
  const auto refusal = [&folder](const std::string& text) {
    const std::string file = folder.write("x.csv", text);
    return error_of(Fault::input, [&] { (void)load_records(file); });
  };
  CHECK(has(refusal("arch,latency\n0,1\n"), "x.csv:1: unknown column 'latency'"));
  CHECK(has(refusal("arch\n0\n"), "x.csv:1: no column with a cost"));
  CHECK(has(refusal("arch,latency_ms,latency_us\n0,1,2\n"), "two columns of latency"));
  CHECK(has(refusal("arch,latency_ms,arch\n0,1,2\n"), "stands twice"));
  CHECK(has(refusal("arch,latency_ms\n0,1\n\n1\n"), "x.csv:4: 2 cells are expected, found 1"));
  CHECK(has(refusal("arch,latency_ms\n0,fast\n"), "x.csv:2: latency_ms"));
  CHECK(has(refusal("arch,latency_ms\n0,nan\n"), "latency_ms"));
  CHECK(has(refusal("arch,latency_ms\n0,-1\n"), "latency_ms"));
  CHECK(has(refusal("arch,latency_ms\n0,inf\n"), "latency_ms"));
  CHECK(has(refusal("arch,latency_ms\n0,1e300\n"), "latency_ms"));
  CHECK(has(refusal("arch,latency_ms\n,1\n"), "architecture is empty"));
  CHECK(has(refusal("arch,latency_ms\n\"0,1\n"), "double quote"));
}

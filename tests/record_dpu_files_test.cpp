// SPDX-License-Identifier: Apache-2.0
// Folders of VART's files, boards, compiled kernels and power logs, written here in their formats.
#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "dpu_elf_image.hpp"
#include "dpu_logs.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/model.hpp"
#include "record/device_log.hpp"
#include "record/power.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

std::string all(const Notes& notes) {
  std::string text;
  for (const auto& note : notes) text += note + "\n";
  return text;
}

std::string summary_csv(const std::string& rows) {
  return "Profile Summary\nGenerated on: 2021-11-19\n\nDPU Summary\nKernel Name,Number Of Runs,CU Full Name,Minimum "
         "Time "
         "(ms),Average Time (ms),Maximum Time (ms),Workload(GOP),DPU Performance(GOP/s),Mem IO(MB),Mem "
         "Bandwidth(MB/s),\n" +
         rows + "\n";
}

/// A trace of runs that take so many microseconds.
std::string trace_csv(const std::vector<int>& us) {
  std::string text =
      "HEADER\nVTF File Version,1.0\nResolution,ms\n\nSTRUCTURE\nGroup_Start,DPU\n\nMAPPING\n1,\n2,sub\n\nEVENTS\n";
  int id = 0;
  double ms = 100;
  for (const int t : us) {
    text += DpuTable::line("%d,0,%.6f,1,VART_RUNNER,2,3050,1,0.06,50,25,1,1,,\n", id + 1, ms);
    ms += t / 1000.0;
    text += DpuTable::line("%d,%d,%.6f,1,VART_RUNNER,2,3050,1,0.06,50,25,1,1,,\n", id + 2, id + 1, ms);
    id += 2;
    ms += 0.4;
  }
  return text;
}

const char* const block = "ResidualBlock-in_24x28x28-out_32-k_5-e_4-s_2-act_relu-use_se_True";

std::string name_error(const std::string& name) {
  return error_of(Fault::input, [&] { (void)record::prim_of_folder(name); });
}

}  // namespace

TEST_CASE("folders' names become blocks, in several spellings") {
  const Prim expected = parse_prim("mobilenet_v3_block:28x24x32s2:activation=relu:expansion=4:kernel_size=5:use_se=1");
  for (const char* name : {block, "ResidualBlock-out_32-in_24x28x28-e_4.0-k_5-act_ReLU-s_2-use_se_1",
                           "MBConvLayer-in_24x28x28-out_32-kernel_size_5-expand_ratio_4-stride_2-act_func_relu-se_true",
                           "ResidualBlock-in_24x28-out32-k5-e4-s2-act=relu-use_se:yes",
                           "MBConv_in-24x28x28_out-32_use_se-True_k-5_e-4_s-2_act-relu"})
    CHECK_MESSAGE(record::prim_of_folder(name) == expected, name);
  CHECK(to_string(record::prim_of_folder("ResidualBlock-in_16x14x14-out_16-k_3-e_6-s_1-act_h_swish-use_se_False")) ==
        "mobilenet_v3_block:14x16x16s1:activation=h_swish:expansion=6:kernel_size=3:use_se=0");
  CHECK(to_string(record::prim_of_folder("ConvLayer-in_3x224x224-out_16-k_3-s_2-act_h_swish")).substr(0, 25) ==
        "conv_bn_act:224x3x16s2:ac");
  CHECK(record::prim_of_folder("LinearLayer-in_960-out_1280-act_none").prim_type == "linear");
  CHECK(to_string(record::prim_of_folder("Conv_in-24x28x28_out-32_k-5_s-2_act-h_swish")).substr(0, 41) ==
        "conv_bn_act:28x24x32s2:activation=h_swish");
  CHECK(record::prim_of_folder("Linear_in-960_out-1280").C_out == 1280);
  CHECK(has(name_error("Conv_in-24x28x28_out-32_k-5_act-h_swish_more"), "unknown activation"));
  // Without a stride it is the device's count that tells: 2 * 3 * 16 * 9 operations for each of 112 x 112 pixels.
  const std::string open = "ConvLayer-in_3x224x224-out_16-k_3-act_relu";
  CHECK(record::prim_of_folder(open, 0.011e9).stride == 2);
  CHECK(record::prim_of_folder(open, 0.043e9).stride == 1);
  CHECK(has(name_error(open), "no field s"));
  CHECK(has(error_of(Fault::input, [&] { (void)record::prim_of_folder(open, 1e9); }), "no field s"));
  CHECK(record::prim_of_folder("ConvLayer-in_960x1x1-out_1280-k_1-act_relu").stride == 1);
  CHECK(has(name_error("ResidualBlock-in_24x28x27-out_32-k_5-e_4-s_2-act_relu"), "not square"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-k_5-e_4-s_2-act_relu"), "no field out"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-out_32-k_5-e_4-s_2"), "no field act"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-out_32-k_5-k_5-e_4-s_2-act_relu"), "stands twice"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-out_32-k_5-e_4-s_2-act_gelu"), "unknown activation"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-out_32-k_5-e_4-s_2-act_relu-groups_2"), "unknown field"));
  CHECK(has(name_error("ResidualBlock-in_24x28x28-out_99999999999-k_5-e_4-s_2-act_relu"), "positive number"));
  CHECK(has(name_error("MBConvLayer-in_24x28x28-out_24-k_5-e_4-s_1-act_relu"), "addition of its input"));
  CHECK(has(name_error("results"), "no field in"));
  CHECK(has(name_error(""), "names no block"));
  std::mt19937_64 rng(1);
  const std::vector<std::string> pieces{
      "in",   "out", "k",    "e", "s", "act",  "use_se", "-",       "-", "-",    "_",      "_",        "_",   "3",
      "224x", "9",   "relu", "=", ":", "\xff", "_s",     "h_swish", "x", "Conv", "Linear", "Residual", "e-1", "_in-"};
  for (int i = 0; i < 50000; ++i) {
    std::string name;
    for (std::size_t n = rng() % 24; n > 0; --n) name += pieces[rng() % pieces.size()];
    try {
      (void)record::prim_of_folder(name, static_cast<double>(rng() % 1000000));
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
    }
  }
}

TEST_CASE("a folder of VART folders: blocks with the mean of their runs and its interval, a board, what was skipped") {
  const TempFolder folder;
  const std::string row = "sub,4,DPUCZDX8G_1:batch-1,1.000,1.250,1.500,0.050,40.000,0.366,362.780,\n";
  const std::string in = std::string("stage/") + block + "/";
  folder.write(in + "profile_summary.csv", summary_csv(row));
  folder.write(in + "vart_trace.csv", trace_csv({1000, 1200, 1300, 1500}));
  folder.write(in + "meta.json",
               "{\"filename\": \"" + std::string(block) + ".xmodel\", \"kernel\": [\"sub\"], \"target\": \"T\"}");
  folder.write(in + "summary.csv", "Profile Summary\n");
  const std::string other = "ResidualBlock-in_32x14x14-out_32-k_3-e_3-s_1-act_h_swish-use_se_False/";
  folder.write(other + "profile_summary.csv", summary_csv("a,b,sub,10,x,1.0,1.0,1.0,0.05,50,1,1,\n"));
  folder.write("ResidualBlock-in_32x14x14-out_32/profile_summary.csv", summary_csv(row));
  folder.write("ResidualBlock-in_8x14x14-out_8-k_3-e_3-s_1-act_relu/profile_summary.csv", summary_csv(""));
  folder.write("ResidualBlock-in_8x14x14-out_16-k_3-e_3-s_1-act_relu/profile_summary.csv",
               summary_csv("sub,4,x,1,-1,1,1,1,1,1,\n"));
  folder.write(
      "xdputil_query.json",
      "{\"DPU IP Spec\": {\"IP version\": \"v4.1.0\"}, \"kernels\": [{\"DPU Arch\": \"DPUCZDX8G_ISA1_B2304_01\", "
      "\"DPU Frequency (MHz)\": 200, \"fingerprint\": \"0x1\", \"name\": \"DPU Core 0\"}]}");
  Notes notes;
  const auto records = load_records(folder.path(), &notes);
  REQUIRE(records.size() == 2);
  const auto& fitting = records[0].net_id == block ? records[0] : records[1];
  const auto& second = records[0].net_id == block ? records[1] : records[0];
  REQUIRE(fitting.net_id == block);
  REQUIRE(fitting.prims.size() == 1);
  CHECK(to_string(fitting.prims[0].prim) ==
        "mobilenet_v3_block:28x24x32s2:activation=relu:expansion=4:kernel_size=5:use_se=1");
  const Measured cost = fitting.prims[0].perf.at(Metric::latency);
  CHECK(cost.value == Approx(1.25e-3));
  CHECK(cost.samples == 4);
  CHECK(cost.spread == Approx(1.96 * 0.20817e-3 / 2).epsilon(1e-3));  // deviation of 1.0 1.2 1.3 1.5
  CHECK(fitting.overall.at(Metric::latency).value == cost.value);
  CHECK(fitting.nodes.at(0).macs == Approx(25e6));
  CHECK(fitting.from.environment.at("target") == "T");
  CHECK(fitting.from.environment.at("dpu_mhz") == "200");
  CHECK(second.nodes.at(0).name == "a,b,sub");
  CHECK(second.overall.at(Metric::latency).samples == 10);
  CHECK(has(all(notes), "ResidualBlock-in_32x14x14-out_32: was left out"));
  CHECK(has(all(notes), "in_8x14x14-out_8-k_3-e_3-s_1-act_relu: was left out: no run"));
  CHECK(has(all(notes), "a time from 0 on is expected, found '-1'"));
  CHECK_FALSE(all(notes).find("trace") != std::string::npos);

  FitOptions options;
  options.kind = "table";
  CHECK(fit(records, options).entry(fitting.prims[0].prim)->value == Approx(1.25e-3));
  CHECK(load_records(folder.path() + "/stage/" + block).size() == 1);
}

TEST_CASE("a trace that does not fit its summary is said; alone it counts") {
  const TempFolder folder;
  folder.write(std::string(block) + "/profile_summary.csv",
               summary_csv("sub,500,DPUCZDX8G_1:batch-1,1.000,1.100,1.500,0.050,1.000,0.366,362.780,\n"));
  folder.write(std::string(block) + "/vart_trace.csv", trace_csv({1000, 1200}));
  Notes notes;
  CHECK(load_records(folder.path(), &notes).at(0).overall.at(Metric::latency).value == Approx(1.1e-3));
  CHECK(has(all(notes), "the trace's runs do not give"));
  CHECK(has(all(notes), "performance is not workload over average time"));
  const TempFolder alone;
  alone.write(std::string(block) + "/vart_trace.csv",
              trace_csv({1000, 1200}) + "9,0,500.0,1,VART_RUNNER,2,3,\n11,77,1.0,1,VART_RUNNER,2,3,\n");
  notes.clear();
  const auto records = load_records(alone.path(), &notes);
  CHECK(records.at(0).overall.at(Metric::latency).value == Approx(1.1e-3));
  CHECK(records[0].overall.at(Metric::latency).samples == 2);
  CHECK(has(all(notes), "did not begin before"));
  CHECK(has(all(notes), "runs that did not end"));
}

TEST_CASE("files that are missing, damaged or without times cost their block alone") {
  const TempFolder folder;
  const std::string row = "sub,2,DPUCZDX8G_1:batch-1,1.000,1.100,1.200,0.050,40.000,0.366,362.780,\n";
  const auto in = [](int channels) {
    return "ResidualBlock-in_" + std::to_string(channels) + "x28x28-out_32-k_5-e_4-s_2-act_relu/";
  };
  folder.write(in(8) + "profile_summary.csv", summary_csv(row));
  folder.write(in(16) + "summary.csv", "Profile Summary\nGenerated on: 2021-11-19\n");  // all that was left there
  folder.write(in(16) + "meta.json", "{}");
  folder.write(in(24) + "profile_summary.csv", summary_csv("sub,2,DPUCZDX8G_1:batch-1,nan,1,1,0.05,40,0.366,362,\n"));
  folder.write(in(24) + "vart_trace.csv", trace_csv({1000, 1200}));
  folder.write(in(40) + "profile_summary.csv", summary_csv("sub,2,DPUCZDX8G_1:batch-1,0,0.000,0,0.05,40,0.3,362,\n"));
  folder.write(in(40) + "vart_trace.csv", trace_csv({1300, 1500}));
  folder.write(in(48) + "profile_summary.csv", summary_csv("sub,2,DPUCZDX8G_1:batch-1,0,0.000,0,0.05,40,0.3,362,\n"));
  Notes notes;
  std::map<int, double> found;
  for (const auto& record : load_records(folder.path(), &notes))
    found[record.prims.at(0).prim.C] = record.overall.at(Metric::latency).value;
  REQUIRE(found.size() == 3);
  CHECK(found[8] == Approx(1.1e-3));
  CHECK(found[24] == Approx(1.1e-3));
  CHECK(found[40] == Approx(1.4e-3));
  CHECK(has(all(notes), "summary.csv: was left out"));
  CHECK(has(all(notes), "act_relu: holds no measurements"));
  CHECK(has(all(notes), "found 'nan'"));
  CHECK(has(all(notes), "in_48x28x28-out_32-k_5-e_4-s_2-act_relu: was left out: no run"));
}

TEST_CASE("several kernels in one network, one of them on two cores") {
  const TempFolder folder;
  const auto records = load_records(folder.write(
      "profile_summary.csv", summary_csv("a,10,DPUCZDX8G_1:batch-4,1,1,1,0.1,100,1,1,\nb,30,DPUCZDX8G_1:batch-4,2,2,2,"
                                         "0.1,50,1,1,\nb,10,DPUCZDX8G_2:batch-4,4,4,4,0.1,25,1,1,\n")));
  REQUIRE(records.size() == 1);
  CHECK(records[0].batch == 4);
  CHECK(records[0].from.derived);
  // a once, b four times per run, with a mean of (30 * 2 + 10 * 4) / 40 = 2.5 ms
  CHECK(records[0].overall.at(Metric::latency).value == Approx(11e-3));
  CHECK(records[0].nodes.at(1).perf.at(Metric::latency).value == Approx(10e-3));
}

TEST_CASE("frame rates are no latencies; boards and kernels are no measurements") {
  const TempFolder folder;
  Notes notes;
  CHECK(load_records(folder.write("p.csv",
                                  "DPU Throughput\ntimestamp,FPS\n3.0,100\n2.0,110\n1.0,x\n\nDDR Bandwidth\n"
                                  "timestamp,A\n1,2\n"),
                     &notes)
            .empty());
  CHECK(has(all(notes), "a median of 105 frames per second over 2 rows"));
  CHECK(has(all(notes), "without a frame rate"));
  CHECK(load_records(folder.write("b.txt", dexplorer_log()), &notes).empty());
  CHECK(has(all(notes), "describes a board"));
}

TEST_CASE("boards, by dexplorer and by xdputil") {
  const TempFolder folder;
  const DpuBoard board = load_dpu_board(folder.write("b", dexplorer_log()));
  REQUIRE(board.cores.size() == 2);
  CHECK(board.cores[1].name == "#1");
  CHECK(board.cores[1].version == "v1.4.0");
  CHECK(peak_operations_per_s(board.cores[1]) == Approx(1228.8e9));
  CHECK(board.cores[1].features.at("DepthwiseConv") == "Enabled");
  CHECK(board.facts.at("IP Timestamp") == "2019-11-18 18:45:00");
  const DpuBoard query = load_dpu_board(folder.write(
      "q",
      "{\"kernels\": [{\"DPU Arch\": \"DPUCZDX8G_ISA1_B2304_0101\", \"DPU Frequency (MHz)\": 200}, {\"cu\": 1}]}"));
  REQUIRE(query.cores.size() == 1);
  CHECK(peak_operations_per_s(query.cores[0]) == Approx(460.8e9));
  CHECK(peak_operations_per_s(DpuCore{}) == 0);
  CHECK(
      has(error_of(Fault::input, [&] { (void)load_dpu_board(folder.write("n", "[DPU IP Spec]\n")); }), "no DPU core"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_dpu_board(folder.write("n", "{\"kernels\": 3}")); }), "kernels"));
}

TEST_CASE("a compiled kernel: nodes, tensors, parameters, traffic") {
  const TempFolder folder;
  const auto kernels = load_dpu_elf(folder.write("dpu_net.elf", elf_image()));
  REQUIRE(kernels.size() == 1);
  const DpuKernel& kernel = kernels[0];
  CHECK(kernel.name == "net");
  CHECK(kernel.arch == "dpuv2");
  CHECK(kernel.debug);
  CHECK(kernel.io_bytes == 4096);
  REQUIRE(kernel.tensors.size() == 3);
  CHECK(kernel.tensors[0].input);
  CHECK(kernel.tensors[2].output);
  CHECK(kernel.tensors[1].fix_position == -2);
  REQUIRE(kernel.nodes.size() == 2);
  CHECK(kernel.nodes[0].name == "conv_1");
  CHECK(kernel.nodes[0].operations == 884736);
  CHECK(kernel.nodes[0].weight_bytes == 432);
  CHECK(kernel.nodes[0].parameter_bytes == 448);
  CHECK(kernel.nodes[1].outputs == std::vector<std::uint32_t>{2});
  // 32*32*3 in, 16*16*16 out, 448 parameters, 100 code
  CHECK(kernel.moved_bytes(kernel.nodes[0]) == 3072 + 4096 + 448 + 100);
  Notes notes;
  CHECK(load_records(folder.file("dpu_net.elf"), &notes).empty());
}

TEST_CASE("hostile ELF files: cut at any byte, any four bytes overwritten") {
  const std::string image = elf_image();
  const auto survives = [](const std::string& bytes) {
    try {
      (void)record::parse_elf(bytes, "x.elf");
    } catch (const Error& error) {
      return error.fault() == Fault::input;
    }
    return true;
  };
  for (std::size_t size = 0; size < image.size(); size += 3) CHECK(survives(image.substr(0, size)));
  for (std::size_t at = 0; at + 4 <= image.size(); ++at)
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string bytes = image;
      bytes.replace(at, 4, 4, value);
      CHECK(survives(bytes));
    }
  CHECK(has(error_of(Fault::input,
                     [] {
                       (void)record::parse_elf(
                           "\x7f"
                           "ELF",
                           "x.elf");
                     }),
            "too short"));
}

TEST_CASE("times of two kinds, without a zone") {
  CHECK(*record::parse_time("1970-01-02 00:00:01.5") == 86401.5);
  CHECK(*record::parse_time("2020-11-19T05:17:44") == 1605763064);  // date -u -d ... +%s
  CHECK(*record::parse_time("Thu Nov 19 05:17:44 2020") == 1605763064);
  CHECK(*record::parse_time("Sun Nov  1 00:00:00 2020") == 1604188800);
  CHECK(*record::parse_time("Sat Feb 29 00:00:00 2020") == 1582934400);
  for (const char* text : {"", "T", "12", "2020-13-01 00:00:00", "2020-01-01 24:00:00", "2020-01-01", "Foo Bar 1 1 1",
                           "2020-01-01 00:00:nan", "-1-1-1 1:1:1"})
    CHECK_MESSAGE(!record::parse_time(text), text);
}

TEST_CASE("energy from a power log: windows with trimmed ends, idle power taken off, clocks apart") {
  const TempFolder folder;
  std::string log;
  for (int s = 0; s < 60; ++s) {  // idle 6 W; 8 W from second 10 to 20, 7 W from 30 to 40, in a clock 16 hours ahead
    const double watts = s >= 10 && s <= 20 ? 8 : s >= 30 && s <= 40 ? 7 : 6;
    log += DpuTable::line("Thu Nov 19 21:17:%02d 2020,%d,44070\n", s, static_cast<int>(watts * 1e6));
    if (s == 5) log += "T\n";
  }
  const std::string stamps =
      "a 2020-11-19 05:17:10.0 2020-11-19 05:17:20.0\nb c 2020-11-19 05:17:30.0 2020-11-19 05:17:40.0\nbroken line\n";
  const std::string log_file = folder.write("datalog.csv", log);
  const std::string stamp_file = folder.write("stamps.txt", stamps);
  CHECK(has(error_of(Fault::input, [&] { (void)cut_power(log_file, stamp_file); }), "about -16 hours"));
  PowerOptions options;
  options.log_offset_s = -16 * 3600.0;
  options.runs = 1000;
  Notes notes;
  const auto windows = cut_power(log_file, stamp_file, options, &notes);
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].name == "a");
  CHECK(windows[1].name == "b c");
  CHECK(windows[0].samples == 9);
  CHECK(windows[0].mean_w == Approx(8));
  CHECK(windows[0].idle_w == Approx(6));
  CHECK(*windows[0].energy_j == Approx(2 * 10.0 / 1000));
  CHECK(*windows[1].energy_j == Approx(1 * 10.0 / 1000));
  CHECK(has(all(notes), "datalog.csv:7: a line that is no sample"));
  CHECK(has(all(notes), "stamps.txt:3"));
  options.column = "AUX";
  CHECK(has(error_of(Fault::usage, [&] { (void)cut_power(log_file, stamp_file, options); }), "no header"));
  const std::string titled = folder.write("titled.csv", "time,VCC,AUX\n" + log);
  CHECK(cut_power(titled, stamp_file, options).at(0).mean_w == Approx(0.04407));
  options.column = "3";
  const auto flat = cut_power(titled, stamp_file, options);
  CHECK(*flat.at(0).energy_j == Approx(0));
  const std::string overlap = folder.write(
      "o.txt", "a 2020-11-19 05:17:10.0 2020-11-19 05:17:20.0\nb 2020-11-19 05:17:15.0 2020-11-19 05:17:40.0\n");
  CHECK(
      has(error_of(Fault::input, [&] { (void)cut_power(log_file, overlap, options); }), "'b' begins before 'a' ends"));
}

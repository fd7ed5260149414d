// SPDX-License-Identifier: Apache-2.0
// DNNDK's tables, vaitrace, xdputil and trtexec, written here in their formats.
#include <doctest/doctest.h>

#include <cstdio>

#include "base/files.hpp"
#include "dpu_elf_image.hpp"
#include "dpu_logs.hpp"
#include "hwprof/device_log.hpp"
#include "record/device_log.hpp"
#include "record/jsonl.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

double latency(const Perf& perf) {
  return perf.at(Metric::latency).value;
}

std::vector<NetRecord> load(const std::string& text, Notes* notes = nullptr, const char* name = "x.txt") {
  const TempFolder folder;
  return load_records(folder.write(name, text), notes);
}

std::string all(const Notes& notes) {
  std::string text;
  for (const auto& note : notes) text += note + "\n";
  return text;
}

}  // namespace

TEST_CASE("the guide's table: 42 nodes, 3.279 ms, 207.171 MOP, and the core it was taken on") {
  const TempFolder folder;
  const std::string file = folder.write("net.txt", guide_log());
  std::vector<NodeTable> tables;
  Notes notes;
  read_node_tables(
      file, [&](const NodeTable& table) { tables.push_back(table); }, &notes);
  CHECK(notes.empty());
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].kernel == "proxylessmobile05");
  CHECK(tables[0].task == "proxylessmobile05-0");
  REQUIRE(tables[0].rows.size() == 42);
  CHECK(tables[0].rows[0].name == "proxylessmobile05_conv_1");
  CHECK(*tables[0].rows[0].operations == Approx(14.451e6));
  CHECK(*tables[0].rows[41].utilization == Approx(0.009));
  CHECK(*tables[0].rows[41].bytes_per_s == Approx(5278.4e6));
  CHECK(*tables[0].total.operations == Approx(207.171e6));
  CHECK(*tables[0].total.runtime_s == Approx(3.279e-3));

  const auto records = load_records(file, &notes);
  CHECK_MESSAGE(notes.empty(), all(notes));  // sums, performance and traffic agree
  REQUIRE(records.size() == 1);
  CHECK(records[0].net_id == "proxylessmobile05");
  CHECK(latency(records[0].overall) == Approx(3.279e-3));
  CHECK(records[0].overall.at(Metric::latency).samples == 1);
  double sum = 0;
  double macs = 0;
  for (const auto& node : records[0].nodes) {
    sum += latency(node.perf);
    macs += node.macs;
  }
  CHECK(sum == Approx(3.279e-3));
  CHECK(macs * 2 == Approx(207.171e6).epsilon(1e-4));
  CHECK(records[0].from.environment.at("dpu") == "B4096 at 300 MHz");
  CHECK(records[0].from.environment.at("peak_gops") == "1228.8");
}

TEST_CASE("many runs in one file: medians with their interval; CRLF, text in between, a torn end") {
  std::string text;
  for (int run = 0; run < 9; ++run) {
    DpuTable table{"net-a", {{"conv_1", 2.5, 0.25, 0.100 + 0.001 * run}, {"fc", 0.5, 0.1, 0.050}}};
    text += "I1119 some program says hello\n" + table.text();
  }
  std::string cut = DpuTable{"net-a", {{"conv_1", 2.5, 0.25, 9.0}}}.text();
  text += cut.substr(0, cut.size() / 2);
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  Notes notes;
  const auto records = load(crlf, &notes);
  REQUIRE(records.size() == 1);
  const Measured conv = records[0].nodes.at(0).perf.at(Metric::latency);
  CHECK(conv.value == Approx(0.104e-3));
  CHECK(conv.samples == 9);
  CHECK(conv.spread == Approx(0.003e-3));  // second to eighth of nine
  CHECK(latency(records[0].overall) == Approx(0.154e-3));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "ends before its row All"));
}

TEST_CASE("long names, names with blanks and UTF-8, a lost bracket, inf and nan in columns that nobody needs") {
  const std::string longest = "conv2d_transpose_2_conv2d_transpose_and_more_of_it";
  std::string text = DpuTable{"a", {{longest, 0, 0.25, 0.1}, {"caf\xc3\xa9,\"x\" y", 1, 0.1, 0.2}}}.text();
  text.erase(text.find("[DNNDK"), 1);
  const auto at = text.find("0.0", text.find(longest));  // performance of the node without workload
  REQUIRE(at != std::string::npos);
  const auto records = load(text);
  REQUIRE(records.size() == 1);
  CHECK(records[0].nodes.at(0).name == longest);
  CHECK(records[0].nodes.at(1).name == "caf\xc3\xa9,\"x\" y");
  const std::string odd =
      "[DNNDK] Performance profile - DPU Kernel \"b\" DPU Task \"b-0\"\n"
      "ID NodeName Workload(MOP) Mem(MB) RunTime(ms) Perf(GOPS) Utilization MB/S\n"
      "1 copy 0.000 0.10 0.000 -nan nan% inf\n2 conv 1.000 0.10 0.010 100.0 8.1% 10000.0\n"
      "All 1.000 0.21 0.010 100.0 8.1% 21000.0\n";
  Notes notes;
  const auto other = load(odd, &notes);
  CHECK(latency(other.at(0).nodes.at(0).perf) == 0);
  CHECK(latency(other.at(0).overall) == Approx(1e-5));
}

TEST_CASE("the older tool prints two decimals, and other columns") {
  const std::string text =
      "[DNNDK] Performance profile - DPU Kernel \"old\" DPU Task \"old-0\"\n"
      "  ID NodeName RunTime(us) Workload(MOP)\n"
      "  1 conv1 12.25 3.51\n  2 conv2 7.50 1.26\n  All 19.75 4.78\n";
  Notes notes;
  const auto records = load(text, &notes);
  CHECK_MESSAGE(notes.empty(), all(notes));
  CHECK(latency(records.at(0).overall) == Approx(19.75e-6));
  CHECK(records[0].nodes.at(1).macs == Approx(0.63e6));
  const std::string nameless =
      "NodeName Workload(MOP) Mem(MB) RunTime(ms)\nconv1 1.00 0.1 0.25\nconv2 1.00 0.1 0.50\nTotal Time 0.75 ms\n";
  CHECK(latency(load(nameless).at(0).overall) == Approx(0.75e-3));
  CHECK(load(nameless).at(0).nodes.size() == 2);
}

TEST_CASE("what does not add up is said, with how often and by how much") {
  std::string text = DpuTable{"a", {{"c1", 1, 0.1, 0.100}, {"c2", 1, 0.1, 0.100}}}.text();
  const auto at = text.find("0.200", text.find("All"));
  REQUIRE(at != std::string::npos);
  text.replace(at, 5, "0.300");
  Notes notes;
  const auto records = load(text + text, &notes);
  CHECK(latency(records.at(0).overall) == Approx(0.3e-3));
  CHECK(has(all(notes), "runtimes do not add up to All in 2 of 2 tables"));
  CHECK(has(all(notes), "the largest gap is 100 us"));
}

TEST_CASE("tables that cannot be believed are counted; nothing left is an error") {
  const std::string good = DpuTable{"a", {{"c1", 1, 0.1, 0.1}}}.text();
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  Notes notes;
  CHECK(load(good + with(good, " 0.100 ", " -0.100 "), &notes).at(0).overall.at(Metric::latency).samples == 1);
  CHECK(has(all(notes), "not a number from 0 on"));
  notes.clear();
  CHECK(load(good + DpuTable{"a", {{"c2", 1, 0.1, 0.1}}}.text(), &notes).size() == 1);
  CHECK(has(all(notes), "other nodes than the first of its kernel"));
  const auto refusal = [](const std::string& text) { return error_of(Fault::input, [&] { (void)load(text); }); };
  CHECK(has(refusal(with(good, " 0.100 ", " 1e300 ")), "x.txt:5: a runtime that is not"));
  CHECK(has(refusal(DpuTable{"a", {{"c1", 0, 0, 0}}}.text()), "no runtime above 0"));
  CHECK(has(refusal("[I] Average on 10 runs - GPU latency: 0 ms - Host latency: 1 ms\n"), "a latency of 0"));
  CHECK(has(refusal(with(good, "NodeName", "Nodes")), "without a header"));
  CHECK(has(refusal(good.substr(0, good.size() / 2)), "no complete table"));
  CHECK(has(refusal(good.substr(0, 200)), "no complete table"));
  std::string wide = good;
  std::string columns;
  for (int i = 0; i < 1000000; ++i) columns += " 1";
  CHECK(load(with(wide, "\n\n", "\n" + columns + "\n\n")).size() == 1);
}

TEST_CASE("kernel names become safe names of networks") {
  CHECK(load(DpuTable{"../../etc/x y", {{"c", 1, 0.1, 0.1}}}.text()).at(0).net_id == "_.._.._etc_x_y");
}

TEST_CASE("vaitrace's text by the titles of its columns, in three versions") {
  Notes notes;
  const auto old = load(
      "DPU Summary:\n====\nDPU | Batch | SubGraph | Workload(GOP) | RunTime(ms) | Perf(GOP/s) | Mem(MB) | MB/s\n"
      "----+-----\nDPU_0 | 1 | subgraph_conv1 | 7.7 | 10.5 | 733 | 20.1 | 1914\n====\n"
      "Notes:\n\nCPU OPs in Graph(called by GraphRunner):\n====\nFunction | Device | Runs | AverageRunTime(ms)\n"
      "softmax | CPU | 10 | 0.5\n====\nCPU Functions(Not in Graph, e.g.: pre/post-processing):\n"
      "Function | Device | Runs | AverageRunTime(ms)\ncv::imread | CPU | 10 | 99.0\n",
      &notes, "resnet.txt");
  REQUIRE(old.size() == 1);
  CHECK(old[0].net_id == "resnet");
  CHECK(latency(old[0].overall) == Approx(11e-3));
  CHECK(old[0].from.derived);
  REQUIRE(old[0].nodes.size() == 2);
  CHECK(old[0].nodes[0].macs == Approx(3.85e9));
  CHECK(old[0].nodes[1].ops == std::vector<std::string>{"cpu"});
  CHECK(notes.empty());

  const auto two = load(
      "DPU Summary:\nDPU Id | Bat | SubGraph | WL | RT | Perf | LdFM | LdWB | StFM | AvgBw\n"
      "DPUCZDX8G_1 | 2 | a|b | 0.012 | 0.106 | 0.2 | 1 | 1 | 1 | 1\n");
  CHECK(two.at(0).batch == 2);
  CHECK(two[0].nodes.at(0).name == "a|b");
  CHECK(latency(two[0].overall) == Approx(0.106e-3));
  CHECK_FALSE(two[0].from.derived);

  const auto three = load(
      "DPU Summary:\nDPU Id | Bat | DPU SubGraph | WL | SW_RT | HW_RT | Effic | LdWB | LdFM | StFM | AvgBw\n"
      "DPUCVDX8G_1 | 6 | ...t_conv1 | 0.012 | 0.106 | 0.048 | 2.6 | 0.511 | 0.024 | 0.022 | 11568.417\n",
      &notes);
  CHECK(latency(three.at(0).overall) == Approx(0.106e-3));
  // Two cores ran one subgraph; one core ran two whose names were cut to the same letters.
  const auto several = load(
      "DPU Summary:\nDPU Id | Bat | SubGraph | WL | RT\nd1 | 1 | s | 1 | 2\nd2 | 1 | s | 1 | 4\nd1 | 1 | ...t | 1 | 5\n"
      "d1 | 1 | ...t | 1 | 7\n",
      &notes);
  CHECK(latency(several.at(0).overall) == Approx(15e-3));
  CHECK(several[0].nodes.size() == 3);
  CHECK(has(all(notes), "two subgraphs of one name on one core"));
  CHECK(latency(three[0].nodes.at(0).perf) == Approx(0.048e-3));
  CHECK(latency(three[0].overhead) == Approx(0.058e-3));
  notes.clear();
  CHECK(latency(load("DPU Summary:\nDPU Id | Bat | SubGraph | WL | RT\nd | 1 | s | ~0 | ~0\n", &notes).at(0).overall) ==
        Approx(0.5e-6));
  CHECK(has(all(notes), "~0"));
  CHECK(has(error_of(Fault::input, [] { (void)load("DPU Summary:\nDPU Id | Bat | SubGraph | RT\nd | 1 | s | -3\n"); }),
            "no rows"));
}

TEST_CASE("xdputil benchmark: frames in flight times time over frames") {
  const auto log = [](int threads, const char* frames) {
    std::string text = "I0119 1 performance_test.hpp:73] 0% ...\n";
    for (int t = 0; t < threads; ++t)
      text += "I0119 performance_test.hpp:85] thread-" + std::to_string(t) + " processes " +
              std::to_string(20000 / threads) + " frames\n";
    return text + "I0119 performance_test.hpp:94] FPS= 333.333 " + frames + " time= 60 seconds.\nBYEBYE\nTest PASS.\n";
  };
  Notes notes;
  const auto one = load(log(1, "number_of_frames= 20000"), &notes);
  CHECK_MESSAGE(notes.empty(), all(notes));
  CHECK(latency(one.at(0).overall) == Approx(3e-3));
  CHECK_FALSE(one[0].from.derived);
  const auto four = load(log(4, "number_of_frames=20000"), &notes);
  CHECK(latency(four.at(0).overall) == Approx(12e-3));
  CHECK(four[0].from.derived);
  CHECK(four[0].from.environment.at("threads") == "4");
  CHECK(has(error_of(Fault::input, [&] { (void)load(log(0, "number_of_frames= 20000")); }), "no result"));
  (void)load(log(1, "number_of_frames= 10000"), &notes);
  CHECK(has(all(notes), "FPS is not frames over time"));
  CHECK(has(all(notes), "do not add up"));
}

TEST_CASE("trtexec: with and without a time stamp, constant or not; the newer summary") {
  std::string text;
  for (int i = 0; i < 7; ++i)
    text += std::string(i % 2 == 0 ? "[11/20/2020-12:00:00] " : "") +
            "[I] Average on 10 runs - GPU latency: " + (i == 6 ? "9.5" : "1.36123") +
            " ms - Host latency: 2.0 ms (end to end 2.1 ms)\n";
  const auto records = load(text);
  CHECK(latency(records.at(0).overall) == Approx(1.36123e-3));
  CHECK(records[0].overall.at(Metric::latency).samples == 70);
  CHECK(
      latency(load("[I] GPU Compute Time: min = 1.2 ms, max = 2 ms, mean = 1.4 ms, median = 1.3 ms\n").at(0).overall) ==
      Approx(1.3e-3));
  CHECK(has(error_of(Fault::input, [] { (void)load("[I] Average on 10 runs - GPU latency: nan ms\n"); }),
            "no line of trtexec"));
}

TEST_CASE("aw_nas' xavier folder: the whole and the primitives of a network by their file names") {
  const TempFolder folder;
  const auto line = [](const char* ms) { return std::string("[I] Average on 10 runs - GPU latency: ") + ms + " ms\n"; };
  const std::string prim = "C: 16\n  C_out: 24\n  affine: true\n  prim_type: conv_bn_relu_3x3\n  spatial_size: 56\n";
  folder.write("0/net_whole@3x224x224.txt", line("5.0"));
  folder.write("0/net_0@16x56x56.txt", line("1.0"));
  folder.write("0/net_1@16x56x56.txt", line("2.0"));
  folder.write("0/net_7@16x56x56.txt", line("2.0"));
  folder.write("0/net.yaml", "- " + prim + "  stride: 1\n- " + prim + "  stride: 2\n");
  Notes notes;
  const auto records = load_records(folder.path(), &notes);
  REQUIRE(records.size() == 1);
  CHECK(records[0].net_id == "net");
  CHECK(latency(records[0].overall) == Approx(5e-3));
  REQUIRE(records[0].prims.size() == 2);
  CHECK(to_string(records[0].prims[1].prim) == "conv_bn_relu_3x3:56x16x24s2");
  CHECK(latency(records[0].prims[1].perf) == Approx(2e-3));
  CHECK(has(all(notes), "no list says which primitive"));
}

TEST_CASE("a folder of logs: runs of a kernel in several files, a board, other files") {
  const TempFolder folder;
  for (int i = 0; i < 3; ++i)
    folder.write("net/run" + std::to_string(i) + ".txt", DpuTable{"k", {{"c", 1, 0.1, 0.1 + i}}}.text());
  folder.write("board.txt", dexplorer_log());
  folder.write("readme.md", "nothing");
  Notes notes;
  const auto records = load_records(folder.path(), &notes);
  REQUIRE(records.size() == 1);
  CHECK(records[0].overall.at(Metric::latency).samples == 3);
  CHECK(latency(records[0].overall) == Approx(1.1e-3));
  CHECK(records[0].from.environment.at("dpu_mhz") == "300");
  CHECK(records[0].from.environment.at("dpu_cores") == "2");
  CHECK(has(all(notes), "readme.md"));

  // The oldest tools do not print which kernel a table is of.
  const TempFolder old;
  for (const int i : {1, 2})
    old.write("net" + std::to_string(i) + ".txt",
              "NodeName Workload(MOP) Mem(MB) RunTime(ms) Perf(GOPS) MB/S\nconv_1 1.00 0.10 " + std::to_string(i) +
                  ".00 1.00 1.00\nTotal Time " + std::to_string(i) + ".00 ms\n");
  const auto apart = load_records(old.path());
  REQUIRE(apart.size() == 2);
  CHECK(apart[0].net_id == "net1");
  CHECK(latency(apart[1].overall) == Approx(2e-3));
}

TEST_CASE("garbage of any kind ends in an error or a note") {
  std::string garbage = "Performance profile - DPU Kernel \"x\"\n";
  for (int i = 0; i < 100000; ++i) garbage += static_cast<char>(static_cast<unsigned>(i) * 2654435761U >> 13);
  CHECK(has(error_of(Fault::input, [&] { (void)load(garbage); }), "no complete table"));
  const std::string line(std::size_t{3} << 20, 'x');
  const std::string table = DpuTable{"k", {{"c", 1, 0.1, 0.1}}}.text();
  const auto records = load(table + line + "\n" + table + line);
  CHECK(records.at(0).overall.at(Metric::latency).samples == 2);
  // Found by the first megabyte only; the rest of the world's text is not for us to guess at.
  (void)error_of(Fault::input, [&] { (void)load(line + "\n" + table); });
}

TEST_CASE(
    "logs as they come: carriage returns and a byte order mark change nothing; cut anywhere, they give an error or "
    "less") {
  const TempFolder folder;
  for (const char* name :
       {"tables", "vaitrace", "summary", "trace", "throughput", "xdputil", "trtexec", "recognised", "torn"}) {
    CAPTURE(name);
    const std::string text =
        base::read_file(std::string(HWPROF_SOURCE_DIR "/tests/fuzz/corpus/device_log/") + name).substr(1);
    const auto kind = record::recognise(text);
    REQUIRE(kind != record::LogKind::none);
    const auto lines_of = [&](const std::string& bytes) {
      const std::string file = folder.write("log", bytes);
      std::string out;
      try {
        Notes notes;
        for (const auto& one : load_records(file, &notes)) out += record::to_line(one) + "\n";
      } catch (const Error& error) {
        CHECK_MESSAGE(error.fault() == Fault::input, error.what());
        return std::string(error.what());
      }
      return out;
    };
    const std::string plain = lines_of(text);
    std::string crlf;
    for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    CHECK(lines_of(crlf) == plain);
    CHECK(lines_of("\xef\xbb\xbf" + text) == plain);
    const std::string junk("\0\x01\xff\xfe junk \x80|,\t\n", 15);
    CHECK(lines_of(text + junk) == plain);
    for (std::size_t size = 0; size < text.size(); size += 13) {
      (void)lines_of(text.substr(0, size));
      std::string holed = text;
      holed.insert(size, junk);
      (void)lines_of(holed);
      holed = text;
      holed.replace(size, 1, "99999999999999999999999999999999999999");
      (void)lines_of(holed);
    }
  }
}

TEST_CASE("headers that come again, columns that are not there or stand elsewhere") {
  const std::string good = DpuTable{"a", {{"c1", 1, 0.1, 0.1}, {"c2", 2, 0.2, 0.2}}}.text();
  const auto begin = good.find("  ID");
  const std::string header = good.substr(begin, good.find('\n', begin) + 1 - begin);
  std::string again = good;
  again.insert(again.find("   2 "), header);
  CHECK(record::to_line(load(again).at(0)) == record::to_line(load(good).at(0)));

  const auto few = load(
      "[DNNDK] Performance profile - DPU Kernel \"a\" DPU Task \"a-0\"\nID NodeName RunTime(ms)\n1 c1 0.100\n2 c2 "
      "0.200\nAll 0.300\n");
  CHECK(latency(few.at(0).overall) == Approx(0.3e-3));
  CHECK(few[0].nodes.at(1).macs == 0);
  const auto turned = load(
      "DPU Summary:\nRT | SubGraph | WL | Bat | DPU Id\n0.5 | s1 | 0.002 | 3 | d\n\nRT | SubGraph | WL | Bat | DPU "
      "Id\n0.25 | s2 | 0.002 | 3 | d\n");
  REQUIRE(turned.at(0).nodes.size() == 2);
  CHECK(latency(turned[0].overall) == Approx(0.75e-3));
  CHECK(turned[0].batch == 3);
  CHECK(turned[0].nodes[0].macs == Approx(1e6));
  const auto bare = load("Kernel Name,Number Of Runs,Average Time (ms)\nk,10,1.5\n");
  CHECK(latency(bare.at(0).overall) == Approx(1.5e-3));
  CHECK(has(error_of(Fault::input, [] { (void)load("DPU Summary:\nDPU Id | Bat | SubGraph | WL\nd | 1 | s | 1\n"); }),
            "no rows"));
}

TEST_CASE("sums of huge numbers are refused, not kept") {
  std::string text = "DPU Summary:\nDPU Id | Bat | SubGraph | WL | RT\n";
  for (int i = 0; i < 2000; ++i) text += "d | 1 | s" + std::to_string(i) + " | 1 | 1e18\n";
  CHECK(has(error_of(Fault::input, [&] { (void)load(text); }), "which no device has"));
  CHECK(has(error_of(Fault::input,
                     [] {
                       (void)load(
                           "thread-0 processes 1 frames\nthread-1 processes 0 frames\nFPS= 1 number_of_frames= 1 "
                           "time= 1e18 seconds.\n");
                     }),
            "which no device has"));
}

TEST_CASE("a folder with one log that is broken, and the file that was compiled") {
  const TempFolder folder;
  folder.write("net.txt", DpuTable{"net", {{"conv_1", 0.885, 0.1, 0.2}, {"conv_9", 0.5, 0.1, 0.1}}}.text());
  folder.write("dpu_net.elf", elf_image());
  folder.write("bad.txt", "DPU Summary:\nDPU Id | Bat | SubGraph | RT\nd | 1 | s | -3\n");
  folder.write("model.json", "{\"subgraph\": [{\"DPU Arch\": \"x\"}]}");
  Notes notes;
  const auto records = load_records(folder.path(), &notes);
  REQUIRE(records.size() == 1);
  CHECK(has(all(notes), "bad.txt: was left out: "));
  CHECK(has(all(notes), "model.json: was left out: "));
  CHECK(has(all(notes), "1 nodes of the log are not in the compiled file, the first is 'conv_9'"));
  CHECK(all(notes).find("another workload") == std::string::npos);  // 884736 operations are printed as 0.885
  CHECK_FALSE(records[0].from.environment.at("dpu_compiler").empty());
  folder.write("net.txt", DpuTable{"net", {{"conv_1", 0.887, 0.1, 0.2}}}.text());
  notes.clear();
  (void)load_records(folder.path(), &notes);
  CHECK(has(all(notes), "1 nodes have another workload in the compiled file, the first is 'conv_1'"));
  CHECK(has(all(notes), "the log has 1 nodes, the compiled file 2"));
}

TEST_CASE("lines of any length, with and without an end, of files and of texts alike") {
  const TempFolder folder;
  std::string text;
  for (std::size_t i = 0; i < 50; ++i) text += std::string(i * 40000, static_cast<char>('a' + i % 26)) + "\r\n";
  text += "end";
  record::Lines file(folder.write("x", text));
  record::Lines memory(text, "y");
  std::string_view a;
  std::string_view b;
  std::size_t count = 0;
  while (memory.next(b)) {
    REQUIRE(file.next(a));
    const bool same = a == b;
    CHECK(same);
    CHECK(a.size() <= record::Lines::most_bytes);
    CHECK(file.number() == memory.number());
    ++count;
  }
  CHECK_FALSE(file.next(a));
  CHECK(count == 51);
  CHECK(file.torn());
}

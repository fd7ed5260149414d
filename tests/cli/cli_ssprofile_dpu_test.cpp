// SPDX-License-Identifier: Apache-2.0
// Blocks chosen by their latency on a DPU: Vitis AI's programs are stand-ins, the server is a real one on the loopback.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "http_server.hpp"
#include "hwprof/block_lut.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/record.hpp"
#include "hwprof/ssbn.hpp"
#include "program.hpp"
#include "ssprofile_data.hpp"
#include "standins/made_up_dpu.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::Environment;
using hwprof_test::has;
using hwprof_test::HttpServer;
using hwprof_test::Peer;
using hwprof_test::read_all;
using hwprof_test::Received;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;
const std::set<std::string> networks{"Res_1_1", "Res_0_1", "Res_1_0", "VGG_1_1", "VGG_0_1", "VGG_1_0"};

/// A board that runs what it is sent.
class Board {
 public:
  explicit Board(std::size_t most = 1000, std::string own_words = {})
      : most_(most),
        own_words_(std::move(own_words)),
        server_([this](const Received& request, Peer& peer) { answer(request, peer); }) {}
  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::set<std::string> posted() const {
    const std::lock_guard lock(mutex_);
    return posted_;
  }

 private:
  void answer(const Received& request, Peer& peer) {
    const std::lock_guard lock(mutex_);
    if (posted_.size() == most_) return;  // hangs up
    const std::string name = request.form.at("kernel_name");
    posted_.insert(name);
    const auto kernel = load_dpu_elf(folder_.write("got.elf", request.form.at("file"))).at(0);
    std::string tables;
    for (unsigned run = 0; run < 8; ++run) tables += hwprof_test::profile_table(kernel, run);
    peer.answer(200, own_words_.empty() ? tables : own_words_);
  }

  std::size_t most_;
  std::string own_words_;
  TempFolder folder_;
  mutable std::mutex mutex_;
  std::set<std::string> posted_;
  HttpServer server_;
};

struct Desk {
  TempFolder folder;
  std::string config = folder.write("tiny.yaml", hwprof_test::tiny_ssprofile), dir = folder.file("profile");
  Environment environment{{"HWPROF_STANDIN", folder.path()},
                          {"PATH", HWPROF_DPU_STANDINS ":" + std::string(std::getenv("PATH"))},
                          {"no_proxy", "127.0.0.1"}};
  Desk() { hwprof_test::write_idx_data(folder); }

  /// Really trained where this build can.
  [[nodiscard]] hwprof_test::Outcome call(const Words& more, const Environment& where) const {
    Words words{"ssprofile", config, "--profile-dir", dir, "--data",          "idx:" + folder.file("data"),
                "--device",  "dpu",  "--seed",        "5", "--device-option", "jobs=2"};
    if (HWPROF_TEST_TORCH == 0) words.emplace_back("--dry-run-accuracy");
    words.insert(words.end(), more.begin(), more.end());
    return cli(words, where);
  }
  [[nodiscard]] hwprof_test::Outcome call(const Words& more) const { return call(more, environment); }

  [[nodiscard]] std::string text(const std::string& name) const { return read_all(dir + "/" + name); }
  [[nodiscard]] bool has_file(const std::string& name) const {
    return fs::is_regular_file(dir + "/" + name) && fs::file_size(dir + "/" + name) > 0;
  }
  [[nodiscard]] std::size_t runs_of(const std::string& program) const {
    std::size_t n = 0;
    const std::string log = read_all(folder.file("vitis.log"));
    for (auto at = log.find(program + " "); at != std::string::npos; at = log.find(program + " ", at + 1)) ++n;
    return n;
  }
  [[nodiscard]] DpuKernel kernel(const std::string& id) const {
    for (const auto& entry : fs::directory_iterator(dir + "/vitis/" + id + "_compile"))
      if (entry.path().extension() == ".elf") return load_dpu_elf(entry.path().string()).at(0);
    FAIL("no ELF file of " << id);
    return {};
  }
  /// What the made-up DPU takes [ms].
  [[nodiscard]] double true_ms(const std::string& id) const {
    double us = 0;
    const auto one = kernel(id);
    for (const auto& node : one.nodes) us += hwprof_test::true_node_us(one, node);
    return us * 1e-3;
  }
  [[nodiscard]] std::map<std::string, double> latencies() const {
    std::map<std::string, double> out;
    for (const auto& record : load_records(dir + "/records.jsonl"))
      if (record.overall.count(Metric::latency) != 0)
        out[record.net_id] = record.overall.at(Metric::latency).value * 1e3;
    return out;
  }
};

/// Of a board that takes twice as long.
std::string slower_table(const DpuKernel& kernel) {
  hwprof_test::DpuTable table;
  table.kernel = kernel.name;
  for (const auto& node : kernel.nodes)
    table.rows.push_back({node.name, node.operations * 1e-6, kernel.moved_bytes(node) / 1048576,
                          std::round(2 * hwprof_test::true_node_us(kernel, node)) * 1e-3});
  return table.text();
}

}  // namespace

TEST_CASE("from checkpoints to cell_shared_primitives; where something is missing it says so, and is gone on with") {
  const Desk desk;
  // The third network cannot be compiled.
  (void)desk.folder.write("control.json", R"({"faults": {"c_reject": ["2"]}})");

  const auto no_tools = desk.call({}, {{"PATH", "/usr/bin:/bin"}});
  CHECK(no_tools.code == 4);
  CHECK(has(no_tools.err, "vai_q_caffe is not on PATH"));
  CHECK(has(no_tools.err, "--resume"));
  for (const auto& id : networks) {
    CAPTURE(id);
    const std::string stem = desk.dir + "/caffemodels/" + id;
    CHECK(read_caffe(stem + ".prototxt", stem + ".caffemodel").input == Shape{1, 1, 8, 8});
    CHECK(has(desk.text("log_files/" + id + ".convert.log"),
              HWPROF_TEST_TORCH != 0 ? "weights of checkpoints/" + id : std::string("drawn weights")));
  }

  const auto no_board = desk.call({"--resume"});
  CHECK(no_board.code == 4);
  CHECK(has(no_board.err, "server=URL"));
  CHECK(desk.runs_of("vai_q_caffe") == 6);
  CHECK(desk.has_file("vitis/VGG_0_1_quantize/deploy.caffemodel"));
  CHECK(has(desk.text("log_files/VGG_0_1.quantize.log"), "Calibration Done!"));
  CHECK(has(desk.text("log_files/Res_1_0.compile.log"), "Unrecognized Caffe layer type"));
  CHECK_FALSE(fs::exists(desk.dir + "/vitis/Res_1_0_compile"));

  const auto nobody = desk.call({"--resume", "--device-option", "server=http://127.0.0.1:1/"});
  CHECK(nobody.code == 5);
  CHECK(has(nobody.err, "cannot be reached"));

  // Of five networks the board takes two, which are enough for the rule; the others are left out.
  std::set<std::string> first;
  {
    const Board moody(2);
    const auto part =
        desk.call({"--resume", "--device-option", "server=" + moody.url(), "--device-option", "attempts=1"});
    CHECK_MESSAGE(part.code == 0, part.err);
    CHECK(has(part.out, "network VGG_1_1 is left out: "));
    CHECK(desk.latencies().size() == 2);
    first = moody.posted();
  }
  CHECK(first.size() == 2);

  const Board board;
  const auto outcome = desk.call({"--resume", "--device-option", "server=" + board.url()});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  for (const auto& name : first) CHECK(board.posted().count(name) == 0);
  CHECK(board.posted().size() == 3);
  CHECK(desk.runs_of("vai_q_caffe") == 6);
  CHECK(has(outcome.out, "network Res_1_0 is left out: compile: vai_c_caffe"));
  const auto chosen = load_ssbn(desk.dir + "/output.yaml").own;
  REQUIRE(chosen.size() == 2);
  for (const auto& blocks : chosen) CHECK_FALSE(blocks.empty());

  const auto latencies = desk.latencies();
  CHECK(latencies.size() == 5);
  for (const auto& id : networks) {
    if (id == "Res_1_0") continue;
    CAPTURE(id);
    CHECK(latencies.at(id) == doctest::Approx(desk.true_ms(id)).epsilon(0.01));
    CHECK(has(desk.text("latency_table.yaml"), id + ": "));
    CHECK(has(desk.text("vitis/" + id + ".latency.txt"), "All"));
  }
  // In context: a block's time is the base network's layer and what the networks differ by.
  const auto lut = load_lut(desk.dir + "/speed.json");
  const auto of = [&lut](std::size_t layer, const std::string& block) {
    const auto& row = lut.layers.at(layer);
    return std::find_if(row.begin(), row.end(), [&](const LutEntry& entry) { return entry.block == block; })->latency;
  };
  CHECK_FALSE(of(1, "Resblock_0"));
  REQUIRE(of(0, "VGGblock_0"));
  CHECK((of(0, "VGGblock_0")->value - of(0, "VGGblock_1")->value) * 1e3 ==
        doctest::Approx(latencies.at("VGG_0_1") - latencies.at("VGG_1_1")));

  const std::string tables = desk.text("latency_table.yaml") + desk.text("output.yaml") + desk.text("networks.csv");
  const Board idle;
  REQUIRE(desk.call({"--resume", "--device-option", "server=" + idle.url()}).code == 0);
  CHECK(idle.posted().empty());
  CHECK(desk.text("latency_table.yaml") + desk.text("output.yaml") + desk.text("networks.csv") == tables);
  CHECK(desk.call({"--resume", "--device-option", "calib-iter=3"}).code == 2);
}

TEST_CASE("results that were carried back are taken, and looked at first") {
  const Desk desk;
  const auto no_board = desk.call({"--dry-run-accuracy"});
  CHECK(no_board.code == 4);
  CHECK(has(desk.text("log_files/Res_1_1.convert.log"), "drawn weights"));
  for (const auto& id : networks) {
    const auto kernel = desk.kernel(id);
    std::string tables;
    for (unsigned run = 0; run < 5; ++run) tables += hwprof_test::profile_table(kernel, run);
    (void)desk.folder.write("profile/vitis/" + id + ".latency.txt", id == "VGG_1_1" ? "nothing" : tables);
  }
  // Two that somebody has mixed up.
  fs::rename(desk.dir + "/vitis/Res_0_1.latency.txt", desk.dir + "/vitis/mixed");
  fs::rename(desk.dir + "/vitis/VGG_0_1.latency.txt", desk.dir + "/vitis/Res_0_1.latency.txt");
  fs::rename(desk.dir + "/vitis/mixed", desk.dir + "/vitis/VGG_0_1.latency.txt");
  const Words again{"--dry-run-accuracy", "--resume"};
  const auto bad = desk.call(again);
  REQUIRE_MESSAGE(bad.code == 0, bad.err);
  CHECK(has(bad.out, "network VGG_1_1 is left out: " + desk.dir + "/vitis/VGG_1_1.latency.txt:1: "));
  CHECK(has(bad.out, "vitis/Res_0_1.latency.txt: holds times of the kernel 'netVGG"));
  CHECK(desk.latencies().size() == 3);
  const auto carry = [&desk](const std::string& id) {
    const auto kernel = desk.kernel(id);
    std::string tables;
    for (unsigned run = 0; run < 5; ++run) tables += hwprof_test::profile_table(kernel, run);
    const std::string file = desk.dir + "/vitis/" + id + ".latency.txt";
    (void)desk.folder.write("carried.txt", tables);
    fs::rename(desk.folder.file("carried.txt"), file);
  };
  for (const std::string id : {"VGG_1_1", "Res_0_1", "VGG_0_1"}) carry(id);
  const auto outcome = desk.call(again);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(has(desk.text("output.yaml"), "dry run: random accuracies\n"));
  CHECK(desk.latencies().size() == 6);
  for (const auto& [id, ms] : desk.latencies()) CHECK(ms == doctest::Approx(desk.true_ms(id)).epsilon(0.01));
  // Measured once more by whoever carries, from a folder that is a link, and then spoilt in place.
  const auto before = desk.latencies();
  (void)desk.folder.write("lab/Res_1_1.txt", slower_table(desk.kernel("Res_1_1")));
  fs::remove(desk.dir + "/vitis/Res_1_1.latency.txt");
  fs::create_symlink("../../lab/Res_1_1.txt", desk.dir + "/vitis/Res_1_1.latency.txt");
  REQUIRE(desk.call(again).code == 0);
  CHECK(desk.latencies().at("Res_1_1") == doctest::Approx(2 * desk.true_ms("Res_1_1")).epsilon(0.01));
  CHECK(desk.latencies().at("Res_0_1") == before.at("Res_0_1"));
  std::ofstream(desk.dir + "/vitis/Res_1_1.latency.txt") << "spoilt";
  const auto spoilt = desk.call(again);
  CHECK(spoilt.code == 0);
  CHECK(has(spoilt.out, "network Res_1_1 is left out: "));
  CHECK(has(spoilt.out, "Res_1_1.latency.txt:1: "));
  CHECK(desk.latencies().size() == 5);
}

TEST_CASE("what is carried back file by file is taken as it comes") {
  const Desk desk;
  const Environment no_programs{{"PATH", "/usr/bin:/bin"}};
  CHECK(desk.call({"--dry-run-accuracy"}, no_programs).code == 4);
  const std::string ours = "hardwares/0-dpu/0/raw/quantized/", carried = "profile/vitis/Res_1_1_quantize/";
  (void)desk.folder.write(carried + "deploy.prototxt", "carried");
  CHECK(desk.call({"--dry-run-accuracy", "--resume"}, no_programs).code == 4);
  CHECK_FALSE(desk.has_file(ours + "deploy.caffemodel"));
  (void)desk.folder.write(carried + "deploy.caffemodel", "carried");
  CHECK(desk.call({"--dry-run-accuracy", "--resume"}, no_programs).code == 4);
  CHECK(desk.text(ours + "deploy.prototxt") == "carried");
  CHECK(desk.text(ours + "deploy.caffemodel") == "carried");
  // Nothing is left to quantise of this network.
  CHECK(desk.call({"--dry-run-accuracy", "--resume"}).code == 4);
  CHECK(desk.runs_of("vai_q_caffe") == 5);
}

TEST_CASE("answers of which ssprofile would read the rows All and no more") {
  const std::string
      head = "  ID  NodeName Workload(MOP) Mem(MB) RunTime(ms) Perf(GOPS) Utilization MB/S\n",
      total = "       Total Nodes In Avg:\n       All    28.9  0.68       0.334     107.8      8.8%  2550.7\n";
  const std::string nodes =
      "   1  conv1           14.4    0.34       0.134     107.8      8.8%  2550.7\n"
      "   2  conv2           14.5    0.34       0.200     107.8      8.8%  2550.7\n";
  for (const std::string& answer : {head + nodes + total, head + total, total}) {
    CAPTURE(answer);
    const Desk desk;
    const Board board(1000, answer);
    const auto outcome = desk.call({"--dry-run-accuracy", "--device-option", "server=" + board.url()});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(desk.latencies().size() == 6);
    for (const auto& [id, ms] : desk.latencies()) CHECK(ms == doctest::Approx(0.334));
    CHECK_FALSE(load_ssbn(desk.dir + "/output.yaml").own.at(0).empty());
    CHECK(has(outcome.out, "there is no table of latencies by layer"));
    CHECK(desk.text("vitis/Res_1_1.latency.txt") == answer);
  }
}

TEST_CASE("the configuration's own words for the tool chain") {
  Desk desk;
  const Board board;
  const TempFolder images;
  (void)images.write("00001.bmp", "BM");
  std::string text = hwprof_test::tiny_ssprofile;
  text.insert(text.rfind('}'), ", arch_file: /made/up.json, dpu_url: \"" + board.url() +
                                   "\", calib_data: {source: list.txt, root_folder: " + images.path() + "}");
  desk.config = desk.folder.write("config.yaml", text);
  const auto outcome = desk.call({"--dry-run-accuracy"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(board.posted().size() == 6);
  CHECK(has(read_all(desk.folder.file("vitis.log")), "[-a] [/made/up.json]"));
  for (const auto& record : load_records(desk.dir + "/records.jsonl"))
    CHECK(record.from.environment.at("images") == images.path());
  const auto other = cli({"ssprofile", desk.config, "--profile-dir", desk.folder.file("other"), "--dry-run"});
  CHECK(other.code == 0);
  CHECK(has(other.out, "dpu_url is for the device dpu alone"));
}

// SPDX-License-Identifier: Apache-2.0
// The steps to a DPU against tests/standins: Vitis AI's programs, ssh and scp with a board behind them, a real HTTP
// server on the loopback. Networks here are Caffe files written by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/files.hpp"
#include "base/http.hpp"
#include "base/subprocess.hpp"
#include "base/text.hpp"
#include "compiler/dpu_calibration.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "dpu_desk.hpp"
#include "http_server.hpp"
#include "hwprof/error.hpp"
#include "hwprof/vitis.hpp"
#include "standins/made_up_dpu.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof::compiling;
namespace fs = std::filesystem;
using hwprof_test::Desk;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::HttpServer;
using hwprof_test::latency_of;
using hwprof_test::Peer;
using hwprof_test::Received;
using hwprof_test::TempFolder;
using hwprof_test::true_latency;

namespace {

using Options = hwprof_test::DpuOptionTexts;

}  // namespace

TEST_CASE("a network is quantised and compiled, once, with the documented arguments") {
  Desk desk(2);
  const auto quantized = desk.run(DpuStep::quantize);
  CHECK(quantized.done == 2);
  CHECK(quantized.before == 0);
  const std::string log = desk.log();
  CHECK(has(log,
            "vai_q_caffe 0 [quantize] [-model] [net.calibration.prototxt] [-weights] [net.caffemodel] "
            "[-calib_iter] [3] [-method] [1] [-output_dir] [raw/quantized.part]\n"));
  CHECK_FALSE(base::exists(desk.net(0, "raw/calibration")));
  CHECK_FALSE(base::exists(desk.net(0, "raw/quantized.part")));
  CHECK(has(base::read_file(desk.net(0, "raw/quantize.log")), "Calibration Done!"));
  CHECK(desk.run(DpuStep::compile).done == 2);
  CHECK(has(desk.log(),
            "vai_c_caffe 1 [-p] [raw/quantized/deploy.prototxt] [-c] [raw/quantized/deploy.caffemodel] [-a] "
            "[/opt/vitis_ai/compiler/arch/dpuv2/ZCU102/ZCU102.json] [-e] [{'mode': 'debug'}] [--output_dir] "
            "[raw/compiled.part/debug] [-n] [net1]\n"));
  const auto kernels = load_dpu_elf(desk.net(0, "raw/compiled/debug/dpu_net0.elf"));
  REQUIRE(kernels.size() == 1);
  CHECK(kernels[0].debug);
  REQUIRE(kernels[0].nodes.size() == 4);  // of 4 convolutions one is depthwise and fused, and there is a linear layer
  CHECK(kernels[0].nodes[1].name == "L1.expand");
  CHECK(kernels[0].nodes[1].operations == 2 * 256 * (16 * 32 + 32 * 9));
  const auto report =
      parse_compiler_report(base::read_file(desk.net(0, "raw/compile-debug.log")), "raw/compile-debug.log");
  REQUIRE(report.kernels.size() == 1);
  CHECK(report.kernels[0].nodes == 4);
  const auto state = load_state(desk.jobs[0].dir);
  CHECK(state.environment.at("compiler_nodes_debug") == "4");
  CHECK(state.steps.at(DpuStep::compile).by == "here");

  CHECK(desk.run(DpuStep::quantize).before == 2);
  CHECK(desk.run(DpuStep::compile).before == 2);
  CHECK(desk.calls("vai_q_caffe") == 2);
  CHECK(desk.calls("vai_c_caffe") == 2);
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       (void)desk.run(DpuStep::compile, {{"arch", "/else.json"}});
                     }),
            "arch (/opt/vitis_ai/compiler/arch/dpuv2/ZCU102/ZCU102.json then, /else.json now)"));
}

TEST_CASE("vai_q_caffe's check passes, notes or refuses by layer, and decides nothing") {
  Desk desk(5, R"("mute": ["3"], "die": ["4"])");
  const auto layer = [&](int i, const std::string& type) {
    base::write_file(desk.net(i, "net.calibration.prototxt"), hwprof_test::network() +
                                                                  "layer { name: \"L3.odd\" type: \"" + type +
                                                                  "\" bottom: \"L2.fc\" top: \"L3.odd\" }\n");
  };
  layer(1, "ReLU6");
  layer(2, "Softmax");
  const auto summary = desk.run(DpuStep::check);
  CHECK(summary.done == 2);
  REQUIRE(summary.failed == 3);
  CHECK(has(summary.failures[0], "2: vai_q_caffe: its check refuses the network: 7. L3.odd (Softmax)"));
  CHECK(has(summary.failures[0], "raw/check.log"));
  CHECK(has(summary.failures[1], "3: vai_q_caffe: said neither"));
  CHECK(has(summary.failures[2], "4: vai_q_caffe: killed by signal 11"));
  REQUIRE(summary.notes.size() == 1);
  CHECK(summary.notes[0] == "1: its check does not know these types of layers: ReLU6 (1)");
  CHECK(has(desk.log(), "vai_q_caffe 0 [check] [-model] [net.calibration.prototxt]\n"));
  CHECK(has(base::read_file(desk.net(0, "raw/check_results.txt")), "0 data ImageData 2"));
  CHECK_FALSE(base::exists(desk.net(0, "check_results.txt")));
  CHECK_FALSE(base::exists(desk.net(2, "raw/dpu.json")));
  CHECK(desk.run(DpuStep::check).before == 0);  // again each time
  CHECK(desk.calls("vai_q_caffe") == 10);
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       (void)desk.run(DpuStep::check, {{"script", desk.file("nets/run.sh")}});
                     }),
            "a script quantises and compiles"));
  CHECK(desk.run(DpuStep::quantize).before == 0);
}

TEST_CASE("one bad network does not stop the others; exit status and log are kept, and it is tried again") {
  Desk desk(7, R"("reject": ["0"], "die": ["1"], "empty": ["2"], "c_reject": ["3"], "c_empty": ["4"], "torn": ["5"])");
  const auto quantized = desk.run(DpuStep::quantize, {{"jobs", "3"}});
  CHECK(quantized.done == 4);
  REQUIRE(quantized.failed == 3);
  auto failures = quantized.failures;
  std::sort(failures.begin(), failures.end());
  CHECK(has(failures[0], "0: vai_q_caffe: exit status 134; it said "));
  CHECK(has(failures[0], "Unknown layer type: Odd"));
  CHECK(has(failures[0], "hwprof-cli check names such layers"));
  CHECK(has(failures[1], "killed by signal 11"));
  CHECK(has(failures[2], "left no deploy.prototxt, though its exit status is 0"));
  const auto compiled = desk.run(DpuStep::compile, {{"jobs", "4"}});
  CHECK(compiled.waiting == 3);
  CHECK(compiled.failed == 3);
  CHECK(compiled.done == 1);
  failures = compiled.failures;
  std::sort(failures.begin(), failures.end());
  CHECK(has(failures[0], "Unrecognized Caffe layer type [Power]"));
  CHECK(has(failures[1], "left no dpu_*.elf"));
  CHECK(has(failures[2], "dpu_net5.elf"));
  CHECK(has(load_state(desk.jobs[3].dir).steps.at(DpuStep::compile).reason, "exit status 1"));
  desk.set("");
  CHECK(desk.run(DpuStep::quantize).failed == 0);
  CHECK(desk.run(DpuStep::compile).done == 7);
  CHECK(desk.calls("vai_q_caffe") == 7 + 3);
}

TEST_CASE("a program that hangs is ended and costs its own network only; a stop ends all") {
  Desk desk(3, R"("hang": ["1"])");
  const auto summary = desk.run(DpuStep::quantize, {{"tool-timeout", "1"}});
  CHECK(summary.done == 2);
  REQUIRE(summary.failed == 1);
  CHECK(has(summary.failures[0], "1: vai_q_caffe: took longer than allowed"));
  MeasureOptions measure;
  measure.device_options = {{"target", "none"}, {"calib-iter", "3"}};
  measure.stop = [&desk] { return desk.calls("vai_q_caffe") == 4; };
  CHECK(has(error_of(Fault::interrupted, [&] { (void)run_dpu(DpuStep::quantize, desk.jobs, measure); }), "kept"));
  CHECK(desk.run(DpuStep::compile).done == 2);
}

TEST_CASE("calibration images come from a folder, are made up, or are missed by name") {
  Desk desk(1);
  const std::string image = made_up_image(64, 1);
  CHECK(image == made_up_image(64, 1));
  CHECK(image != made_up_image(64, 2));
  CHECK(image.size() == 54 + 64 * 64 * 3);
  CHECK(made_up_image(5, 1).size() == 54 + 5 * 16);  // rows are padded to 4 bytes
  fs::create_directories(desk.file("images/a folder"));
  for (int i = 0; i < 6; ++i) base::write_file(desk.file("images/a folder/photo " + std::to_string(i) + ".BMP"), image);
  base::write_file(desk.file("images/readme.txt"), "no image");
  DpuOptions options;
  options.images = desk.file("images");
  options.calib_iter = 3;
  write_calibration(desk.jobs[0].dir, options);
  CHECK(base::read_file(desk.net(0, "raw/calibration/calibration.txt")) == "0.bmp 0\n1.bmp 0\n2.bmp 0\n");
  CHECK(base::read_file(desk.net(0, "raw/calibration/2.bmp")) == image);
  options.calib_iter = 100;
  write_calibration(desk.jobs[0].dir, options);
  CHECK(base::split(base::read_file(desk.net(0, "raw/calibration/calibration.txt")), '\n').size() == 7);
  const auto summary = desk.run(DpuStep::quantize, {{"images", desk.file("images")}});
  CHECK(summary.done == 1);
  CHECK(base::exists(desk.file("images/a folder/photo 0.BMP")));
  CHECK(has(error_of(Fault::usage, [&] { (void)desk.run(DpuStep::quantize); }), "images"));
  Desk none(1);
  fs::create_directories(none.file("empty"));
  const auto failed = none.run(DpuStep::quantize, {{"images", none.file("empty")}});
  REQUIRE(failed.failed == 1);
  CHECK(has(failed.failures[0], "holds no image"));
}

TEST_CASE("what the compiler cuts in pieces has no time of its own") {
  Desk desk(2, R"("cut": ["0"])");
  desk.run(DpuStep::quantize);
  const auto summary = desk.run(DpuStep::compile);
  REQUIRE(summary.failed == 1);
  CHECK(has(summary.failures[0], "cut the network into 2 pieces for the DPU (net0, net0_2)"));
  CHECK(desk.run(DpuStep::deploy, {{"board", desk.file("board-folder")}, {"modes", "normal"}}).waiting == 2);
}

TEST_CASE("the script does the same in the vendor's container, and its results are picked up") {
  Desk desk(3, R"("reject": ["1"])");
  const Options options{{"script", desk.file("nets/run me.sh")}, {"modes", "debug,normal"}, {"launcher", "nice -n 1"}};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::quantize, options); }), "run me.sh"));
  CHECK(desk.log().empty());
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       (void)desk.run(DpuStep::quantize, {{"script", desk.file("else/run.sh")}});
                     }),
            "carried"));
  base::Command script;
  script.argv = {desk.file("nets/run me.sh")};
  auto result = base::run_command(script);
  CHECK(result.exit_status == 1);
  CHECK(has(result.errors, "failed: 1 "));
  CHECK(has(base::read_file(desk.net(1, "raw/quantize.log")), "Unknown layer type"));
  CHECK(desk.calls("vai_c_caffe") == 4);
  // What failed there costs itself, wherever it is asked for from, and is asked for again by other options.
  for (const char* path : {"", "/nowhere"}) {
    Options same = options;
    if (*path != 0) {
      same.erase("script");
      same["launcher"] = path;
    }
    const auto met = desk.run(DpuStep::quantize, same);
    CHECK(met.before == 2);
    REQUIRE(met.failed == 1);
    CHECK(has(met.failures.at(0), "1: vai_q_caffe: failed in the script; it said \"F"));
    CHECK(has(met.failures.at(0), "Unknown layer type"));
    CHECK(desk.run(DpuStep::compile, same).waiting == 1);
  }
  CHECK(load_state(desk.jobs[1].dir).steps.at(DpuStep::quantize).by == "elsewhere");
  Options others = options;
  others["method"] = "0";
  const auto all = desk.jobs;
  desk.jobs = {all[1]};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::quantize, others); }), "dpu: 1 network to be"));
  desk.jobs = all;
  fs::remove_all(desk.net(1, "raw"));
  CHECK(has(error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::quantize, options); }), "dpu: 1 network to be"));
  desk.set("");
  result = base::run_command(script);
  CHECK(result.output == "0 failed\n");
  CHECK(desk.calls("vai_c_caffe") == 6);
  CHECK(desk.calls("vai_q_caffe") == 4);
  const auto summary = desk.run(DpuStep::compile, options);
  CHECK(summary.before == 3);
  CHECK(load_state(desk.jobs[0].dir).steps.at(DpuStep::compile).by == "elsewhere");
}

TEST_CASE("vai_c_xir takes a quantised xmodel and says so where there is none") {
  Desk desk(1);
  const Options options{{"compiler", "vai_c_xir"}, {"arch", "/opt/vitis_ai/compiler/arch/DPUCZDX8G/ZCU102/arch.json"}};
  base::write_file(desk.net(0, "raw/quantized/0.xmodel"), "xmodel");
  CHECK(desk.run(DpuStep::compile, options).done == 1);
  CHECK(has(desk.log(),
            "vai_c_xir 0 [-x] [raw/quantized/0.xmodel] [-a] "
            "[/opt/vitis_ai/compiler/arch/DPUCZDX8G/ZCU102/arch.json] [-o] [raw/compiled.part/debug] [-n] "
            "[net0]\n"));
  CHECK(load_state(desk.jobs[0].dir).environment.at("dpu_subgraphs") == "1");
  Desk other(1);
  CHECK(other.run(DpuStep::compile, options).waiting == 1);
  CHECK(other.run(DpuStep::quantize, options).done == 1);
  CHECK(other.run(DpuStep::quantize, options).before == 1);
  const auto without = other.run(DpuStep::compile, options);
  REQUIRE(without.failed == 1);
  CHECK(has(without.failures.at(0), "vai_c_xir takes a quantised *.xmodel, and there is none"));
}

TEST_CASE("over ssh: right names, warm-up, both modes, logs fetched") {
  Desk desk(2);
  const Options options{
      {"host", "root@zcu102"}, {"port", "2222"}, {"runs", "8"}, {"warm-up", "3"}, {"modes", "debug,normal"}};
  desk.compile_all(options);
  const auto summary = desk.run(DpuStep::measure, options);
  CHECK(summary.done == 2);
  for (int i = 0; i < 2; ++i) {
    const auto& job = desk.jobs.at(static_cast<std::size_t>(i));
    const auto record = load_result(desk.net(i, latency_file(job.id)), job, nullptr);
    CHECK(record.overall.at(Metric::latency).samples == 8);  // the warm-up is not among them
    CHECK(record.overall.at(Metric::latency).value == doctest::Approx(true_latency(desk, i)).epsilon(0.02));
    const auto runs = parse_normal_runs(base::read_file(desk.net(i, normal_file(std::to_string(i)))), "normal");
    CHECK(runs.size() == 8);
    const auto normal =
        load_dpu_elf(desk.net(i, "raw/compiled/normal/dpu_net" + std::to_string(i) + "_normal.elf")).at(0);
    CHECK(*std::min_element(runs.begin(), runs.end()) >= hwprof_test::normal_us(normal) * 1e-6);
    CHECK(load_dpu_board(desk.net(i, "raw/board.txt")).cores.at(0).arch == "B4096");
  }
  CHECK(base::exists(desk.file("board/hwprof-dpu/so/libdpumodelnet1_normal.so")));
  CHECK(base::exists(desk.file("board/lib/libdpumodelnet0.so")));
  const std::string log = base::read_file(desk.file("ssh.log"));
  CHECK(has(log, "ssh\n  -o\n  BatchMode=yes\n"));
  CHECK(has(log, "  -p\n  2222\n  --\n  root@zcu102\n  mkdir -p hwprof-dpu/elf\n"));
  CHECK(has(log, "  HWPROF_RUN_LIMIT=600 sh hwprof-dpu/measure.sh 8 3 net1_normal normal elf/dpu_net1_normal.elf\n"));
  CHECK(desk.run(DpuStep::measure, options).before == 2);
  CHECK(base::read_file(desk.file("ssh.log")) == log);
}

TEST_CASE("a network that fails on the board costs itself; a board that goes away ends the job, and it goes on") {
  Desk desk(4);
  const Options options{{"host", "zcu102"}, {"runs", "2"}, {"warm-up", "0"}};
  desk.compile_all(options);
  base::write_file(desk.file("fail-net1"), "");
  base::write_file(desk.file("unreachable"), "11");
  const std::string lost = error_of(Fault::device, [&] { (void)desk.run(DpuStep::measure, options); });
  CHECK(has(lost, "No route to host"));
  CHECK(has(lost, "what was measured is kept"));
  CHECK(latency_of(desk, 0) > 0);
  CHECK(has(load_state(desk.jobs[1].dir).steps.at(DpuStep::measure).reason, "exit status 4; it said"));
  CHECK_FALSE(base::exists(desk.net(3, latency_file("3"))));
  fs::remove(desk.file("unreachable"));
  fs::remove(desk.file("fail-net1"));
  const auto summary = desk.run(DpuStep::measure, options);
  CHECK(summary.done == 4);
  CHECK(summary.before >= 1);
}

TEST_CASE("hosts, folders and users that could be read as options or commands are refused") {
  Desk desk(1);
  const auto refused = [&desk](const std::string& name, const std::string& value) {
    return error_of(Fault::usage, [&] { (void)desk.run(DpuStep::measure, {{name, value}}); });
  };
  CHECK(has(refused("host", "-oProxyCommand=reboot"), "must not begin with '-'"));
  CHECK(has(refused("host", "a b"), "letters"));
  CHECK(has(refused("host", "a;reboot"), "letters"));
  CHECK(has(refused("folder", "-rf"), "must not begin"));
  CHECK(has(refused("folder", "x;reboot"), "letters"));
  CHECK(has(refused("folder", "$(reboot)"), "letters"));
  CHECK(has(refused("arch", "x.json'; reboot"), "letters"));
  CHECK(has(refused("token", "s3cret"), "token-file"));
  CHECK(refused("token", "s3cret").find("s3cret") == std::string::npos);
  CHECK(has(refused("hosts", "x"), "host"));
  CHECK(has(refused("runs", "0"), "within 1 to"));
  CHECK(has(refused("modes", "debug,fast"), "'fast' is not known"));
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       (void)desk.run(DpuStep::measure, {{"host", "a"}, {"server", "http://b/"}});
                     }),
            "one is expected"));
  CHECK(kernel_name("a-b", "debug") != kernel_name("a_b", "debug"));
  CHECK(kernel_name("a_95_b", "debug") != kernel_name("a_b", "debug"));
}

TEST_CASE("a folder is carried to the board and back") {
  Desk desk(2);
  const Options options{{"board", desk.file("to board")}, {"runs", "4"}, {"warm-up", "1"}};
  desk.compile_all(options);
  const std::string message = error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::measure, options); });
  CHECK(has(message, "2 networks wait for the board"));
  CHECK(has(message, "sh measure.sh 4 1"));
  CHECK(base::read_file(desk.file("to board/kernels.txt")) ==
        "net0 debug elf/dpu_net0.elf\nnet1 debug elf/dpu_net1.elf\n");
  base::Command board;
  board.argv = {"/bin/sh", desk.file("to board/measure.sh"), "4", "1"};
  board.environment = {{"PATH", std::string(HWPROF_DPU_STANDINS) + "-board:" + std::getenv("PATH")},
                       {"HWPROF_LIB_DIR", desk.file("")}};
  base::write_file(desk.file("fail-net1"), "");
  auto result = base::run_command(board);
  CHECK(result.exit_status == 1);
  CHECK(has(result.errors, "failed: net1 debug"));
  const auto met = desk.run(DpuStep::measure, options);  // what failed there does not keep the others from going on
  REQUIRE(met.failed == 1);
  CHECK(has(met.failures.at(0), "1: measuring net1 failed on the board; it said 'hwprof_run: a run failed"));
  CHECK(latency_of(desk, 0) == doctest::Approx(true_latency(desk, 0)).epsilon(0.02));
  fs::remove(desk.file("fail-net1"));
  result = base::run_command(board);
  CHECK(result.output == "0 failed\n");
  CHECK(desk.run(DpuStep::measure, options).done == 2);
  board.argv = {"/bin/sh", desk.file("to board/measure.sh")};
  CHECK(base::run_command(board).exit_status == 2);
}

TEST_CASE("a server gets every file under its kernel's name, and its answers become the results") {
  if (!base::has_http()) return;
  Desk desk(4);
  desk.compile_all();
  int calls = 0;
  const TempFolder there;
  HttpServer server([&](const Received& request, Peer& peer) {
    ++calls;
    const std::string name = request.form.at("kernel_name");
    const auto kernel = load_dpu_elf(there.write("got.elf", request.form.at("file"))).at(0);
    if (kernel.name != name || request.files.at("file") != "dpu_" + name + ".elf")
      return (void)peer.answer(400, "names");
    if (request.head.find("Authorization: Bearer s3cret\r\n") == std::string::npos)
      return (void)peer.answer(401, "who?");
    if (name == "net1" && calls == 2) return (void)peer.answer(503, "busy");
    if (name == "net2") return (void)peer.answer(200, "<html>queued</html>");
    if (name == "net3") return (void)peer.answer(404, "no such board");
    std::string tables;
    for (unsigned run = 0; run < 6; ++run) tables += hwprof_test::profile_table(kernel, run);
    peer.answer(200, tables);
  });
  const std::string token = there.write("token", "s3cret\n");
  const Options options{{"server", server.url()}, {"token-file", token}};
  const auto summary = desk.run(DpuStep::deploy, options);
  CHECK(summary.done == 2);
  REQUIRE(summary.failed == 2);
  CHECK(has(summary.failures[0], "2: what was answered holds no times"));
  CHECK(has(base::read_file(desk.net(2, "raw/2.refused.txt")), "queued"));
  CHECK(has(summary.failures[1], "status 404; it said 'no such board'"));
  for (int i = 0; i < 2; ++i) {
    CHECK(latency_of(desk, i) == doctest::Approx(true_latency(desk, i)).epsilon(0.02));
    CHECK(load_state(desk.jobs[static_cast<std::size_t>(i)].dir).steps.at(DpuStep::deploy).by == "server");
  }
  CHECK(load_state(desk.jobs[1].dir).environment.at("server_attempts") == "2");
  for (const auto& entry : fs::recursive_directory_iterator(desk.file("nets")))
    if (entry.is_regular_file()) CHECK(base::read_file(entry.path().string()).find("s3cret") == std::string::npos);
  const std::string gone = error_of(Fault::device, [&] {
    (void)desk.run(DpuStep::measure, {{"server", "http://127.0.0.1:1/"}, {"attempts", "1"}});
  });
  CHECK(has(gone, "cannot be reached, 2 networks wait"));
  const int before = calls;
  CHECK(desk.run(DpuStep::measure, options).before == 2);
  CHECK(calls == before + 2);
}

TEST_CASE("a server that hangs or cuts its answer off costs its networks, and no half result is left") {
  if (!base::has_http()) return;
  Desk desk(2);
  desk.compile_all();
  HttpServer server([&](const Received& request, Peer& peer) {
    if (request.form.at("kernel_name") == "net0") {
      (void)peer.wait(30);
      return;
    }
    const std::string table = hwprof_test::guide_log();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(table.size()) + "\r\n\r\n" +
             table.substr(0, table.size() / 2));
  });
  const auto summary =
      desk.run(DpuStep::measure, {{"server", server.url()}, {"measure-timeout", "0.5"}, {"attempts", "1"}});
  REQUIRE(summary.failed == 2);
  CHECK(has(summary.failures[0], "timed out"));
  for (int i = 0; i < 2; ++i)
    for (const auto& name : base::list_folder(desk.net(i, "raw"))) CHECK(name.find("latency") == std::string::npos);
}

TEST_CASE("without programs or a board the error says what to do, and nothing is lost") {
  Desk desk(1);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/usr/bin:/bin", 1);
  const std::string tool = error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::quantize); });
  ::setenv("PATH", path.c_str(), 1);
  CHECK(has(tool, "1 network to quantize, and vai_q_caffe is not on PATH"));
  CHECK(has(tool, "script=FILE"));
  desk.compile_all();
  const std::string board = error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::measure); });
  CHECK(has(board, "server=URL"));
  CHECK(has(board, "board=FOLDER"));
}

TEST_CASE("times of whole runs are believed only when they are all there") {
  const std::string good = "hwprof-run: run 1 100.5 us\nnoise\nhwprof-run: run 2 101.5 us\nhwprof-run: done 2\n";
  const auto runs = parse_normal_runs(good, "n");
  REQUIRE(runs.size() == 2);
  CHECK(runs[0] == doctest::Approx(100.5e-6));
  CHECK(runs[1] == doctest::Approx(101.5e-6));
  const auto refused = [](const std::string& text) {
    return error_of(Fault::input, [&] { (void)parse_normal_runs(text, "n"); });
  };
  CHECK(has(refused(good.substr(0, 60)), "not finished"));
  CHECK(has(refused("hwprof-run: done 2\n"), "n:1: the end of 0 runs"));
  CHECK(has(refused("hwprof-run: done 0\n"), "n:1"));
  CHECK(has(refused("hwprof-run: run 1 nan us\n"), "above 0"));
  CHECK(has(refused("hwprof-run: run 1 0 us\n"), "above 0"));
  CHECK(has(refused("hwprof-run: run 1 5\n"), "above 0"));
  CHECK(has(refused(""), "not finished"));
}

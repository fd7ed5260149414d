// SPDX-License-Identifier: Apache-2.0
// What must not be taken on the way to a DPU: other runs' logs, other options' files, names that a shell would read.
#include <doctest/doctest.h>

#include <filesystem>

#include "base/files.hpp"
#include "base/http.hpp"
#include "base/subprocess.hpp"
#include "base/text.hpp"
#include "compiler/dpu_calibration.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "dpu_desk.hpp"
#include "dpu_elf_image.hpp"
#include "dpu_logs.hpp"
#include "http_server.hpp"
#include "hwprof/error.hpp"
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
using hwprof_test::true_latency;

namespace {

using Options = hwprof_test::DpuOptionTexts;

void measure_in(const Desk& desk, const std::string& folder) {
  base::Command board;
  board.argv = {"/bin/sh", folder + "/measure.sh", "4", "1"};
  board.environment = {{"PATH", std::string(HWPROF_DPU_STANDINS) + "-board:" + std::getenv("PATH")},
                       {"HWPROF_LIB_DIR", desk.file("")}};
  const auto result = base::run_command(board);
  REQUIRE_MESSAGE(result.good(), result.describe());
}

/// elf_image() with another name of as many letters for its kernel.
std::string kernel_named(const std::string& name) {
  std::string image = hwprof_test::elf_image();
  for (auto at = image.find(".net"); at != std::string::npos; at = image.find(".net", at + 1))
    image.replace(at + 1, 3, name);
  return image;
}

}  // namespace

TEST_CASE("a board's folder that served another run gives no numbers") {
  Desk desk(1);
  const std::string folder = desk.file("to board");
  const Options options{{"board", folder}, {"runs", "4"}, {"warm-up", "1"}};
  desk.compile_all(options);
  const auto refused = [&](DpuStep step) { return error_of(Fault::usage, [&] { (void)desk.run(step, options); }); };
  const std::string elf = folder + "/elf/dpu_net0.elf";
  const std::string log = folder + "/logs/net0.debug.txt";
  // A log whose network is not there, and one of a network that is another.
  base::write_file(log, hwprof_test::guide_log());
  CHECK(has(refused(DpuStep::measure), "to board holds logs/net0.debug.txt of another network"));
  CHECK(has(refused(DpuStep::deploy), "to board holds logs/net0.debug.txt"));
  base::write_file(elf, "another network");
  base::write_file(folder + "/logs/net0.debug.elf", "another network");
  CHECK(has(refused(DpuStep::measure), "to board"));
  CHECK(has(refused(DpuStep::deploy), "to board"));
  CHECK(base::read_file(elf) == "another network");
  fs::remove_all(folder + "/logs");
  CHECK(has(refused(DpuStep::deploy), "holds elf/dpu_net0.elf of another network"));
  CHECK_FALSE(base::exists(desk.net(0, latency_file("0"))));
  fs::remove_all(folder);
  (void)error_of(Fault::unsupported, [&] { (void)desk.run(DpuStep::deploy, options); });
  // The board's own copy of the folder held such a log: the new file beside it is right, and it is measured again.
  base::write_file(log, hwprof_test::guide_log());
  base::write_file(folder + "/logs/net0.debug.elf", "another network");
  CHECK(has(refused(DpuStep::measure), "to board"));
  measure_in(desk, folder);
  CHECK(desk.run(DpuStep::measure, options).done == 1);
  CHECK(latency_of(desk, 0) == doctest::Approx(true_latency(desk, 0)).epsilon(0.02));
}

TEST_CASE("kernels and files whose names are no names go neither into a shell nor into a path") {
  const DpuOptions options;
  const hwprof_test::TempFolder folder;
  const std::string elf = folder.file("raw/compiled/debug/dpu_net.elf");
  const auto refused = [&] { return error_of(Fault::device, [&] { (void)find_binaries(folder.path(), options); }); };
  base::write_file(elf, hwprof_test::elf_image());
  CHECK(find_binaries(folder.path(), options).at(0).kernel == "net");
  for (const std::string name : {"a;b", "$IF", "a b", "../", "-rf", "..a", "a\nb", "a/b", "`a`", "a\"b"}) {
    CAPTURE(name);
    base::write_file(elf, kernel_named(name));
    CHECK(has(refused(), "is no name of a kernel"));
  }
  fs::remove(elf);
  const std::string folder_of = folder.file("raw/compiled/debug/");
  for (const std::string name : {"dpu net.elf", "-net.elf", "$(reboot).elf", "a;b.elf"}) {
    CAPTURE(name);
    base::write_file(folder_of + name, hwprof_test::elf_image());
    CHECK(has(refused(), "is no name of a kernel"));
    fs::remove(folder_of + name);
  }
  base::write_file(folder_of + std::string(200, 'a') + ".elf", hwprof_test::elf_image());
  CHECK(has(refused(), "at most 200"));
  fs::remove(folder_of + std::string(200, 'a') + ".elf");
  base::write_file(folder_of + "a b.xmodel", "xmodel");
  CHECK(has(refused(), "is no name of a kernel"));
}

TEST_CASE("other options of a step that results made needless are refused, those of measuring are not its business") {
  Desk desk(1);
  const Options options{{"host", "zcu102"}, {"runs", "2"}, {"warm-up", "0"}};
  desk.compile_all(options);
  REQUIRE(desk.run(DpuStep::measure, options).done == 1);
  const auto refused = [&](DpuStep step, const Options& other) {
    return error_of(Fault::usage, [&] { (void)desk.run(step, other); });
  };
  const Options arch{{"arch", "/else.json"}};
  const Options method{{"method", "0"}};
  CHECK(has(refused(DpuStep::compile, arch), "arch"));
  CHECK(has(refused(DpuStep::quantize, method), "method (1 then, 0 now)"));
  CHECK(has(refused(DpuStep::measure, {{"host", "zcu102"}, {"runs", "3"}}), "runs (2 then, 3 now)"));
  CHECK(desk.run(DpuStep::quantize, {{"runs", "9"}}).before == 1);
  CHECK(desk.run(DpuStep::compile, {{"runs", "9"}}).before == 1);
  fs::remove_all(desk.net(0, "raw/quantized"));
  fs::remove_all(desk.net(0, "raw/compiled"));
  CHECK(has(refused(DpuStep::quantize, method), "method"));
  CHECK(has(refused(DpuStep::compile, arch), "arch"));
  CHECK(desk.run(DpuStep::quantize, {{"runs", "9"}}).before == 1);
  CHECK(desk.run(DpuStep::compile, {{"runs", "9"}}).before == 1);
}

TEST_CASE("of several kernels in a log the wanted one must have a time too") {
  const hwprof_test::TempFolder folder;
  NetRecord empty;
  empty.net_id = "net1";
  empty.from.device = "dpu";
  NetRecord full = empty;
  full.net_id = "net0";
  full.overall[Metric::latency] = Measured{0.002, 0, 5, 0};
  const std::string file = folder.file("r.jsonl");
  save_records(file, {full, empty});
  CHECK(load_result(file, {"0", folder.path()}, nullptr).overall.at(Metric::latency).value == 0.002);
  CHECK(has(error_of(Fault::input,
                     [&] {
                       (void)load_result(file, {"1", folder.path()}, nullptr);
                     }),
            "holds no latency"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_result(file, {"2", folder.path()}, nullptr); }), "none of which"));
}

TEST_CASE(
    "a log of another network's kernel is refused; one that names none, or the kernel as it was compiled, is not") {
  const hwprof_test::TempFolder folder;
  const auto log = [&](const std::string& kernel) {
    return folder.write("r.txt", hwprof_test::DpuTable{kernel, {{"a_conv", 1, 1, 0.5}}}.text());
  };
  const auto load = [&](const std::string& kernel, const std::string& id) {
    return load_result(log(kernel), {id, folder.path()}, nullptr).overall.at(Metric::latency).value;
  };
  const auto refused = [&](const std::string& kernel, const std::string& id) {
    return error_of(Fault::input, [&] { (void)load(kernel, id); });
  };
  for (const std::string kernel : {"net1", "net1_0", "1SSPROFILE", "1", ""}) {
    CAPTURE(kernel);
    CHECK(load(kernel, "1") == doctest::Approx(0.5e-3));
  }
  CHECK(has(refused("net2", "1"), "r.txt: holds times of the kernel 'net2', which is another network's; 'net1' is"));
  CHECK(has(refused("net11", "1"), "'net11'"));
  CHECK(has(refused("netRes_95_1_95_1", "Res_1"), "'netRes_95_1_95_1'"));
  CHECK(has(refused("Res_1_1", "Res_1"), "'Res_1_1'"));
  CHECK(has(refused("abc", "1"), "'abc'"));
  (void)folder.write("raw/compiled/debug/dpu_abc.elf", kernel_named("abc"));
  CHECK(load("abc", "1") == doctest::Approx(0.5e-3));
  (void)folder.write("raw/compiled/debug/dpu_abc.elf", "damaged");
  CHECK(has(refused("abc", "1"), "'abc'"));
}

TEST_CASE("rows All alone are times of the whole, where nothing says more") {
  const hwprof_test::TempFolder folder;
  const auto load = [&](const std::string& text) {
    return load_result(folder.write("r.txt", text), {"1", folder.path()}, nullptr).overall.at(Metric::latency);
  };
  CHECK(load("  All 1 1 3.279 5 6% 7\r\nnoise\n\tAll 1 1 3.281\nAll 1 1 9\n").value == doctest::Approx(3.281e-3));
  CHECK(load("All 1 1 2\nAll 1 1 2\n").samples == 2);
  for (const std::string bad : {"All 1 1\n", "All 1 1 x\n", "All 1 1 0\n", "All 1 1 nan\n", "All 1 1 2\nAll 1 1 -2\n",
                                "1 conv 1 1 2\nAll 1 1 2\n", "Allison 1 1 2\n", ""}) {
    CAPTURE(bad);
    (void)error_of(Fault::input, [&] { (void)load(bad); });
  }
  (void)error_of(Fault::input, [&] { (void)load("Performance profile - DPU Kernel \"net2\"\nAll 1 1 2\n"); });
}

TEST_CASE("calibration images behind links are found, and links that lead nowhere end in an error") {
  Desk desk(1);
  const std::string image = made_up_image(16, 1);
  base::write_file(desk.file("pictures/real.bmp"), image);
  fs::create_directories(desk.file("images"));
  fs::create_symlink("../pictures/real.bmp", desk.file("images/link.bmp"));
  DpuOptions options;
  options.images = desk.file("images");
  options.calib_iter = 1;
  write_calibration(desk.jobs[0].dir, options);
  CHECK(base::read_file(desk.net(0, "raw/calibration/0.bmp")) == image);
  fs::create_symlink("loop.bmp", desk.file("images/loop.bmp"));
  CHECK(has(
      error_of(
          Fault::input,
          [&] {
            (void)desk.run(DpuStep::quantize, {{"images", desk.file("images")}, {"script", desk.file("nets/run.sh")}});
          }),
      "loop.bmp"));
}

TEST_CASE("an answer that repeats the token is kept nowhere") {
  if (!base::has_http()) return;
  Desk desk(2);
  desk.compile_all();
  HttpServer server([&](const Received& request, Peer& peer) {
    if (request.form.at("kernel_name") == "net0")
      peer.answer(200, hwprof_test::guide_log() + "\nrequest had Authorization: Bearer s3cret\n");
    else
      peer.answer(403, "token s3cret is not known\n");
  });
  base::write_file(desk.file("token"), "s3cret\n");
  const auto summary = desk.run(DpuStep::deploy, {{"server", server.url()}, {"token-file", desk.file("token")}});
  REQUIRE(summary.failed == 2);
  CHECK(has(summary.failures[0], "repeats the token"));
  CHECK(has(summary.failures[1], "status 403; it said 'token [token] is not known'"));
  for (const auto& failure : summary.failures) CHECK(failure.find("s3cret") == std::string::npos);
  for (const auto& entry : fs::recursive_directory_iterator(desk.file("nets")))
    if (entry.is_regular_file()) CHECK(base::read_file(entry.path().string()).find("s3cret") == std::string::npos);
}

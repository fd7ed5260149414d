// SPDX-License-Identifier: Apache-2.0
// The bench driver against tests/standins/snpe_standin.cpp, failures included.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "base/text.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "hwprof/snpe.hpp"
#include "snpe_desk.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
namespace fs = std::filesystem;
using hwprof_test::Desk;
using hwprof_test::error_of;
using hwprof_test::faults;
using hwprof_test::has;
using hwprof_test::latency;
using hwprof_test::TempFolder;

TEST_CASE("layers and launching are told apart") {
  Desk desk(3);
  desk.measure();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto record = desk.record(i);
    REQUIRE(record.state == RunState::measured);
    CHECK(record.from.device == "snpe:GPU");
    CHECK(record.from.environment.at("perf_profile") == "sustained_high_performance");
    CHECK(record.from.environment.at("phone_model") == "StandIn One");
    CHECK(record.from.environment.at("gpu_clock_hz") == "585000000");
    CHECK(record.from.environment.at("temperature_c") == "36.5");
    CHECK(record.from.environment.at("precision") == "fp32");
    // The true launch time is 650 us, and the whole is off by up to 1 %.
    CHECK(latency(record.overhead) == doctest::Approx(650e-6).epsilon(0.03));
    double sum = latency(record.overhead);
    for (const auto& prim : record.prims) sum += latency(prim.perf);
    CHECK(sum == doctest::Approx(latency(record.overall)));
    // By the stand-in's formula: the stem is one convolution of 16x16x16 x 27 MACs, its batch norm and relu are fused.
    const double macs = 16. * 16 * 16 * 27;
    const double bytes = 4. * (3 * 32 * 32 + 16 * 16 * 16);
    CHECK(latency(record.prims[0].perf) == doctest::Approx(0.96e-6 * (3 + macs / 40e3 + bytes / 20e3)).epsilon(0.011));
    CHECK(record.overall.at(Metric::latency).samples == 10);
  }
  CHECK(desk.benched().size() == 3);
  desk.measure();  // nothing is left to do
  CHECK(desk.benched().size() == 3);
  CHECK(has(error_of(Fault::usage, [&] { desk.measure({{"runs", "7"}}); }), "runs (5 then, 7 now)"));
  CHECK_FALSE(base::exists(desk.artifacts()[0].dir + "/raw/random_inputs"));
}

TEST_CASE("all runtimes come from one visit, the DSP with a quantised network and bytes as inputs") {
  Desk desk(1);
  desk.measure({{"runtime", "CPU,GPU,DSP"}, {"buffer-type", "float,ub_float"}, {"input-type", "uint8"}});
  CHECK(desk.benched().size() == 2);
  const double cpu = latency(desk.record(0).overall);
  const double gpu = latency(desk.record(0, "snpe:GPU").overall);
  const auto dsp = desk.record(0, "snpe:DSP_ub_float");
  CHECK(desk.record(0).from.device == "snpe:CPU");
  CHECK(cpu > gpu);
  CHECK(latency(dsp.overall) < gpu);
  CHECK(dsp.from.environment.at("precision") == "int8");
  CHECK(desk.record(0, "snpe:GPU_FP16").state == RunState::failed);
  std::vector<SnpeJob> jobs{{"0", desk.artifacts()[0].dir, {}, {}}};
  const auto table = collect_snpe(jobs, {"net-0"});
  CHECK(table.rows.size() == 6);
  // As records they are of the same environment as the network's own, each runtime in its precision.
  const auto check = [&desk](const std::vector<NetRecord>& records) {
    REQUIRE(records.size() == 6);
    for (const auto& record : records) {
      const auto own = desk.record(0, record.from.device);
      CAPTURE(record.from.device);
      CHECK(own.from.device == record.from.device);
      CHECK(record.from.environment.at("precision") == own.from.environment.at("precision"));
      for (const auto& [key, value] : own.from.environment) CHECK(record.from.environment.at(key) == value);
    }
  };
  check(to_records(table));
  save_latency_table(desk.file("table"), table);
  check(load_records(desk.file("table.csv")));
}

TEST_CASE("one bad network does not stop the others, and is tried again") {
  Desk desk(6, faults(R"("reject": ["0"], "half": ["1"], "nan": ["2"], "die": ["3"], "empty": ["4"])"));
  desk.measure();
  const auto reason = [&desk](std::size_t i) {
    const auto record = desk.record(i);
    CHECK(record.state == RunState::failed);
    CHECK(record.overall.empty());
    return record.reason;
  };
  CHECK(has(reason(0), "snpe-onnx-to-dlc: exit status 1; it said 'ERROR_ONNX_NODE_UNSUPPORTED"));
  CHECK(has(reason(1), "not valid JSON"));
  CHECK(has(reason(2), "Total Inference Time: 'Avg_Time' is missing or no finite number"));
  CHECK(has(reason(3), "killed by signal 11"));
  CHECK(has(reason(4), "found none"));
  CHECK(desk.record(5).state == RunState::measured);
  std::vector<SnpeJob> jobs;
  std::vector<std::string> uids;
  for (const auto& artifact : desk.artifacts()) {
    jobs.push_back({artifact.net.id, artifact.dir, {}, {}});
    uids.push_back("net-" + artifact.net.id);
  }
  std::vector<std::string> problems;
  const auto table = collect_snpe(jobs, uids, &problems);
  CHECK(table.rows.size() == 1);
  CHECK(problems.size() == 5);

  desk.set(R"({"phones": {"P1": "device"}})");
  const auto before = desk.benched().size();
  desk.measure();
  CHECK(desk.benched().size() == before + 5);
  for (std::size_t i = 0; i < 6; ++i) CHECK(desk.record(i).state == RunState::measured);
}

TEST_CASE("a tool that hangs is ended and costs its own network only") {
  Desk desk(2, faults(R"("hang": ["0"])"));
  desk.measure({{"bench-timeout", "1"}});
  CHECK(has(desk.record(0).reason, "longer than allowed"));
  CHECK(desk.record(1).state == RunState::measured);
}

TEST_CASE("of two runtimes of which one is absent, the other keeps its numbers") {
  Desk desk(1, faults(R"("absent": ["GPU_FP16"])"));
  desk.measure({{"runtime", "GPU_FP16,GPU"}});
  CHECK(desk.record(0).state == RunState::failed);
  CHECK(has(desk.record(0).reason, "has no 'GPU_FP16'"));
  CHECK(desk.record(0, "snpe:GPU").state == RunState::measured);
  std::vector<std::string> problems;
  const auto table = collect_snpe({{"0", desk.artifacts()[0].dir, {}, {}}}, {"net-0"}, &problems);
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].runtime == "GPU");
  CHECK(problems.size() == 1);
}

TEST_CASE("an absent DSP, which has a bench of its own, does not cost the GPU its numbers") {
  Desk desk(2, faults(R"("absent": ["DSP"])"));
  desk.measure({{"runtime", "GPU,DSP"}});
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(0).from.device == "snpe:GPU");
  const auto absent = desk.record(0, "snpe:DSP");
  CHECK(absent.state == RunState::failed);
  CHECK(has(absent.reason, "has no 'DSP'"));
  std::vector<std::string> problems;
  const auto table = collect_snpe({{"0", desk.artifacts()[0].dir, {}, {}}}, {"net-0"}, &problems);
  REQUIRE(table.rows.size() == 1);
  CHECK(problems.size() == 1);
  const auto before = desk.benched().size();
  desk.measure({{"runtime", "GPU,DSP"}});  // there is nothing more to be had
  CHECK(desk.benched().size() == before);
  Desk none(1, faults(R"("absent": ["GPU", "DSP"])"));
  none.measure({{"runtime", "GPU,DSP"}});
  CHECK(has(none.record(0).reason, "has no 'GPU'"));
  CHECK(has(none.record(0).reason, "has no 'DSP'"));
}

TEST_CASE("records are of the first runtime that was asked for, and of no other where that one is missing") {
  Desk desk(1, faults(R"("crash": ["GPU"])"));
  desk.measure({{"runtime", "GPU,CPU"}});
  CHECK(desk.record(0).from.device == "snpe:GPU");
  CHECK(desk.record(0).state == RunState::failed);
  CHECK(has(desk.record(0).reason, "runtime GPU is not available"));
  CHECK(desk.record(0, "snpe:CPU").state == RunState::measured);
  Desk quantized(1);  // whose results lie behind the GPU's
  quantized.measure({{"runtime", "DSP,GPU"}, {"buffer-type", "ub_float,float"}});
  const auto record = quantized.record(0);
  CHECK(record.from.device == "snpe:DSP_ub_float");
  CHECK(record.from.environment.at("precision") == "int8");
  CHECK(latency(record.overall) == latency(quantized.record(0, "snpe:DSP_ub_float").overall));
  // A device that is named with its runtime.
  Desk named(1);
  MeasureOptions options;
  options.device_options = {{"inputs", "2"}};
  make_compiler("snpe:CPU")->measure(named.artifacts(), options);
  CHECK(named.record(0, "snpe:CPU").state == RunState::measured);
  options.device_options["runtime"] = "GPU,DSP";
  CHECK(has(error_of(Fault::usage, [&] { make_compiler("snpe:CPU")->measure(named.artifacts(), options); }),
            "device snpe:CPU"));
}

TEST_CASE("layer names with commas, quotes and brackets are still of their layer") {
  Desk plain(1);
  plain.measure();
  const auto expected = plain.record(0);
  Desk desk(1, faults(R"("awkward": ["0"])"));
  desk.measure();
  const auto record = desk.record(0);
  REQUIRE(record.nodes.size() == expected.nodes.size());
  CHECK(has(record.nodes[1].name, ", \"fused\" (3x3, s=1) Type:odd"));
  CHECK(record.from.environment.count("layers_of_no_primitive") == 0);
  for (std::size_t i = 0; i < record.prims.size(); ++i)
    CHECK(latency(record.prims[i].perf) == doctest::Approx(latency(expected.prims[i].perf)));
}

TEST_CASE("phones share the work, and one that goes away does not stop the other") {
  Desk desk(8, R"({"phones": {"P1": "device", "P2": "device"}, "lose": {"P2": 2}})");
  CHECK(has(error_of(Fault::usage, [&] { desk.measure(); }), "P1 (device), P2 (device)"));
  desk.measure({{"phone", "P1,P2"}});
  std::set<std::string> phones;
  for (const auto& line : desk.benched()) phones.insert(line.substr(0, 2));
  CHECK(phones.size() == 2);
  CHECK(desk.benched().size() == 9);  // the one that P2 dropped came again
  for (std::size_t i = 0; i < 8; ++i) CHECK(desk.record(i).state == RunState::measured);
}

TEST_CASE("when the only phone goes offline midway, what was benched is kept and the next call goes on") {
  Desk desk(5, R"({"phones": {"P1": "device"}, "lose": {"P1": 3}})");
  const std::string message = error_of(Fault::device, [&] { desk.measure(); });
  CHECK(has(message, "no phone is left"));
  CHECK(has(message, "3 of 5 networks wait"));
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(4).reason == "was not measured");
  CHECK(has(error_of(Fault::device, [&] { desk.measure(); }), "is offline; take the cable out"));
  fs::remove(desk.file("gone-P1"));
  desk.measure();
  for (std::size_t i = 0; i < 5; ++i) CHECK(desk.record(i).state == RunState::measured);
  CHECK(desk.benched().size() == 6);
}

TEST_CASE("a phone that is not ready is refused with what to press on it") {
  Desk desk(1, R"({"phones": {}})");
  const auto refused = [&desk] { return error_of(Fault::device, [&] { desk.measure(); }); };
  CHECK(has(refused(), "tap \"Build number\" seven times"));
  desk.set(R"({"phones": {"P1": "unauthorized"}})");
  CHECK(has(refused(), "Allow USB debugging"));
  desk.set(R"x({"phones": {"P1": "no permissions (missing udev rules?)"}})x");
  CHECK(has(refused(), "udev"));
  desk.set(R"({"phones": {"P1": "device"}})");
  CHECK(has(error_of(Fault::device, [&] { desk.measure({{"phone", "P9"}}); }), "'P9' is absent"));
  CHECK(desk.benched().empty());
}

TEST_CASE("adb's server may be another machine's") {
  Desk desk(1, R"({"phones": {"P1": "device"}, "host": "desk-two"})");
  CHECK(has(error_of(Fault::device, [&] { desk.measure(); }), "adb"));
  desk.measure({{"host", "desk-two"}});
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(0).from.environment.at("phone_model") == "StandIn One");
}

TEST_CASE("without the SDK the error names the programs and the ways out") {
  Desk desk(1);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/usr/bin:/bin", 1);
  const std::string message = error_of(Fault::device, [&] { desk.measure(); });
  ::setenv("PATH", path.c_str(), 1);
  CHECK(has(message, "snpe-onnx-to-dlc, snpe-dlc-info, snpe_bench.py"));
  CHECK(has(message, "container=IMAGE"));
}

TEST_CASE("a stop ends the tool and keeps what was done") {
  Desk desk(3, faults(R"("hang": ["1"])"));
  MeasureOptions options;
  options.device_options = {{"inputs", "2"}};
  options.stop = [&desk] { return desk.benched().size() == 2; };
  std::vector<SnpeJob> jobs;
  for (const auto& artifact : desk.artifacts()) jobs.push_back({artifact.net.id, artifact.dir, {}, {}});
  CHECK(has(error_of(Fault::interrupted, [&] { bench_snpe(jobs, options); }), "kept"));
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(1).reason == "was not measured");
  options.stop = [] { return false; };
  desk.set(R"({"phones": {"P1": "device"}})");
  const auto summary = bench_snpe(jobs, options);
  CHECK(summary.done == 3);
  CHECK(summary.before == 1);
}

TEST_CASE("in a container the same programs are called by the container's tool") {
  Desk desk(1);
  desk.measure({{"container", "snpe:test"}});
  CHECK(desk.record(0).state == RunState::measured);
  const std::string log = base::read_file(desk.file("docker.log"));
  const std::string dir = fs::absolute(desk.artifacts()[0].dir).string();
  CHECK(has(log, "--volume\n/dev/bus/usb:/dev/bus/usb\n"));
  CHECK(has(log, "--volume\n" + dir + ":" + dir + "\n--workdir\n" + dir + "\n"));
  CHECK(has(log, "snpe:test\nsnpe_bench.py\n-json\n-c\nraw/config-0.json\n"));
  Desk hanging(1, faults(R"("hang": ["0"])"));
  hanging.measure({{"container", "snpe:test"}, {"bench-timeout", "1"}});
  CHECK(has(base::read_file(hanging.file("docker.log")), "kill\nhwprof-"));
}

TEST_CASE("the script does the same elsewhere, and its results are picked up") {
  Desk desk(3, faults(R"("reject": ["1"])"));
  const std::map<std::string, std::string> options{
      {"script", desk.file("nets/run.sh")}, {"phone", "P1"}, {"runtime", "GPU,DSP"}};
  CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(options); }), "run.sh"));
  CHECK(desk.benched().empty());
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       desk.measure({{"script", desk.file("else/run.sh")}, {"phone", "P1"}});
                     }),
            "carried"));
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       desk.measure({{"script", desk.file("nets/run.sh")}, {"phone", "P1,P2"}});
                     }),
            "one phone"));
  base::Command script;
  script.argv = {desk.file("nets/run.sh")};
  const auto result = base::run_command(script);
  CHECK(result.exit_status == 1);
  CHECK(has(result.errors, "failed: 1 "));
  CHECK(result.output == "1 failed\n");
  desk.measure(options);
  CHECK(has(desk.record(1).reason, "GPU: failed in the script"));
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(2, "snpe:DSP").state == RunState::measured);
  CHECK(desk.record(0).from.environment.at("measured_by") == "script");
  desk.set(R"({"phones": {"P1": "device"}})");
  CHECK(base::run_command(script).good());
  desk.measure(options);
  CHECK(desk.record(1).state == RunState::measured);
  CHECK(desk.benched().size() == 6);
}

TEST_CASE("options that are not known are refused with the nearest") {
  Desk desk(1);
  const auto refused = [&desk](const std::string& name, const std::string& value) {
    return error_of(Fault::usage, [&] { desk.measure({{name, value}}); });
  };
  CHECK(has(refused("run", "3"), "runs"));
  CHECK(has(refused("runtime", "GPU,NPU"), "'NPU' is not known"));
  CHECK(has(refused("runtime", "GPU,"), "a list with commas"));
  CHECK(has(refused("runs", "0"), "within 1 to"));
  CHECK(has(refused("perf-profile", "fast"), "high_performance"));
  CHECK(has(refused("bench-timeout", "nan"), "seconds"));
  CHECK(has(refused("sdk", ""), "a value is expected"));
}

// SPDX-License-Identifier: Apache-2.0
// Which earlier results count, against tests/standins/snpe_standin.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/subprocess.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "snpe_desk.hpp"
#include "throws.hpp"

using namespace hwprof;
namespace fs = std::filesystem;
using hwprof_test::Desk;
using hwprof_test::error_of;
using hwprof_test::faults;
using hwprof_test::has;
using hwprof_test::latency;

namespace {

const std::string healthy = R"({"phones": {"P1": "device"}})";

std::string session_of(const Desk& desk, std::size_t i) {
  return desk.artifacts()[i].dir + "/raw/session.json";
}

std::vector<SnpeJob> jobs_of(const Desk& desk) {
  std::vector<SnpeJob> jobs;
  for (const auto& artifact : desk.artifacts())
    jobs.push_back({artifact.net.id, artifact.dir, "image", {1, 3, 32, 32}});
  return jobs;
}

SnpeSummary bench(const Desk& desk, std::map<std::string, std::string> options) {
  MeasureOptions measure;
  options.emplace("inputs", "2");
  measure.device_options = std::move(options);
  return bench_snpe(jobs_of(desk), measure);
}

}  // namespace

TEST_CASE("results of other options are not taken for those that are asked for") {
  Desk other(1);
  other.measure({{"runtime", "CPU"}, {"runs", "3"}});
  Desk desk(1, faults(R"("half": ["0"])"));
  desk.measure({{"runs", "3"}});
  CHECK(desk.record(0).state == RunState::failed);
  // What a call that was killed may have left: whole results, of other options and another runtime.
  desk.set(healthy);
  fs::copy_file(other.artifacts()[0].dir + "/raw/results-0.json", desk.artifacts()[0].dir + "/raw/results-0.json",
                fs::copy_options::overwrite_existing);
  const auto before = desk.benched().size();
  desk.measure({{"runs", "7"}});
  CHECK(desk.benched().size() == before + 1);
  const auto record = desk.record(0);
  CHECK(record.from.device == "snpe:GPU");
  CHECK(record.from.environment.at("runs") == "7");
  CHECK(record.from.environment.count("measured_by") == 0);
}

TEST_CASE("a script's results count for its own options and runtimes alone") {
  Desk desk(1);
  const std::map<std::string, std::string> asked{
      {"script", desk.file("nets/run.sh")}, {"phone", "P1"}, {"runtime", "GPU"}, {"runs", "3"}};
  CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(asked); }), "run.sh"));
  CHECK(desk.record(0).reason == "was not measured");
  base::Command script;
  script.argv = {desk.file("nets/run.sh")};
  REQUIRE(base::run_command(script).good());
  SUBCASE("the same") {
    desk.measure(asked);
    CHECK(desk.record(0).from.environment.at("measured_by") == "script");
    CHECK(desk.record(0).from.environment.at("runs") == "3");
  }
  SUBCASE("another number of runs") {
    desk.measure({{"runtime", "GPU"}, {"runs", "4"}});
    CHECK(desk.benched().size() == 2);
    CHECK(desk.record(0).from.environment.at("runs") == "4");
  }
  SUBCASE("another script begins anew") {
    auto changed = asked;
    changed["runs"] = "9";
    CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(changed); }), "1 network has no results yet"));
    CHECK_FALSE(base::exists(desk.artifacts()[0].dir + "/raw/results-0.json"));
    REQUIRE(base::run_command(script).good());
    desk.measure(changed);
    CHECK(desk.record(0).from.environment.at("runs") == "9");
  }
  SUBCASE("results of another runtime") {
    const std::string file = desk.artifacts()[0].dir + "/raw/results-0.json";
    std::string text = base::read_file(file);
    for (auto at = text.find("\"GPU\""); at != std::string::npos; at = text.find("\"GPU\""))
      text.replace(at, 5, "\"CPU\"");
    base::write_file(file, text);
    CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(asked); }), "no results yet"));
    CHECK(desk.record(0).state == RunState::failed);
    REQUIRE(base::run_command(script).good());
    desk.measure(asked);
    CHECK(desk.benched().size() == 2);
    CHECK(desk.record(0).state == RunState::measured);
  }
  SUBCASE("damaged ones") {
    const std::string file = desk.artifacts()[0].dir + "/raw/results-0.json";
    base::write_file(file, base::read_file(file).substr(0, 300));
    CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(asked); }), "no results yet"));
    REQUIRE(base::run_command(script).good());
    desk.measure(asked);
    CHECK(desk.record(0).state == RunState::measured);
  }
  SUBCASE("another network") {
    write_onnx(desk.artifacts()[0].dir + "/model.onnx", lower(Desk::net(5)), {1, 3, 32, 32});
    CHECK(has(error_of(Fault::unsupported, [&] { desk.measure(asked); }), "no results yet"));
  }
}

TEST_CASE("a runtime that fails in the script costs the others nothing, and counts when the script is run again") {
  Desk desk(1, faults(R"("crash": ["DSP"])"));
  const std::map<std::string, std::string> asked{
      {"script", desk.file("nets/run.sh")}, {"phone", "P1"}, {"runtime", "GPU,DSP"}};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)bench(desk, asked); }), "run.sh"));
  base::Command script;
  script.argv = {desk.file("nets/run.sh")};
  CHECK(base::run_command(script).exit_status == 1);
  auto summary = bench(desk, asked);
  CHECK(summary.failed == 0);
  REQUIRE(summary.missing.size() == 1);
  CHECK(has(summary.missing[0], "0: DSP: failed in the script"));
  CHECK(desk.record(0, "snpe:GPU").state == RunState::measured);
  CHECK(has(desk.record(0, "snpe:DSP").reason, "failed in the script"));
  desk.set(healthy);
  CHECK(base::run_command(script).good());
  CHECK(desk.benched().size() == 3);
  summary = bench(desk, asked);
  CHECK(summary.before == 1);
  CHECK(summary.missing.empty());
  CHECK(desk.record(0, "snpe:DSP").state == RunState::measured);
}

TEST_CASE("a network that fails in the script costs the others nothing, and counts when the script is run again") {
  const auto check = [](const std::string& fault, const std::string& runtimes, bool script_ends_well,
                        const std::string& why) {
    CAPTURE(fault);
    Desk desk(2, faults(fault));
    const std::map<std::string, std::string> asked{
        {"script", desk.file("nets/run.sh")}, {"phone", "P1"}, {"runtime", runtimes}};
    CHECK(has(error_of(Fault::unsupported, [&] { (void)bench(desk, asked); }), "2 networks have no results"));
    base::Command script;
    script.argv = {desk.file("nets/run.sh")};
    CHECK(base::run_command(script).good() == script_ends_well);
    for (int again = 0; again < 2; ++again) {
      const auto summary = bench(desk, asked);
      CHECK(summary.done == 1);
      CHECK(summary.before == 1);
      CHECK(summary.failed == 1);
      REQUIRE(summary.failures.size() == 1);
      CHECK(has(summary.failures[0], "0: "));
      CHECK(has(summary.failures[0], why));
      CHECK(desk.record(0).state == RunState::failed);
      CHECK(has(desk.record(0).reason, why));
      CHECK(desk.record(1).state == RunState::measured);
      std::vector<std::string> problems;
      CHECK_FALSE(collect_snpe(jobs_of(desk), {"a", "b"}, &problems).rows.empty());
      REQUIRE(problems.size() == 1);
      CHECK(has(problems[0], why));
    }
    SUBCASE("the same script") {}
    SUBCASE("a script for others that wait") {
      for (const auto& name : base::list_folder(desk.artifacts()[1].dir + "/raw"))
        if (base::starts_with(name, "results-") || name == "session.json")
          fs::remove(desk.artifacts()[1].dir + "/raw/" + name);
      CHECK(has(error_of(Fault::unsupported, [&] { (void)bench(desk, asked); }), "1 network has no results yet"));
      CHECK(has(desk.record(0).reason, why));
    }
    desk.set(healthy);
    CHECK(base::run_command(script).good());
    const auto summary = bench(desk, asked);
    CHECK(summary.done == 2);
    CHECK(summary.failed == 0);
    for (const auto& runtime : base::split(runtimes, ','))
      CHECK(desk.record(0, "snpe:" + runtime).state == RunState::measured);
  };
  SUBCASE("NaN") {
    check(R"("nan": ["0"])", "GPU", true, "'Avg_Time' is missing or no finite number");
  }
  SUBCASE("rejected by the converter") {
    check(R"("reject": ["0"])", "GPU,DSP", false, "GPU: failed in the script");
  }
  SUBCASE("its only bench crashes") {
    check(R"("die": ["0"])", "GPU", false, "failed in the script");
  }
}

TEST_CASE("a network that failed in a script is benched by a call that has the SDK and a phone") {
  Desk desk(1, faults(R"("nan": ["0"])"));
  const std::map<std::string, std::string> asked{{"script", desk.file("nets/run.sh")}, {"phone", "P1"}};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)bench(desk, asked); }), "run.sh"));
  base::Command script;
  script.argv = {desk.file("nets/run.sh")};
  CHECK(base::run_command(script).good());
  CHECK(bench(desk, asked).failed == 1);
  desk.set(healthy);
  const auto summary = bench(desk, {});
  CHECK(summary.failed == 0);
  CHECK(summary.before == 0);
  CHECK(desk.record(0).state == RunState::measured);
  CHECK(desk.record(0).from.environment.count("measured_by") == 0);
}

TEST_CASE("a runtime that a phone never has is still missing where SDK or phone are gone by now") {
  const std::map<std::string, std::string> options{{"runtime", "GPU,DSP"}};
  const auto check = [&options](const Desk& desk) {
    const auto summary = bench(desk, options);
    CHECK(summary.done == 1);
    CHECK(summary.before == 1);
    CHECK(summary.failed == 0);
    REQUIRE(summary.missing.size() == 1);
    CHECK(has(summary.missing[0], "0: DSP: "));
    CHECK(desk.record(0, "snpe:GPU").state == RunState::measured);
    return summary;
  };
  SUBCASE("no phone") {
    Desk desk(1, faults(R"("crash": ["DSP"])"));
    CHECK(bench(desk, options).missing.size() == 1);
    desk.set(R"({"phones": {}})");
    (void)check(desk);
    desk.set(R"({"phones": {"P1": "device", "P2": "device"}})");  // a question, not an absence
    CHECK(has(error_of(Fault::usage, [&] { (void)bench(desk, options); }), "P2"));
  }
  SUBCASE("no SDK") {
    Desk desk(1, faults(R"("crash": ["DSP"])"));
    CHECK(bench(desk, options).missing.size() == 1);
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", "/usr/bin:/bin", 1);
    (void)check(desk);
    ::setenv("PATH", path.c_str(), 1);
  }
  SUBCASE("the phone goes away under it") {
    Desk desk(1, R"({"phones": {"P1": "device"}, "lose": {"P1": 3}, "faults": {"crash": ["DSP"]}})");
    CHECK(bench(desk, options).missing.size() == 1);
    CHECK(check(desk).lost.size() == 1);
  }
  SUBCASE("another network has nothing yet") {
    Desk desk(2, faults(R"("crash": ["DSP"], "reject": ["1"])"));
    CHECK(bench(desk, options).missing.size() == 1);
    desk.set(R"({"phones": {}})");
    CHECK(has(error_of(Fault::device, [&] { (void)bench(desk, options); }), "no phone is attached"));
  }
}

TEST_CASE("a network that is another one now loses its results and its DLC") {
  Desk desk(2);
  desk.measure();
  const double first = latency(desk.record(0).overall);
  const std::string model = desk.artifacts()[0].dir + "/model.onnx";
  // The other one's blocks have wider kernels: more work.
  write_onnx(model, lower(Desk::net(5)), {1, 3, 32, 32});
  fs::last_write_time(model, fs::last_write_time(session_of(desk, 0)) - std::chrono::hours(24));
  CHECK(has(desk.record(0).reason, "is not the one that was measured"));
  std::vector<std::string> problems;
  CHECK(collect_snpe(jobs_of(desk), {"net-0", "net-1"}, &problems).rows.size() == 1);
  REQUIRE(problems.size() == 1);
  CHECK(has(problems[0], "0: model.onnx is not the one"));
  desk.measure();
  CHECK(desk.benched().size() == 3);
  CHECK(latency(desk.record(0).overall) > first * 1.02);
  desk.measure();
  CHECK(desk.benched().size() == 3);
}

TEST_CASE("a network that failed is converted anew") {
  Desk desk(1, faults(R"("bad": ["0"])"));
  desk.measure();
  CHECK(has(desk.record(0).reason, "snpe-dlc-info"));
  desk.set(healthy);
  desk.measure();
  CHECK(desk.record(0).state == RunState::measured);
  Desk other(1, faults(R"("bad": ["0"])"));
  const std::map<std::string, std::string> asked{
      {"script", other.file("nets/run.sh")}, {"phone", "P1"}, {"runtime", "GPU,DSP"}};
  CHECK(has(error_of(Fault::unsupported, [&] { other.measure(asked); }), "run.sh"));
  base::Command script;
  script.argv = {other.file("nets/run.sh")};
  CHECK(base::run_command(script).exit_status == 1);
  other.measure(asked);
  CHECK(has(other.record(0).reason, "failed in the script"));
  other.set(healthy);
  CHECK(base::run_command(script).good());
  other.measure(asked);
  CHECK(other.record(0, "snpe:GPU").state == RunState::measured);
  CHECK(other.record(0, "snpe:DSP").state == RunState::measured);
}

TEST_CASE("a runtime that fails costs the others nothing and is tried again") {
  const std::map<std::string, std::string> options{{"runtime", "CPU,GPU,DSP"}};
  const auto check = [&options](const std::string& control, const std::string& runtime, const std::string& why) {
    Desk desk(1, control);
    auto summary = bench(desk, options);
    CHECK(summary.done == 1);
    CHECK(summary.failed == 0);
    REQUIRE(summary.missing.size() == 1);
    CHECK(has(summary.missing[0], "0: " + runtime + ": "));
    CHECK(has(summary.missing[0], why));
    for (const std::string one : {"CPU", "GPU", "DSP"}) {
      const auto record = desk.record(0, "snpe:" + one);
      CHECK((record.state == RunState::measured) == (one != runtime));
      if (one == runtime) CHECK(has(record.reason, why));
    }
    std::vector<std::string> problems;
    CHECK(collect_snpe(jobs_of(desk), {"net-0"}, &problems).rows.size() == 2);
    REQUIRE(problems.size() == 1);
    CHECK(has(problems[0], runtime));
    summary = bench(desk, options);  // still so
    CHECK(summary.before == 0);
    CHECK(summary.missing.size() == 1);
    const auto before = desk.benched().size();
    desk.set(healthy);
    summary = bench(desk, options);
    CHECK(summary.done == 1);
    CHECK(summary.missing.empty());
    CHECK(desk.benched().size() == before + 1);
    for (const std::string one : {"CPU", "GPU", "DSP"})
      CHECK(desk.record(0, "snpe:" + one).state == RunState::measured);
    CHECK(desk.record(0, "snpe:DSP").from.environment.at("precision") == "int8");
    CHECK(bench(desk, options).before == 1);
  };
  check(faults(R"("raw": ["0"])"), "DSP", "snpe-dlc-quantize: exit status 1; it said 'ERROR: no ranges");
  check(faults(R"("crash": ["DSP"])"), "DSP", "runtime DSP is not available");
  check(faults(R"("crash": ["CPU"])"), "CPU", "runtime CPU is not available");
  Desk none(1, faults(R"("crash": ["CPU", "GPU", "DSP"])"));
  const auto summary = bench(none, options);
  CHECK(summary.failed == 1);
  CHECK(summary.missing.empty());
  CHECK(has(none.record(0).reason, "GPU is not available"));
}

TEST_CASE("damaged sessions and results are noted as missing and benched again") {
  for (const char* name : {"session.json", "results-0.json"}) {
    Desk desk(3);
    desk.measure();
    const std::string file = desk.artifacts()[1].dir + "/raw/" + name;
    const std::string text = base::read_file(file);
    base::write_file(file, text.substr(0, text.size() / 2));
    const auto record = desk.record(1);
    CHECK(record.state == RunState::failed);
    CHECK(has(record.reason, name));
    std::vector<std::string> problems;
    CHECK(collect_snpe(jobs_of(desk), {"a", "b", "c"}, &problems).rows.size() == 2);
    REQUIRE(problems.size() == 1);
    CHECK(has(problems[0], name));
    CHECK(has(error_of(Fault::input, [&] { (void)collect_snpe(jobs_of(desk), {"a", "b", "c"}); }), name));
    desk.measure();
    CHECK(desk.benched().size() == 4);
    CHECK(desk.record(1).state == RunState::measured);
  }
}

TEST_CASE("of two phones of which one is not ready the other does the work") {
  Desk desk(2, R"({"phones": {"P1": "offline", "P2": "device"}})");
  const auto summary = bench(desk, {{"phone", "P1,P2"}});
  CHECK(summary.done == 2);
  REQUIRE(summary.lost.size() == 1);
  CHECK(has(summary.lost[0], "P1: is offline; take the cable out"));
  Desk both(1, R"({"phones": {"P1": "offline", "P2": "unauthorized"}})");
  CHECK(has(error_of(Fault::device, [&] { (void)bench(both, {{"phone", "P1,P2"}}); }), "'P1' is offline"));
}

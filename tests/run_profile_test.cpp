// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "fake_compiler.hpp"
#include "hwprof/run.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

namespace fs = std::filesystem;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

struct Job {
  TempFolder folder;
  hwprof::ProfileOptions options;

  explicit Job(const std::string& text = hwprof_test::tiny_space) {
    hwprof_test::register_fake_compiler();
    options.device = "fake";
    options.generate.space_file = folder.write("space.yaml", text);
    options.generate.dir = folder.file("run");
    options.generate.calibration_nets = 12;
    options.generate.validation_nets = 8;
  }
  [[nodiscard]] std::string in_run(const std::string& name) const { return options.generate.dir + "/" + name; }
};

}  // namespace

TEST_CASE("a profile recovers the device's law") {
  const Job job;
  const auto summary = hwprof::profile(job.options);
  CHECK(summary.measured.measured == summary.generated.nets);
  CHECK(summary.measured.failed == 0);
  CHECK(summary.measured.samples == 10 * summary.generated.nets);
  CHECK(summary.measured.dropped == summary.generated.nets);
  CHECK(summary.notes.empty());
  CHECK(summary.validation.n == 8);
  CHECK(summary.validation.max_ape < 0.01);
  REQUIRE(summary.validation.repeatability_mape);
  CHECK(*summary.validation.repeatability_mape < 0.01);
  for (const auto& prim : hwprof::load_prims(job.in_run("prof_prims.yaml"))) {
    const auto entry = summary.model.entry(prim);
    REQUIRE_MESSAGE(entry, hwprof::to_string(prim));
    const double truth = hwprof_test::FakeCompiler::seconds(prim);
    CHECK(std::abs(entry->value - truth) <= 0.005 * truth);
  }
  const auto loaded = hwprof::load_model(job.in_run("model.json"));
  const auto records = hwprof::load_records(job.in_run("records.jsonl"));
  CHECK(hwprof::evaluate(loaded, records).mape == doctest::Approx(summary.validation.mape));
}

TEST_CASE("validation networks do not enter the fit") {
  const Job job;
  const auto summary = hwprof::profile(job.options);
  auto records = hwprof::load_records(job.in_run("records.jsonl"));
  const auto kept_out = [](const hwprof::NetRecord& record) {
    return record.purpose == "validation" || record.purpose == "repeat";
  };
  records.erase(std::remove_if(records.begin(), records.end(), kept_out), records.end());
  CHECK(records.size() == summary.generated.coverage + summary.generated.calibration);
  const auto again = hwprof::fit(records, job.options.fit);
  CHECK(again.summary().coefficients == summary.model.summary().coefficients);
  CHECK(again.known() == summary.model.known());
}

TEST_CASE("an earlier run is refused, resumed or replaced") {
  Job job;
  (void)hwprof::profile(job.options);
  CHECK(has(error_of(Fault::usage, [&] { (void)hwprof::profile(job.options); }), "--resume"));
  job.options.resume = true;
  fs::remove(job.in_run("model.json"));
  (void)hwprof::profile(job.options);
  CHECK(fs::exists(job.in_run("model.json")));
  job.options.measure.threads = 3;
  job.options.fit.ridge = 0.5;
  const auto message = error_of(Fault::usage, [&] { (void)hwprof::profile(job.options); });
  CHECK(has(message, "threads (1 then, 3 now)"));
  CHECK(has(message, "ridge (0.0 then, 0.5 now)"));
  CHECK_FALSE(has(message, "batch"));
  job.options.generate.force = true;
  (void)hwprof::profile(job.options);
}

TEST_CASE("a stop keeps what was measured") {
  Job job;
  int asked = 0;
  job.options.measure.stop = [&asked] { return ++asked > 5; };
  error_of(Fault::interrupted, [&] { (void)hwprof::profile(job.options); });
  CHECK_FALSE(fs::exists(job.in_run("model.json")));
  CHECK(fs::exists(job.in_run("hardwares/0-fake/0/raw/done")));
  job.options.measure.stop = {};
  job.options.resume = true;
  CHECK(hwprof::profile(job.options).validation.n == 8);
}

TEST_CASE("options are checked before anything is written") {
  const auto refused = [](const char* what, const std::function<void(hwprof::ProfileOptions&)>& change) {
    Job job;
    change(job.options);
    CHECK(has(error_of(Fault::usage, [&] { (void)hwprof::profile(job.options); }), what));
    CHECK_FALSE(fs::exists(job.options.generate.dir));
  };
  refused("batch", [](auto& options) { options.measure.batch = 0; });
  refused("threads", [](auto& options) { options.measure.threads = -1; });
  refused("budget", [](auto& options) { options.measure.budget_s = std::nan(""); });
  refused("ci", [](auto& options) { options.measure.max_rel_ci = 1; });
  refused("ridge", [](auto& options) { options.fit.ridge = -1; });
  refused("linear", [](auto& options) { options.fit.kind = "liner"; });
  refused("fake", [](auto& options) { options.device = "faek"; });
}

TEST_CASE("without validation there is no validation file, and a note says so") {
  Job job;
  job.options.generate.validation_nets = 0;
  const auto summary = hwprof::profile(job.options);
  CHECK(summary.validation.n == 0);
  CHECK_FALSE(fs::exists(job.in_run("validation.json")));
  REQUIRE(summary.notes.size() == 1);
  CHECK(has(summary.notes[0], "not validated"));
}

TEST_CASE("a plain network gets a table where a line cannot be fitted") {
  Job job(hwprof_test::one_network);
  const auto summary = hwprof::profile(job.options);
  CHECK(summary.model.kind() == "table");
  REQUIRE(summary.notes.size() == 3);
  CHECK(has(summary.notes[2], "table instead"));
  CHECK(summary.validation.n == 1);
}

TEST_CASE("measuring a folder of its own, and folders that are none") {
  Job job;
  job.options.generate.compilers = {"fake"};
  (void)hwprof::generate(job.options.generate);
  fs::copy(job.in_run("hardwares/0-fake"), job.folder.file("7-fake"), fs::copy_options::recursive);
  const auto summary = hwprof::measure(job.folder.file("7-fake") + "/", {});
  CHECK(summary.measured == summary.nets);
  CHECK(hwprof::parse(job.folder.file("7-fake")).size() == summary.nets);
  CHECK_FALSE(fs::exists(job.in_run("hardwares/0-fake/0/raw")));
  fs::create_directory(job.folder.file("8-fake"));
  error_of(Fault::missing, [&] { (void)hwprof::measure(job.folder.file("8-fake"), {}); });
  error_of(Fault::usage, [&] { (void)hwprof::measure(job.folder.path(), {}); });
  error_of(Fault::input, [&] { (void)hwprof::measure(job.folder.file("9-fake"), {}); });
}

TEST_CASE("aw_nas' result files read back as what they were written from") {
  Job job;
  (void)hwprof::profile(job.options);
  const auto records = hwprof::load_records(job.in_run("records.jsonl"));
  const auto dir = job.folder.file("parsed");
  CHECK(hwprof::save_awnas_results(dir, records) == records.size());
  error_of(Fault::usage, [&] { (void)hwprof::save_awnas_results(dir, records); });
  CHECK(hwprof::save_awnas_results(dir, records, true) == records.size());
  const auto again = hwprof::load_records(dir);
  REQUIRE(again.size() == records.size());
  for (const auto& record : again) {
    const auto id = record.net_id.substr(0, record.net_id.find('/'));
    const auto& before = records.at(std::stoul(id));
    CHECK(record.overall.at(hwprof::Metric::latency).value ==
          doctest::Approx(before.overall.at(hwprof::Metric::latency).value));
    REQUIRE(record.prims.size() == before.prims.size());
    for (std::size_t i = 0; i < record.prims.size(); ++i) {
      CHECK(record.prims[i].prim == before.prims[i].prim);
      CHECK(record.prims[i].perf.at(hwprof::Metric::latency).value ==
            doctest::Approx(before.prims[i].perf.at(hwprof::Metric::latency).value));
    }
  }
}

TEST_CASE("aw_nas' names of models") {
  const TempFolder folder;
  const auto kind = [&folder](const std::string& text) {
    return hwprof::load_fit_options(folder.write("hw.yaml", text));
  };
  CHECK(kind("hwobjmodel_type: regression\n").kind == "linear");
  CHECK(kind("hwobjmodel_type: ofa\nhwobjmodel_cfg: {}\n").kind == "table");
  CHECK(kind("hwperfmodel_type: table\nhwperfmodel_cfg: {perf_name: energy}\n").metric == hwprof::Metric::energy);
  CHECK(has(error_of(Fault::unsupported, [&] { (void)kind("\nhwperfmodel_type: nonesuch\n"); }), "hw.yaml:2"));
  CHECK(has(error_of(Fault::input, [&] { (void)kind("a: 1\n"); }), "hwperfmodel_type"));
}

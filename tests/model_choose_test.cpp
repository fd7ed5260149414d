// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "model_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

Model choose(const std::vector<NetRecord>& records, FitOptions options = {}) {
  options.kind = "auto";
  return fit(records, options);
}

const Compared& row(const Model& model, const std::string& kind) {
  const auto& rows = model.summary().compared;
  const auto found = std::find_if(rows.begin(), rows.end(), [&kind](const Compared& one) { return one.kind == kind; });
  REQUIRE(found != rows.end());
  return *found;
}

}  // namespace

TEST_CASE("auto takes the simplest kind that is as good as any") {
  Device device;
  device.noise = 0.01;
  device.scale = 1;
  device.bias = 0;
  const Model sum = choose(device.measure(60, 1));
  CHECK(sum.kind() == "table");
  CHECK(row(sum, "table").chosen);
  device.scale = 1.3;
  device.bias = 5e-4;
  const Model line = choose(device.measure(60, 1));
  CHECK(line.kind() == "linear");
  CHECK(row(line, "linear").cv_mape < 0.02);
  CHECK(row(line, "table").cv_mape > 0.1);
  CHECK(has(row(line, "linear").reason, row(line, "linear").cv_mape <= row(line, "calibrated").cv_mape
                                            ? "the least error of 60 held-out networks"
                                            : "simpler than"));
  // Each primitive has a factor of its own.
  auto records = device.measure(80, 1);
  for (auto& record : records)
    for (const auto& prim : record.prims)
      record.overall[Metric::latency].value +=
          (hash(prim.prim) % 3 == 0 ? 1.0 : 0.0) * prim.perf.at(Metric::latency).value;
  const Model each = choose(records);
  CHECK(each.kind() == "calibrated");
  CHECK(each.summary().cv_mape < 0.5 * row(each, "linear").cv_mape);
}

TEST_CASE("the comparison is that of each kind alone, on the same folds") {
  Device device;
  device.noise = 0.02;
  device.prim_noise = 0.05;
  const auto records = device.measure(40, 3);
  const Model model = choose(records);
  REQUIRE(model.summary().compared.size() == list_models().size());
  int chosen = 0;
  for (const auto& one : model.summary().compared) {
    chosen += one.chosen ? 1 : 0;
    if (one.kind != "table" && one.kind != "linear") continue;
    FitOptions options;
    options.kind = one.kind;
    // Ten folds there and five here, so near and not equal.
    CHECK(one.cv_mape == doctest::Approx(fit(records, options).summary().cv_mape).epsilon(0.15));
    CHECK(one.cv_error > 0);
    CHECK(one.cv_error < one.cv_mape);
  }
  CHECK(chosen == 1);
  const Model again = choose(records);
  for (std::size_t i = 0; i < again.summary().compared.size(); ++i)
    CHECK(again.summary().compared[i].cv_mape == model.summary().compared[i].cv_mape);
}

TEST_CASE("kinds that cannot be fitted say why") {
  Device device;
  const auto records = device.measure(4, 1);
  const Model model = choose(records);
  CHECK(has(row(model, "calibrated").reason, "at least 4 networks"));
  CHECK_FALSE(row(model, "calibrated").chosen);
  CHECK(has(error_of(Fault::missing, [&] { (void)choose(device.measure(1, 1)); }), "at least 2 networks"));
  CHECK(has(error_of(Fault::missing, [] { (void)choose({record_of("a", {1}, {1e-3}, -1)}); }), "'auto'"));
}

TEST_CASE("options of linear are for linear alone") {
  Device device;
  device.per_block = 2e-5;
  device.noise = 0.002;
  FitOptions options;
  options.num_blocks = true;
  const Model model = choose(device.measure(60, 2), options);
  CHECK(model.kind() == "linear");
  CHECK(model.summary().coefficients.count("per_block") == 1);
}

TEST_CASE("kinds without an option are compared without it") {
  Device device;
  device.noise = 0.01;
  FitOptions options;
  options.per_class = options.huber = options.nonnegative = true;
  options.ridge = 1e-6;
  const auto records = device.measure(60, 2);
  const Model model = choose(records, options), plain = choose(records);
  for (const std::string kind : {"table", "calibrated"}) {
    CHECK(row(model, kind).cv_mape == row(plain, kind).cv_mape);
    CHECK(row(model, kind).cv_mape > 0);
  }
}

TEST_CASE("what a kind that cannot be fitted lacks is no note of the one that was chosen") {
  Device device;
  device.noise = 0.01;
  // Of so few networks a fold leaves too few for "calibrated"; "transfer" fits to no records at all.
  const Model model = choose(device.measure(4, 1));
  CHECK_FALSE(row(model, "calibrated").reason.empty());
  for (const auto& note : model.summary().notes) CHECK_MESSAGE(note.find("too few networks to fit") == note.npos, note);
}

TEST_CASE("the comparison is kept in the file") {
  Device device;
  device.noise = 0.01;
  const Model model = choose(device.measure(40, 1));
  const TempFolder folder;
  save_model(folder.file("m.json"), model);
  const Model again = load_model(folder.file("m.json"));
  REQUIRE(again.summary().compared.size() == model.summary().compared.size());
  for (std::size_t i = 0; i < again.summary().compared.size(); ++i) {
    CHECK(again.summary().compared[i].kind == model.summary().compared[i].kind);
    CHECK(again.summary().compared[i].cv_mape == model.summary().compared[i].cv_mape);
    CHECK(again.summary().compared[i].cv_error == model.summary().compared[i].cv_error);
    CHECK(again.summary().compared[i].chosen == model.summary().compared[i].chosen);
    CHECK(again.summary().compared[i].reason == model.summary().compared[i].reason);
  }
}

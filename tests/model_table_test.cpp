// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "model/prim_table.hpp"
#include "model_support.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

FitOptions table_options() {
  FitOptions options;
  options.kind = "table";
  return options;
}

}  // namespace

TEST_CASE("a table entry is the mean over contexts and a prediction is the sum") {
  const Model model =
      fit({record_of("a", {0, 1}, {1e-3, 2e-3}, 3.3e-3), record_of("b", {1, 2, 1}, {4e-3, 5e-3, 3e-3}, 12e-3)},
          table_options());
  CHECK(model.kind() == "table");
  CHECK(model.entry(prim_of(0))->value == Approx(1e-3));
  CHECK(model.entry(prim_of(1))->value == Approx(3e-3));
  CHECK(model.entry(prim_of(1))->samples == 3);
  const auto known = model.known();
  CHECK(known.size() == 3);
  CHECK(std::is_sorted(known.begin(), known.end()));
  CHECK(model.predict({prim_of(0), prim_of(1), prim_of(1), prim_of(2)}) == Approx(1e-3 + 6e-3 + 5e-3));
  CHECK(model.predict({}) == 0);
  CHECK(model.summary().prims_known == 3);
  CHECK(model.summary().samples_used == 5);
  CHECK(model.summary().nets_used == 2);
  // |4e-3 / 3.3e-3 - 1| and |11e-3 / 12e-3 - 1|
  CHECK(model.summary().fit_mape == Approx((0.7 / 3.3 + 1.0 / 12) / 2));
}

TEST_CASE("a missing primitive throws, and every one is named once") {
  const Model model = fit({record_of("a", {0, 1}, {1e-3, 2e-3}, -1)}, table_options());
  const std::vector<Prim> prims{prim_of(0), prim_of(5), prim_of(7), prim_of(5)};
  const std::string what = error_of(Fault::missing, [&] { (void)model.predict(prims); });
  CHECK(has(what, to_string(prim_of(5))));
  CHECK(has(what, to_string(prim_of(7))));
  CHECK(has(what, "2 primitives"));
  CHECK(model.missing(prims).size() == 2);
  CHECK_FALSE(model.entry(prim_of(5)).has_value());
}

TEST_CASE("an outlying sample is dropped by median and MAD, and counted") {
  std::vector<NetRecord> records;
  const double costs[] = {1.00e-3, 1.01e-3, 0.99e-3, 1.02e-3, 0.98e-3, 9e-3};
  for (int i = 0; i < 6; ++i) records.push_back(record_of(std::to_string(i), {0}, {costs[i]}, -1));
  const Model model = fit(records, table_options());
  CHECK(model.entry(prim_of(0))->value == Approx(1e-3));
  CHECK(model.entry(prim_of(0))->samples == 5);
  CHECK(model.entry(prim_of(0))->dropped == 1);
  CHECK(model.summary().samples_dropped == 1);
  CHECK(model.summary().samples_used == 5);
}

TEST_CASE("contexts that differ by a few percent are no outliers, and three samples hold none") {
  std::vector<NetRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(record_of(std::to_string(i), {0}, {i == 4 ? 1.2e-3 : 1e-3}, -1));
  CHECK(fit(records, table_options()).entry(prim_of(0))->value == Approx(1.04e-3));
  const Model three = fit({records[0], records[1], record_of("x", {0}, {10e-3}, -1)}, table_options());
  CHECK(three.entry(prim_of(0))->value == Approx(4e-3));
  CHECK(three.summary().samples_dropped == 0);
}

TEST_CASE("unsteady networks count with a quarter of the weight and are noted") {
  auto records = std::vector<NetRecord>{record_of("a", {0}, {1e-3}, -1), record_of("b", {0}, {2e-3}, -1)};
  records[1].state = RunState::unsteady;
  const Model model = fit(records, table_options());
  CHECK(model.entry(prim_of(0))->value == Approx((1e-3 + 0.25 * 2e-3) / 1.25));
  CHECK(has(model.summary().notes.at(0), "1 network measured unsteadily"));
}

TEST_CASE("failed, validation and repeat networks are no part of a fit, and are counted") {
  auto records = std::vector<NetRecord>{record_of("a", {0}, {1e-3}, -1), record_of("b", {1}, {1e-3}, -1),
                                        record_of("c", {2}, {1e-3}, -1, "validation"),
                                        record_of("d", {3}, {1e-3}, -1, "repeat"), record_of("e", {0}, {1e-3}, -1)};
  records[1].state = RunState::failed;
  records[1].reason = "no memory for it";
  records[4].prims[0].perf.clear();
  const Model model = fit(records, table_options());
  CHECK(model.known() == std::vector<Prim>{prim_of(0)});
  CHECK(model.summary().nets_dropped == 2);
  std::string notes;
  for (const auto& note : model.summary().notes) notes += note + "\n";
  CHECK(has(notes, "failed (no memory for it): b"));
  CHECK(has(notes, "kept for validation: c"));
  CHECK(has(notes, "kept for repeat: d"));
  CHECK(has(notes, "without latency: e"));
}

TEST_CASE("records that do not belong together are refused, with the difference") {
  const auto refusal = [](const NetRecord& other) {
    return error_of(Fault::usage, [&] { (void)fit({record_of("first", {0}, {1e-3}, -1), other}, table_options()); });
  };
  auto other = record_of("second", {0}, {1e-3}, -1);
  other.from.device = "cuda:0";
  const std::string what = refusal(other);
  CHECK(has(what, "device is 'cpu' in net 'first' and 'cuda:0' in net 'second'"));
  other = record_of("second", {0}, {1e-3}, -1);
  other.batch = 8;
  CHECK(has(refusal(other), "batch is '1'"));
  other = record_of("second", {0}, {1e-3}, -1);
  other.from.mode = "train";
  CHECK(has(refusal(other), "mode"));
  other = record_of("second", {0}, {1e-3}, -1);
  other.from.compiler = "dpu";
  CHECK(has(refusal(other), "compiler"));
  other = record_of("second", {0}, {1e-3}, -1);
  other.from.environment["threads"] = "2";
  CHECK(has(refusal(other), "threads"));
  // What is not fitted on may come from anywhere.
  other.purpose = "validation";
  CHECK_NOTHROW((void)fit({record_of("first", {0}, {1e-3}, -1), other}, table_options()));
}

TEST_CASE("a fit without anything to fit on says what is lacking") {
  CHECK(has(error_of(Fault::missing, [] { (void)fit({}, table_options()); }), "none of 0 records"));
  NetRecord whole;
  whole.net_id = "w";
  whole.overall[Metric::latency].value = 1e-3;
  CHECK(has(error_of(Fault::missing, [&] { (void)fit({whole}, table_options()); }), "whole networks only"));
  FitOptions energy = table_options();
  energy.metric = Metric::energy;
  CHECK(has(error_of(Fault::missing, [&] { (void)fit({record_of("a", {0}, {1e-3}, -1)}, energy); }),
            "without energy: a"));
}

TEST_CASE("costs that are no numbers are refused, with the network") {
  for (const double wrong : {std::nan(""), -1e-3, HUGE_VAL, 1e300}) {
    CHECK(has(error_of(Fault::input, [&] { (void)fit({record_of("a", {0}, {wrong}, -1)}, table_options()); }),
              "net 'a'"));
    auto record = record_of("a", {0}, {1e-3}, 1e-3);
    record.overall[Metric::latency].value = wrong;
    CHECK(has(error_of(Fault::input, [&] { (void)fit({record}, table_options()); }), "net 'a'"));
  }
  CHECK(has(error_of(Fault::input, [&] { (void)fit({record_of("a", {0}, {1e-3}, 1e-320)}, table_options()); }),
            "too small"));
  std::vector<NetRecord> tiny;
  for (int i = 0; i < 10; ++i) tiny.push_back(record_of(std::to_string(i), {0, i}, {1e-3, 1e-3 * i}, 1e-320));
  CHECK_THROWS_AS((void)fit(tiny), Error);
}

TEST_CASE("options that the kind does not know are refused") {
  FitOptions options;
  options.kind = "tabel";
  CHECK(has(error_of(Fault::usage, [&] { (void)fit({record_of("a", {0}, {1e-3}, -1)}, options); }),
            "did you mean table"));
  options.kind = "table";
  options.ridge = -1;
  CHECK(has(error_of(Fault::usage, [&] { (void)fit({record_of("a", {0}, {1e-3}, -1)}, options); }), "ridge"));
  options.ridge = std::nan("");
  CHECK(has(error_of(Fault::usage, [&] { (void)fit({record_of("a", {0}, {1e-3}, -1)}, options); }), "ridge"));
  options.ridge = 0;
  options.huber = true;
  CHECK(has(error_of(Fault::usage, [&] { (void)fit({record_of("a", {0}, {1e-3}, -1)}, options); }), "'linear'"));
}

TEST_CASE("the standard error follows the scatter of the contexts") {
  // One primitive, relative deviations ±10 % in four contexts: variance 0.04/3 per sample without a prior of others;
  // with the same scatter as its own prior it stays (4 * 0.04/3 + 0.04) / (4 + 3).
  std::vector<NetRecord> records;
  for (int i = 0; i < 4; ++i) records.push_back(record_of(std::to_string(i), {0}, {i % 2 == 0 ? 0.9e-3 : 1.1e-3}, -1));
  const Model model = fit(records, table_options());
  const double expected = 1e-3 * std::sqrt(0.04 / 3 / 4);
  CHECK(model.predict_with_error({prim_of(0)}).standard_error == Approx(expected));
  CHECK(model.predict_with_error({prim_of(0)}).value == Approx(1e-3));
  CHECK(model.predict_with_error({prim_of(0)}).estimated == 0);
  // The error of one entry, used twice, counts twice.
  CHECK(model.predict_with_error({prim_of(0), prim_of(0)}).standard_error == Approx(2 * expected));
  CHECK(model.entry(prim_of(0))->spread == Approx(1.96 * expected));
}

TEST_CASE("a primitive seen once keeps the interval that its measurement came with") {
  auto record = record_of("a", {0, 1}, {1e-3, 1e-3}, -1);
  record.prims[0].perf[Metric::latency].spread = 5e-5;
  const Model model = fit({record}, table_options());
  CHECK(model.entry(prim_of(0))->spread == Approx(5e-5));
  CHECK(model.entry(prim_of(1))->spread == 0);
}

TEST_CASE("the index tells equal hashes apart and grows without losing anything") {
  model::PrimIndex index;
  CHECK(index.find(prim_of(0)) == model::PrimIndex::none);
  constexpr int many = 5000;
  for (int i = 0; i < many; ++i) CHECK(index.insert(prim_of(i)) == static_cast<std::uint32_t>(i));
  for (int i = 0; i < many; ++i) CHECK(index.find(prim_of(i)) == static_cast<std::uint32_t>(i));
  CHECK(index.insert(prim_of(17)) == 17);
  CHECK(index.size() == many);
  CHECK(index.find(prim_of(many)) == model::PrimIndex::none);
  Prim same = prim_of(17);
  same.attrs["expansion"] = static_cast<double>(std::get<std::int64_t>(same.attrs["expansion"]));
  CHECK(index.find(same) == 17);
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "hwprof/run.hpp"
#include "model/preprocess.hpp"
#include "model_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using model::Features;
using Names = std::vector<std::string>;

namespace {

std::string refusal(const Names& names, const std::string& kind) {
  return error_of(Fault::usage, [&] { (void)model::make_pipeline(names, kind); });
}

/// Runs of one network, each with these block sums.
std::vector<NetRecord> runs(const std::vector<double>& sums) {
  std::vector<NetRecord> records;
  for (const double sum : sums)
    records.push_back(record_of("r" + std::to_string(records.size()), {1, 2}, {sum / 4, sum * 3 / 4}, sum));
  return records;
}

std::size_t kept(const std::vector<double>& sums, const Names& preprocessors = {}) {
  FitOptions options;
  options.kind = "table";
  options.preprocessors = preprocessors;
  const auto records = runs(sums);
  return fit(records, options).summary().nets_used;
}

}  // namespace

TEST_CASE("aw_nas' chains are taken by the kinds that they are documented for") {
  const Names begin{"block_sum", "remove_anomaly", "flatten"};
  const auto with = [&](const char* last) {
    Names names = begin;
    names.emplace_back(last);
    return names;
  };
  CHECK(model::make_pipeline(begin, "table").features == Features::none);
  CHECK(model::make_pipeline({"flatten"}, "table").remove_anomaly == false);
  CHECK(model::make_pipeline(with("extract_sum_features"), "linear").features == Features::sum);
  CHECK(model::make_pipeline(with("padding"), "mlp").features == Features::padding);
  CHECK(model::make_pipeline(with("extract_lstm_features"), "lstm").features == Features::blocks);
  CHECK(model::make_pipeline(with("extrace_lstm_features"), "lstm").features == Features::blocks);
  CHECK(model::make_pipeline({}, "mlp").features == Features::padding);
  CHECK(model::make_pipeline({}, "mlp").remove_anomaly);
}

TEST_CASE("unknown names, wrong orders and what the kind does not take are refused") {
  CHECK(has(refusal({"block_sum", "flaten"}, "table"), "unknown name 'flaten' (did you mean flatten"));
  CHECK(has(refusal({"flatten", "block_sum"}, "table"), "'block_sum' must come before 'flatten'"));
  CHECK(
      has(refusal({"block_sum", "flatten", "remove_anomaly"}, "table"), "'remove_anomaly' must come before 'flatten'"));
  CHECK(has(refusal({"block_sum", "block_sum", "flatten"}, "table"), "'block_sum' stands twice"));
  CHECK(has(refusal({"block_sum"}, "table"), "'flatten' is missing"));
  CHECK(has(refusal({"remove_anomaly", "flatten"}, "table"), "'remove_anomaly' needs 'block_sum' before it"));
  CHECK(has(refusal({"flatten", "extract_sum_features"}, "linear"), "needs 'block_sum'"));
  CHECK(has(refusal({"flatten", "padding", "extract_lstm_features"}, "lstm"), "are alternatives"));
  CHECK(has(refusal({"flatten", "padding"}, "linear"), "takes 'extract_sum_features', not 'padding'"));
  CHECK(has(refusal({"flatten"}, "mlp"), "takes 'padding' or 'extract_sum_features', not no features"));
  CHECK(has(refusal({"flatten"}, "forest"), "takes none"));
  FitOptions options;
  options.kind = "auto";
  options.preprocessors = {"flatten"};
  CHECK(has(error_of(Fault::usage, [&] { (void)fit(runs({1e-3, 1e-3}), options); }), "'auto' takes none"));
}

TEST_CASE("one bad run goes, where aw_nas' rule would have dropped all four") {
  CHECK(kept({1e-3, 1e-3, 1e-3, 1e-2}) == 3);
  CHECK(kept({1e-3, 1.05e-3, 0.95e-3, 1.08e-3, 0.4e-3}) == 4);
  CHECK(kept({1e-3, 1.09e-3, 1e-3}) == 3);  // within 10 %
  CHECK(kept({1e-3, 1.3e-3}) == 2);         // which of the two is wrong cannot be told
  CHECK(kept({1e-3, 1e-3, 1e-3, 1e-2}, {"block_sum", "flatten"}) == 4);
  FitOptions options;
  options.kind = "table";
  const auto records = runs({1e-3, 1e-3, 1e-2, 1e-3});
  const Model model = fit(records, options);
  CHECK(model.summary().nets_dropped == 1);
  const auto& notes = model.summary().notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const auto& note) { return note.find("r2") != std::string::npos; }));
  CHECK(model.entry(prim_of(1))->value == doctest::Approx(0.25e-3));
  CHECK(model.entry(prim_of(1))->samples == 3);
}

TEST_CASE("runs of different networks are not compared") {
  auto records = runs({1e-3, 1e-3, 1e-3});
  records.push_back(record_of("other", {3, 4}, {5e-3, 5e-3}, 1e-2));
  records.push_back(record_of("order", {2, 1}, {5e-3, 5e-3}, 1e-2));
  FitOptions options;
  options.kind = "table";
  CHECK(fit(records, options).summary().nets_used == 5);
}

TEST_CASE("aw_nas' settings name kind, metric and preprocessors") {
  const TempFolder folder;
  const auto load = [&](const std::string& text) { return load_fit_options(folder.write("hw.yaml", text)); };
  const auto mlp = load(
      "hwperfmodel_type: mlp\n"
      "hwperfmodel_cfg: {perf_name: latency, preprocessors: [block_sum, remove_anomaly, flatten, padding]}\n");
  CHECK(mlp.kind == "mlp");
  CHECK(mlp.preprocessors == Names{"block_sum", "remove_anomaly", "flatten", "padding"});
  const auto linear = load(
      "hwobjmodel_type: regression\n"
      "hwobjmodel_cfg:\n  performance: energy\n  preprocessors: [\"block_sum\", \"flatten\", "
      "\"extract_sum_features\"]\n");
  CHECK(linear.kind == "linear");
  CHECK(linear.metric == Metric::energy);
  CHECK(linear.preprocessors.size() == 3);
  CHECK(load("hwobjmodel_type: ofa\nhwobjmodel_cfg: {}\n").kind == "table");
  CHECK(load("hwperfmodel_type: lstm\n").kind == "lstm");

  // Another kind does not ask for another metric; the file's own need not be one that there is.
  const auto other = load_fit_options(
      folder.write("hw.yaml",
                   "hwperfmodel_type: gone\nhwperfmodel_cfg: {perf_name: energy, preprocessors: [flatten]}\n"),
      "linear");
  CHECK(other.kind == "linear");
  CHECK(other.metric == Metric::energy);
  CHECK(other.preprocessors.empty());

  const auto refused = [&](const std::string& text) { return error_of(Fault::input, [&] { (void)load(text); }); };
  CHECK(has(refused("hwperfmodel_type: table\nhwperfmodel_cfg:\n  preprocesors: [flatten]\n"),
            "did you mean preprocessors"));
  CHECK(has(refused("hwperfmodel_type: table\nhwperfmodel_cfg: {perf_name: latncy}\n"), "hw.yaml:2"));
  CHECK(has(refused("hwperfmodel_type: table\nhwperfmodel_cfg: [latency]\n"), "hwperfmodel_cfg"));
  CHECK(load("hwperfmodel_type: table\nhwperfmodel_cfg: null\n").metric == Metric::latency);
}

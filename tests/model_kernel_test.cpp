// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/files.hpp"
#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "hwprof/predictor.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using nlohmann::json;

namespace {

/// A made-up device: convolutions are slow with few channels, depthwise ones throughout, the rest moves bytes.
double true_cost(const Kernel& kernel) {
  const double bytes = kernel.work.input_bytes + kernel.work.output_bytes + kernel.work.weight_bytes;
  double rate = 1e30;
  if (kernel.kind == "conv")
    rate = 4e10 * static_cast<double>(kernel.out_channels) / (static_cast<double>(kernel.out_channels) + 32);
  if (kernel.kind == "dwconv") rate = 5e9;
  return 3e-6 + kernel.work.macs / rate + bytes / 1e10;
}

double true_cost(const Prim& prim) {
  double sum = 0;
  for (const auto& kernel : group_kernels(lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}))
    sum += true_cost(kernel);
  return sum;
}

Prim block_of(int size, int C, int C_out, int stride, int expansion, int kernel_size) {
  return normalized({"mobilenet_v2_block",
                     size,
                     C,
                     C_out,
                     stride,
                     true,
                     {{"expansion", std::int64_t{expansion}},
                      {"kernel_size", std::int64_t{kernel_size}},
                      {"activation", std::string("relu6")}}});
}

/// Mobile blocks, all different.
std::vector<Prim> blocks(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::set<Prim> prims;
  while (prims.size() < n) {
    const int stride = 1 + static_cast<int>(rng() % 2);
    const int C = 8 * (1 + static_cast<int>(rng() % 12));
    const int sizes[] = {7, 14, 28, 56};
    prims.insert(block_of(sizes[rng() % 4], C, stride == 1 && rng() % 2 == 0 ? C : C + 8, stride,
                          2 + static_cast<int>(rng() % 5), 3 + 2 * static_cast<int>(rng() % 3)));
  }
  std::vector<Prim> out(prims.begin(), prims.end());
  std::shuffle(out.begin(), out.end(), rng);
  return out;
}

NetRecord record_of(const std::string& id, const std::vector<Prim>& prims, double scale = 1, double bias = 0) {
  NetRecord record;
  record.net_id = id;
  record.from.device = record.from.compiler = "made_up";
  record.from.mode = "inference";
  double sum = 0;
  for (const auto& prim : prims) {
    Perf perf;
    perf[Metric::latency].value = true_cost(prim);
    sum += true_cost(prim);
    record.prims.push_back({prim, perf, false});
  }
  record.overall[Metric::latency].value = scale * sum + bias;
  return record;
}

/// Networks of eight primitives each; overall = 1.1 sums + 50 µs.
std::vector<NetRecord> records_of(const std::vector<Prim>& prims) {
  std::vector<NetRecord> records;
  for (std::size_t begin = 0; begin < prims.size(); begin += 8)
    records.push_back(record_of(std::to_string(begin),
                                {prims.begin() + static_cast<std::ptrdiff_t>(begin),
                                 prims.begin() + static_cast<std::ptrdiff_t>(std::min(begin + 8, prims.size()))},
                                1.1, 5e-5));
  return records;
}

FitOptions kernel_kind_options() {
  FitOptions options;
  options.kind = "kernel";
  return options;
}

const std::vector<Prim>& known_prims() {
  static const std::vector<Prim> prims = blocks(120, 1);
  return prims;
}

const Model& model() {
  static const Model it = fit(records_of(known_prims()), kernel_kind_options());
  return it;
}

std::vector<Prim> unknown_prims() {
  std::vector<Prim> out;
  for (const auto& prim : blocks(200, 2))
    if (std::find(known_prims().begin(), known_prims().end(), prim) == known_prims().end()) out.push_back(prim);
  return out;
}

}  // namespace

TEST_CASE("measured primitives are predicted by what was measured") {
  const auto prediction = model().predict_with_error({known_prims()[0], known_prims()[1]});
  CHECK(prediction.estimated == 0);
  CHECK(prediction.extrapolated == 0);
  CHECK(prediction.value ==
        Approx(1.1 * (true_cost(known_prims()[0]) + true_cost(known_prims()[1])) + 5e-5).epsilon(1e-6));
  CHECK(model().summary().coefficients.at("scale") == Approx(1.1));
  CHECK(model().summary().coefficients.at("bias") == Approx(5e-5));
  CHECK(model().known().size() == 120);
  CHECK(model().entry(known_prims()[5])->samples == 1);
}

TEST_CASE("unmeasured primitives are estimated, better than by MACs and bytes") {
  double error = 0, within = 0;
  const auto prims = unknown_prims();
  for (const auto& prim : prims) {
    const auto estimate = model().entry(prim);
    REQUIRE(estimate);
    CHECK(estimate->samples == 0);
    const double relative = std::abs(estimate->value / true_cost(prim) - 1);
    error += relative / static_cast<double>(prims.size());
    within += std::abs(estimate->value - true_cost(prim)) <= estimate->spread ? 1 : 0;
    const auto prediction = model().predict_with_error({prim});
    CHECK(prediction.estimated == 1);
    CHECK(prediction.unseen == 0);
    CHECK(prediction.value == Approx(1.1 * estimate->value + 5e-5));
  }
  CHECK(error < 0.06);
  CHECK(error < model().summary().roofline_cv_mape / 2);
  // The error that the fit promises is the one that is made, and so is the interval.
  CHECK(model().summary().prim_cv_mape < 2 * error);
  CHECK(model().summary().prim_cv_mape > error / 2);
  CHECK(within / static_cast<double>(prims.size()) > 0.8);
}

TEST_CASE("what single kernels cost is found from sums of them") {
  // No convolution was ever measured alone; their costs differ by a factor of ten from what bytes alone would say.
  for (const char* text : {"conv_1x1:28x64x96s1", "dw_conv:28x96x96s1:kernel_size=5"}) {
    CAPTURE(text);
    const Prim prim = normalized(parse_prim(text));
    const auto estimate = model().entry(prim);
    REQUIRE(estimate);
    CHECK(estimate->value > true_cost(prim) / 1.35);
    CHECK(estimate->value < true_cost(prim) * 1.35);
  }
}

TEST_CASE("extrapolation and kinds never seen are flagged and counted") {
  const Prim inside = unknown_prims()[0];
  const Prim beyond = block_of(112, 512, 512, 1, 6, 3);
  const Prim pool = normalized(parse_prim("max_pool:28x64x64s2:kernel_size=3"));
  const auto all = model().predict_with_error({known_prims()[0], inside, beyond, beyond, pool});
  CHECK(all.estimated == 4);
  CHECK(all.extrapolated == 3);
  CHECK(all.unseen == 1);
  CHECK(model().predict_with_error({beyond}).standard_error / model().predict_with_error({beyond}).value >
        model().predict_with_error({inside}).standard_error / model().predict_with_error({inside}).value);
  // A kind that was never seen costs what its bytes cost elsewhere: never nothing.
  const auto unseen = model().entry(pool);
  CHECK(unseen->value > true_cost(pool) / 5);
  CHECK(unseen->value < true_cost(pool) * 5);
  CHECK(unseen->spread > unseen->value / 10);

  // A kind seen in very few primitives is no better than extrapolation.
  auto records = records_of(known_prims());
  records.push_back(record_of("pools", {normalized(parse_prim("max_pool:28x64x64s2:kernel_size=3"))}));
  const Model few = fit(records, kernel_kind_options());
  const auto near = few.predict_with_error({normalized(parse_prim("max_pool:28x64x64s2:kernel_size=2"))});
  CHECK(near.estimated == 1);
  CHECK(near.extrapolated == 1);
  CHECK(near.unseen == 0);
}

TEST_CASE("a graph is predicted as the sum of its kernels") {
  for (const auto& prim : {unknown_prims()[1], unknown_prims()[2]}) {
    const auto whole = predict_graph(model(), lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size});
    CHECK(whole.value == Approx(model().predict({prim})));
    const auto kernels = group_kernels(lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size});
    CHECK(whole.estimated == static_cast<int>(kernels.size()));
    CHECK(whole.standard_error > 0);
  }
  // Another batch than the model's is outside of what it has seen.
  const Prim prim = unknown_prims()[3];
  const auto batch = predict_graph(model(), lower(prim), {8, prim.C, prim.spatial_size, prim.spatial_size});
  CHECK(batch.extrapolated == batch.estimated);
  FitOptions table;
  table.kind = "table";
  CHECK(has(error_of(Fault::unsupported,
                     [&] {
                       (void)predict_graph(fit(records_of(known_prims()), table), lower(prim), {1, 8, 8, 8});
                     }),
            "'table' knows primitives only"));
}

TEST_CASE("primitives that cannot be are refused by name") {
  Prim bad = known_prims()[0];
  bad.prim_type = "no_such_block";
  CHECK(model().missing({known_prims()[0], bad, unknown_prims()[0], bad}) == std::vector<Prim>{bad});
  CHECK(has(error_of(Fault::input, [&] { (void)model().predict({bad}); }), "no_such_block"));
  CHECK(!model().entry(bad));
}

TEST_CASE("the fit says what it knows of each kind of kernel") {
  const auto& summary = model().summary();
  std::map<std::string, KernelFit> by_kind;
  for (const auto& one : summary.kernels) by_kind[one.kind] = one;
  CHECK(by_kind.size() == 5);  // conv, bn, relu6, dwconv, add
  CHECK(by_kind.at("dwconv").prims == 120);
  CHECK(by_kind.at("dwconv").kernels <= 120);
  CHECK(by_kind.at("dwconv").kernels > 60);
  for (const auto& one : summary.kernels) CHECK(one.cv_mape > 0);
  std::size_t residual = 0;
  for (const auto& prim : known_prims()) residual += prim.stride == 1 && prim.C == prim.C_out ? 1 : 0;
  CHECK(by_kind.at("add").prims == residual);
}

TEST_CASE("fused groups are learned as one kernel when the rules say so") {
  FitOptions options = kernel_kind_options();
  options.fusion = usual_fusion();
  const Model fused = fit(records_of(known_prims()), options);
  std::vector<std::string> kinds;
  for (const auto& one : fused.summary().kernels) kinds.push_back(one.kind);
  CHECK(kinds == std::vector<std::string>{"conv", "dwconv"});
  CHECK(fused.summary().prim_cv_mape < 0.1);
}

TEST_CASE("a table of blocks alone: one primitive left out at a time") {
  // As profiled_blocks.yaml has it: rows of primitives, no network as a whole.
  const auto prims = blocks(12, 3);
  const auto table_of = [](const std::vector<Prim>& rows) {
    NetRecord record = record_of("blocks", rows);
    record.overall.clear();
    return std::vector<NetRecord>{record};
  };
  const auto summary = fit(table_of(prims), kernel_kind_options()).summary();
  // The same by hand, out of models that have not seen the primitive.
  double error = 0;
  for (std::size_t i = 0; i < prims.size(); ++i) {
    auto others = prims;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const Model model = fit(table_of(others), kernel_kind_options());
    error += std::abs(model.entry(prims[i])->value / true_cost(prims[i]) - 1) / static_cast<double>(prims.size());
  }
  CHECK(summary.prim_cv_mape == Approx(error).epsilon(0.2));
  const bool noted = std::any_of(summary.notes.begin(), summary.notes.end(), [](const std::string& note) {
    return note.find("no networks: 12 primitives left out one at a time, mean error ") == 0;
  });
  CHECK(noted);
}

TEST_CASE("rows of the device's own report tell kernels apart that always come together") {
  // One type, one shape of block, so that only nodes can say how its cost falls apart.
  std::vector<NetRecord> records;
  for (int i = 0; i < 12; ++i) {
    const Prim prim = normalized(parse_prim("conv_bn:28x" + std::to_string(8 + 8 * i) + "x64s1:kernel_size=3"));
    NetRecord record = record_of(std::to_string(i), {prim});
    NodeRecord bn;
    bn.name = "row";
    bn.ops = {"L0.bn"};
    bn.perf[Metric::latency].value = 0.4 * true_cost(prim);
    record.nodes.push_back(bn);
    NodeRecord other;  // not a name that hwprof gives: passed over
    other.ops = {"Conv_17"};
    other.perf[Metric::latency].value = 1;
    record.nodes.push_back(other);
    records.push_back(record);
  }
  const Model with = fit(records, kernel_kind_options());
  const Prim conv = normalized(parse_prim("conv_bn:28x20x64s1:kernel_size=3"));
  const auto kernels = predict_graph(with, lower(conv), {1, 20, 28, 28});
  Graph bn = lower(conv);
  bn.ops[2].inputs = {0};
  bn.ops.erase(bn.ops.begin() + 1);
  bn.outputs = {1};
  const auto alone = predict_graph(with, bn, {1, 64, 28, 28});
  const double bias = with.summary().coefficients.count("bias") != 0 ? with.summary().coefficients.at("bias") : 0;
  CHECK((alone.value - bias) / (kernels.value - bias) == Approx(0.4).epsilon(0.3));
  bool noted = false;
  for (const auto& note : with.summary().notes)
    noted = noted || note.find("rows of the device's own reports") != std::string::npos;
  CHECK(noted);
}

TEST_CASE("fits that make no sense are refused") {
  auto records = records_of(known_prims());
  FitOptions options = kernel_kind_options();
  options.num_blocks = true;
  CHECK(has(error_of(Fault::usage, [&] { (void)fit(records, options); }), "num_blocks"));
  options = kernel_kind_options();
  options.metric = Metric::memory;
  for (auto& record : records) record.overall[Metric::memory].value = 1e6;
  CHECK(has(error_of(Fault::unsupported, [&] { (void)fit(records, options); }), "memory is no such sum"));
  for (auto& record : records)
    for (auto& prim : record.prims) prim.perf.clear();
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(records, kernel_kind_options()); }), "whole networks only"));
}

TEST_CASE("a single measured primitive is enough to begin with, and is no promise") {
  const Model one = fit({record_of("0", {known_prims()[0]})}, kernel_kind_options());
  const auto prediction = one.predict_with_error({unknown_prims()[0]});
  CHECK(prediction.value > 0);
  CHECK(prediction.extrapolated == 1);
  CHECK(prediction.standard_error > 0.3 * prediction.value);
  CHECK(one.predict({known_prims()[0]}) == Approx(true_cost(known_prims()[0])));
}

TEST_CASE("the same records and seed give the same file, and a loaded model predicts the same") {
  const TempFolder folder;
  save_model(folder.file("a.json"), model());
  save_model(folder.file("b.json"), fit(records_of(known_prims()), kernel_kind_options()));
  const std::string text = base::read_file(folder.file("a.json"));
  CHECK(base::read_file(folder.file("b.json")) == text);
  const Model again = load_model(folder.file("a.json"));
  CHECK(again.kind() == "kernel");
  CHECK(again.summary().prim_cv_mape == model().summary().prim_cv_mape);
  CHECK(again.summary().kernels.size() == model().summary().kernels.size());
  for (const auto& prim : unknown_prims()) {
    const auto a = model().predict_with_error({prim, known_prims()[0]});
    const auto b = again.predict_with_error({prim, known_prims()[0]});
    CHECK(a.value == b.value);
    CHECK(a.standard_error == b.standard_error);
    CHECK(a.extrapolated == b.extrapolated);
  }
  save_model(folder.file("b.json"), again);
  CHECK(base::read_file(folder.file("b.json")) == text);
}

TEST_CASE("threads get the same estimates") {
  const auto prims = unknown_prims();
  const TempFolder folder;
  save_model(folder.file("m.json"), model());
  const Model fresh = load_model(folder.file("m.json"));
  std::vector<double> out[4];
  std::vector<std::thread> threads;
  for (auto& values : out)
    threads.emplace_back([&] {
      for (const auto& prim : prims) values.push_back(fresh.predict({prim}));
    });
  for (auto& thread : threads) thread.join();
  for (const auto& values : out) CHECK(values == out[0]);
  for (std::size_t i = 0; i < prims.size(); ++i) CHECK(out[0][i] == model().predict({prims[i]}));
}

TEST_CASE("a space is compiled, unmeasured primitives included") {
  const TempFolder folder;
  const auto space = load_space(folder.write("space.yaml", R"(kind: ofa
name: small
image_size: 64
base_channels: [16, 16, 24, 32, 40]
strides: [1, 2, 2, 1]
)"));
  const Predictor predictor(*space.space, model());
  CHECK(predictor.is_sum());
  std::mt19937_64 rng(3);
  for (int i = 0; i < 50; ++i) {
    const Arch arch = space.space->sample(rng);
    CHECK(predictor.predict(arch) == Approx(model().predict(space.space->primitives(arch))).epsilon(1e-12));
  }
}

TEST_CASE("damaged and hostile files are refused by name and place, or predict finite numbers") {
  const TempFolder folder;
  FitOptions options = kernel_kind_options();
  options.fusion = usual_fusion();
  std::vector<Prim> few(known_prims().begin(), known_prims().begin() + 24);
  save_model(folder.file("m.json"), fit(records_of(few), options));
  const std::string text = base::read_file(folder.file("m.json"));
  const auto refusal = [&](auto&& change) {
    json content = json::parse(text);
    change(content);
    folder.write("bad.json", content.dump());
    return error_of(Fault::input, [&] { (void)load_model(folder.file("bad.json")); });
  };
  CHECK(has(refusal([](json& m) { m.erase("kernels"); }), "key 'kernels' is missing"));
  CHECK(has(refusal([](json& m) { m["kernels"]["more"] = 1; }), "unknown key 'more'"));
  CHECK(has(refusal([](json& m) { m["kernels"]["features"][3] = "colour"; }), "not the features"));
  CHECK(has(refusal([](json& m) { m["kernels"]["features"].erase(0); }), "not the features"));
  CHECK(has(refusal([](json& m) { m["kernels"]["fusion"][0] = {"conv", "bm"}; }), "unknown kind of kernel 'bm'"));
  CHECK(has(refusal([](json& m) { m["kernels"]["roofline"]["per_mac"] = -1; }), "per_mac"));
  CHECK(has(refusal([](json& m) { m["kernels"]["calibration"] = 1e9; }), "calibration"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["kind"] = "convolution"; }), "unknown kind of kernel"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][1]["kind"] = m["kernels"]["classes"][0]["kind"]; }),
            "classes[1]: this kind stands twice"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["least"].erase(0); }), "numbers are expected"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["most"][0] = 1e300; }), "most"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["prims"] = 0; }), "prims"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["error"] = -1; }), "error"));
  CHECK(has(refusal([](json& m) { m["kernels"]["classes"][0]["forest"]["features"] = 3; }), "trees[0]: node 0"));
  CHECK(has(refusal([](json& m) {
              m["kernels"]["classes"][0]["forest"] = {{"features", 3}, {"trees", {"=1"}}};
            }),
            "features are expected, found 3"));
  CHECK(has(refusal([](json& m) { m["coefficients"]["per_block"] = 1; }), "per_block"));
  {
    json content = json::parse(text);  // a forest that says absurd things
    for (auto& one : content["kernels"]["classes"]) one["forest"]["trees"] = {"=3e38"};
    folder.write("big.json", content.dump());
    const auto prediction = load_model(folder.file("big.json")).predict_with_error({unknown_prims()[0]});
    CHECK(std::isfinite(prediction.value));
    CHECK(std::isfinite(prediction.standard_error));
  }
  std::mt19937_64 rng(5);
  int loaded = 0;
  for (int i = 0; i < 300; ++i) {
    std::string changed = text;
    for (std::uint64_t n = 1 + rng() % 3; n > 0; --n)
      changed[rng() % changed.size()] = "0123456789-:=.e \"{}[],nan"[rng() % 25];
    folder.write("fuzz.json", changed);
    try {
      const Model fuzzed = load_model(folder.file("fuzz.json"));
      const auto prediction = fuzzed.predict_with_error({unknown_prims()[0], few[0]});
      CHECK(std::isfinite(prediction.value));
      CHECK(prediction.value >= 0);
      ++loaded;
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
    }
  }
  CHECK(loaded > 0);
}

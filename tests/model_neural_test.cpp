// SPDX-License-Identifier: Apache-2.0
// Neural models without libtorch: evaluation, files, and what a fit does around the training.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "model/neural.hpp"
#include "model_support.hpp"
#include "neural_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using nlohmann::json;

namespace {

/// fit() with the trainer that does not train.
Model drawn(const std::string& kind, std::vector<std::string> preprocessors = {}, int nets = 20) {
  model::register_trainer(draw_net);
  FitOptions options;
  options.kind = kind;
  options.preprocessors = std::move(preprocessors);
  const Device device;
  return fit(device.measure(nets, 1), options);
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// y = W·x + b by the book.
std::vector<double> affine(const std::vector<double>& w, const std::vector<double>& b, const std::vector<double>& x) {
  std::vector<double> y = b;
  for (std::size_t row = 0; row < y.size(); ++row)
    for (std::size_t i = 0; i < x.size(); ++i) y[row] += w[row * x.size() + i] * x[i];
  return y;
}

/// The whole model by the book, from its setup and the table.
double expected(const Model& model, const std::vector<Prim>& prims) {
  const auto& setup = dynamic_cast<const model::Neural&>(model.impl()).setup();
  std::vector<double> costs;
  double sum = 0;
  for (const auto& prim : prims) {
    costs.push_back(model.entry(prim)->value);
    sum += costs.back();
  }
  const auto standard = [&](double x, std::size_t i) { return (x - setup.inputs.mean[i]) / setup.inputs.deviation[i]; };
  std::vector<double> values;
  if (setup.net.lstm) {
    const auto& lstm = *setup.net.lstm;
    const std::size_t n = lstm.hidden;
    std::vector<double> h(n, 0.0);
    std::vector<double> c(n, 0.0);
    for (std::size_t i = 0; i < prims.size(); ++i) {
      std::vector<double> raw{costs[i]};
      if (setup.features == model::Features::blocks) {
        const auto& attrs = prims[i].attrs;
        raw = {double(prims[i].C),
               double(prims[i].C_out),
               double(std::get<std::int64_t>(attrs.at("expansion"))),
               double(std::get<std::int64_t>(attrs.at("kernel_size"))),
               costs[i],
               double(prims[i].spatial_size),
               double(prims[i].stride)};
      }
      for (std::size_t k = 0; k < raw.size(); ++k) raw[k] = standard(raw[k], k);
      const auto a = affine(lstm.from_input, lstm.bias, raw);
      const auto b = affine(lstm.from_hidden, std::vector<double>(4 * n, 0.0), h);
      for (std::size_t k = 0; k < n; ++k) {
        const double in = sigmoid(a[k] + b[k]);
        const double forget = sigmoid(a[n + k] + b[n + k]);
        const double cell = std::tanh(a[2 * n + k] + b[2 * n + k]);
        const double out = sigmoid(a[3 * n + k] + b[3 * n + k]);
        c[k] = forget * c[k] + in * cell;
        h[k] = out * std::tanh(c[k]);
      }
    }
    values = h;
  } else if (setup.features == model::Features::sum) {
    values = {standard(sum, 0)};
  } else {
    for (std::size_t i = 0; i < setup.inputs.mean.size(); ++i)
      values.push_back(standard(i < costs.size() ? costs[i] : 0, i));
  }
  for (std::size_t layer = 0; layer < setup.net.dense.size(); ++layer) {
    values = affine(setup.net.dense[layer].weight, setup.net.dense[layer].bias, values);
    if (layer + 1 < setup.net.dense.size())
      for (double& value : values) value = std::max(value, 0.0);
  }
  return sum * std::max(0.0, setup.target_mean + setup.target_deviation * values[0]);
}

struct Variant {
  std::string kind;
  std::vector<std::string> preprocessors;
};
const std::vector<Variant> variants{
    {"mlp", {}},
    {"mlp", {"block_sum", "remove_anomaly", "flatten", "extract_sum_features"}},
    {"lstm", {}},
    {"lstm", {"block_sum", "flatten", "padding"}},
};

}  // namespace

TEST_CASE("without a trainer fitting says what is needed") {
  model::register_trainer({});
  const Device device;
  for (const char* kind : {"mlp", "lstm"}) {
    FitOptions options;
    options.kind = kind;
    const std::string what = error_of(Fault::unsupported, [&] { (void)fit(device.measure(20, 1), options); });
    CHECK(has(what, "register_torch_models()"));
    CHECK(has(what, "-DHWPROF_TORCH=ON"));
  }
  FitOptions options;
  options.kind = "auto";
  const Model chosen = fit(device.measure(20, 1), options);
  for (const auto& one : chosen.summary().compared)
    if (one.kind == "mlp" || one.kind == "lstm") CHECK(has(one.reason, "register_torch_models()"));
}

TEST_CASE("predictions are those of the formulas, and the hooks give the same") {
  const Device device;
  for (const auto& variant : variants) {
    CAPTURE(variant.kind);
    const Model model = drawn(variant.kind, variant.preprocessors);
    const auto& impl = model.impl();
    CHECK(impl.form() == (variant.preprocessors.size() == 4 ? model::Form::pooled : model::Form::ordered));
    std::vector<std::vector<double>> rows;
    std::vector<std::size_t> blocks;
    std::vector<double> sums;
    std::vector<double> predicted;
    for (const auto& record : device.measure(10, 3)) {
      const auto prims = prims_of(record);
      const double value = model.predict(prims);
      CHECK(value == Approx(expected(model, prims)).epsilon(1e-12));
      CHECK(value > 0);
      predicted.push_back(value);
      blocks.push_back(prims.size());
      sums.push_back(0);
      for (const auto& prim : prims) {
        rows.emplace_back(impl.num_features());
        REQUIRE(impl.features(prim, rows.back().data()));
        sums.back() += rows.back().front();
      }
    }
    std::vector<const double*> pointers;
    for (const auto& row : rows) pointers.push_back(row.data());
    std::vector<double> out(blocks.size());
    if (impl.form() == model::Form::pooled)
      impl.predict_pooled(sums.data(), sums.size(), out.data());
    else
      impl.predict_ordered(pointers.data(), blocks.data(), blocks.size(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == Approx(predicted[i]).epsilon(1e-12));
    CHECK_FALSE(impl.features(prim_of(99), out.data()));
    CHECK(has(error_of(Fault::missing, [&] { (void)model.predict({prim_of(99)}); }), to_string(prim_of(99))));
    CHECK(model.predict({}) == 0);
    CHECK(model.predict_with_error({prim_of(1)}).standard_error > 0);
  }
}

TEST_CASE("padding is the same in training and prediction") {
  const Model model = drawn("mlp");  // networks of 4 to 14 primitives
  CHECK(model.predict(std::vector<Prim>(14, prim_of(2))) > 0);
  CHECK(model.predict({prim_of(2)}) > 0);
  const std::string what =
      error_of(Fault::unsupported, [&] { (void)model.predict(std::vector<Prim>(15, prim_of(2))); });
  CHECK(has(what, "15 primitives"));
  CHECK(has(what, "at most 14"));
  std::vector<NetRecord> records{record_of("a", std::vector<int>(15, 2), std::vector<double>(15, 1e-3), 1e-2),
                                 record_of("b", {2, 3}, {1e-3, 1e-3}, 1e-2)};
  CHECK(evaluate(model, records).n == 1);
  CHECK(evaluate(model, records).left_out == 1);
  const std::vector<double> row{1e-3};
  const std::vector<const double*> rows(15, row.data());
  const std::size_t blocks = 15;
  double out = 0;
  model.impl().predict_ordered(rows.data(), &blocks, 1, &out);
  CHECK(std::isnan(out));
}

TEST_CASE("what a fit trains on is standardised") {
  model::TrainingSet seen;
  model::register_trainer([&seen](const model::TrainingSet& set) {
    if (seen.rows.empty()) seen = set;
    return draw_net(set);
  });
  FitOptions options;
  options.seed = 9;
  const Device device;
  for (const auto& variant : variants) {
    seen = {};
    options.kind = variant.kind;
    options.preprocessors = variant.preprocessors;
    (void)fit(device.measure(60, 1), options);
    CHECK(seen.seed == 9);
    CHECK(seen.recurrent == (variant.kind == "lstm"));
    CHECK(seen.hidden == (seen.recurrent ? std::vector<std::size_t>{32} : std::vector<std::size_t>{100, 100, 100}));
    double mean = 0;
    double square = 0;
    double count = 0;
    for (const auto& row : seen.rows) {
      CHECK(row.size() % seen.inputs == 0);
      for (std::size_t i = 0; i < row.size(); i += seen.inputs) {
        mean += row[i];
        square += row[i] * row[i];
        ++count;
      }
    }
    CHECK(mean / count == Approx(0).epsilon(1e-9));
    CHECK(square / count == Approx(1).epsilon(1e-9));
    double target = 0;
    for (const double one : seen.targets) target += one;
    CHECK(target == Approx(0).epsilon(1e-9));
  }
  CHECK(has(error_of(Fault::missing, [] { (void)drawn("mlp", {}, 9); }), "at least 10 networks"));
}

TEST_CASE("a saved model predicts identically after loading") {
  const TempFolder folder;
  const Device device;
  for (const auto& variant : variants) {
    const Model model = drawn(variant.kind, variant.preprocessors);
    save_model(folder.file("m.json"), model);
    model::register_trainer({});  // loading needs none
    const Model again = load_model(folder.file("m.json"));
    CHECK(again.kind() == variant.kind);
    for (const auto& record : device.measure(10, 4)) {
      const auto prims = prims_of(record);
      CHECK(again.predict(prims) == model.predict(prims));
      CHECK(again.predict_with_error(prims).standard_error == model.predict_with_error(prims).standard_error);
    }
    save_model(folder.file("again.json"), again);
    CHECK(base::read_file(folder.file("again.json")) == base::read_file(folder.file("m.json")));
  }
}

TEST_CASE("damaged and hostile files are refused by place") {
  const TempFolder folder;
  const auto refusal = [&](const std::string& kind, auto change) {
    save_model(folder.file("m.json"), drawn(kind));
    json content = json::parse(base::read_file(folder.file("m.json")));
    change(content);
    const std::string file = folder.write("bad.json", content.dump());
    return error_of(Fault::input, [&] { (void)load_model(file); });
  };
  const auto mlp = [&](auto change) { return refusal("mlp", change); };
  const auto lstm = [&](auto change) { return refusal("lstm", change); };
  CHECK(has(mlp([](json& m) { m["network"]["dense"][1]["outputs"] = 1000000000; }), "dense[1]: outputs"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"][1]["inputs"] = 99; }), "100 is expected"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"][0]["weight"][7].erase(0); }), "14 numbers are expected, found 13"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"][0]["weight"].erase(0); }), "100 rows are expected, found 99"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"][0]["bias"][0] = nullptr; }), "bias"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"][0]["bias"][0] = 1e9; }), "-1e6 to 1e6"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"] = json::array(); }), "1 to 8 layers"));
  CHECK(has(mlp([](json& m) {
              for (int i = 0; i < 20; ++i) m["network"]["dense"].push_back(m["network"]["dense"][1]);
            }),
            "1 to 8 layers"));
  CHECK(has(mlp([](json& m) { m["network"]["dense"].erase(3); }), "the last layer has one output"));
  CHECK(has(mlp([](json& m) { m["network"]["lstm"] = json::object(); }), "inputs"));
  CHECK(has(mlp([](json& m) { m["inputs"]["deviation"][0] = 0; }), "deviation"));
  CHECK(has(mlp([](json& m) { m["inputs"]["mean"].erase(0); }), "14 numbers are expected, found 13"));
  CHECK(has(mlp([](json& m) { m["target"]["deviation"] = -1; }), "target"));
  CHECK(has(mlp([](json& m) { m["features"] = "extract_lstm_features"; }), "features"));
  CHECK(has(mlp([](json& m) { m["features"] = "extract_sum_features"; }), "1 inputs are expected"));
  CHECK(has(mlp([](json& m) { m["kind"] = "lstm"; }), "an lstm is expected"));
  CHECK(has(lstm([](json& m) { m["kind"] = "mlp"; }), "features"));
  CHECK(has(lstm([](json& m) { m["network"]["lstm"]["hidden"] = 1 << 30; }), "hidden"));
  CHECK(has(lstm([](json& m) { m["network"]["lstm"]["hidden"] = 31; }), "124 rows are expected, found 128"));
  CHECK(has(lstm([](json& m) { m["network"]["lstm"]["inputs"] = 6; }), "6 numbers are expected, found 7"));
  CHECK(has(lstm([](json& m) { m["network"]["dense"][0]["inputs"] = 31; }), "32 is expected"));
  CHECK(has(lstm([](json& m) { m["residual"] = -1; }), "residual"));
}

TEST_CASE("nothing that a file may hold gives a prediction that is not a number") {
  const TempFolder folder;
  save_model(folder.file("m.json"), drawn("mlp"));
  json content = json::parse(base::read_file(folder.file("m.json")));
  for (auto& layer : content["network"]["dense"])
    for (auto& row : layer["weight"])
      for (auto& number : row) number = 1e6;
  content["inputs"]["deviation"] = std::vector<double>(14, 1e-18);
  content["target"] = {{"mean", 1e18}, {"deviation", 1e18}};
  for (auto& row : content["table"]) row["value"] = 1e18;
  folder.write("huge.json", content.dump());
  const Model model = load_model(folder.file("huge.json"));
  CHECK(std::isfinite(model.predict({prim_of(1), prim_of(2)})));
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "changed_file.hpp"
#include "model_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using nlohmann::json;

namespace {

const std::string golden = std::string(HWPROF_SOURCE_DIR) + "/tests/data/model_v1.json";

template <typename Change>
std::string refusal(Change&& change) {
  return refusal_of(golden, change);
}

}  // namespace

TEST_CASE("a saved model predicts identically after loading") {
  Device device;
  device.noise = 0.01;
  device.prim_noise = 0.02;
  device.per_block = 1e-5;
  const TempFolder folder;
  for (const bool linear : {false, true}) {
    FitOptions options;
    options.kind = linear ? "linear" : "table";
    options.num_blocks = linear;
    auto records = device.measure(40, 1);
    records[0].state = RunState::unsteady;
    for (auto& record : records) record.batch = 4;
    const Model model = fit(records, options);
    save_model(folder.file("m.json"), model);
    const Model again = load_model(folder.file("m.json"));
    CHECK(again.kind() == options.kind);
    CHECK(again.metric() == Metric::latency);
    CHECK(again.known() == model.known());
    CHECK(again.from().device == "cpu");
    CHECK(again.from().compiler == "cpu");
    CHECK(again.from().mode == "inference");
    CHECK(again.from().environment == model.from().environment);
    CHECK(again.summary().coefficients == model.summary().coefficients);
    CHECK(again.summary().cv_mape == model.summary().cv_mape);
    CHECK(again.summary().nets_used == model.summary().nets_used);
    CHECK(again.summary().notes == model.summary().notes);
    for (const auto& record : device.measure(20, 5)) {
      const auto prims = prims_of(record);
      CHECK(again.predict(prims) == model.predict(prims));
      CHECK(again.predict_with_error(prims).standard_error == model.predict_with_error(prims).standard_error);
    }
    const std::string first = base::read_file(folder.file("m.json"));
    save_model(folder.file("m.json"), again);
    CHECK(base::read_file(folder.file("m.json")) == first);
  }
}

TEST_CASE("a file of schema version 1 loads for ever") {
  const Model model = load_model(golden);
  CHECK(model.kind() == "linear");
  CHECK(model.from().device == "cpu");
  CHECK(model.from().environment.at("threads") == "1");
  CHECK(model.summary().nets_used == 40);
  CHECK(model.summary().cv_mape == 0.0125);
  const Prim stem = parse_prim("conv_3x3:224x3x16s2");
  const Prim block = parse_prim("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=4:kernel_size=5");
  CHECK(model.entry(block)->value == 0.002);
  CHECK(model.entry(block)->spread == 0.00004);
  CHECK(model.entry(block)->samples == 12);
  CHECK(model.entry(block)->dropped == 1);
  // 1.05 * (0.0005 + 0.002 + 0.002) + 0.0001 + 3 * 0.00001
  CHECK(model.predict({stem, block, block}) == Approx(0.004855));
}

TEST_CASE("damaged files are refused by name and place") {
  CHECK(has(refusal([](json& m) { m["schema"] = "hwprof.model/2"; }), "newer than this program"));
  CHECK(has(refusal([](json& m) { m["schema"] = "hwprof.record/1"; }), "hwprof.model/1"));
  CHECK(has(refusal([](json& m) { m["kind"] = "linaer"; }), "did you mean linear"));
  CHECK(has(refusal([](json& m) { m["unit"] = "ms"; }), "unit 's' is expected, found 'ms'"));
  CHECK(has(refusal([](json& m) { m["metric"] = "speed"; }), "unknown metric 'speed'"));
  CHECK(has(refusal([](json& m) { m["extra"] = 1; }), "unknown key 'extra'"));
  CHECK(has(refusal([](json& m) { m.erase("table"); }), "key 'table' is missing"));
  CHECK(has(refusal([](json& m) { m.erase("coefficients"); }), "key 'coefficients' is missing"));
  CHECK(has(refusal([](json& m) { m["coefficients"]["scale"] = "1"; }), "coefficients: scale"));
  CHECK(has(refusal([](json& m) { m["coefficients"]["slope"] = 1; }), "unknown key 'slope'"));
  CHECK(has(refusal([](json& m) { m["table"][1]["value"] = -1; }), "table[1]: value"));
  CHECK(has(refusal([](json& m) { m["table"][1]["value"] = nullptr; }), "table[1]: value"));
  CHECK(has(refusal([](json& m) { m["table"][0]["prim"] = "conv_3x3:oops"; }), "table[0]: prim"));
  CHECK(has(refusal([](json& m) { m["table"][0]["prim"] = m["table"][1]["prim"]; }),
            "table[1]: this primitive stands twice"));
  CHECK(has(refusal([](json& m) { m["table"][0]["samples"] = 1.5; }), "table[0]: samples"));
  CHECK(has(refusal([](json& m) { m["batch"] = 0; }), "batch"));
  CHECK(has(refusal([](json& m) { m["from"]["device"] = 3; }), "from: device"));
  CHECK(has(refusal([](json& m) { m["residual"] = -0.1; }), "residual"));
  CHECK(has(refusal([](json& m) { m = json::array(); }), "an object is expected"));
}

TEST_CASE("a text that is no JSON, and numbers that overflow, are refused") {
  const TempFolder folder;
  const std::string text = base::read_file(golden);
  for (std::size_t size = 0; size + 2 < text.size(); size += 7) {
    folder.write("cut.json", text.substr(0, size));
    CHECK_THROWS_AS((void)load_model(folder.file("cut.json")), Error);
  }
  folder.write("big.json", R"({"schema":"hwprof.model/1","kind":"table","metric":"latency","unit":"s","batch":1e999})");
  CHECK_THROWS_AS((void)load_model(folder.file("big.json")), Error);
  CHECK_THROWS_AS((void)load_model(folder.file("none.json")), Error);
}

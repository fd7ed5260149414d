// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "changed_file.hpp"
#include "model/transfer.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using nlohmann::json;

namespace {

const std::string golden = std::string(HWPROF_SOURCE_DIR) + "/tests/data/transfer_v1.json";

template <typename Change>
std::string refusal(Change&& change) {
  return refusal_of(golden, change);
}

}  // namespace

TEST_CASE("the first version of the file loads, and predicts what stands in it") {
  const Model model = load_model(golden);
  CHECK(model.kind() == "transfer");
  CHECK(model.arch_options() == std::vector<std::size_t>{2, 3});
  // constant 0.01 -0.002 + rows 0.001 0.003 (option 1 of decision 0) + 0.004 -0.001 (option 2 of decision 1)
  const Prediction both = model.predict_arch({1, 2});
  CHECK(both.value == Approx(0.015));
  CHECK(both.standard_error == Approx(std::sqrt(4e-8 + 0) * 0.015 / 0.01));
  const Prediction first = model.predict_arch({0, 0});
  CHECK(first.value == Approx(0.01));
  CHECK(first.standard_error == Approx(std::sqrt(4e-8 + 4e-6)));
  // 0.01 - 0.009 is below the least that is predicted.
  CHECK(model.predict_arch({0, 1}).value == Approx(0.003));
}

TEST_CASE("an allocated architecture costs what the batch says") {
  const Model model = load_model(golden);
  const std::vector<std::uint16_t> rows{0, 0, 1, 0, 0, 1, 1, 2};
  std::vector<double> out(4);
  model.impl().predict_arch(rows.data(), 4, out.data());
  for (std::size_t i = 0; i < 4; ++i) CHECK(out[i] == model.predict_arch({rows[2 * i], rows[2 * i + 1]}).value);
}

TEST_CASE("texts of architectures") {
  const std::vector<std::size_t> options{2, 11};
  CHECK(model::arch_of("1.10", options) == std::vector<std::uint16_t>{1, 10});
  for (const char* wrong :
       {"", "1", "1.", "1.10.", "1.11", "2.0", ".1", "1.-1", "1.1 ", "a.b", "1.99999999999999999999"})
    CHECK_MESSAGE(model::arch_of(wrong, options).empty(), wrong);
}

TEST_CASE("bytes of memory, whose variance is beyond what a cost may be, are read back") {
  json content = json::parse(base::read_file(golden));
  content["error"]["noise"] = 4e21;
  const TempFolder folder;
  CHECK(load_model(folder.write("m.json", content.dump())).predict_arch({0, 0}).standard_error > 6e10);
  CHECK(has(refusal([](json& m) { m["error"]["noise"] = -1; }), "noise"));
  CHECK(has(refusal([](json& m) { m["error"]["noise"] = 1e37; }), "noise"));
}

TEST_CASE("damaged files are refused with their place") {
  CHECK(has(refusal([](json& m) { m["tables"][0]["rows"] = "0 0 1"; }), "4 numbers are expected"));
  CHECK(has(refusal([](json& m) { m["tables"][0]["rows"] = "0 0 1 2 3"; }), "more than the 4"));
  CHECK(has(refusal([](json& m) { m["tables"][0]["rows"] = "0 0 1 nan"; }), "number 3"));
  CHECK(has(refusal([](json& m) { m["tables"][0]["rows"] = "0 0 1 1e300"; }), "1e300"));
  CHECK(has(refusal([](json& m) { m["tables"][0]["decisions"] = {2}; }), "decisions"));
  CHECK(has(refusal([](json& m) { m["tables"][0]["decisions"] = {0, 0}; }), "ascending"));
  CHECK(has(refusal([](json& m) { m["space"]["options"] = {2, 0}; }), "options"));
  CHECK(has(refusal([](json& m) {
              m["space"]["options"] = {65535, 65535}, m["tables"][0]["decisions"] = {0, 1};
            }),
            "too many combinations"));
  CHECK(has(refusal([](json& m) { m["constant"] = json::array(); }), "1 to 16"));
  CHECK(has(refusal([](json& m) { m["constant"] = std::vector<double>(17, 0.0); }), "1 to 16"));
  CHECK(has(refusal([](json& m) { m["error"]["centre"] = 0; }), "above 0"));
  CHECK(has(refusal([](json& m) { m["error"]["noise"] = -1; }), "noise"));
  CHECK(has(refusal([](json& m) { m["error"]["more"] = 1; }), "more"));
  CHECK(has(refusal([](json& m) { m.erase("least"); }), "least"));
  CHECK(has(refusal([](json& m) { m["table"] = 1; }), "table"));
}

TEST_CASE("records are compared by their architectures") {
  const Model model = load_model(golden);
  std::vector<NetRecord> records(3);
  records[0].arch = "1.2";
  records[1].arch = "0.0";
  records[2].arch = "0.7";
  for (auto& record : records) record.overall[Metric::latency].value = 0.0125;
  const Evaluation evaluation = evaluate(model, records);
  CHECK(evaluation.n == 2);
  CHECK(evaluation.left_out == 1);
  CHECK(evaluation.mape == Approx(0.2));
  records.erase(records.begin(), records.begin() + 2);
  CHECK(has(error_of(Fault::missing, [&] { (void)evaluate(model, records); }), "no architecture"));
}

TEST_CASE("a transfer model is not fitted without a space") {
  NetRecord record;
  record.arch = "0.0";
  record.overall[Metric::latency].value = 1;
  FitOptions options;
  options.kind = "transfer";
  CHECK(has(error_of(Fault::usage, [&] { (void)fit({record}, options); }), "TransferBase"));
}

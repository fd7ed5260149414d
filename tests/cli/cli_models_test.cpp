// SPDX-License-Identifier: Apache-2.0
// Fitting, choosing, importing and exporting models on the command line.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "hwprof/record.hpp"
#include "model_support.hpp"
#include "program.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;
using Arguments = std::vector<std::string>;

namespace {

std::string records_in(const TempFolder& folder, int nets = 40) {
  hwprof_test::Device device;
  device.noise = 0.01;
  const std::string file = folder.file("records.jsonl");
  hwprof::save_records(file, device.measure(nets, 1));
  return file;
}

}  // namespace

TEST_CASE("auto lists every kind with its error or its reason") {
  const TempFolder folder;
  const auto records = records_in(folder, 20);
  const auto made = cli({"genmodel", "--records", records, "--type", "auto", "--out", folder.file("m.json"), "--json"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const auto report = made.json();
  const auto compared = report["model"]["compared"];
  const auto kinds = cli({"list", "models", "--json"}).json()["models"];
  CHECK(compared.size() == kinds.size());
  int chosen = 0;
  for (const auto& row : compared) {
    chosen += row["chosen"].get<bool>() ? 1 : 0;
    CHECK((row.contains("cv_mape") || row.contains("reason")));
    const std::string kind = row["kind"];
    if (kind == "mlp" && HWPROF_TEST_TORCH == 0) CHECK(has(row["reason"], "register_torch_models"));
    if (kind == "mlp" && HWPROF_TEST_TORCH == 1) CHECK(row["cv_mape"].get<double>() > 0);
    if (row["chosen"].get<bool>()) CHECK(report["model"]["kind"] == kind);
  }
  CHECK(chosen == 1);
  const auto shown = cli({"genmodel", "--records", records, "--type", "auto", "--out", folder.file("again.json")});
  CHECK(has(shown.out, "chosen"));
  CHECK(has(shown.out, "compared"));
}

TEST_CASE("preprocessors are checked, and mlp says what it needs") {
  const TempFolder folder;
  const auto records = records_in(folder);
  const auto with = [&](const char* kind, const char* names) {
    return cli({"genmodel", "--records", records, "--type", kind, "--preprocessors", names, "--out",
                folder.file("m.json"), "--force"});
  };
  CHECK(with("table", "block_sum,remove_anomaly,flatten").code == 0);
  CHECK(with("linear", "block_sum,remove_anomaly,flatten,extract_sum_features").code == 0);
  const auto unknown = with("table", "block_sum,flaten");
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "did you mean flatten"));
  CHECK(with("table", "flatten,block_sum").code == 2);
  const auto mlp = with("mlp", "block_sum,remove_anomaly,flatten,padding");
  CHECK_MESSAGE(mlp.code == (HWPROF_TEST_TORCH ? 0 : 4), mlp.err);
}

TEST_CASE("calibrated reports what the networks say of each primitive") {
  const TempFolder folder;
  const auto made = cli(
      {"genmodel", "--records", records_in(folder), "--type", "calibrated", "--out", folder.file("m.json"), "--json"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(made.json()["model"]["identified"].size() == made.json()["model"]["prims_known"]);
  CHECK(made.json()["model"]["identified"][0]["information"].is_number());
}

TEST_CASE("errors that nobody knows are not 0") {
  const TempFolder folder;
  const std::string prim = "{prim_type: conv_3x3, spatial_size: 32, C: 3, C_out: 16, stride: 2, affine: true}";
  const std::string results =
      folder.write("results.yaml", "- " + prim.substr(0, prim.size() - 1) + ", performances: {latency: 0.5}}\n");
  const std::string prims = folder.write("prims.yaml", "- " + prim + "\n");
  const std::string model = folder.file("m.json");
  const auto made = cli({"genmodel", "--records", results, "--type", "table", "--out", model});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(has(made.out, "unknown in sample, unknown cross-validated"));
  const auto predicted = cli({"predict", "--model", model, "--prims", prims});
  CHECK(has(predicted.out, "500 us"));
  CHECK(predicted.out.find("±") == std::string::npos);
  const auto json = cli({"predict", "--model", model, "--prims", prims, "--json"}).json()["predictions"][0];
  CHECK(json["value"].get<double>() == doctest::Approx(5e-4));
  CHECK(json["standard_error"].is_null());
}

TEST_CASE("export and the way back") {
  const TempFolder folder;
  const auto lut = folder.write("lut.yaml",
                                "expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0: "
                                "{count: 5, mean: 4.25, var: 0.1}\n"
                                "Conv-input:224x224x3-output:112x112x16: {mean: 1.5}\n");
  const auto model = folder.file("m.json");
  const auto made = cli({"genmodel", "--records", lut, "--type", "table", "--out", model});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  const auto out = folder.file("out.yaml");
  const auto exported = cli({"export", model, "--format", "ofa", "--out", out, "--json"});
  REQUIRE_MESSAGE(exported.code == 0, exported.err);
  CHECK(exported.json()["rows"] == 2);
  CHECK(exported.json()["left_out"].empty());
  CHECK(has(hwprof_test::read_all(out), "expand:3-kernel:3-stride:2-idskip:0: {count: 1, mean: 4.25"));
  CHECK(cli({"export", model, "--format", "ofa", "--out", out}).code == 2);
  CHECK(cli({"export", model, "--format", "ofa", "--out", out, "--force"}).code == 0);
  const auto unknown = cli({"export", model, "--format", "ofaa", "--out", folder.file("x")});
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "did you mean ofa"));
  const auto linear = folder.file("linear.json");
  REQUIRE(cli({"genmodel", "--records", records_in(folder), "--out", linear}).code == 0);
  const auto shown = cli({"export", linear, "--format", "ofa", "--out", folder.file("linear.yaml")});
  CHECK_MESSAGE(shown.code == 0, shown.err);
  CHECK(has(shown.out, "which no row can hold"));
  CHECK(cli({"export", linear, "--format", "model", "--out", folder.file("same.json")}).code == 0);
  CHECK(hwprof_test::read_all(folder.file("same.json")) == hwprof_test::read_all(linear));
}

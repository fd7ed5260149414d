// SPDX-License-Identifier: Apache-2.0
// The kernel model and the fusion tests from the command line, on the made-up device.
#include <doctest/doctest.h>

#include <filesystem>

#include "program.hpp"
#include "throws.hpp"
#include "tiny_space.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

TEST_CASE("fusion compiles, measures, decides; genmodel and predict use the rules") {
  const TempFolder folder;
  const std::string out = folder.file("fusion");
  const auto run = cli({"fusion", "--out", out, "--device", "fake", "--plugin", HWPROF_TEST_PLUGIN, "--json"});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  // The made-up device adds up what layers cost; that an op costs less than nothing does happen there, and is noted.
  const auto report = run.json();
  CHECK(report["tests"].size() > 0);
  CHECK(report["tests"].size() + report["notes"].size() > 70);
  for (const auto& test : report["tests"]) CHECK(test["fused"] == false);
  for (const char* name : {"/fusion.json", "/records.jsonl", "/hardwares/0-fake/0/net.yaml"})
    CHECK(std::filesystem::exists(out + name));
  CHECK(cli({"fusion", "--out", out, "--device", "fake", "--plugin", HWPROF_TEST_PLUGIN}).code == 2);
  const auto again = cli({"fusion", "--out", out, "--records", out + "/records.jsonl", "--force"});
  CHECK_MESSAGE(again.code == 0, again.err);
  CHECK(has(again.out, "0 of "));
  CHECK(cli({"fusion", "--out", out, "--records", out, "--compile-only"}).code == 2);
  CHECK(cli({"fusion", "--out", folder.file("x"), "--device", "fake", "--plugin", HWPROF_TEST_PLUGIN, "--compile-only"})
            .code == 0);

  const std::string model = folder.file("kernel.json");
  const auto fitted = cli({"genmodel", "--records", out + "/records.jsonl", "--type", "kernel", "--fusion",
                           out + "/fusion.json", "--out", model, "--json"});
  REQUIRE_MESSAGE(fitted.code == 0, fitted.err);
  CHECK(fitted.json()["model"]["kernels"]["kinds"].size() > 5);
  CHECK(has(cli({"genmodel", "--records", out + "/records.jsonl", "--type", "kernel", "--fusion", "usual", "--out",
                 folder.file("u.json")})
                .out,
            "error of held-out primitives"));
  CHECK(cli({"genmodel", "--records", out + "/records.jsonl", "--type", "table", "--fusion", "usual", "--out",
             folder.file("t.json")})
            .code == 2);

  const auto prims = folder.write("prims.yaml", R"(- {prim_type: conv_bn_relu_3x3, spatial_size: 28, C: 64, C_out: 64}
- {prim_type: upsample, spatial_size: 28, C: 64, C_out: 64, scale: 2}
)");
  const auto net = folder.write("net.yaml", R"(final_model_cfg:
  genotypes:
  - {prim_type: conv_bn_relu_3x3, spatial_size: 28, C: 64, C_out: 64, stride: 1, affine: true}
  - {prim_type: upsample, spatial_size: 28, C: 64, C_out: 64, scale: 2, stride: 1, affine: true}
)");
  for (const auto& [option, file] : {std::pair{"--prims", prims}, std::pair{"--net", net}}) {
    const auto predicted = cli({"predict", "--model", model, option, file, "--json"});
    REQUIRE_MESSAGE(predicted.code == 0, predicted.err);
    const auto row = predicted.json()["predictions"][0];
    CHECK(row["estimated_prims"] == 2);
    CHECK(row["unseen_prims"] == 1);
    CHECK(row["value"].get<double>() > 0);
    CHECK(has(cli({"predict", "--model", model, option, file}).out, "1 of a kind never measured"));
  }

  // The verbs that look at a whole space say the same of it. No primitive of this one was measured as such.
  const auto space = folder.write("tiny.yaml", hwprof_test::tiny_space);
  for (const std::string verb : {"count", "pareto", "search"}) {
    CAPTURE(verb);
    const auto whole = cli({verb, space, "--model", model, "--json"});
    REQUIRE_MESSAGE(whole.code == 0, whole.err);
    const auto said = whole.json()["estimated"];
    REQUIRE(said.size() == 1);
    CHECK(said[0]["name"] == "latency");
    CHECK(said[0]["estimated_prims"].get<int>() > 0);
    CHECK(said[0]["estimated_prims"].get<int>() <= said[0]["prims"].get<int>());
    CHECK(has(cli({verb, space, "--model", model}).out, "estimated, not measured"));
  }

  const auto exported = cli({"export", net, "--out", folder.file("onnx")});
  if (exported.code == 4) return;  // a build without ONNX
  REQUIRE_MESSAGE(exported.code == 0, exported.err);
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("onnx")))
    if (entry.path().extension() == ".onnx") file = entry.path().string();
  const auto predicted = cli({"predict", "--model", model, "--onnx", file, "--json"});
  REQUIRE_MESSAGE(predicted.code == 0, predicted.err);
  CHECK(predicted.json()["predictions"][0]["estimated_kernels"].get<int>() >= 2);
  CHECK(predicted.json()["predictions"][0]["unseen_kernels"] == 1);
  const auto caffe = cli({"export", net, "--format", "caffe", "--out", folder.file("caffe"), "--json"});
  if (caffe.code == 0) {  // 4: a build without Caffe
    const std::string prototxt = folder.file("caffe/" + caffe.json()["files"][0]["file"].get<std::string>());
    const auto same = cli({"predict", "--model", model, "--caffe", prototxt, "--json"});
    REQUIRE_MESSAGE(same.code == 0, same.err);
    const auto row = same.json()["predictions"][0];
    const auto onnx_row = predicted.json()["predictions"][0];
    CHECK(row["value"].get<double>() == doctest::Approx(onnx_row["value"].get<double>()));
    CHECK(row["unseen_kernels"] == 1);
    CHECK(cli({"predict", "--model", model, "--caffe", folder.file("none.prototxt")}).code == 3);
  } else {
    CHECK(caffe.code == 4);
  }
  const std::string table = folder.file("table.json");
  CHECK(cli({"genmodel", "--records", out + "/records.jsonl", "--type", "table", "--out", table}).code == 0);
  CHECK(cli({"predict", "--model", table, "--onnx", file}).code == 4);
}

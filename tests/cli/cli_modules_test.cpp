// SPDX-License-Identifier: Apache-2.0
// Tables of leaf modules, as nnabla-nas makes them, from a space's networks to a prediction.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>

#include "hwprof/format.hpp"
#include "hwprof/modules.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const std::string space_file = HWPROF_SOURCE_DIR "/examples/spaces/mobilenet_cifar10.yaml";

}  // namespace

TEST_CASE("export --per module, a table of what it names, and blocks predicted as sums of it") {
  if (!has_onnx()) return;
  const TempFolder folder;
  const auto exported = cli({"export", space_file, "--per", "module", "--out", folder.file("m"), "--json"});
  REQUIRE_MESSAGE(exported.code == 0, exported.err);
  const auto index = exported.json();
  REQUIRE(index["notes"].size() == 1);
  CHECK(has(index["notes"][0], "add: is no module of its own"));
  std::map<std::string, double> table;  // ms
  std::set<std::string> classes;
  std::string csv;
  for (const auto& file : index["files"]) {
    const std::string uid = file["module_uid"];
    classes.insert(uid.substr(0, uid.find('[')));
    const double ms = 0.01 + 0.001 * static_cast<double>(table.size());
    CHECK(table.emplace(uid, ms).second);
    csv += "\"" + uid + "\",cudnn:float," + std::to_string(ms) + "\n";
  }
  CHECK(classes == std::set<std::string>{"BatchNormalization", "Conv", "GlobalAvgPool", "Linear", "ReLU6"});
  const auto net = read_onnx(folder.file("m/" + index["files"][0]["file"].get<std::string>()));
  CHECK(net.graph.ops.size() == 2);

  folder.write("t.csv", csv);
  const std::string model = folder.file("t.json");
  REQUIRE(cli({"genmodel", "--records", folder.file("t.csv"), "--type", "table", "--out", model}).code == 0);
  const auto space = load_space(space_file).space;
  std::mt19937_64 rng(3);
  const Arch arch = space->sample(rng);
  double expected = 0;
  std::size_t adds = 0;
  for (const auto& prim : space->primitives(arch))
    for (const auto& op : lower(prim).ops) adds += op.kind == OpKind::add;
  for (const auto& prim : space->primitives(arch))
    for (const auto& one : split_modules(lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}).prims)
      expected += table.at(to_module_uid(one)) * 1e-3;
  const auto predicted = cli({"predict", to_string(arch), "--space", space_file, "--model", model, "--json"});
  REQUIRE_MESSAGE(predicted.code == 0, predicted.err);
  const auto row = predicted.json()["predictions"][0];
  CHECK(row["value"].get<double>() == doctest::Approx(expected));
  CHECK(row["blocks_by_modules"].get<std::size_t>() > 0);
  if (adds > 0) CHECK(row["ops_left_out"]["add"] == adds);
  CHECK(has(cli({"predict", to_string(arch), "--space", space_file, "--model", model}).out, "as the sum of modules"));

  // A table that lacks one of them predicts nothing.
  folder.write("l.csv", csv.substr(csv.find('\n', csv.size() / 2) + 1));
  REQUIRE(
      cli({"genmodel", "--records", folder.file("l.csv"), "--type", "table", "--out", folder.file("l.json")}).code ==
      0);
  CHECK(cli({"predict", to_string(arch), "--space", space_file, "--model", folder.file("l.json")}).code == 6);
  CHECK(cli({"export", space_file, "--per", "module", "--sample", "2", "--out", folder.file("x")}).code == 2);
  CHECK(cli({"export", space_file, "--per", "layer", "--out", folder.file("x")}).code == 2);
  // What is no space has no primitives.
  const auto refused = [&](std::vector<std::string> arguments) {
    for (const char* word : {"--per", "module", "--out"}) arguments.emplace_back(word);
    arguments.push_back(folder.file("y"));
    arguments.insert(arguments.begin(), "export");
    const auto result = cli(arguments);
    CHECK(result.code == 2);
    CHECK_FALSE(std::filesystem::exists(folder.file("y")));
    return result.err;
  };
  const std::string onnx = folder.file("m/" + index["files"][0]["file"].get<std::string>());
  CHECK(has(refused({onnx}), "is a network; --per module"));
  CHECK(has(refused({space_file, onnx}), "is a network; --per module"));
  const std::string net_file = folder.file("net.yaml");
  save_net(net_file, space->network(arch));
  CHECK(has(refused({net_file}), "is a network; --per module"));
  CHECK(has(refused({"--torchscript", "none.pt"}), "--per module is of a space's"));
  CHECK(has(refused({model, "--format", "ofa"}), "--format ofa"));
  CHECK(has(refused({model, "--format", "model"}), "--format model"));
}

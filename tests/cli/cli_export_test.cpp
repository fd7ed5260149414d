// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "hwprof/format.hpp"
#include "hwprof/net.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;
namespace fs = std::filesystem;

namespace {

const std::string space_file = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/mobilenet_cifar10.yaml";

}  // namespace

TEST_CASE("export writes one readable file per primitive, and an index") {
  const TempFolder folder;
  const std::string dir = folder.file("onnx");
  if (!hwprof::has_onnx()) {
    const auto refused = cli({"export", space_file, "--out", dir});
    CHECK(refused.code == 4);
    CHECK(has(refused.err, "HWPROF_ONNX"));
    return;
  }
  const auto done = cli({"export", space_file, "--out", dir, "--opset", "9", "--json"});
  REQUIRE(done.code == 0);
  const auto index = done.json();
  CHECK(index["schema"] == "hwprof.export/1");
  CHECK(index == nlohmann::json::parse(hwprof_test::read_all(dir + "/index.json")));
  const auto prims = hwprof::load_space(space_file).space->generate_profiling_primitives();
  REQUIRE(index["files"].size() == prims.size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < prims.size(); ++i) {
    const auto& row = index["files"][i];
    const std::string name = row["file"];
    CHECK(names.insert(name).second);
    CHECK(name.size() < 80);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
          std::string::npos);
    CHECK(hwprof::parse_prim(row["prim"].get<std::string>()) == prims[i]);
    if (i % 10 != 0) continue;
    const auto net = hwprof::read_onnx(dir + "/" + name);
    CHECK(net.graph.name == row["prim"]);
    CHECK(net.input == hwprof::Shape{1, prims[i].C, prims[i].spatial_size, prims[i].spatial_size});
    CHECK(net.graph.ops.size() == hwprof::lower(prims[i]).ops.size());
  }
  CHECK(cli({"export", space_file, "--out", dir}).code == 2);
  CHECK(cli({"export", space_file, "--out", dir, "--force", "--quiet"}).code == 0);
}

TEST_CASE("export writes architectures and networks") {
  if (!hwprof::has_onnx()) return;
  const TempFolder folder;
  const auto archs = cli({"export", space_file, "--sample", "2", "--seed", "3", "--out", folder.file("a"), "--json"});
  REQUIRE(archs.code == 0);
  const auto index = archs.json();
  REQUIRE(index["files"].size() == 2);
  const auto space = hwprof::load_space(space_file).space;
  const auto net = space->network(hwprof::parse_arch(*space, index["files"][1]["arch"].get<std::string>()));
  CHECK(index["files"][1]["layers"].size() == net.layers.size());
  const auto back = hwprof::read_onnx(folder.file("a/" + index["files"][1]["file"].get<std::string>()));
  CHECK(back.graph.ops.size() == hwprof::lower(net).ops.size());

  hwprof::Net own = net;
  own.id = "mine";
  hwprof::save_net(folder.file("mine.yaml"), own);
  const auto one = cli({"export", folder.file("mine.yaml"), "--out", folder.file("b"), "--json"});
  REQUIRE(one.code == 0);
  CHECK(one.json()["files"][0]["net"] == "mine");
  CHECK(cli({"export", folder.file("mine.yaml"), "--sample", "1", "--out", folder.file("c")}).code == 2);
  // A file's name may be no UTF-8, which JSON is.
  std::filesystem::copy_file(folder.file("b/" + one.json()["files"][0]["file"].get<std::string>()),
                             folder.file("caf\xe9.onnx"));
  const auto named = cli({"export", folder.file("caf\xe9.onnx"), "--out", folder.file("f"), "--json"});
  CHECK(named.code == 0);
  CHECK(named.json()["files"][0]["file"] == "0000-caf_.onnx");
  const auto wrong = cli({"export", space_file, "--format", "onxx", "--out", folder.file("d")});
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err, "onnx"));
  CHECK(cli({"export", space_file, "--opset", "20", "--out", folder.file("e")}).code == 2);
}

TEST_CASE("sampled architectures are drawn without duplicates") {
  if (!hwprof::has_onnx()) return;
  const TempFolder folder;
  const std::string space = folder.write("tiny.yaml",
                                         "kind: mobilenet\nimage_size: 32\nsettings:\n- [16, 2, 1]\n"
                                         "candidates: [MB3 3x3, MB6 3x3]\nlast_channels: 64\nnum_classes: 10\n");
  const auto archs = [&](const char* count, const char* seed, const std::string& out) {
    const auto outcome = cli({"export", space, "--sample", count, "--seed", seed, "--out", folder.file(out), "--json"});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    std::set<std::string> distinct;
    const auto report = outcome.json();
    for (const auto& file : report["files"]) distinct.insert(file["layers"].dump());
    CHECK(distinct.size() == report["files"].size());
    return report;
  };
  const auto all = archs("50", "1", "a");
  const std::size_t n = all["files"].size();
  CHECK(n > 1);
  CHECK(n < 50);
  CHECK(has(all["notes"].at(0), "has only " + std::to_string(n) + " distinct networks where 50 were asked for"));
  CHECK(archs("2", "1", "b")["files"].size() == 2);
  CHECK_FALSE(archs("2", "2", "c").contains("notes"));
}

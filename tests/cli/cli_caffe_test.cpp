// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "hwprof/caffe.hpp"
#include "hwprof/net.hpp"
#include "hwprof/space.hpp"
#include "program.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const std::string space_file = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/mobilenet_cifar10.yaml";

}  // namespace

TEST_CASE("export writes Caffe networks with calibration, and checks what they compute") {
  const TempFolder folder;
  const std::string dir = folder.file("caffe");
  if (!hwprof::has_caffe()) {
    const auto refused = cli({"export", space_file, "--format", "caffe", "--out", dir});
    CHECK(refused.code == 4);
    CHECK(has(refused.err, "HWPROF_CAFFE"));
    return;
  }
  folder.write("img/one.jpg", "x");
  std::vector<std::string> words{"export", space_file, "--format",         "caffe",     "--sample", "1", "--out",
                                 dir,      "--images", folder.file("img"), "--fold-bn", "--json"};
  if (HWPROF_TEST_TORCH) words.push_back("--check");
  const auto done = cli(words);
  REQUIRE_MESSAGE(done.code == 0, done.err);
  const auto row = done.json()["files"][0];
  CHECK(done.json()["format"] == "caffe");
  if (HWPROF_TEST_TORCH) CHECK(row["difference"].get<double>() <= 1e-4);
  CHECK(hwprof_test::read_all(dir + "/calibration.txt") == "one.jpg 0\n");
  const auto net =
      hwprof::read_caffe(dir + "/" + row["file"].get<std::string>(), dir + "/" + row["weights"].get<std::string>());
  CHECK(net.input == hwprof::Shape{1, 3, 32, 32});
  CHECK(has(hwprof_test::read_all(dir + "/" + row["calibration"].get<std::string>()), "phase: TRAIN"));
  CHECK(cli(words).code == 2);
  CHECK(cli({"export", space_file, "--fold-bn", "--out", folder.file("b")}).code == 2);
}

TEST_CASE("clean-prototxt mends a redundant input") {
  if (!hwprof::has_caffe()) return;
  const TempFolder folder;
  const std::string input = "layer { name: 'in' type: 'Input' top: 'data' }\n";
  const std::string relu = "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }\n";
  folder.write("a.prototxt", input + "layer { name: 'in' type: 'ImageData' top: 'data' top: 'label' }\n" + relu);
  const auto done = cli({"clean-prototxt", folder.file("a.prototxt"), "--out", folder.file("b.prototxt")});
  CHECK(done.code == 0);
  CHECK(has(done.out, "'in' (ImageData)"));
  CHECK(hwprof_test::read_all(folder.file("b.prototxt")) == input + relu);
  CHECK(cli({"clean-prototxt", folder.file("a.prototxt"), "--out", folder.file("b.prototxt")}).code == 2);
  CHECK(cli({"clean-prototxt", folder.file("none"), "--out", folder.file("c.prototxt")}).code == 3);
  const auto endless = cli({"clean-prototxt", "/dev/zero", "--out", folder.file("c.prototxt")});
  CHECK(endless.code == 3);
  CHECK(has(endless.err, "16 MB"));
}

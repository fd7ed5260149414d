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

TEST_CASE("check names the layers of a Caffe network that break a DPU's rules") {
  const TempFolder folder;
  const auto network = [](int channels) {
    const std::string n = std::to_string(channels);
    return "layer { name: 'in' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: " + n +
           " dim: 14 dim: 14 } } }\nlayer { name: 'wide' type: 'Convolution' bottom: 'data' top: 'wide' "
           "convolution_param { num_output: " +
           n + " kernel_size: 7 pad: 3 group: " + n +
           " } }\nlayer { name: 'far' type: 'Convolution' bottom: 'wide' top: 'far' convolution_param { num_output: 8 "
           "kernel_size: 3 stride: 5 } }\n";
  };
  const std::string file = folder.write("net.prototxt", network(672));
  if (!hwprof::has_caffe()) {
    CHECK(cli({"check", file, "--target", "B4096"}).code == 4);
    return;
  }
  const auto found = cli({"check", file, "--target", "B4096", "--json"});
  CHECK(found.code == 4);
  const auto rows = found.json()["violations"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["layer"] == "wide");
  CHECK(rows[0]["rule"] == "dwconv.weight_depth");
  CHECK(rows[0]["value"] == 49 * 42);  // 672 channels are 42 times 16
  CHECK(rows[0]["limit"] == 2048);
  CHECK(rows[1]["layer"] == "far");
  CHECK(rows[1]["rule"] == "conv.stride");
  CHECK(rows[1]["limit"] == 4);
  const auto text = cli({"check", file, "--target", "B4096", "--clock", "300"});
  CHECK(has(text.out, "  conv.stride: "));
  CHECK(has(text.out, "1228.8"));
  CHECK(has(text.err, "net.prototxt cannot run on B4096-isa0 as a whole"));
  folder.write("narrow.prototxt", network(656));
  CHECK(cli({"check", folder.file("narrow.prototxt"), "--target", "B4096", "--json"}).json()["violations"].size() == 1);
  CHECK(cli({"check", file, "--target", "B4096-isa1"}).code == 0);
  CHECK(cli({"check", file, "--target", "B4096", "--image-size", "7"}).code == 2);
  CHECK(cli({"check", file, "--target", "B4095"}).code == 2);
  const auto space = cli({"check", HWPROF_SOURCE_DIR "/examples/spaces/ofa_mbv3.yaml", "--target", "B4096", "--json"});
  CHECK(space.code == 4);
  CHECK(space.json()["refused"].size() > 0);
  CHECK(cli({"check", folder.file("none.prototxt"), "--target", "B4096"}).code == 3);
  CHECK(cli({"check", folder.write("bad.prototxt", "layer {"), "--target", "B4096"}).code == 3);
}

TEST_CASE("clean-prototxt mends a redundant input") {
  if (!hwprof::has_caffe()) return;
  const TempFolder folder;
  const std::string input = "layer { name: 'in' type: 'Input' top: 'data' }\n";
  const std::string relu = "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }\n";
  folder.write("a.prototxt", input + "layer { name: 'in' type: 'ImageData' top: 'data' top: 'label' }\n" + relu);
  const auto mine = folder.write("b.prototxt.part", "mine");
  const auto done = cli({"clean-prototxt", folder.file("a.prototxt"), "--out", folder.file("b.prototxt")});
  CHECK(hwprof_test::read_all(mine) == "mine");
  CHECK(done.code == 0);
  CHECK(has(done.out, "'in' (ImageData)"));
  CHECK(hwprof_test::read_all(folder.file("b.prototxt")) == input + relu);
  CHECK(cli({"clean-prototxt", folder.file("a.prototxt"), "--out", folder.file("b.prototxt")}).code == 2);
  CHECK(cli({"clean-prototxt", folder.file("none"), "--out", folder.file("c.prototxt")}).code == 3);
  const auto endless = cli({"clean-prototxt", "/dev/zero", "--out", folder.file("c.prototxt")});
  CHECK(endless.code == 3);
  CHECK(has(endless.err, "16 MB"));
}

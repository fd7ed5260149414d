// SPDX-License-Identifier: Apache-2.0
// What the SDK's programs print and are given.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "base/files.hpp"
#include "compiler/snpe_dlc.hpp"
#include "compiler/snpe_phone.hpp"
#include "hwprof/error.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof::compiling;
namespace base = hwprof::base;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

const std::string table =
    "DLC info for: model.dlc\nModel Version: N/A\n"
    "------------------------------------------------------------------------\n"
    "| Id | Name | Type | Inputs | Outputs | Out Dims | Runtimes | Parameters |\n"
    "------------------------------------------------------------------------\n"
    "| 0  | x0 | data | x0 | x0 | 1x32x32x3 | A D G C | input_preprocessing: passthrough |\n"
    "| 1  | side | data | side | side | 1x10 | A D G C |  |\n"
    "| 2  | conv | convolutional | x0 | y | 1x16x16x8 | A D G C | padding x: 1 |\n"
    "------------------------------------------------------------------------\n"
    "Training: no\nConcepts: none\n";

}  // namespace

TEST_CASE("inputs are read from both tables that snpe-dlc-info has printed") {
  const auto inputs = parse_dlc_info(table, "info");
  REQUIRE(inputs.size() == 2);
  CHECK(inputs[0].name == "x0");
  CHECK(inputs[0].shape == std::vector<std::int64_t>{1, 32, 32, 3});
  CHECK(inputs[1].size() == 10);
  const auto newer = parse_dlc_info(
      "| Input Name | Dimensions | Type | Encoding Info |\n|---|\n| image | 1,32,32,3 | Float_32 | No encoding |\n\n"
      "| Output Name | Dimensions | Type |\n| y | 1,10 | Float_32 |\n",
      "info");
  REQUIRE(newer.size() == 1);
  CHECK(newer[0].name == "image");
  CHECK(newer[0].size() == 3072);
  CHECK(has(error_of(Fault::input, [] { (void)parse_dlc_info("", "info"); }), "names no input"));
  const auto with = [](const std::string& dims) {
    std::string text = table;
    text.replace(text.find("1x32x32x3"), 9, dims);
    return error_of(Fault::input, [&] { (void)parse_dlc_info(text, "info"); });
  };
  CHECK(has(with("1x-3"), "info:6: sizes"));
  CHECK(has(with(""), "info:6: sizes"));
  CHECK(has(with("1x99999x99999x99999"), "info:6: sizes"));
  CHECK(has(with("1x67000000x67000000"), "info:6: sizes"));
}

TEST_CASE("random inputs have their type, and the same seed gives the same bytes") {
  const hwprof_test::TempFolder folder;
  SnpeOptions options;
  options.inputs = 3;
  options.seed = 7;
  const auto list = write_inputs(folder.path(), {{"x/0", {1, 8, 8, 3}}, {"side", {1, 10}}}, options);
  const std::string text = base::read_file(folder.file(list));
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(has(text, "x/0:=raw/random_inputs/random_x_0-0_0.raw side:=raw/random_inputs/random_side_0.raw\n"));
  const std::string raw = base::read_file(folder.file("raw/random_inputs/random_x_0-0_0.raw"));
  REQUIRE(raw.size() == 192 * 4);
  float least = 1;
  float most = -1;
  for (std::size_t i = 0; i < raw.size(); i += 4) {
    float value = 0;
    std::memcpy(&value, &raw[i], 4);
    least = std::min(least, value);
    most = std::max(most, value);
  }
  CHECK(least >= -1);
  CHECK(least < -0.8);
  CHECK(most <= 1);
  CHECK(most > 0.8);
  (void)write_inputs(folder.path(), {{"x/0", {1, 8, 8, 3}}, {"side", {1, 10}}}, options);
  CHECK(base::read_file(folder.file("raw/random_inputs/random_x_0-0_0.raw")) == raw);
  options.input_type = "uint8";
  (void)write_inputs(folder.path(), {{"b", {1, 64, 64, 3}}}, options);
  const std::string bytes = base::read_file(folder.file("raw/random_inputs/random_b_0.raw"));
  REQUIRE(bytes.size() == 64 * 64 * 3);
  std::vector<int> seen(256);
  for (const char c : bytes) ++seen[static_cast<unsigned char>(c)];
  CHECK(std::count(seen.begin(), seen.end(), 0) == 0);  // not the zeros that a cast from -1 to 1 leaves
  CHECK(has(error_of(Fault::unsupported, [&] { (void)write_inputs(folder.path(), {{"a b", {1}}}, options); }), "a b"));
}

TEST_CASE("the configuration has the keys of snpe_bench") {
  SnpeOptions options;
  options.runs = 5;
  const auto config =
      bench_config("7", "raw/model.dlc", "raw/list.txt", "raw/bench-0", {"CPU", "GPU"}, {"P1"}, options);
  CHECK(config["HostResultsDir"] == "raw/bench-0");
  CHECK(config["Devices"] == base::Json{"P1"});
  CHECK(config["Model"]["Dlc"] == "raw/model.dlc");
  CHECK(config["Model"]["Data"] == base::Json::parse(R"(["raw/random_inputs"])"));
  CHECK(config["Runtimes"] == base::Json{"CPU", "GPU"});
  CHECK(config["Measurements"] == base::Json::parse(R"(["timing"])"));
  CHECK(config["BufferTypes"] == base::Json::parse(R"(["float"])"));
  CHECK(config["Runs"] == 5);
  CHECK(config["DevicePath"] == "/data/local/tmp/snpebenchmark");
}

TEST_CASE("adb's list of phones") {
  const auto phones = parse_adb_devices(
      "* daemon not running; starting now at tcp:5037\n* daemon started successfully\nList of devices attached\n"
      "QV714AE41T\tdevice\nemulator-5554\toffline\n0123\tno permissions (user in plugdev group); see [http://x]\n\n");
  REQUIRE(phones.size() == 3);
  CHECK(phones[0].serial == "QV714AE41T");
  CHECK(phones[0].state == "device");
  CHECK(phones[1].state == "offline");
  CHECK(has(phones[2].state, "no permissions"));
  CHECK(parse_adb_devices("").empty());
}

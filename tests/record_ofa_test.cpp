// SPDX-License-Identifier: Apache-2.0
// Latency tables of ProxylessNAS and Once-for-all.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/yaml.hpp"
#include "hwprof/model.hpp"
#include "hwprof/space.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

const std::string proxyless =
    "Conv-input:224x224x3-output:112x112x32: {count: 100, mean: 2.5, var: 0.04}\n"
    "Conv_1-input:7x7x320-output:7x7x1280: {count: 100, mean: 3.0, var: 0.01}\n"
    "Logits-input:7x7x1280-output:1000: {count: 100, mean: 1.5, var: 0.01}\n"
    "expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0: {count: 30, mean: 4.25, var: "
    "0.09}\n"
    "expanded_conv-input:56x56x24-output:56x56x24-expand:6-kernel:7-stride:1-idskip:1:\n"
    "  count: 30\n"
    "  mean: 6.0\n"
    "  var: 0.0\n";
const std::string once_for_all =
    "Conv-input:224x224x3-output:112x112x16: {count: 30, mean: 1.0, var: 0.0}\n"
    "expanded_conv-input:112x112x16-output:112x112x16-expand:16-kernel:3-stride:1-idskip:1-se:0-hs:0: {mean: 2.0}\n"
    "expanded_conv-input:112x112x16-output:56x56x24-expand:64-kernel:5-stride:2-idskip:0-se:0-hs:0: {mean: 3.0}\n"
    "expanded_conv-input:14x14x80-output:14x14x112-expand:480-kernel:3-stride:1-idskip:0-se:1-hs:1: {mean: 4.0}\n"
    "Conv_1-input:7x7x160-output:7x7x960: {mean: 0.5}\n"
    "AvgPool2D-input:7x7x960-output:1x1x960: {mean: 0.25}\n"
    "Conv_2-input:1x1x960-output:1x1x1280: {mean: 0.125}\n"
    "Logits-input:1x1x1280-output:1000: {mean: 0.0625}\n";

struct Loaded {
  NetRecord record;
  Notes notes;

  explicit Loaded(const std::string& text) {
    const TempFolder folder;
    auto records = load_records(folder.write("lut.yaml", text), &notes);
    REQUIRE(records.size() == 1);
    record = std::move(records.front());
  }
  [[nodiscard]] const Measured& cost(const std::string& prim) const {
    const auto found = std::find_if(record.prims.begin(), record.prims.end(),
                                    [&](const PrimRecord& row) { return to_string(row.prim) == prim; });
    REQUIRE_MESSAGE(found != record.prims.end(), prim);
    return found->perf.at(Metric::latency);
  }
  [[nodiscard]] bool noted(const std::string& part) const {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.find(part) != std::string::npos; });
  }
};

std::string refusal(const std::string& text) {
  const TempFolder folder;
  const std::string file = folder.write("lut.yaml", text);
  const std::string what = error_of(Fault::input, [&] { (void)load_records(file); });
  CHECK(has(what, "lut.yaml"));
  return what;
}

Model table_of(const NetRecord& record) {
  FitOptions options;
  options.kind = "table";
  return fit({record}, options);
}

}  // namespace

TEST_CASE("a ProxylessNAS table: ratios, relu6, ms") {
  const Loaded lut(proxyless);
  CHECK(lut.record.net_id == "lut");
  CHECK(lut.record.overall.empty());
  CHECK(lut.cost("stem:224x3x32s2:activation=relu6:kernel_size=3").value == Approx(2.5e-3));
  const auto& block = lut.cost("mobilenet_v2_block:112x16x24s2:activation=relu6:expansion=3:kernel_size=3");
  CHECK(block.value == Approx(4.25e-3));
  CHECK(block.samples == 30);
  CHECK(block.spread == Approx(1.96e-3 * std::sqrt(0.09 / 30)));
  CHECK(lut.cost("mobilenet_v2_block:56x24x24s1:activation=relu6:expansion=6:kernel_size=7").spread == 0);
  CHECK(lut.cost("conv_bn_act:7x320x1280s1:activation=relu6:dilation=1:groups=1:kernel_size=1").value == Approx(3e-3));
  // The pool and the classifier are one row there, so they come as a head only.
  const auto& head = lut.cost("head:7x320x1000s1:activation=relu6:feature_channels=0:last_channels=1280");
  CHECK(head.value == Approx(4.5e-3));
  CHECK(head.spread == Approx(1.96e-3 * std::sqrt(0.02 / 100)));
  CHECK(lut.noted("is the sum of Conv_1 and what follows it"));
  CHECK(lut.record.prims.size() == 5);
}

TEST_CASE("a Once-for-all table: channels in the middle, se and hs, a head of four rows") {
  const Loaded lut(once_for_all);
  CHECK(lut.cost("stem:224x3x16s2:activation=h_swish:kernel_size=3").value == Approx(1e-3));
  CHECK(lut.cost("mobilenet_v3_block:112x16x16s1:activation=relu:expansion=1:kernel_size=3:use_se=0").value ==
        Approx(2e-3));
  CHECK(lut.cost("mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=0").value ==
        Approx(3e-3));
  CHECK(lut.cost("mobilenet_v3_block:14x80x112s1:activation=h_swish:expansion=6:kernel_size=3:use_se=1").value ==
        Approx(4e-3));
  CHECK(lut.cost("linear:1x1280x1000s1:activation=identity:bias=1").value == Approx(0.0625e-3));
  CHECK(lut.cost("head:7x160x1000s1:activation=h_swish:feature_channels=1280:last_channels=960").value ==
        Approx(0.9375e-3));
  CHECK(lut.record.from.derived);
}

TEST_CASE("what no primitive stands for is noted by its key, never dropped in silence") {
  const Loaded lut(proxyless +
                   "expanded_conv-input:56x56x24-output:56x56x24-expand:3-kernel:3-stride:1-idskip:0: {mean: 1}\n"
                   "expanded_conv-input:56x48x24-output:56x48x24-expand:3-kernel:3-stride:1-idskip:1: {mean: 1}\n"
                   "expanded_conv-input:56x56x20-output:56x56x20-expand:3-kernel:3-stride:1-idskip:1: {mean: 1}\n"
                   "Logits-input:4x4x1280-output:10: {mean: 1}\n");
  CHECK(lut.noted("56x56x24-expand:3-kernel:3-stride:1-idskip:0"));
  CHECK(lut.noted("56x48x24"));
  CHECK(lut.noted("56x56x20"));  // 60 channels in the middle, which our block would round
  CHECK(lut.noted("Logits-input:4x4x1280-output:10"));
  CHECK(Loaded(proxyless + "Conv-input:99999x99999x3-output:50000x50000x8: {mean: 1}\n").noted("99999x99999"));
  CHECK(lut.record.prims.size() == 5);
}

TEST_CASE("damaged tables are refused by place") {
  const std::string block = "expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0";
  CHECK(has(refusal(block + ": {mean: -0.5, count: 3}\n"), "mean"));
  CHECK(has(refusal(block + ": {mean: .nan}\n"), "mean"));
  CHECK(has(refusal(block + ": {count: 3}\n"), "mean"));
  CHECK(has(refusal(block + ": {mean: 1, median: 2}\n"), "unknown key"));
  CHECK(has(refusal(block + ": 3\n"), "lut.yaml:1"));
  CHECK(has(refusal(block + ": {mean: 1}\nConv_3-input:1x1x3-output:1x1x3: {mean: 1}\n"), "unknown layer 'Conv_3'"));
  CHECK(has(refusal("Conv-input:224x224-output:1x1x3: {mean: 1}\n"), "without input and output sizes"));
  CHECK(has(refusal("Conv-input:224x224x3-output:112x112x99999999: {mean: 1}\n"), "name:number is expected"));
  CHECK(has(refusal("expanded_conv-input:8x8x16-output:8x8x16-expand:3: {mean: 1}\n"), "without kernel"));
  CHECK(has(refusal("Conv-input:224x224x3-output:0x0x0: {mean: 1}\n"), "no key of the table"));
}

TEST_CASE("in, through a model, out and in again") {
  for (const auto& text : {proxyless, once_for_all}) {
    const Loaded first(text);
    const Model model = table_of(first.record);
    const TempFolder folder;
    const auto written = save_ofa_table(folder.file("out.yaml"), model);
    CHECK(written.bias_s == 0);
    REQUIRE(written.left_out.size() == 1);  // the head, whose parts are rows
    CHECK(written.left_out.front().prim_type == "head");
    CHECK(written.rows == first.record.prims.size() - 1);
    // The rows are those of the first file, read without our reader of such tables.
    const auto before = base::Yaml::parse(text, "before");
    std::size_t same = 0;
    const auto after = base::Yaml::load(folder.file("out.yaml"));
    for (const auto& [key, value] : after.items()) {
      const auto row = before.find(key);
      const std::string& label = key;  // a binding cannot be captured
      REQUIRE_MESSAGE(row, label);
      CHECK(value["mean"].number() == Approx((*row)["mean"].number()).epsilon(1e-12));
      ++same;
    }
    CHECK(same == written.rows);
    const Model again = table_of(load_records(folder.file("out.yaml")).front());
    for (const auto& prim : again.known()) {
      if (prim.prim_type == "head") continue;
      CHECK(again.entry(prim)->value == Approx(model.entry(prim)->value).epsilon(1e-12));
    }
  }
}

TEST_CASE("spread and samples survive") {
  const Loaded first(proxyless);
  const TempFolder folder;
  (void)save_ofa_table(folder.file("out.yaml"), table_of(first.record));
  const auto key = "expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0";
  CHECK(base::Yaml::load(folder.file("out.yaml"))[key]["count"].integer() == 1);  // the table's one measurement
}

TEST_CASE("a linear model's rows are scaled, and its bias is said") {
  const Loaded lut(once_for_all);
  const TempFolder folder;
  save_model(folder.file("m.json"), table_of(lut.record));
  std::string text = base::read_file(folder.file("m.json"));
  text.replace(text.find("\"kind\": \"table\""), 15, "\"kind\": \"linear\"");
  text.replace(text.find("\"residual\""), 10, "\"coefficients\": {\"scale\": 2, \"bias\": 0.001}, \"residual\"");
  const Model model = load_model(folder.write("linear.json", text));
  const auto written = save_ofa_table(folder.file("out.yaml"), model);
  CHECK(written.bias_s == 0.001);
  const auto out = base::Yaml::load(folder.file("out.yaml"));
  CHECK(out["Conv-input:224x224x3-output:112x112x16"]["mean"].number() == Approx(2));
}

TEST_CASE("a table covers the space that it is of") {
  // Every primitive of the Once-for-all space but the head has a key, and the keys read back as the primitives.
  const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/ofa_mbv3.yaml");
  NetRecord record;
  record.net_id = "all";
  record.from.device = "d";
  for (const auto& prim : file.space->generate_profiling_primitives()) {
    PrimRecord row;
    row.prim = prim;
    row.perf[Metric::latency].value = 1e-3;
    record.prims.push_back(row);
  }
  const TempFolder folder;
  const Model model = table_of(record);
  const auto written = save_ofa_table(folder.file("out.yaml"), model);
  CHECK(written.left_out.size() == 1);
  auto known = model.known();
  known.erase(std::remove_if(known.begin(), known.end(), [](const Prim& p) { return p.prim_type == "head"; }),
              known.end());
  CHECK(table_of(load_records(folder.file("out.yaml")).front()).known() == known);
}

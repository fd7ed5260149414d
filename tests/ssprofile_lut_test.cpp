// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "hwprof/block_lut.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

SsbnSpec spec_of(const std::vector<std::string>& blocks, const std::vector<std::size_t>& layout = {0, 1}) {
  SsbnSpec spec;
  spec.image_size = 16;
  spec.image_channels = 8;
  spec.shared = blocks;
  for (const std::size_t group : layout) {
    spec.groups = std::max(spec.groups, group + 1);
    spec.layers.push_back({group, 8, 8, 1});
  }
  return spec;
}

Perf ms(double value, double spread = 0) {
  return {{Metric::latency, Measured{value * 1e-3, spread * 1e-3, 0, 0}}};
}

/// A record whose layers take these times, head included in the overhead.
NetRecord record(const std::string& id, const std::vector<double>& layers_ms, double whole_ms, double spread_ms = 0) {
  NetRecord out;
  out.net_id = id;
  out.from.device = "board";
  for (const double layer : layers_ms) out.prims.push_back({{}, ms(layer, spread_ms), false});
  out.overall = ms(whole_ms, spread_ms);
  return out;
}

const LutEntry& entry(const BlockLut& lut, std::size_t layer, const std::string& block) {
  for (const auto& one : lut.layers.at(layer))
    if (one.block == block) return one;
  FAIL("no entry of " << block);
  return lut.layers[0][0];
}

}  // namespace

TEST_CASE("in-context differencing") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1", "Resblock_2"});
  std::vector<NetRecord> records{
      record("Res_1_1", {1.0, 2.0}, 3.5, 0.03),
      record("Res_0_1", {0.8, 2.1}, 3.2, 0.04),
      record("Res_2_1", {1.3, 2.0}, 3.9),
      record("Res_1_0", {1.0, 1.5}, 3.1),
  };
  const BlockLut lut = in_context_lut(spec, records);
  CHECK(lut.device == "board");
  CHECK(entry(lut, 0, "Resblock_1").latency->value == doctest::Approx(1.0e-3));
  CHECK(entry(lut, 0, "Resblock_0").latency->value == doctest::Approx(0.7e-3));  // 1.0 + (3.2 - 3.5)
  CHECK(entry(lut, 0, "Resblock_2").latency->value == doctest::Approx(1.4e-3));
  CHECK(entry(lut, 1, "Resblock_0").latency->value == doctest::Approx(1.6e-3));
  CHECK_FALSE(entry(lut, 1, "Resblock_2").latency);  // was not measured
  CHECK(entry(lut, 0, "Resblock_0").latency->spread ==
        doctest::Approx(1e-3 * std::sqrt(0.03 * 0.03 + 0.03 * 0.03 + 0.04 * 0.04)));
  records[3].state = RunState::failed;
  records[3].reason = "broke";
  CHECK_FALSE(entry(in_context_lut(spec, records), 1, "Resblock_0").latency);
  records[0].prims.clear();
  CHECK(has(error_of(Fault::missing, [&] { (void)in_context_lut(spec, records); }), "layer 0"));
  records.erase(records.begin());
  CHECK(has(error_of(Fault::missing, [&] { (void)in_context_lut(spec, records); }), "Res_1_1"));
}

TEST_CASE("a family without its base network stays unknown, the others do not") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1", "VGGblock_0", "VGGblock_1"});
  Notes notes;
  const BlockLut lut = in_context_lut(
      spec, {record("Res_1_1", {1, 2}, 5), record("Res_0_1", {1, 2}, 6), record("VGG_0_1", {1, 2}, 3)}, &notes);
  CHECK(entry(lut, 0, "Resblock_0").latency->value == doctest::Approx(2e-3));
  CHECK_FALSE(entry(lut, 0, "VGGblock_0").latency);
  CHECK_FALSE(entry(lut, 0, "VGGblock_1").latency);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "'VGG_1_1' was not measured"));
}

TEST_CASE("what comes out at 0 or below stays unknown and is counted") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1", "Resblock_2"});
  const BlockLut lut =
      in_context_lut(spec, {record("Res_1_1", {1, 2}, 5), record("Res_0_1", {1, 2}, 4), record("Res_2_1", {1, 2}, 3.5),
                            record("Res_1_0", {1, 2}, 3.5), record("Res_1_2", {1, 2}, 6)});
  CHECK_FALSE(entry(lut, 0, "Resblock_0").latency);  // 1 + (4 - 5)
  CHECK_FALSE(entry(lut, 0, "Resblock_2").latency);  // 1 + (3.5 - 5)
  CHECK(entry(lut, 1, "Resblock_0").latency->value == doctest::Approx(0.5e-3));
  CHECK(lut.not_positive == 2);
  const TempFolder folder;
  save_lut(folder.file("speed.json"), lut);
  CHECK_FALSE(entry(load_lut(folder.file("speed.json")), 0, "Resblock_0").latency);
}

TEST_CASE("a group of several layers shares its difference out by the layers' own times") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1"}, {0, 1, 0});
  const BlockLut lut = in_context_lut(
      spec, {record("Res_1_1", {1, 2, 1}, 5), record("Res_0_1", {3, 2, 1}, 7), record("Res_1_0", {1, 1, 1}, 4)});
  CHECK(entry(lut, 0, "Resblock_0").latency->value == doctest::Approx(3e-3));  // 2 + (7 - 5), 3 to 1
  CHECK(entry(lut, 2, "Resblock_0").latency->value == doctest::Approx(1e-3));
  CHECK(entry(lut, 1, "Resblock_0").latency->value == doctest::Approx(1e-3));
}

TEST_CASE("a group whose layers do not all have a time shares its difference out evenly") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1"}, {0, 1, 0});
  auto swapped = record("Res_0_1", {3, 2, 1}, 7);
  swapped.prims[0].perf.clear();
  const BlockLut lut = in_context_lut(spec, {record("Res_1_1", {1, 2, 1}, 5), swapped});
  CHECK(entry(lut, 0, "Resblock_0").latency->value == doctest::Approx(2e-3));  // half of 2 + (7 - 5)
  CHECK(entry(lut, 2, "Resblock_0").latency->value == doctest::Approx(2e-3));
}

TEST_CASE("isolated tables are made of networks of one primitive, and compared by ratio") {
  const SsbnSpec spec = spec_of({"Resblock_0", "Mobileblock_4"});
  const auto prims = ssbn_layer_prims(spec);
  CHECK(prims[0][1].spatial_size == 16);
  CHECK(prims[0][1].prim_type == "ss_mobile_block");
  std::vector<NetRecord> records{record("isolated-0", {2}, 3)};
  records[0].prims[0].prim = prims[1][0];  // the same primitive in both layers
  const BlockLut lut = isolated_lut(spec, records);
  CHECK(entry(lut, 0, "Resblock_0").latency->value == doctest::Approx(2e-3));
  CHECK(entry(lut, 1, "Resblock_0").latency->value == doctest::Approx(2e-3));
  CHECK_FALSE(entry(lut, 0, "Mobileblock_4").latency);
  BlockLut other = lut;
  other.layers[0][0].latency->value = 1e-3;
  const LutRatio ratio = compare_luts(other, lut);
  CHECK(ratio.n == 2);
  CHECK(ratio.least == doctest::Approx(1));
  CHECK(ratio.most == doctest::Approx(2));
}

TEST_CASE("what contains another cannot be faster") {
  const SsbnSpec spec = spec_of({"VGGblock_0", "VGGblock_1", "VGGblock_5", "VGGblock_11", "VGGblock_12"});
  const auto lut_of = [](const std::vector<double>& row) {
    const char* names[] = {"VGGblock_0", "VGGblock_1", "VGGblock_5", "VGGblock_11", "VGGblock_12"};
    BlockLut lut;
    for (int l = 0; l < 2; ++l) {
      lut.layers.emplace_back();
      for (std::size_t b = 0; b < row.size(); ++b)
        lut.layers.back().push_back({names[b], Measured{row[b] * 1e-3, 0, 0, 0}});
    }
    return lut;
  };
  CHECK(check_lut(spec, lut_of({0.02, 0.04, 0.07, 0.10, 0.12})).empty());
  // [3,3,3] five times slower than [1,3,3,3], which contains it.
  const auto conflicts = check_lut(spec, lut_of({0.02, 0.04, 0.07, 0.60, 0.12}));
  REQUIRE(conflicts.size() == 2);  // in both layers
  CHECK(conflicts[0].smaller == "VGGblock_11");
  CHECK(conflicts[0].larger == "VGGblock_12");
  CHECK(conflicts[0].suspect == "VGGblock_11");
  CHECK(conflicts[1].layer == 1);
  // The largest is the one in many conflicts.
  const auto fast = check_lut(spec, lut_of({0.02, 0.04, 0.07, 0.10, 0.01}));
  REQUIRE(fast.size() == 8);
  for (const auto& one : fast) CHECK(one.suspect == "VGGblock_12");
  CHECK(check_lut(spec, lut_of({0.02, 0.04, 0.07, 0.10, 0.095})).empty());  // within the tolerance
  CHECK(check_lut(spec, lut_of({0.02, 0.04, 0.07, 0.10, 0.095}), 0.01).size() == 2);
}

TEST_CASE("tables as text and as JSON") {
  const TempFolder folder;
  const SsbnSpec spec = spec_of({"Resblock_0", "Resblock_1"});
  BlockLut lut{"in context", "board", {}};
  lut.layers = {{{"Resblock_0", Measured{0.25e-3, 1e-6, 7, 0}}, {"Resblock_1", Measured{1.5e-3, 0, 0, 0}}},
                {{"Resblock_0", Measured{2e-3, 0, 0, 0}}, {"Resblock_1", Measured{0.125e-3, 0, 0, 0}}}};
  const std::string text = folder.file("speed.txt"), json = folder.file("speed.json");
  save_lut_text(text, lut, "note");
  CHECK(base::read_file(text) == "# note\n0.25 1.5\n2 0.125\n");
  const BlockLut read = load_lut_text(text, spec);
  CHECK(entry(read, 1, "Resblock_1").latency->value == doctest::Approx(0.125e-3));
  save_lut(json, lut);
  const BlockLut again = load_lut(json);
  CHECK(again.device == "board");
  CHECK(entry(again, 0, "Resblock_0").latency->spread == 1e-6);
  CHECK(entry(again, 0, "Resblock_0").latency->samples == 7);
  const BlockLut chosen = select_lut(spec, lut, {{"Resblock_1"}, {"Resblock_1", "Resblock_0"}});
  CHECK(chosen.layers[0].size() == 1);
  CHECK(chosen.layers[1][0].latency->value == 0.125e-3);
  (void)error_of(Fault::missing, [&] { (void)select_lut(spec, lut, {{"VGGblock_0"}, {"Resblock_0"}}); });
  lut.layers[1][0].latency.reset();
  CHECK(has(error_of(Fault::missing, [&] { save_lut_text(text, lut); }), "layer 1"));
  save_lut(json, lut);
  CHECK_FALSE(entry(load_lut(json), 1, "Resblock_0").latency);

  const auto refused = [&](const std::string& content) {
    return error_of(Fault::input, [&] { (void)load_lut_text(folder.write("bad.txt", content), spec); });
  };
  CHECK(has(refused("1 2\n3\n"), "bad.txt:2"));
  CHECK(has(refused("1 2 3\n3 4\n"), "bad.txt:1"));
  CHECK(has(refused("1 2\n"), "1 rows"));
  CHECK(has(refused("1 2\n3 4\n5 6\n"), "bad.txt:3"));
  CHECK(has(refused("1 0\n3 4\n"), "positive"));
  CHECK(has(refused("1 nan\n3 4\n"), "positive"));
  for (
      const char* bad :
      {"{}", "[]", R"({"schema":"hwprof.block_lut/1","origin":"","device":"","layers":[{"X":null}]})",
       R"({"schema":"hwprof.block_lut/1","origin":"","device":"","layers":[{"Resblock_0":{"latency_s":0,"spread_s":0}}]})",
       R"({"schema":"hwprof.block_lut/1","origin":"","device":"","layers":[{"Resblock_0":{"latency_s":-1,"spread_s":0}}]})",
       R"({"schema":"hwprof.block_lut/9","origin":"","device":"","layers":[]})"})
    (void)error_of(Fault::input, [&] { (void)load_lut(folder.write("bad.json", bad)); });
}

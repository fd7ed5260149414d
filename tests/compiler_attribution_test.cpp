// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "dpu_logs.hpp"
#include "hwprof/attribution.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

double latency(const Perf& perf) {
  const auto found = perf.find(Metric::latency);
  return found == perf.end() ? 0 : found->second.value;
}

std::string all(const Notes& notes) {
  std::string text;
  for (const auto& note : notes) text += note + "\n";
  return text;
}

/// Every second has one owner.
void check_sum(const NetRecord& record) {
  double sum = latency(record.overhead);
  for (const auto& row : record.prims) sum += latency(row.perf);
  CHECK(sum == Approx(latency(record.overall)).epsilon(1e-12));
}

/// ProxylessNAS-mobile of width 0.5: the only kernels, expansions, channels and strides that give the table's
/// workloads.
struct Block {
  int kernel, expansion, out, stride;
};
const std::vector<Block> guide_blocks = {{3, 1, 8, 1},  {5, 3, 16, 2}, {3, 3, 16, 1}, {7, 3, 24, 2}, {3, 3, 24, 1},
                                         {5, 3, 24, 1}, {5, 3, 24, 1}, {7, 6, 40, 2}, {5, 3, 40, 1}, {5, 3, 40, 1},
                                         {5, 3, 40, 1}, {5, 6, 48, 1}, {5, 3, 48, 1}, {5, 3, 48, 1}, {5, 3, 48, 1},
                                         {7, 6, 96, 2}, {7, 6, 96, 1}, {7, 3, 96, 1}, {7, 3, 96, 1}, {7, 6, 160, 1}};

/// The map as YAML: names count convolutions, as pytorch2caffe does; batch norm and the like come in between.
std::string guide_map() {
  const std::string net = "proxylessmobile05_";
  std::string text =
      "- prim: conv_bn_act:224x3x16s2:activation=relu6:kernel_size=3\n  ops: [" + net + "conv_1, " + net + "bn_1]\n";
  int conv = 1;
  int size = 112;
  int channels = 16;
  for (const Block& block : guide_blocks) {
    text += "- {prim_type: mobilenet_v2_block, spatial_size: " + std::to_string(size) +
            ", C: " + std::to_string(channels) + ", C_out: " + std::to_string(block.out) +
            ", stride: " + std::to_string(block.stride) +
            ", affine: true, activation: relu6, expansion: " + std::to_string(block.expansion) +
            ", kernel_size: " + std::to_string(block.kernel) + ", ops: [";
    for (int i = block.expansion == 1 ? 1 : 0; i < 3; ++i) {
      ++conv;
      text += net + "conv_" + std::to_string(conv) + ", " + net + "bn_" + std::to_string(conv) + (i < 2 ? ", " : "");
    }
    if (block.stride == 1 && block.out == channels) text += ", " + net + "add_" + std::to_string(conv);
    text += "]}\n";
    size = (size + block.stride - 1) / block.stride;
    channels = block.out;
  }
  return text + "- {prim: 'conv_bn_act:7x160x1280s1:activation=relu6:kernel_size=1', ops: [" + net + "conv_61, " + net +
         "ave_pool_1]}\n- {prim: 'linear:1x1280x1000s1', ops: [" + net + "fc_1]}\n";
}

NetRecord record_of(std::vector<DpuRow> rows) {
  const TempFolder folder;
  return load_records(folder.write("x.txt", DpuTable{"x", std::move(rows)}.text())).at(0);
}

const Prim conv_a = parse_prim("conv_bn_relu_3x3:16x8x8s1");
const Prim conv_b = parse_prim("conv_bn_relu_3x3:16x8x16s1");

}  // namespace

TEST_CASE("the guide's network: 20 depthwise convolutions fused, every microsecond with one owner") {
  const TempFolder folder;
  const auto record = load_records(folder.write("log.txt", guide_log())).at(0);
  const auto maps = load_op_maps(folder.write("map.yaml", guide_map()));
  REQUIRE(maps.size() == 1);
  AttributionSummary summary;
  Notes notes;
  const NetRecord out = attribute(record, maps[0], &summary, &notes);
  CHECK_MESSAGE(notes.empty(), all(notes));  // so every node's workload is that of the ops found in it, to 0.5 %
  CHECK(summary.nodes == 42);
  CHECK(summary.fused == 20);
  CHECK(summary.fused_depthwise == 20);
  CHECK(summary.spanning == 1);
  CHECK(summary.unknown == 0);
  CHECK(summary.prims_s == Approx(3.279e-3));
  CHECK(summary.rest_s == 0);
  REQUIRE(out.prims.size() == 23);
  check_sum(out);
  // The stem's node also does the first block's depthwise convolution: 10.838 of 14.451 MOP are the stem's.
  const double stem = 2.0 * 3 * 3 * 3 * 16 * 112 * 112;
  const double depthwise = 2.0 * 3 * 3 * 16 * 112 * 112;
  CHECK(latency(out.prims[0].perf) == Approx(0.134e-3 * stem / (stem + depthwise)));
  CHECK(latency(out.prims[1].perf) == Approx(0.134e-3 * depthwise / (stem + depthwise) + 0.063e-3));
  CHECK(latency(out.prims[2].perf) == Approx(0.173e-3 + 0.037e-3));  // conv_4 with conv_5, conv_6
  CHECK(latency(out.prims[20].perf) == Approx(0.182e-3 + 0.038e-3));
  CHECK(latency(out.prims[22].perf) == Approx(0.235e-3));
  CHECK(out.nodes[1].ops.at(0) == "proxylessmobile05_conv_3");
}

TEST_CASE("heads and unknown nodes are overhead and named; layers without a node are not given a number") {
  OpMap map;
  map.layers = {{conv_a, false, {}}, {conv_b, true, {}}, {conv_a, false, {}}};
  map.ops = {{"x/c-1", 0, 100, false}, {"x_c_2", 1, 50, false}, {"x_head", -1, 10, false}};
  AttributionSummary summary;
  Notes notes;
  const NetRecord out =
      attribute(record_of({{"x_c_1", 0, 1, 0.2}, {"x_c_2", 0, 1, 0.3}, {"x_head", 0, 1, 0.1}, {"x_copy", 0, 1, 0.4}}),
                map, &summary, &notes);
  check_sum(out);
  CHECK(latency(out.prims.at(0).perf) == Approx(0.2e-3));
  CHECK(out.prims.at(1).glue);
  CHECK(out.prims.at(2).perf.empty());
  CHECK(latency(out.overhead) == Approx(0.5e-3));
  CHECK(summary.unknown == 1);
  CHECK(has(all(notes), "not in the map, their time is overhead: 'x_copy'"));
  CHECK(has(all(notes), "of no primitive, their time is overhead: 'x_head'"));
  CHECK(has(all(notes), "no time of their own, none was made up: 'layer 2"));
}

TEST_CASE("nodes that do other work than their ops; times that do not add up; a first op without a node") {
  OpMap map;
  map.layers = {{conv_a, false, {}}, {conv_b, false, {}}};
  map.ops = {{"pre", 0, 1e6, false}, {"c1", 0, 1e6, false}, {"c2", 1, 1e6, false}};
  auto record = record_of({{"c1", 4, 1, 0.2}, {"c2", 6, 1, 0.2}});
  record.overall[Metric::latency].value = 1e-3;
  Notes notes;
  AttributionSummary summary;
  const auto out = attribute(record, map, &summary, &notes);
  check_sum(out);
  CHECK(summary.fused == 1);
  CHECK(latency(out.prims.at(0).perf) == Approx(0.5e-3));
  CHECK(out.nodes.at(0).ops == std::vector<std::string>{"pre", "c1"});
  CHECK(has(all(notes), "1 nodes do other work than the ops found in them: 'c2'"));
  CHECK(has(all(notes), "scaled by 2.5"));
}

TEST_CASE("what cannot be attributed is refused") {
  const auto refusal = [](NetRecord record, const OpMap& map) {
    return error_of(Fault::input, [&] { (void)attribute(std::move(record), map); });
  };
  const auto record = record_of({{"c1", 1, 1, 0.2}, {"c2", 1, 1, 0.2}});
  OpMap map;
  map.layers = {{conv_a, false, {}}};
  map.ops = {{"a", 0, 1, false}};
  CHECK(has(refusal(record, map), "knows none of the device's nodes; it has 'a', the device 'c1'"));
  map.ops = {{"c1", 0, 1, false}, {"c-1", 0, 1, false}, {"c1", 0, 1, false}};
  CHECK(has(refusal(record, map), "stands twice"));
  map.ops = {{"c1", 3, 1, false}};
  CHECK(has(refusal(record, map), "of layer 3"));
  map.ops = {{"c1", 0, 1, false}};
  CHECK(has(refusal(NetRecord{}, map), "no nodes"));
  auto idle = record;
  for (auto& node : idle.nodes) node.perf.at(Metric::latency).value = 0;
  CHECK(has(refusal(idle, map), "took no time"));
  CHECK(has(refusal(record_of({{"c1", 1, 1, 0.1}, {"x_c1", 1, 1, 0.1}}), map), "has two nodes"));
}

TEST_CASE("maps of modules, of primitives and of several networks; a folder; a network") {
  const TempFolder folder;
  const std::vector<Prim> prims = {conv_a, conv_b};
  const auto modules = load_op_maps(
      folder.write("m.yaml", "model.0.op.0: c_1\nmodel.1.op.0: [c_conv_2, c_relu_2]\nclassifier: c_fc_1\n"), prims);
  REQUIRE(modules.size() == 1);
  REQUIRE(modules[0].ops.size() == 4);
  CHECK(modules[0].ops[1].layer == 1);
  CHECK(modules[0].ops[1].macs == 16.0 * 16 * 9 * 8 * 16);
  CHECK(modules[0].ops[0].macs == 16.0 * 16 * 9 * 8 * 8);
  CHECK(modules[0].ops[2].macs == 0);
  CHECK(modules[0].ops[3].layer == -1);
  const auto by_prim = load_op_maps(
      folder.write("p.yaml",
                   "net0:\n  conv_bn_relu_3x3:16x8x16s1: [c_conv_10]\n  conv_bn_relu_3x3:16x8x8s1: [c_conv_9]\n"
                   "net1:\n  conv_bn_relu_3x3:16x8x8s1: c_conv_1\n"));
  REQUIRE(by_prim.size() == 2);
  CHECK(by_prim[0].net == "net0");
  CHECK(by_prim[0].ops.at(0).name == "c_conv_9");
  CHECK(by_prim[0].layers.at(static_cast<std::size_t>(by_prim[0].ops.at(0).layer)).prim == conv_a);
  folder.write("ops/3/pytorch_to_caffe/3_prim2names.yaml", "conv_bn_relu_3x3:16x8x8s1: [c_conv_1]\n");
  CHECK(load_op_maps(folder.file("ops")).at(0).net == "3");

  Net net;
  net.id = "n";
  net.image_size = 16;
  net.image_channels = 8;
  net.layers = {{conv_a, false, {}}, {conv_b, true, {}}};
  save_net(folder.file("net.yaml"), net);
  const auto own = load_op_maps(folder.file("net.yaml"));
  REQUIRE(own.size() == 1);
  CHECK(own[0].layers.size() == 2);
  CHECK(own[0].ops.at(0).name.substr(0, 3) == "L0.");
  CHECK(own[0].ops.at(0).macs == 16.0 * 16 * 9 * 8 * 8);

  Notes notes;
  std::vector<NetRecord> records = {record_of({{"c_conv_1", 1, 1, 0.1}}), record_of({{"c_conv_9", 1, 1, 0.1}})};
  records[0].net_id = "net1";
  attribute_all(records, by_prim, &notes);
  CHECK(records[0].prims.size() == 1);
  CHECK(records[1].prims.empty());
  CHECK(has(all(notes), "net 'x': none of 2 maps is of it"));
  records = {record_of({{"c_conv_1", 1, 1, 0.1}})};
  records[0].net_id = "net_1";  // as a compiler wrote it
  auto spelled = by_prim;
  spelled[1].net = "net-1";
  attribute_all(records, spelled, &notes);
  CHECK(records[0].prims.size() == 1);
}

TEST_CASE("maps that do not fit are refused with their place") {
  const TempFolder folder;
  const auto refusal = [&](const std::string& text) {
    const auto file = folder.write("m.yaml", text);
    return error_of(Fault::input, [&] { (void)load_op_maps(file); });
  };
  CHECK(has(refusal("model.0: c_1\n"), "needs the list"));
  CHECK(has(refusal("- 3\n"), "m.yaml:1"));
  CHECK(has(refusal("- {prim: 'nonsense:1x1x1s1', ops: [a]}\n"), "nonsense"));
  CHECK(has(refusal("- {prim_type: conv_1x1, ops: [a]}\n"), "m.yaml:1"));
  CHECK(has(refusal("{}\n"), "m.yaml"));
  CHECK(has(refusal("3\n"), "m.yaml:1"));
  folder.write("p/a.pkl", "x");
  CHECK(has(error_of(Fault::input, [&] { (void)load_op_maps(folder.file("p")); }), "pickles are not read"));
  Notes notes;
  (void)load_op_maps(folder.write("m.yaml", "- {prim: 'conv_bn_relu_3x3:16x8x8s1', ops: [a, b, c]}\n"), {}, &notes);
  CHECK(has(all(notes), "how much each does is not known"));
}

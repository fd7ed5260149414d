// SPDX-License-Identifier: Apache-2.0
// Maps of layers to primitives, and what is attributed by them.
#include <cmath>

#include "compiler/op_maps.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<hwprof::Prim> prims = {hwprof::parse_prim("conv_bn_relu_3x3:16x8x8s1"),
                                                  hwprof::parse_prim("conv_bn_relu_3x3:16x8x16s1")};
  return try_parse(data, size, [](std::string_view text) {
    hwprof::Notes notes;
    for (const auto& map : hwprof::compiling::parse_op_maps(std::string(text), "input", prims, notes)) {
      hwprof::NetRecord record;
      record.net_id = "net";
      record.overall[hwprof::Metric::latency].value = 1;
      for (const auto& op : map.ops) {
        hwprof::NodeRecord node;
        node.name = op.name;
        node.perf[hwprof::Metric::latency].value = 0.25;
        if (record.nodes.size() < 8) record.nodes.push_back(std::move(node));
      }
      const auto out = hwprof::attribute(record, map, nullptr, &notes);
      double sum = 0;
      for (const auto& prim : out.prims)
        for (const auto& [metric, cost] : prim.perf) sum += cost.value;
      for (const auto& [metric, cost] : out.overhead) sum += cost.value;
      if (!(std::abs(sum - 1) < 1e-9)) std::abort();  // every second has one owner
    }
  });
}

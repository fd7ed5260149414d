// SPDX-License-Identifier: Apache-2.0
// Loads the plug-in named on the command line and asks its compiler about one small network.
#include <cstdio>
#include <filesystem>

#include "hwprof/hwprof.hpp"

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: %s <plug-in> <folder to compile into>\n", arguments[0]);
    return 2;
  }
  try {
    hwprof::load_plugin(arguments[1]);
    const auto compiler = hwprof::make_compiler("roofline");

    hwprof::Net net;
    net.id = "small";
    net.image_size = 32;
    net.layers = {{hwprof::normalized({"conv_bn_relu_3x3", 32, 3, 16, 2, true, {}}), false, {}},
                  {hwprof::normalized({"mobilenet_block_6", 16, 16, 16, 1, true, {}}), false, {}}};
    const auto artifact = compiler->compile(net, arguments[2]);
    const auto record = compiler->hwobj_net_to_primitive(artifact);
    for (const auto& row : record.prims)
      std::printf("%-50s %8.2f us\n", to_string(row.prim).c_str(), 1e6 * row.perf.at(hwprof::Metric::latency).value);
    std::printf("%-50s %8.2f us\n", "all", 1e6 * record.overall.at(hwprof::Metric::latency).value);
    return 0;
  } catch (const hwprof::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.fault());
  }
}

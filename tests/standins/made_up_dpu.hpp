// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <random>
#include <string>

#include "dpu_logs.hpp"
#include "hwprof/device_log.hpp"

namespace hwprof_test {

/// True cost of a node of a kernel on the made-up board [µs]: 8, and 400 GOPS, and 2.5 GB/s.
inline double true_node_us(const hwprof::DpuKernel& kernel, const hwprof::DpuNode& node) {
  return 8 + node.operations / 400e3 + kernel.moved_bytes(node) / 2.5e3;
}

/// What DNNDK prints of one run in debug mode: every time is off by up to 0.5 % and rounded to a microsecond.
inline std::string profile_table(const hwprof::DpuKernel& kernel, unsigned run) {
  DpuTable table;
  table.kernel = kernel.name;
  std::mt19937_64 rng(run + 1000 * kernel.nodes.size());
  for (const auto& node : kernel.nodes) {
    const double off = 1 + 0.005 * (2 * static_cast<double>(rng() >> 11) * 0x1p-53 - 1);
    const double us = std::round(true_node_us(kernel, node) * off);
    table.rows.push_back({node.name, node.operations * 1e-6, kernel.moved_bytes(node) / 1048576, us * 1e-3});
  }
  return table.text();
}

/// A kernel compiled as a whole: without the launching of the nodes.
inline double normal_us(const hwprof::DpuKernel& kernel) {
  double us = 30;
  for (const auto& node : kernel.nodes) us += true_node_us(kernel, node) - 8;
  return us;
}

}  // namespace hwprof_test

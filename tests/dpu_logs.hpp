// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace hwprof_test {

struct DpuRow {
  std::string name;
  double mop = 0, mib = 0, ms = 0;
};

/// One table as DNNDK prints it for a core of 1228.8 GOPS, its totals worked out from the rows.
struct DpuTable {
  std::string kernel;
  std::vector<DpuRow> rows;

  [[nodiscard]] std::string text() const {
    const std::string rule(101, '=');
    std::string out = rule + "\n[DNNDK] Performance profile - DPU Kernel \"" + kernel + "\" DPU Task \"" + kernel +
                      "-0\"\n" + rule + "\n" +
                      line("%4s %30s %13s %7s %11s %10s %11s %7s\n", "ID", "NodeName", "Workload(MOP)", "Mem(MB)",
                           "RunTime(ms)", "Perf(GOPS)", "Utilization", "MB/S");
    DpuRow all;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const DpuRow& r = rows[i];
      out += line("%4d %30s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n", static_cast<int>(i + 1), r.name.c_str(),
                  r.mop, r.mib, r.ms, r.mop / r.ms, r.mop / r.ms / 12.288, r.mib * 1.048576 / r.ms * 1e3);
      all.mop += r.mop;
      all.mib += r.mib * 1.048576;
      all.ms += r.ms;
    }
    return out + line("\n%35s\n", "Total Nodes In Avg:") +
           line("%35s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n", "All", all.mop, all.mib, all.ms, all.mop / all.ms,
                all.mop / all.ms / 12.288, all.mib / all.ms * 1e3) +
           rule + "\n";
  }

  template <typename... Values>
  static std::string line(const char* format, Values... values) {
    std::array<char, 512> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return std::string(buffer.data(), static_cast<std::size_t>(length));
  }
};

/// What a ZCU102 (one core of B4096 at 300 MHz) said of a ProxylessNAS-mobile of width 0.5 compiled node by node: the
/// figures of a published guide, one per node that fusion left of 61 convolutions and a linear layer.
struct GuideRow {
  int conv;  ///< 0: the linear layer
  double mop, mb, ms, gops, percent, mbs;
};
inline const std::vector<GuideRow>& guide_rows() {
  static const std::vector<GuideRow> rows = {
      {1, 14.451, 0.34, 0.134, 107.8, 8.8, 2550.7},  {3, 3.211, 0.29, 0.063, 51.0, 4.1, 4620.3},
      {4, 8.580, 0.17, 0.173, 49.6, 4.0, 994.7},     {6, 2.408, 0.12, 0.037, 65.1, 5.3, 3300.8},
      {7, 7.526, 0.20, 0.106, 71.0, 5.8, 1847.4},    {9, 4.817, 0.24, 0.060, 80.3, 6.5, 4071.0},
      {10, 8.505, 0.09, 0.133, 63.9, 5.2, 672.4},    {12, 1.806, 0.06, 0.025, 72.3, 5.9, 2255.1},
      {13, 3.726, 0.08, 0.061, 61.1, 5.0, 1258.0},   {15, 2.710, 0.09, 0.036, 75.3, 6.1, 2607.9},
      {16, 5.532, 0.08, 0.114, 48.5, 3.9, 682.8},    {18, 2.710, 0.09, 0.037, 73.2, 6.0, 2537.4},
      {19, 5.532, 0.08, 0.114, 48.5, 3.9, 682.8},    {21, 2.710, 0.09, 0.037, 73.2, 6.0, 2537.4},
      {22, 8.185, 0.06, 0.131, 62.5, 5.1, 449.3},    {24, 2.258, 0.04, 0.024, 94.1, 7.7, 1713.6},
      {25, 3.058, 0.04, 0.068, 45.0, 3.7, 592.9},    {27, 1.882, 0.04, 0.028, 67.2, 5.5, 1562.0},
      {28, 3.058, 0.04, 0.068, 45.0, 3.7, 592.9},    {30, 1.882, 0.04, 0.028, 67.2, 5.5, 1562.0},
      {31, 3.058, 0.04, 0.069, 44.3, 3.6, 584.3},    {33, 1.882, 0.04, 0.027, 69.7, 5.7, 1619.8},
      {34, 6.115, 0.07, 0.118, 51.8, 4.2, 614.5},    {36, 4.516, 0.07, 0.028, 161.3, 13.1, 2363.9},
      {37, 4.121, 0.05, 0.077, 53.5, 4.4, 640.7},    {39, 2.710, 0.05, 0.028, 96.8, 7.9, 1905.6},
      {40, 4.121, 0.05, 0.079, 52.2, 4.2, 624.5},    {42, 2.710, 0.05, 0.029, 93.4, 7.6, 1839.9},
      {43, 4.121, 0.05, 0.078, 52.8, 4.3, 632.5},    {45, 2.710, 0.05, 0.029, 93.4, 7.6, 1839.9},
      {46, 6.802, 0.06, 0.107, 63.6, 5.2, 515.6},    {48, 2.710, 0.05, 0.028, 96.8, 7.9, 1651.1},
      {49, 8.185, 0.12, 0.183, 44.7, 3.6, 666.5},    {51, 5.419, 0.09, 0.035, 154.8, 12.6, 2594.5},
      {52, 4.092, 0.06, 0.101, 40.5, 3.3, 627.7},    {54, 2.710, 0.05, 0.032, 84.7, 6.9, 1593.2},
      {55, 4.092, 0.06, 0.099, 41.3, 3.4, 640.4},    {57, 2.710, 0.05, 0.030, 90.3, 7.3, 1699.4},
      {58, 8.185, 0.12, 0.182, 45.0, 3.7, 670.2},    {60, 9.032, 0.13, 0.038, 237.7, 19.3, 3297.8},
      {61, 20.070, 0.23, 0.170, 118.1, 9.6, 1332.2}, {0, 2.560, 1.24, 0.235, 10.9, 0.9, 5278.4},
  };
  return rows;
}

inline std::string guide_log() {
  const std::string rule(101, '=');
  std::string out = rule +
                    "\n[DNNDK] Performance profile - DPU Kernel \"proxylessmobile05\" DPU Task "
                    "\"proxylessmobile05-0\"\n" +
                    rule + "\n" +
                    DpuTable::line("%4s %30s %13s %7s %11s %10s %11s %7s\n", "ID", "NodeName", "Workload(MOP)",
                                   "Mem(MB)", "RunTime(ms)", "Perf(GOPS)", "Utilization", "MB/S");
  int id = 0;
  for (const auto& r : guide_rows()) {
    const std::string name = "proxylessmobile05_" + (r.conv > 0 ? "conv_" + std::to_string(r.conv) : "fc_1");
    out += DpuTable::line("%4d %30s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n", ++id, name.c_str(), r.mop, r.mb, r.ms,
                          r.gops, r.percent, r.mbs);
  }
  return out + DpuTable::line("\n%35s\n", "Total Nodes In Avg:") +
         DpuTable::line("%35s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n", "All", 207.171, 5.33, 3.279, 63.2, 5.1,
                        1625.5) +
         rule + "\n";
}

inline std::string dexplorer_log() {
  std::string out =
      "[DPU IP Spec]\nIP  Timestamp            : 2019-11-18 18:45:00\nDPU Core Count           : 2\n\n"
      "[DPU Core Configuration List]\n";
  for (int core = 0; core < 2; ++core)
    out += "DPU Core                 : #" + std::to_string(core) +
           "\nDPU Enabled              : Yes\nDPU Arch                 : B4096\nDPU Target Version       : v1.4.0\n"
           "DPU Freqency             : 300 MHz\nRam Usage                : Low\nDepthwiseConv            : Enabled\n\n";
  return out + "[DPU Extension List]\nExtension Softmax\nEnabled                  : Yes\n";
}

}  // namespace hwprof_test

// SPDX-License-Identifier: Apache-2.0
// How fast device logs are read, and in how much memory:  hwprof_bench_device_log_bench MEGABYTES [FOLDER]
// Writes a DNNDK log of that size (tables of 42 nodes, a run each) into the folder, reads it into records, prints
// megabytes per second of processor time and the process's peak memory, and erases it.
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "hwprof/record.hpp"

namespace {

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::string table(std::mt19937_64& rng) {
  const std::string rule(101, '=');
  std::string out = rule + "\n[DNNDK] Performance profile - DPU Kernel \"net\" DPU Task \"net-0\"\n" + rule +
                    "\n  ID                       NodeName Workload(MOP) Mem(MB) RunTime(ms) Perf(GOPS) Utilization    "
                    "MB/S\n";
  char line[256];
  int total_us = 0;
  for (int i = 1; i <= 42; ++i) {
    const int us = 100 + i + static_cast<int>(rng() % 16);
    total_us += us;
    std::snprintf(line, sizeof line, "%4d %30s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n", i,
                  ("net_conv_" + std::to_string(i)).c_str(), 4.0, 0.1, us / 1e3, 4.0 / us * 1e3,
                  4.0 / us * 1e5 / 1228.8, 0.1048576 / us * 1e6);
    out += line;
  }
  std::snprintf(line, sizeof line, "\n%35s\n%35s %13.3f %7.2f %11.3f %10.1f %11.1f%% %7.1f\n",
                "Total Nodes In Avg:", "All", 168.0, 4.4, total_us / 1e3, 168.0 / total_us * 1e3,
                168.0 / total_us * 1e5 / 1228.8, 4.4 / total_us * 1e6);
  return out + line + rule + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  const long megabytes = argc > 1 ? std::stol(argv[1]) : 64;
  const auto folder = argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path();
  const std::string file = (folder / "hwprof-device-log-bench.txt").string();
  std::mt19937_64 rng(1);
  std::size_t bytes = 0;
  std::int64_t tables = 0;
  {
    std::ofstream stream(file, std::ios::binary);
    for (; bytes < static_cast<std::size_t>(megabytes) * 1000000; ++tables) {
      const std::string text = table(rng);
      stream << text;
      bytes += text.size();
    }
  }
  const double before = peak_megabytes();
  const double begin = cpu_seconds();
  hwprof::Notes notes;
  const auto records = hwprof::load_records(file, &notes);
  const double seconds = cpu_seconds() - begin;
  std::filesystem::remove(file);
  const bool sound = records.size() == 1 && records[0].nodes.size() == 42 && notes.empty() &&
                     records[0].overall.at(hwprof::Metric::latency).samples == tables;
  std::printf("%.0f MB, %lld tables: %.1f MB/s of processor time, peak memory %.1f MB (%.1f MB before reading)%s\n",
              static_cast<double>(bytes) / 1e6, static_cast<long long>(tables),
              static_cast<double>(bytes) / 1e6 / seconds, peak_megabytes(), before, sound ? "" : ", WRONG RESULT");
  return sound ? 0 : 1;
}

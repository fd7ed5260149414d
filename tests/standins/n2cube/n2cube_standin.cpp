// SPDX-License-Identifier: Apache-2.0
// Stands in for DNNDK's library on a board: loads libdpumodel<name>.so from HWPROF_LIB_DIR and takes the time of the
// made-up DPU. HWPROF_STANDIN names a folder; a file "fail-<kernel>" in it makes runs of that kernel fail.
#include <dnndk/dnndk.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "hwprof/error.hpp"
#include "made_up_dpu.hpp"

struct DPUKernel {
  hwprof::DpuKernel network;
};
struct DPUTask {
  const hwprof::DpuKernel* network = nullptr;
  int mode = 0;
  unsigned runs = 0;
  bool fails = false;
};

extern "C" {

int dpuOpen() {
  return 0;
}
int dpuClose() {
  return 0;
}

DPUKernel* dpuLoadKernel(const char* name) {
  const char* dir = std::getenv("HWPROF_LIB_DIR");
  const std::string file = std::string(dir == nullptr ? "/usr/lib" : dir) + "/libdpumodel" + name + ".so";
  try {
    for (const auto& kernel : hwprof::load_dpu_elf(file))
      if (kernel.name == name) return new DPUKernel{kernel};
  } catch (const hwprof::Error& error) {
    std::cerr << "[DNNDK] " << error.what() << '\n';
  }
  std::cerr << "[DNNDK] Cannot find DPU Kernel " << name << '\n';
  return nullptr;
}
int dpuDestroyKernel(DPUKernel* kernel) {
  delete kernel;
  return 0;
}

DPUTask* dpuCreateTask(DPUKernel* kernel, int mode) {
  auto* task = new DPUTask;
  task->network = &kernel->network;
  task->mode = mode;
  const char* dir = std::getenv("HWPROF_STANDIN");
  task->fails = dir != nullptr && std::filesystem::exists(std::string(dir) + "/fail-" + kernel->network.name);
  return task;
}
int dpuDestroyTask(DPUTask* task) {
  delete task;
  return 0;
}

int dpuRunTask(DPUTask* task) {
  if (task->fails) {
    std::cerr << "[DNNDK] DPU timeout\n";
    return -1;
  }
  if (task->mode == T_MODE_PROFILE) {
    if (task->network->debug)
      std::fputs(hwprof_test::profile_table(*task->network, task->runs).c_str(), stdout);
    else
      std::printf(
          "[DNNDK] Warning: profile facility available only if DPU Kernel [%s] compiled in debug mode by dnnc\n",
          task->network->name.c_str());
  } else {
    std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(hwprof_test::normal_us(*task->network)));
  }
  ++task->runs;
  return 0;
}

}  // extern "C"

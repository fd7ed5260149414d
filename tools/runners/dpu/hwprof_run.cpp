// SPDX-License-Identifier: Apache-2.0
// Runs a compiled network on a DPU with DNNDK:  hwprof_run KERNEL debug|normal RUNS WARM_UP
// debug: DNNDK prints a table of nodes for every run; what it prints while warming up goes nowhere.
// normal: a line "hwprof-run: run 3 2871.250 us" for every run, wall clock around dpuRunTask.
// The last line is "hwprof-run: done RUNS"; without it the runs were not finished. Inputs are whatever the memory
// holds: times of a DPU do not depend on values.
#include <dnndk/dnndk.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int fail(const char* what) {
  std::fprintf(stderr, "hwprof_run: %s\n", what);
  return 1;
}

/// Standard output goes nowhere as long as the object lives.
class Silence {
 public:
  Silence() : kept_(dup(1)) {
    std::fflush(stdout);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, 1);
    close(nowhere);
  }
  ~Silence() {
    std::fflush(stdout);
    dup2(kept_, 1);
    close(kept_);
  }

 private:
  Silence(const Silence&);
  Silence& operator=(const Silence&);
  int kept_;
};

int measure(DPUTask* task, bool debug, long runs, long warm_up) {
  {
    const Silence silence;
    for (long i = 0; i < warm_up; ++i)
      if (dpuRunTask(task) < 0) return fail("a run failed while warming up");
  }
  for (long i = 0; i < runs; ++i) {
    const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
    if (dpuRunTask(task) < 0) return fail("a run failed");
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    if (!debug) std::printf("hwprof-run: run %ld %.3f us\n", i + 1, took.count());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 || (std::strcmp(argv[2], "debug") != 0 && std::strcmp(argv[2], "normal") != 0))
    return fail("usage: hwprof_run KERNEL debug|normal RUNS WARM_UP"), 2;
  const bool debug = std::strcmp(argv[2], "debug") == 0;
  const long runs = std::strtol(argv[3], NULL, 10);
  const long warm_up = std::strtol(argv[4], NULL, 10);
  if (runs < 1 || warm_up < 0) return fail("RUNS must be above 0, WARM_UP not below"), 2;
  if (debug) setenv("DPU_COMPILATIONMODE", "1", 1);
  if (dpuOpen() < 0) return fail("the DPU cannot be opened");
  DPUKernel* kernel = dpuLoadKernel(argv[1]);
  if (kernel == NULL) return fail("the network cannot be loaded");
  DPUTask* task = dpuCreateTask(kernel, debug ? T_MODE_PROFILE : T_MODE_NORMAL);
  if (task == NULL) return fail("no task can be made of it");
  const int status = measure(task, debug, runs, warm_up);
  dpuDestroyTask(task);
  dpuDestroyKernel(kernel);
  dpuClose();
  if (status == 0) std::printf("hwprof-run: done %ld\n", runs);
  return status;
}

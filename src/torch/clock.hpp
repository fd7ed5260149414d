// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

namespace hwprof {

[[nodiscard]] inline double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
[[nodiscard]] inline double wall_time() {
  return seconds_of(CLOCK_MONOTONIC);
}
[[nodiscard]] inline double processor_time_of_thread() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace hwprof

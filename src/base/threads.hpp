// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <system_error>
#include <thread>
#include <vector>

namespace hwprof::base {

/// Calls work(0) here and work(1) to work(threads - 1) in threads of their own, fewer when the system gives
/// no more, and returns when all are done. work must not throw.
template <typename Work>
void in_threads(int threads, const Work& work) {
  std::vector<std::thread> others;
  try {
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
  } catch (const std::system_error&) {
  }
  work(0);
  for (auto& other : others) other.join();
}

}  // namespace hwprof::base

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

namespace hwprof::base {

/// Threads that work while the calling one watches.
class Crew {
 public:
  /// Whether the work is to end early: workers and what they wait for ask.
  [[nodiscard]] bool stops() const noexcept { return stop_; }
  void stop() noexcept { stop_ = true; }

  /// Calls work(0) to work(workers - 1) in threads of their own, and watch here about ten times a second until all have
  /// ended. What watch throws, and what a worker throws, stops all; Error(Fault::interrupted) of a worker does no more
  /// than that. For one call.
  /// @throws what watch threw, else what the first worker threw, once all have ended.
  void run(std::size_t workers, const std::function<void(std::size_t)>& work, const std::function<void()>& watch);

 private:
  void one(std::size_t number, const std::function<void(std::size_t)>& work) noexcept;

  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::size_t working_ = 0;
  std::exception_ptr broken_;
};

}  // namespace hwprof::base

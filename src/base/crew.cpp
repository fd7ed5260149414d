// SPDX-License-Identifier: Apache-2.0
#include "base/crew.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include "hwprof/error.hpp"

namespace hwprof::base {

void Crew::run(std::size_t workers, const std::function<void(std::size_t)>& work, const std::function<void()>& watch) {
  std::vector<std::thread> threads;
  std::exception_ptr refused;
  try {
    for (std::size_t i = 0; i < workers; ++i) {
      {
        const std::lock_guard lock(mutex_);
        ++working_;
      }
      try {
        threads.emplace_back([this, i, &work] { one(i, work); });
      } catch (...) {  // the system gives no more threads
        const std::lock_guard lock(mutex_);
        --working_;
        throw;
      }
    }
    std::unique_lock lock(mutex_);
    while (working_ > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(100));
      lock.unlock();
      watch();
      lock.lock();
    }
  } catch (...) {
    refused = std::current_exception();
    stop();
  }
  for (auto& thread : threads) thread.join();
  if (refused) std::rethrow_exception(refused);
  if (broken_) std::rethrow_exception(broken_);
}

void Crew::one(std::size_t number, const std::function<void(std::size_t)>& work) noexcept {
  std::exception_ptr thrown;
  try {
    work(number);
  } catch (const Error& error) {
    stop();
    if (error.fault() != Fault::interrupted) thrown = std::current_exception();
  } catch (...) {
    stop();
    thrown = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (!broken_) broken_ = thrown;
  --working_;
  changed_.notify_all();
}

}  // namespace hwprof::base

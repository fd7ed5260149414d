// SPDX-License-Identifier: Apache-2.0
#pragma once

// Counts what the whole program allocates: for one source of a test.

#include <atomic>
#include <cstdlib>
#include <new>

namespace hwprof_test {

inline std::atomic<std::size_t> allocations{0};

}  // namespace hwprof_test

// The compiler takes the library's operators for granted when it sees only one of a pair inlined.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++hwprof_test::allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++hwprof_test::allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

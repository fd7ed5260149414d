// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "model_support.hpp"
#include "neural_support.hpp"

namespace {

std::atomic<long> allocations{0};

void* counted(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

using namespace hwprof;
using namespace hwprof_test;

TEST_CASE("predict allocates nothing") {
  Device device;
  hwprof::model::register_trainer(draw_net);
  for (const char* kind : {"table", "linear", "calibrated", "mlp", "lstm"}) {
    FitOptions options;
    options.kind = kind;
    const Model model = fit(device.measure(40, 1), options);
    const auto prims = prims_of(device.measure(1, 2).front());
    double sum = model.predict(prims);
    const long before = allocations;
    for (int i = 0; i < 1000; ++i) sum += model.predict(prims);
    CHECK(allocations == before);
    CHECK(sum > 0);
  }
}

TEST_CASE("the counter counts") {
  const long before = allocations;
  delete new int(1);
  CHECK(allocations >= before);
  const std::vector<int> memory(100);
  CHECK(allocations > before);
  CHECK(memory.size() == 100);
}

// SPDX-License-Identifier: Apache-2.0
#include "torch/cuda.hpp"

#include "hwprof/error.hpp"

// The first header is generated when libtorch is built with CUDA and only then.
#if __has_include(<c10/cuda/impl/cuda_cmake_macros.h>) && __has_include(<cuda_runtime_api.h>)
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <array>

namespace hwprof::cuda {

Memory memory(const torch::Device& device) {
  constexpr std::size_t all = 0;  // StatType::AGGREGATE, which has moved between versions
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  const auto number = [](std::int64_t bytes) { return static_cast<double>(bytes); };
  return {number(stats.allocated_bytes[all].current), number(stats.reserved_bytes[all].current),
          number(stats.allocated_bytes[all].peak), number(stats.reserved_bytes[all].peak)};
}

void reset_peak(const torch::Device& device) {
  c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
}

void empty_cache() {
  c10::cuda::CUDACachingAllocator::emptyCache();
}

std::string pci_bus(const torch::Device& device) {
  std::array<char, 32> text{};
  C10_CUDA_CHECK(::cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), device.index()));
  return text.data();
}

class Marks::Impl {
 public:
  explicit Impl(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) events.emplace_back(cudaEventDefault);
  }
  std::vector<at::cuda::CUDAEvent> events;
};

Marks::Marks(std::size_t count) : impl_(std::make_unique<Impl>(count)) {}
Marks::~Marks() = default;

void Marks::set(std::size_t mark) {
  impl_->events[mark].record();
}

void Marks::wait(std::size_t mark) {
  impl_->events[mark].synchronize();
}

double Marks::seconds(std::size_t from, std::size_t to) const {
  constexpr double per_second = 1e3;
  return static_cast<double>(impl_->events[from].elapsed_time(impl_->events[to])) / per_second;
}

class Recording::Impl {
 public:
  explicit Impl(const torch::Device& device) : stream(c10::cuda::getStreamFromPool(false, device.index())) {}
  c10::cuda::CUDAStream stream;
  at::cuda::CUDAGraph graph;
};

Recording::Recording(const torch::Device& device, const std::function<void()>& work)
    : impl_(std::make_unique<Impl>(device)) {
  constexpr int warm_up = 3;
  const c10::cuda::CUDAStreamGuard guard(impl_->stream);
  for (int i = 0; i < warm_up; ++i) work();
  impl_->stream.synchronize();
  impl_->graph.capture_begin();
  work();
  impl_->graph.capture_end();
}

Recording::~Recording() = default;

void Recording::replay() {
  impl_->graph.replay();
}

}  // namespace hwprof::cuda

#else

namespace hwprof::cuda {
namespace {

[[noreturn]] void absent() {
  throw Error(Fault::unsupported, "this build is against a libtorch without CUDA");
}

}  // namespace

class Marks::Impl {};
class Recording::Impl {};

Memory memory(const torch::Device&) {
  absent();
}
void reset_peak(const torch::Device&) {
  absent();
}
void empty_cache() {
  absent();
}
std::string pci_bus(const torch::Device&) {
  absent();
}
Marks::Marks(std::size_t) {
  absent();
}
Marks::~Marks() = default;
void Marks::set(std::size_t) {
  absent();
}
void Marks::wait(std::size_t) {
  absent();
}
double Marks::seconds(std::size_t, std::size_t) const {
  absent();
}
Recording::Recording(const torch::Device&, const std::function<void()>&) {
  absent();
}
Recording::~Recording() = default;
void Recording::replay() {
  absent();
}

}  // namespace hwprof::cuda

#endif

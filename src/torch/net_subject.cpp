// SPDX-License-Identifier: Apache-2.0
#include "torch/net_subject.hpp"

#include <ATen/Parallel.h>
#include <time.h>
#include <torch/cuda.h>

#include <algorithm>

namespace hwprof {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
double wall_time() {
  return seconds_of(CLOCK_MONOTONIC);
}
double processor_time_of_thread() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

Shape shape_of(const torch::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3)};
}

}  // namespace

NetSubject::NetSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool)
    : module_(std::move(graph), shape_of(input), pool),
      one_thread_(at::get_num_threads() == 1),
      input_(std::move(input)),
      ends_(std::move(layers)) {
  for (std::size_t i = 0; i + 1 < ends_.size(); ++i) {
    parts_ = std::max(parts_, static_cast<std::size_t>(ends_[i] + 1));
    if (ends_[i] == ends_[i + 1]) ends_[i] = -1;
  }
  if (!ends_.empty()) parts_ = std::max(parts_, static_cast<std::size_t>(ends_.back() + 1));
}

void NetSubject::forward(double* seconds, bool processor_time) {
  if (!input_.is_cuda())
    return processor_time && one_thread_ ? stamped(seconds, processor_time_of_thread) : stamped(seconds, wall_time);
  const auto device = input_.device().index();
  torch::cuda::synchronize(device);
  const double begin = wall_time();
  const auto out = module_.forward(input_);
  torch::cuda::synchronize(device);
  const double whole = wall_time() - begin;
  stamped(seconds, wall_time);
  seconds[0] = whole;
}

template <typename Now>
void NetSubject::stamped(double* seconds, Now now) {
  std::fill(seconds, seconds + parts_ + 1, 0.0);
  const bool wait = input_.is_cuda();
  const double begin = now();
  double last = begin;
  const auto out = module_.forward(input_, [&](int op) {
    const int layer = ends_[static_cast<std::size_t>(op)];
    if (layer < 0) return;
    if (wait) torch::cuda::synchronize(input_.device().index());
    const double at = now();
    seconds[1 + layer] += at - last;
    last = at;
  });
  seconds[0] = (parts_ == 0 ? now() : last) - begin;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "torch/net_subject.hpp"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/cuda.h>

#include <algorithm>
#include <cmath>

#include "torch/clock.hpp"
#include "torch/translate.hpp"

namespace hwprof {
namespace {

Shape shape_of(const torch::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3)};
}

}  // namespace

int runs_between_marks(double seconds) {
  constexpr double enough_s = 0.01;
  constexpr double most = 20;
  return static_cast<int>(std::clamp(std::ceil(enough_s / std::max(seconds, 1e-9)), 1.0, most));
}

NetSubject::NetSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool,
                       const TorchOptions& options)
    : TorchSubject(options.memory_limit_bytes),
      module_(std::move(graph), shape_of(input), pool),
      one_thread_(at::get_num_threads() == 1),
      input_(std::move(input)),
      ends_(layer_ends(std::move(layers), parts_)),
      record_(options.cuda_graph) {
  own(module_);
  own(input_);
}

void NetSubject::forward(double* seconds, bool processor_time) {
  const c10::InferenceMode no_gradients;
  const Limit limit(*this);
  if (!input_.is_cuda())
    return processor_time && one_thread_ ? stamped(seconds, processor_time_of_thread) : stamped(seconds, wall_time);
  const double whole = whole_on_cuda();
  times_ = runs_between_marks(whole);
  stamped(seconds, wall_time);
  seconds[0] = whole;
}

double NetSubject::whole_on_cuda() {
  double whole = 0;
  translated("network " + module_.graph().name, [&] {
    const auto run = [this] { (void)module_.forward(input_); };
    if (!marks_) marks_ = std::make_unique<cuda::Marks>(2);
    if (record_ && !recording_) recording_ = std::make_unique<cuda::Recording>(input_.device(), run);
    torch::cuda::synchronize(input_.device().index());
    marks_->set(0);
    for (int i = 0; i < times_; ++i) recording_ ? recording_->replay() : run();
    marks_->set(1);
    marks_->wait(1);
    whole = marks_->seconds(0, 1) / times_;
  });
  count_runs(times_);
  return whole;
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
  count_runs(1);
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "torch/cuda.hpp"
#include "torch/options.hpp"
#include "torch/subject.hpp"

namespace torch::optim {
class SGD;
}

namespace hwprof {

/// Parts of a training step: the forwards of the layers, the loss, the backwards of the layers, the optimiser. A
/// network whose layers are not told apart counts as one layer.
[[nodiscard]] constexpr std::size_t train_parts(std::size_t layers) {
  return 2 * (layers == 0 ? 1 : layers) + 2;
}

/// A network's training steps, for the sampler: forward, cross-entropy against drawn labels, gradients dropped,
/// backward, SGD. On the CPU a layer's backward begins where the gradient of its output is ready. On CUDA marks in the
/// stream tell the phases apart and layers are not; with a CUDA graph there is the whole step alone, which counts as
/// forward.
class TrainSubject : public TorchSubject {
 public:
  /// layers[i]: the layer of op i, or -1; all -1: they are not told apart.
  TrainSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool, const TorchOptions& options,
               std::uint64_t seed);
  ~TrainSubject() override;
  void forward(double* seconds, bool processor_time) override;
  /// Drops gradients and the optimiser's state, which the next step makes again.
  void rest() override;

 private:
  using Clock = double (*)();
  void step_on_cpu(double* seconds, Clock now);
  void step_on_cuda(double* seconds);
  [[nodiscard]] torch::Tensor loss_of(const torch::Tensor& output) const;
  void drop_gradients();
  void prepare();

  GraphModule module_;
  bool one_thread_;
  torch::Tensor input_, labels_;
  std::vector<torch::Tensor> parameters_;
  std::vector<int> ends_;
  std::size_t layers_ = 0;
  TorchOptions options_;
  std::unique_ptr<torch::optim::SGD> optimizer_;
  int times_ = 1;
  std::unique_ptr<cuda::Marks> marks_;
  std::unique_ptr<cuda::Recording> recording_;
};

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

#include "hwprof/net.hpp"
#include "torch/cuda.hpp"
#include "torch/options.hpp"
#include "torch/subject.hpp"

namespace hwprof {

/// A network's forwards, for the sampler: its parts are its layers. On the CPU one forward gives the
/// whole and the parts. On CUDA, which works behind the program's back, undisturbed forwards between two marks give the
/// whole, as many as fit into some milliseconds, and another, waited for after every layer, the parts. Processor time
/// is known for one thread.
class NetSubject : public TorchSubject {
 public:
  /// layers[i]: the part that op i of the graph belongs to, or -1.
  NetSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool, const TorchOptions& options);
  void forward(double* seconds, bool processor_time) override;

 private:
  template <typename Now>
  void stamped(double* seconds, Now now);
  [[nodiscard]] double whole_on_cuda();

  GraphModule module_;
  bool one_thread_;
  torch::Tensor input_;
  std::vector<int> ends_;  // per op: the layer that is over behind it, or -1
  std::size_t parts_ = 0;
  bool record_;
  int times_ = 1;  // forwards between two marks
  std::unique_ptr<cuda::Marks> marks_;
  std::unique_ptr<cuda::Recording> recording_;
};

/// How often to run between two marks so that the clock's grain does not count, from how long one took [s].
[[nodiscard]] int runs_between_marks(double seconds);

}  // namespace hwprof

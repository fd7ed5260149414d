// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

#include "hwprof/net.hpp"
#include "hwprof/torch.hpp"
#include "measure/sampler.hpp"

namespace hwprof {

/// A network on a device, for the sampler: its parts are its layers. On the CPU one forward gives the
/// whole and the parts. On CUDA, which works behind the program's back, one undisturbed forward gives the
/// whole and a second, waited for after every layer, the parts. Processor time is known for one thread.
class NetSubject : public measuring::Subject {
 public:
  /// layers[i]: the part that op i of the graph belongs to, or -1.
  NetSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool);
  void forward(double* seconds, bool processor_time) override;

 private:
  template <typename Now>
  void stamped(double* seconds, Now now);
  GraphModule module_;
  bool one_thread_;
  torch::Tensor input_;
  std::vector<int> ends_;  // per op: the layer that is over behind it, or -1
  std::size_t parts_ = 0;
};

}  // namespace hwprof

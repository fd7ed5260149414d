// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "hwprof/torch.hpp"
#include "measure/sampler.hpp"
#include "torch/arena.hpp"

namespace hwprof {

/// A network that runs on a device of libtorch.
class TorchSubject : public measuring::Subject {
 public:
  /// limit_bytes: memory that it may take on the CPU, its own tensors included; 0: no limit.
  explicit TorchSubject(double limit_bytes) : limit_bytes_(limit_bytes) {}
  /// Memory that it takes also at rest: parameters, running statistics, input and labels [bytes].
  [[nodiscard]] double own_bytes() const noexcept { return own_bytes_; }
  /// How often the network has run; one forward() may run it many times.
  [[nodiscard]] std::int64_t runs() const noexcept { return runs_; }

 protected:
  void count_runs(std::int64_t more) noexcept { runs_ += more; }
  /// To be held while it runs. @throws std::bad_alloc when its own tensors alone are too large.
  class Limit {
   public:
    explicit Limit(const TorchSubject& subject);

   private:
    std::optional<ArenaLimit> limit_;
  };
  void own(const torch::Tensor& tensor);
  void own(const torch::nn::Module& module);

 private:
  double limit_bytes_, own_bytes_ = 0;
  std::int64_t runs_ = 0;
};

/// Where the layers of a network end: per op the layer that is over behind it, or -1. layers[i]: the layer of op i, or
/// -1. parts becomes the number of layers.
[[nodiscard]] std::vector<int> layer_ends(std::vector<int> layers, std::size_t& parts);

}  // namespace hwprof

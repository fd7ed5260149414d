// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "measure/settings.hpp"
#include "torch/arena.hpp"
#include "torch/options.hpp"

namespace hwprof {

/// What libtorch computes with, as text: version, BLAS, oneDNN, CUDA switches; "warning" where it is known
/// to be slow.
[[nodiscard]] std::map<std::string, std::string> describe_libtorch(const torch::Device& device);

/// The threads of libtorch's BLAS; 0 where they are not known.
[[nodiscard]] int blas_threads();
/// Sets them, where it can be told.
void set_blas_threads(int threads);

/// The process as a measurement wants it: memory of tensors in one place, freed memory kept, threads set
/// and confined, denormal numbers flushed. The destructor gives back what can be given back. No gradients are the
/// caller's affair.
class TorchSetup {
 public:
  /// @throws Error(Fault::usage) for more threads than processors.
  TorchSetup(int threads, const torch::Device& device, const TorchOptions& options);
  ~TorchSetup();
  TorchSetup(const TorchSetup&) = delete;
  TorchSetup& operator=(const TorchSetup&) = delete;

  /// Host, libtorch, and what was set or refused.
  [[nodiscard]] const std::map<std::string, std::string>& environment() const noexcept { return environment_; }

 private:
  std::map<std::string, std::string> environment_;
  measuring::Affinity affinity_;
  TensorArena arena_;
  int threads_before_;
  int blas_threads_before_;
  bool benchmark_before_, cudnn_tf32_before_, cublas_tf32_before_;
};

}  // namespace hwprof

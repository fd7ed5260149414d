// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof {

/// MeasureOptions::device_options of "cpu" and "cuda", read and checked. docs/training.md describes them.
struct TorchOptions {
  double learning_rate = 0;  ///< 0: weights stay as they are, so that steps do not change
  double momentum = 0.9;
  double weight_decay = 5e-4;
  bool nesterov = false;
  double memory_limit_bytes = 0;  ///< of a network on the CPU; 0: none
  std::optional<bool> cudnn_benchmark, tf32;
  bool cuda_graph = false;  ///< replay what was recorded once
  double energy_s = 0.3;    ///< of running for a reading of energy; 0: none is read

  /// SGD in words: "sgd, learning rate 0, momentum 0.9, weight decay 0.0005".
  [[nodiscard]] std::string optimizer() const;
};

/// @throws Error(Fault::usage) for unknown names and values that make no sense. device: how messages call it.
[[nodiscard]] TorchOptions read_torch_options(const std::string& device, const MeasureOptions& options);

/// Batch and mode of a network: its own, else those of the options.
[[nodiscard]] int batch_of(const Net& net, const MeasureOptions& options);
[[nodiscard]] bool is_train(const Net& net, const MeasureOptions& options);

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "hwprof/compiler.hpp"

namespace hwprof {

/// Runs the networks in this process with libtorch, on the CPU or on a CUDA device.
class OnlineCompiler : public BaseHardwareCompiler {
 public:
  explicit OnlineCompiler(torch::Device device) : device_(device) {}
  [[nodiscard]] std::string name() const override { return device_.str(); }
  [[nodiscard]] bool can_train() const override { return true; }

 private:
  void do_check_options(const MeasureOptions& options) const override;
  void do_compile(const Artifact& artifact) override;
  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override;
  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact& artifact) const override;
  void require_device() const;

  torch::Device device_;
};

/// "cpu", "-1" (aw_nas' CPU), "cuda" (the same as "cuda:0"), "cuda:N". @throws Error(Fault::usage) otherwise.
[[nodiscard]] torch::Device parse_device(const std::string& name);

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof::compiling {

/// ONNX Runtime on the CPU of this machine: networks as ONNX files, run by a small program for Node.
class OrtCompiler : public BaseHardwareCompiler {
 public:
  [[nodiscard]] std::string name() const override { return "onnxruntime"; }
  [[nodiscard]] bool takes_weights() const override { return true; }

 private:
  void do_check_options(const MeasureOptions& options) const override;
  void do_compile(const Artifact& artifact) override;
  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override;
  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact& artifact) const override;
};

/// @throws Error(Fault::usage) for a name with anything behind a colon.
[[nodiscard]] std::unique_ptr<BaseHardwareCompiler> make_onnxruntime(const std::string& name);

}  // namespace hwprof::compiling

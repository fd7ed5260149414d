// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof::opencv {

/// Networks as Caffe files in OpenCV's DNN module, in this process.
class OpenCvCompiler : public BaseHardwareCompiler {
 public:
  [[nodiscard]] std::string name() const override { return "opencv"; }
  [[nodiscard]] bool takes_weights() const override { return true; }

 private:
  void do_check_options(const MeasureOptions& options) const override;
  void do_compile(const Artifact& artifact) override;
  void do_measure(const std::vector<Artifact>& artifacts, const MeasureOptions& options) override;
  [[nodiscard]] NetRecord do_net_to_primitive(const Artifact& artifact) const override;
};

}  // namespace hwprof::opencv

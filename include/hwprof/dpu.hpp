// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof {

/// Instruction sets of the DPUCZDX8G, Xilinx' convolution engine for Zynq UltraScale+.
enum class DpuIsa {
  isa0,  ///< IP v1.4.0, the Caffe flow of Vitis AI 1.x
  isa1   ///< IP v4, Vitis AI 2 and 3
};

/// One configuration of the engine. "B4096" is its peak of operations a cycle, an addition and a multiplication
/// being two.
struct DpuTarget {
  std::string name;  ///< "B4096-isa0"
  DpuIsa isa = DpuIsa::isa0;
  int pixels = 0, in_channels = 0, out_channels = 0;  ///< that it computes in parallel

  /// 2 · pixels · in_channels · out_channels · clock [operations/s]; 1228.8e9 for B4096 at 300 MHz, the denominator of
  /// the utilisation in the device's own reports.
  [[nodiscard]] double peak_ops(double clock_hz) const noexcept;
};

/// "B512" … "B4096", bare or with the instruction set: "-isa0" or "-v1.4.0" (which a bare name means), "-isa1".
/// @throws Error(Fault::usage) with the nearest names.
[[nodiscard]] DpuTarget find_dpu_target(const std::string& name);
[[nodiscard]] std::vector<std::string> list_dpu_targets();

/// What a layer asks of the engine and the engine has not.
struct DpuViolation {
  std::string layer;         ///< name of the op
  std::string rule;          ///< "conv.stride", "dwconv.weight_depth", "op.mul", …
  double value = 0;          ///< what the layer has; 0 where the rule is about the kind of op
  double limit = 0;          ///< the most (or the only value) that is allowed; 0 likewise
  bool runs_on_cpu = false;  ///< the compiler cuts the network here and leaves the op to the processor
  std::string text;          ///< the sentence for a person
};

/// Every rule that the graph breaks, in the order of its ops; none: the compiler should take it. The limits of isa0 are
/// the tighter ones of the tables for Vitis AI 1.2 (DPUCZDX8G: kernel 1 to 16, stride 1 to 4, channels up to 256 times
/// the channels in parallel) and 1.4 (weights of one output within 2048 words of the buffer); those of isa1 are from
/// the tables for Vitis AI 3.5 (stride up to 8; depthwise kernels, pools and their strides up to 256; padding up to
/// 15). A depthwise kernel must fit its buffer: height · width · ceil(C / 16) <= 2048, isa0 only. Batch norm is free
/// behind a convolution, activations are so behind what may carry them. Checked against documents, not against a
/// compiler.
/// @throws as infer_shapes.
[[nodiscard]] std::vector<DpuViolation> check_dpu(const Graph& graph, const Shape& input, const DpuTarget& target);

}  // namespace hwprof

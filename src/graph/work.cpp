// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/kinds.hpp"
#include "hwprof/graph.hpp"

namespace hwprof {
namespace {

constexpr double bytes_per_value = 4;

double elements(const Shape& shape) noexcept {
  double product = 1;
  for (const auto extent : shape) product *= static_cast<double>(extent);
  return product;
}

/// Values of the input that a pad op copies; it drops what it crops.
double kept_by_pad(const Op& op, const Shape& input) noexcept {
  double kept = static_cast<double>(input[0]) * static_cast<double>(input[1]);
  for (std::size_t axis = 0; axis < 2; ++axis)
    kept *= static_cast<double>(input[axis + 2] + std::min(op.pad[axis], 0) + std::min(op.pad[axis + 2], 0));
  return kept;
}

Work work_of(const Op& op, const std::vector<Shape>& shapes, const Shape& out) {
  Work work;
  if (graph::only_renames(op.kind)) return work;
  const auto input = [&](std::size_t i) -> const Shape& { return shapes[static_cast<std::size_t>(op.inputs[i])]; };
  double read = 0;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) read += elements(input(i));
  double values = 0;  // weights, statistics of batch norm included

  if (op.kind == OpKind::conv2d || op.kind == OpKind::linear) {
    const double window = static_cast<double>(op.kernel[0]) * static_cast<double>(op.kernel[1]);
    const double per_output = op.kind == OpKind::linear ? static_cast<double>(input(0)[1])
                                                        : static_cast<double>(input(0)[1] / op.groups) * window;
    work.macs = elements(out) * per_output;
    work.params = static_cast<double>(op.out_channels) * (per_output + (op.bias ? 1 : 0));
    values = work.params;
  } else if (op.kind == OpKind::batch_norm) {
    const auto channels = static_cast<double>(out[1]);
    work.params = op.affine ? 2 * channels : 0;
    values = work.params + 2 * channels;
  } else if (op.kind == OpKind::split) {
    read = elements(out);
  } else if (op.kind == OpKind::pad) {
    read = kept_by_pad(op, input(0));
  }
  work.weight_bytes = bytes_per_value * values;
  work.input_bytes = bytes_per_value * read;
  work.output_bytes = bytes_per_value * elements(out);
  return work;
}

}  // namespace

double Work::intensity() const noexcept {
  const double bytes = weight_bytes + input_bytes + output_bytes;
  return bytes > 0 ? 2 * macs / bytes : 0;
}

Work operator+(const Work& a, const Work& b) noexcept {
  return {a.macs + b.macs, a.params + b.params, a.weight_bytes + b.weight_bytes, a.input_bytes + b.input_bytes,
          a.output_bytes + b.output_bytes};
}

std::vector<Work> count_work(const Graph& graph, const Shape& input) {
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  std::vector<Work> out;
  out.reserve(shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) out.push_back(work_of(graph.ops[i], shapes, shapes[i]));
  return out;
}

}  // namespace hwprof

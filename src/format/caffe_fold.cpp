// SPDX-License-Identifier: Apache-2.0
#include "format/caffe_fold.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

using Floats = std::vector<float>;

std::shared_ptr<const Floats> keep(Floats values) {
  return std::make_shared<const Floats>(std::move(values));
}

/// conv, bn => conv with a bias: w s, (b - mean) s + shift with s = scale / sqrt(variance + epsilon).
void fold(Op& conv, const Op& norm) {
  const auto channels = static_cast<std::size_t>(conv.out_channels);
  const std::size_t statistics = norm.affine ? 2 : 0;
  Floats weights = *conv.weights[0];
  Floats bias(channels, 0);
  const std::size_t per_channel = weights.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>((*norm.weights[statistics])[c]);
    const double variance = static_cast<double>((*norm.weights[statistics + 1])[c]);
    const double gain = norm.affine ? static_cast<double>((*norm.weights[0])[c]) : 1;
    const double shift = norm.affine ? static_cast<double>((*norm.weights[1])[c]) : 0;
    const double factor = gain / std::sqrt(variance + norm.value);
    for (std::size_t k = c * per_channel; k < (c + 1) * per_channel; ++k)
      weights[k] = static_cast<float>(static_cast<double>(weights[k]) * factor);
    const double before = conv.bias ? static_cast<double>((*conv.weights[1])[c]) : 0;
    bias[c] = static_cast<float>((before - mean) * factor + shift);
  }
  conv.bias = true;
  conv.weights = {keep(std::move(weights)), keep(std::move(bias))};
}

}  // namespace

Graph fold_batch_norms(const Graph& graph) {
  std::vector<int> readers(graph.ops.size(), 0);
  for (const Op& op : graph.ops)
    for (const int from : op.inputs) ++readers[static_cast<std::size_t>(from)];
  for (const int output : graph.outputs) ++readers[static_cast<std::size_t>(output)];
  Graph out;
  out.name = graph.name;
  std::vector<int> now(graph.ops.size(), 0);
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    Op op = graph.ops[i];
    if (op.kind == OpKind::batch_norm) {
      const auto from = static_cast<std::size_t>(op.inputs[0]);
      Op& before = out.ops[static_cast<std::size_t>(now[from])];
      const bool linear = before.kind == OpKind::conv2d || before.kind == OpKind::linear;
      if (linear && graph.ops[from].kind == before.kind && readers[from] == 1) {
        fold(before, op);
        now[i] = now[from];
        continue;
      }
    }
    for (int& input : op.inputs) input = now[static_cast<std::size_t>(input)];
    now[i] = static_cast<int>(out.ops.size());
    out.ops.push_back(std::move(op));
  }
  for (const int output : graph.outputs) out.outputs.push_back(now[static_cast<std::size_t>(output)]);
  return out;
}

double image_scale(const CaffeImages& images, std::int64_t channels) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c)
    if (!std::isfinite(images.mean[c]) || !std::isfinite(images.deviation[c]) || !(images.deviation[c] > 0))
      throw Error(Fault::usage, "calibration images: means must be numbers and deviations positive ones");
  if (images.batch < 1) throw Error(Fault::usage, "calibration images: the batch must be positive");
  if (channels == 1) return 1 / images.deviation[0];
  return 3 / (images.deviation[0] + images.deviation[1] + images.deviation[2]);
}

Graph fold_images(Graph graph, const Shape& input, const CaffeImages& images) {
  if (input[1] != 1 && input[1] != 3)
    throw Error(Fault::unsupported, "graph " + base::in_quotes(graph.name) + ": takes " + std::to_string(input[1]) +
                                        " channels; images for calibration have 3, or 1");
  const double scale = image_scale(images, input[1]);
  if (input[1] == 1) return graph;  // one channel has no order, and its deviation is the scale
  constexpr std::size_t channels = 3;
  for (const int output : graph.outputs)
    if (output == 0)
      throw Error(Fault::unsupported,
                  "graph " + base::in_quotes(graph.name) + ": its input is an output, which images would change");
  for (Op& op : graph.ops) {
    if (std::find(op.inputs.begin(), op.inputs.end(), 0) == op.inputs.end()) continue;
    if (op.kind != OpKind::conv2d || op.groups != 1)
      throw Error(Fault::unsupported, "graph " + base::in_quotes(graph.name) + ": op " + base::in_quotes(op.name) +
                                          " (" + to_string(op.kind) + ") reads the input; deviations and the order " +
                                          "of channels go only into a convolution of one group");
    const Floats& old = *op.weights[0];
    Floats weights(old.size());
    const auto area = static_cast<std::size_t>(op.kernel[0]) * static_cast<std::size_t>(op.kernel[1]);
    for (std::size_t o = 0; o < static_cast<std::size_t>(op.out_channels); ++o)
      for (std::size_t c = 0; c < channels; ++c) {
        const double factor = 1 / (images.deviation[c] * scale);
        for (std::size_t k = 0; k < area; ++k)
          weights[(o * channels + channels - 1 - c) * area + k] =
              static_cast<float>(static_cast<double>(old[(o * channels + c) * area + k]) * factor);
      }
    op.weights[0] = keep(std::move(weights));
  }
  return graph;
}

}  // namespace hwprof::format

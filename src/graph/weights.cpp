// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "base/random.hpp"
#include "hwprof/graph.hpp"

namespace hwprof {
namespace {

using Values = std::shared_ptr<const std::vector<float>>;

Values constant(std::int64_t count, float value) {
  return std::make_shared<const std::vector<float>>(static_cast<std::size_t>(count), value);
}

/// Uniform with the variance 2 / fan_in (He et al., 2015).
Values draw(std::int64_t count, double fan_in, std::mt19937_64& rng) {
  const double width = 2 * std::sqrt(6 / fan_in);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>((base::draw_unit(rng) - 0.5) * width);
  return std::make_shared<const std::vector<float>>(std::move(values));
}

std::vector<Values> weights_of(const Op& op, const Shape& input, std::mt19937_64& rng) {
  if (op.kind == OpKind::batch_norm) {
    std::vector<Values> neutral{constant(input[1], 0), constant(input[1], 1)};
    if (op.affine) neutral.insert(neutral.begin(), {constant(input[1], 1), constant(input[1], 0)});
    return neutral;
  }
  if (op.kind != OpKind::conv2d && op.kind != OpKind::linear) return {};
  const std::int64_t fan_in = op.kind == OpKind::linear ? input[1] : input[1] / op.groups * op.kernel[0] * op.kernel[1];
  std::vector<Values> drawn{draw(op.out_channels * fan_in, static_cast<double>(fan_in), rng)};
  if (op.bias) drawn.push_back(constant(op.out_channels, 0));
  return drawn;
}

}  // namespace

Graph with_weights(Graph graph, const Shape& input, std::uint64_t seed) {
  const std::vector<Shape> shapes = infer_shapes(graph, input);
  constexpr std::uint64_t golden = 0x9E3779B97F4A7C15U;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    Op& op = graph.ops[i];
    if (!op.weights.empty() || op.inputs.empty()) continue;
    std::mt19937_64 rng(seed + golden * (i + 1));
    op.weights = weights_of(op, shapes[static_cast<std::size_t>(op.inputs[0])], rng);
  }
  return graph;
}

}  // namespace hwprof

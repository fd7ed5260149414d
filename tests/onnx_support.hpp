// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "hwprof/graph.hpp"

namespace hwprof_test {

/// Weights without a neutral value among them, so that no two of them can be mixed up unseen.
inline hwprof::Graph random_weights(hwprof::Graph graph, const hwprof::Shape& input, std::uint64_t seed = 1) {
  using hwprof::OpKind;
  graph = hwprof::with_weights(std::move(graph), input, seed);
  std::mt19937_64 rng(seed);
  for (auto& op : graph.ops)
    for (std::size_t k = 0; k < op.weights.size(); ++k) {
      const bool norm = op.kind == OpKind::batch_norm;
      if (!norm && k == 0) continue;
      const bool around_one = norm && (k == op.weights.size() - 1 || (op.affine && k == 0));
      std::vector<float> values(op.weights[k]->size());
      for (float& value : values) value = static_cast<float>(hwprof::base::draw_unit(rng) - 0.5 + (around_one ? 1 : 0));
      op.weights[k] = std::make_shared<const std::vector<float>>(std::move(values));
    }
  return graph;
}

/// The first difference in words; empty when there is none.
inline std::string difference(const hwprof::Graph& a, const hwprof::Graph& b) {
  if (a.name != b.name) return "name " + a.name + " / " + b.name;
  if (a.outputs != b.outputs) return "outputs";
  if (a.ops.size() != b.ops.size())
    return "number of ops " + std::to_string(a.ops.size()) + " / " + std::to_string(b.ops.size());
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const hwprof::Op& x = a.ops[i];
    const hwprof::Op& y = b.ops[i];
    const std::string op = "op " + std::to_string(i) + " " + x.name + ": ";
    if (x.name != y.name) return op + "name is " + y.name;
    if (x.kind != y.kind) return op + "kind " + to_string(x.kind) + " / " + to_string(y.kind);
    if (x.inputs != y.inputs) return op + "inputs";
    if (x.out_channels != y.out_channels || x.first_channel != y.first_channel || x.groups != y.groups)
      return op + "channels";
    if (x.kernel != y.kernel || x.stride != y.stride || x.dilation != y.dilation || x.pad != y.pad)
      return op + "window";
    if (x.bias != y.bias || x.affine != y.affine || x.ceil_mode != y.ceil_mode ||
        x.count_include_pad != y.count_include_pad)
      return op + "flags";
    if (x.value != y.value) return op + "value " + std::to_string(x.value) + " / " + std::to_string(y.value);
    if (x.shape != y.shape) return op + "shape";
    if (x.weights.size() != y.weights.size()) return op + "number of weights";
    for (std::size_t k = 0; k < x.weights.size(); ++k)
      if (*x.weights[k] != *y.weights[k]) return op + "weights " + std::to_string(k);
  }
  return {};
}

}  // namespace hwprof_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hwprof/fingerprint.hpp"

namespace hwprof::fingerprint {

/// An op with what its costs follow from.
struct OpView {
  const Op& op;
  const Work& work;
  const Shape& in;  ///< of its first input; its own for the input
  const Shape& out;
  bool needs_gradient = false;  ///< of its inputs: the backward pass goes on from here
};

/// A convolution or linear layer as the formulas see it.
struct ConvShape {
  double batch = 1, in = 1, out = 1, groups = 1;                 ///< channels C, O; g
  double kernel[2] = {1, 1}, size[2] = {1, 1}, map[2] = {1, 1};  ///< k; n, input; m, output
};

/// Names, or values, in one order: what a feature is called stands where it is computed.
class Sink {
 public:
  explicit Sink(std::vector<std::string>* names, std::vector<double>* values) : names_(names), values_(values) {}
  void operator()(const char* name, double value) {
    if (names_ != nullptr) names_->emplace_back(name);
    if (values_ != nullptr) values_->push_back(value);
  }

 private:
  std::vector<std::string>* names_;
  std::vector<double>* values_;
};

/// perf4sight's features of one convolution (docs/fingerprint.md has the table).
void perf4sight_features(const ConvShape& conv, Stage stage, Sink& sink);

/// Features that tell apart what kernels of libraries take time for (docs/fingerprint.md has the table).
void kernel_features(const OpView& view, Stage stage, Sink& sink);

/// How many of the features of a stage are perf4sight's; they come first.
[[nodiscard]] std::size_t perf4sight_count(Stage stage);

/// Bytes of activations, by following what lives when. All for the batch of input.
struct Liveness {
  double peak = 0;     ///< the most at any time; the input and, in training, gradients of activations included
  double saved = 0;    ///< training: what the forward pass keeps for the backward pass, the input included
  double largest = 0;  ///< one value
  double step = 0;     ///< training: the peak with the gradients of weights, each from when it is computed
};
/// shapes, work: infer_shapes, count_work of the graph and input. Views (identity, flatten, reshape, split) share what
/// they look at; in inference an activation overwrites an input that nothing else reads. inner: layers with weights
/// come before the graph, so that its input has a gradient.
[[nodiscard]] Liveness follow(const Graph& graph, const std::vector<Shape>& shapes, const std::vector<Work>& work,
                              Stage stage, bool inner);

}  // namespace hwprof::fingerprint

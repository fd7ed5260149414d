// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/json.hpp"

namespace hwprof::model {

/// y = weight·x + bias; weight: outputs x inputs, row-major.
struct Dense {
  std::size_t inputs = 0, outputs = 0;
  std::vector<double> weight, bias;
};

/// One layer (S. Hochreiter and J. Schmidhuber, Neural Computation 9(8), 1997), with PyTorch's gates in PyTorch's
/// order: input, forget, cell, output, `hidden` rows each.
struct Lstm {
  std::size_t inputs = 0, hidden = 0;
  std::vector<double> from_input, from_hidden, bias;  ///< 4 hidden x inputs, 4 hidden x hidden, 4 hidden
};

/// A small network with one output: dense layers with ReLU between them, or an LSTM and dense layers on its last
/// state. Trained elsewhere, see trainer.hpp.
struct NeuralNet {
  static constexpr std::size_t most_width = 512;  ///< of a layer's output
  static constexpr std::size_t most_inputs = 4096;
  static constexpr std::size_t most_layers = 8;

  std::optional<Lstm> lstm;
  std::vector<Dense> dense;  ///< at least one; the last has one output

  [[nodiscard]] std::size_t inputs() const noexcept { return lstm ? lstm->inputs : dense.front().inputs; }
};

[[nodiscard]] base::Json to_json(const NeuralNet& net);
/// @throws Error(Fault::input) with the place, for sizes that do not fit or pass the limits and for numbers that are
/// not finite or beyond 1e6.
[[nodiscard]] NeuralNet neural_net_from_json(const base::JsonReader& json);

/// One evaluation of the dense layers, the inputs given one by one, so that none have to be kept. Nothing is
/// allocated: the layers' values lie in the object.
class DensePass {
 public:
  explicit DensePass(const NeuralNet& net) noexcept;
  void add(std::size_t input, double value) noexcept;  ///< inputs that are not given are 0
  [[nodiscard]] double finish() noexcept;

 private:
  const NeuralNet& net_;
  std::array<double, NeuralNet::most_width> values_, next_;
};

/// One evaluation of the LSTM and what is behind it.
class LstmPass {
 public:
  explicit LstmPass(const NeuralNet& net) noexcept;
  void step(const double* input) noexcept;
  [[nodiscard]] double finish() noexcept;

 private:
  const NeuralNet& net_;
  std::array<double, NeuralNet::most_width> hidden_{}, cell_{};
};

}  // namespace hwprof::model

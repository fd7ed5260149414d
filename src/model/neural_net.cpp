// SPDX-License-Identifier: Apache-2.0
#include "model/neural_net.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace hwprof::model {
namespace {

using base::Json;
using base::JsonReader;

constexpr double largest = 1e6;

Json rows_to_json(const std::vector<double>& matrix, std::size_t columns) {
  Json rows = Json::array();
  for (std::size_t at = 0; at < matrix.size(); at += columns)
    rows.push_back(std::vector<double>(matrix.begin() + static_cast<std::ptrdiff_t>(at),
                                       matrix.begin() + static_cast<std::ptrdiff_t>(at + columns)));
  return rows;
}

std::vector<double> read_numbers(const JsonReader& json, std::size_t count) {
  auto numbers = json.numbers();
  if (numbers.size() != count)
    json.fail(std::to_string(count) + " numbers are expected, found " + std::to_string(numbers.size()));
  for (const double number : numbers)
    if (!(std::abs(number) <= largest)) json.fail("numbers from -1e6 to 1e6 are expected");
  return numbers;
}

std::vector<double> read_matrix(const JsonReader& json, std::size_t rows, std::size_t columns) {
  const auto list = json.list();
  if (list.size() != rows) json.fail(std::to_string(rows) + " rows are expected, found " + std::to_string(list.size()));
  std::vector<double> out;
  for (const auto& row : list) {
    const auto numbers = read_numbers(row, columns);
    out.insert(out.end(), numbers.begin(), numbers.end());
  }
  return out;
}

std::size_t size_of(const JsonReader& json, std::size_t most) {
  return static_cast<std::size_t>(json.integer(1, static_cast<std::int64_t>(most)));
}

double sigmoid(double x) noexcept {
  return 1 / (1 + std::exp(-x));
}

double dot(const double* a, const double* b, std::size_t n) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// The dense layers from `first` on; values hold the input of that one, and are overwritten.
double run_dense(const NeuralNet& net, std::size_t first, double* values, double* next) noexcept {
  for (std::size_t layer = first; layer < net.dense.size(); ++layer) {
    const Dense& dense = net.dense[layer];
    for (std::size_t row = 0; row < dense.outputs; ++row)
      next[row] = dense.bias[row] + dot(&dense.weight[row * dense.inputs], values, dense.inputs);
    if (layer + 1 < net.dense.size())
      for (std::size_t row = 0; row < dense.outputs; ++row) next[row] = std::max(next[row], 0.0);
    std::swap(values, next);
  }
  return values[0];
}

}  // namespace

Json to_json(const NeuralNet& net) {
  Json out = Json::object();
  if (net.lstm) {
    auto& lstm = out["lstm"] = Json::object();
    lstm["inputs"] = net.lstm->inputs;
    lstm["hidden"] = net.lstm->hidden;
    lstm["from_input"] = rows_to_json(net.lstm->from_input, net.lstm->inputs);
    lstm["from_hidden"] = rows_to_json(net.lstm->from_hidden, net.lstm->hidden);
    lstm["bias"] = net.lstm->bias;
  }
  auto& layers = out["dense"] = Json::array();
  for (const auto& dense : net.dense) {
    Json layer = Json::object();
    layer["inputs"] = dense.inputs;
    layer["outputs"] = dense.outputs;
    layer["weight"] = rows_to_json(dense.weight, dense.inputs);
    layer["bias"] = dense.bias;
    layers.push_back(std::move(layer));
  }
  return out;
}

NeuralNet neural_net_from_json(const JsonReader& json) {
  json.only({"lstm", "dense"});
  NeuralNet net;
  std::size_t inputs = 0;
  if (json.has("lstm")) {
    const auto one = json["lstm"];
    one.only({"inputs", "hidden", "from_input", "from_hidden", "bias"});
    Lstm lstm;
    lstm.inputs = size_of(one["inputs"], NeuralNet::most_width);
    lstm.hidden = inputs = size_of(one["hidden"], NeuralNet::most_width);
    lstm.from_input = read_matrix(one["from_input"], 4 * lstm.hidden, lstm.inputs);
    lstm.from_hidden = read_matrix(one["from_hidden"], 4 * lstm.hidden, lstm.hidden);
    lstm.bias = read_numbers(one["bias"], 4 * lstm.hidden);
    net.lstm = std::move(lstm);
  }
  const auto layers = json["dense"].list();
  if (layers.empty() || layers.size() > NeuralNet::most_layers)
    json["dense"].fail("1 to " + std::to_string(NeuralNet::most_layers) + " layers are expected, found " +
                       std::to_string(layers.size()));
  for (const auto& layer : layers) {
    layer.only({"inputs", "outputs", "weight", "bias"});
    Dense dense;
    dense.inputs = size_of(layer["inputs"], NeuralNet::most_inputs);
    dense.outputs = size_of(layer["outputs"], NeuralNet::most_width);
    if (inputs != 0 && dense.inputs != inputs)
      layer["inputs"].fail(std::to_string(inputs) + " is expected, as many as there are before it");
    dense.weight = read_matrix(layer["weight"], dense.outputs, dense.inputs);
    dense.bias = read_numbers(layer["bias"], dense.outputs);
    inputs = dense.outputs;
    net.dense.push_back(std::move(dense));
  }
  if (inputs != 1) layers.back()["outputs"].fail("the last layer has one output");
  return net;
}

DensePass::DensePass(const NeuralNet& net) noexcept : net_(net) {
  std::copy(net.dense.front().bias.begin(), net.dense.front().bias.end(), values_.begin());
}

void DensePass::add(std::size_t input, double value) noexcept {
  const Dense& dense = net_.dense.front();
  for (std::size_t row = 0; row < dense.outputs; ++row)
    values_[row] += dense.weight[row * dense.inputs + input] * value;
}

double DensePass::finish() noexcept {
  const Dense& first = net_.dense.front();
  if (net_.dense.size() > 1)
    for (std::size_t row = 0; row < first.outputs; ++row) values_[row] = std::max(values_[row], 0.0);
  return run_dense(net_, 1, values_.data(), next_.data());
}

LstmPass::LstmPass(const NeuralNet& net) noexcept : net_(net) {}

void LstmPass::step(const double* input) noexcept {
  const Lstm& lstm = *net_.lstm;
  const std::size_t n = lstm.hidden;
  std::array<double, NeuralNet::most_width> next;
  const auto gate = [&](std::size_t row) {
    return lstm.bias[row] + dot(&lstm.from_input[row * lstm.inputs], input, lstm.inputs) +
           dot(&lstm.from_hidden[row * n], hidden_.data(), n);
  };
  for (std::size_t i = 0; i < n; ++i) {
    cell_[i] = sigmoid(gate(n + i)) * cell_[i] + sigmoid(gate(i)) * std::tanh(gate(2 * n + i));
    next[i] = sigmoid(gate(3 * n + i)) * std::tanh(cell_[i]);
  }
  std::copy(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(n), hidden_.begin());
}

double LstmPass::finish() noexcept {
  return run_dense(net_, 0, hidden_.data(), cell_.data());
}

}  // namespace hwprof::model

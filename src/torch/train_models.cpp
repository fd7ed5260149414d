// SPDX-License-Identifier: Apache-2.0
// Trains the neural networks of the kinds "mlp" and "lstm". They are small, so one thread in single precision.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "base/random.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "model/trainer.hpp"
#include "torch/setup.hpp"

namespace hwprof {
namespace {

using model::Dense;
using model::Lstm;
using model::NeuralNet;
using model::Trained;
using model::TrainingSet;
using torch::Tensor;

constexpr double held_out_share = 0.2;
constexpr std::size_t least_held_out = 2;
constexpr std::size_t batch_size = 128;  ///< more examples are taken in parts of so many
constexpr double weight_decay = 1e-4;

/// How long and how fast; an LSTM's epoch takes some ten times as long.
struct Pace {
  double rate;
  std::size_t epochs, patience;
};
constexpr Pace dense_pace{2e-3, 600, 80};
constexpr Pace lstm_pace{5e-3, 300, 40};

/// One intra-op thread and one of the BLAS, so that sums are always made in the same order; over matrices as small as
/// these, more would but wait for each other.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()), blas_before_(blas_threads()) {
    at::set_num_threads(1);
    set_blas_threads(1);
  }
  ~OneThread() {
    at::set_num_threads(before_);
    set_blas_threads(blas_before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_, blas_before_;
};

/// Uniform within 1 / sqrt(fan_in), PyTorch's own choice for these layers, but from our generator.
Tensor drawn(std::mt19937_64& rng, std::vector<std::int64_t> shape, std::size_t fan_in) {
  Tensor out = torch::empty(shape, torch::kFloat);
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  float* const values = out.data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) values[i] = static_cast<float>(bound * (2 * base::draw_unit(rng) - 1));
  return out.set_requires_grad(true);
}

std::int64_t signed_size(std::size_t n) {
  return static_cast<std::int64_t>(n);
}

std::vector<double> numbers_of(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// Examples as tensors: rows n x inputs, or n x steps x inputs with the number of each example's last step.
struct Examples {
  Tensor rows, last, targets, weights;

  [[nodiscard]] Examples part(const Tensor& which) const {
    return {rows.index_select(0, which), last.index_select(0, which), targets.index_select(0, which),
            weights.index_select(0, which)};
  }
};

Examples examples_of(const TrainingSet& set) {
  const std::size_t n = set.rows.size();
  std::size_t longest = set.inputs;
  for (const auto& row : set.rows) longest = std::max(longest, row.size());
  Examples out{torch::zeros({signed_size(n), signed_size(longest)}), torch::zeros({signed_size(n)}, torch::kLong),
               torch::zeros({signed_size(n)}), torch::zeros({signed_size(n)})};
  for (std::size_t i = 0; i < n; ++i) {
    float* const values = out.rows[signed_size(i)].data_ptr<float>();
    for (std::size_t k = 0; k < set.rows[i].size(); ++k) values[k] = static_cast<float>(set.rows[i][k]);
    out.last.data_ptr<std::int64_t>()[i] = signed_size(set.rows[i].size() / set.inputs) - 1;
    out.targets.data_ptr<float>()[i] = static_cast<float>(set.targets[i]);
    out.weights.data_ptr<float>()[i] = static_cast<float>(set.weights[i]);
  }
  if (set.recurrent) out.rows = out.rows.view({signed_size(n), -1, signed_size(set.inputs)});
  return out;
}

/// The parameters: of the LSTM (four), then weight and bias of each dense layer.
class Network {
 public:
  explicit Network(const TrainingSet& set) : set_(set), rng_(set.seed + 0x5eed) {
    std::size_t inputs = set.inputs;
    if (set.recurrent) {
      const std::size_t hidden = set.hidden.front();
      const std::int64_t gates = signed_size(4 * hidden);
      parameters_ = {drawn(rng_, {gates, signed_size(inputs)}, hidden),
                     drawn(rng_, {gates, signed_size(hidden)}, hidden), drawn(rng_, {gates}, hidden),
                     drawn(rng_, {gates}, hidden)};
      inputs = hidden;
    }
    std::vector<std::size_t> outputs = set.recurrent ? std::vector<std::size_t>{} : set.hidden;
    outputs.push_back(1);
    for (const std::size_t width : outputs) {
      parameters_.push_back(drawn(rng_, {signed_size(width), signed_size(inputs)}, inputs));
      parameters_.push_back(drawn(rng_, {signed_size(width)}, inputs));
      inputs = width;
    }
  }

  [[nodiscard]] Tensor forward(const Examples& examples) const {
    Tensor x = examples.rows;
    std::size_t next = 0;
    if (set_.recurrent) {
      const Tensor state = torch::zeros({1, x.size(0), signed_size(set_.hidden.front())});
      const std::vector<Tensor> lstm(parameters_.begin(), parameters_.begin() + 4);
      const Tensor all = std::get<0>(torch::lstm(x, {state, state}, lstm, true, 1, 0.0, true, false, true));
      const Tensor last = examples.last.view({-1, 1, 1}).expand({-1, 1, all.size(2)});
      x = all.gather(1, last).squeeze(1);
      next = 4;
    }
    for (; next < parameters_.size(); next += 2) {
      x = torch::linear(x, parameters_[next], parameters_[next + 1]);
      if (next + 2 < parameters_.size()) x = torch::relu(x);
    }
    return x.squeeze(1);
  }

  [[nodiscard]] Tensor loss(const Examples& examples) const {
    const Tensor error = forward(examples) - examples.targets;
    return (examples.weights * error * error).sum() / examples.weights.sum();
  }

  [[nodiscard]] NeuralNet result() const {
    NeuralNet net;
    std::size_t next = 0;
    std::size_t inputs = set_.inputs;
    if (set_.recurrent) {
      const std::size_t hidden = set_.hidden.front();
      net.lstm = Lstm{inputs, hidden, numbers_of(parameters_[0]), numbers_of(parameters_[1]),
                      numbers_of(parameters_[2].to(torch::kDouble) + parameters_[3].to(torch::kDouble))};
      inputs = hidden;
      next = 4;
    }
    for (; next < parameters_.size(); next += 2) {
      const auto outputs = static_cast<std::size_t>(parameters_[next].size(0));
      net.dense.push_back({inputs, outputs, numbers_of(parameters_[next]), numbers_of(parameters_[next + 1])});
      inputs = outputs;
    }
    return net;
  }

  [[nodiscard]] std::vector<Tensor>& parameters() noexcept { return parameters_; }
  [[nodiscard]] std::mt19937_64& rng() noexcept { return rng_; }

 private:
  const TrainingSet& set_;
  std::mt19937_64 rng_;
  std::vector<Tensor> parameters_;
};

std::vector<std::int64_t> shuffled(std::vector<std::int64_t> numbers, std::mt19937_64& rng) {
  for (std::size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[base::draw_below(rng, i)]);
  return numbers;
}

/// One pass over the examples in parts.
void train_epoch(Network& network, torch::optim::Adam& optimizer, const Examples& examples) {
  const auto n = static_cast<std::size_t>(examples.targets.size(0));
  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (n > batch_size) order = shuffled(std::move(order), network.rng());
  for (std::size_t at = 0; at < n; at += batch_size) {
    const std::size_t size = std::min(batch_size, n - at);
    const auto which = torch::tensor(std::vector<std::int64_t>(order.begin() + static_cast<std::ptrdiff_t>(at),
                                                               order.begin() + static_cast<std::ptrdiff_t>(at + size)));
    optimizer.zero_grad();
    network.loss(n > batch_size ? examples.part(which) : examples).backward();
    torch::nn::utils::clip_grad_norm_(network.parameters(), 1.0);
    optimizer.step();
  }
}

/// Puts those first that decide when to stop, a fifth of the examples or more, and says how many they are: whole
/// networks, since what was trained on another record of a network says nothing of others. One at least is left.
std::size_t hold_out(const TrainingSet& set, std::vector<std::int64_t>& order) {
  const auto wanted =
      std::max(least_held_out, static_cast<std::size_t>(held_out_share * static_cast<double>(order.size())));
  if (set.networks.empty()) return wanted;
  const auto network = [&set](std::int64_t example) { return set.networks[static_cast<std::size_t>(example)]; };
  std::set<std::size_t> taken;
  std::size_t count = 0;
  for (const std::int64_t first : order) {
    if (count >= wanted) break;
    if (taken.count(network(first)) != 0) continue;
    const auto same = std::count(set.networks.begin(), set.networks.end(), network(first));
    if (count + static_cast<std::size_t>(same) >= order.size()) continue;
    taken.insert(network(first));
    count += static_cast<std::size_t>(same);
  }
  if (taken.empty()) return wanted;  // all are of one network
  std::stable_partition(order.begin(), order.end(), [&](std::int64_t each) { return taken.count(network(each)) != 0; });
  return count;
}

Trained train(const TrainingSet& set) {
  const OneThread one_thread;
  const torch::AutoGradMode with_gradients(true);
  Network network(set);
  const Pace pace = set.recurrent ? lstm_pace : dense_pace;
  const Examples all = examples_of(set);
  std::vector<std::int64_t> order(set.rows.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  order = shuffled(std::move(order), network.rng());
  Trained out;
  out.held_out = hold_out(set, order);
  const auto split = order.begin() + static_cast<std::ptrdiff_t>(out.held_out);
  const Examples held_out = all.part(torch::tensor(std::vector<std::int64_t>(order.begin(), split)));
  const Examples rest = all.part(torch::tensor(std::vector<std::int64_t>(split, order.end())));

  torch::optim::Adam optimizer(network.parameters(), torch::optim::AdamOptions(pace.rate).weight_decay(weight_decay));
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t epoch = 1; epoch <= pace.epochs && epoch <= out.epochs + pace.patience; ++epoch) {
    train_epoch(network, optimizer, rest);
    const torch::NoGradGuard no_gradients;
    const double error = network.loss(held_out).item<double>();
    if (!(error < best)) continue;
    best = error;
    out.net = network.result();
    out.epochs = epoch;
  }
  if (out.epochs == 0) throw Error(Fault::unsupported, "training diverged: no epoch had a finite error");
  out.held_out_error = best;
  return out;
}

}  // namespace

void register_torch_models() {
  model::register_trainer(train);
}

}  // namespace hwprof

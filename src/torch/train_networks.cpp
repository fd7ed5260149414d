// SPDX-License-Identifier: Apache-2.0
// The trainer of training.hpp: SGD on one thread in single precision, all that is drawn from our own generator.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "hwprof/training.hpp"
#include "torch/online_compiler.hpp"
#include "torch/run_op.hpp"
#include "torch/setup.hpp"
#include "torch/state.hpp"
#include "torch/translate.hpp"

namespace hwprof {
namespace {

using torch::Tensor;

constexpr std::size_t judged_at_once = 500;  ///< images in a forward without gradients
constexpr double pi = 3.14159265358979323846;
constexpr std::uint64_t max_partial_bytes = std::uint64_t{1} << 34;

/// What an op's tensors are called behind its name, in the order of Op::weights.
constexpr std::array parts{".weight", ".bias", ".running_mean", ".running_var"};

/// Parameters and running statistics by name.
std::map<std::string, Tensor> tensors_of(const torch::nn::Module& module) {
  std::map<std::string, Tensor> tensors;
  for (const auto& item : module.named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) tensors[item.key()] = item.value();
  return tensors;
}

/// A generator for one epoch of one network, whatever was drawn before it.
std::mt19937_64 generator(std::uint64_t seed, std::uint64_t epoch) {
  std::uint64_t state = seed + (epoch + 1) * 0x9e3779b97f4a7c15U;
  state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9U;
  state = (state ^ state >> 27) * 0x94d049bb133111ebU;
  return std::mt19937_64(state ^ state >> 31);
}

/// Images of some indices as a network takes them, and their classes.
struct Batch {
  Tensor x, y;
};
Batch batch_of(const DataSet& data, const ImageSet& images, const std::uint32_t* indices, std::size_t n,
               const Augmentation& augmentation, std::mt19937_64& rng, torch::Device device) {
  const auto count = static_cast<std::int64_t>(n);
  const Tensor x = torch::empty({count, images.channels, images.size, images.size});
  fill_batch(data, images, indices, n, augmentation, rng, x.data_ptr<float>());
  const Tensor y = torch::empty({count}, torch::kLong);
  for (std::size_t i = 0; i < n; ++i) y.data_ptr<std::int64_t>()[i] = images.labels[indices[i]];
  return {x.to(device), y.to(device)};
}

std::size_t count_right(GraphModule& module, const DataSet& data, const ImageSet& images,
                        const std::vector<std::uint32_t>& indices, torch::Device device) {
  const torch::NoGradGuard no_gradients;
  const bool training = module.is_training();
  module.eval();
  std::mt19937_64 unused;
  std::size_t right = 0;
  for (std::size_t first = 0; first < indices.size(); first += judged_at_once) {
    const std::size_t n = std::min(judged_at_once, indices.size() - first);
    const Batch batch = batch_of(data, images, indices.data() + first, n, {}, unused, device);
    const Tensor guess = module.forward(batch.x).flatten(1).argmax(1);
    right += static_cast<std::size_t>(guess.eq(batch.y).sum().item<std::int64_t>());
  }
  module.train(training);
  return right;
}

/// What is kept behind an epoch: weights, momenta, the curve so far.
class Partial {
 public:
  explicit Partial(std::string file) : file_(std::move(file)) {}

  void save(const GraphModule& module, const torch::optim::SGD& sgd, const std::vector<Epoch>& curve) const {
    base::Json rows = base::Json::array();
    for (const auto& epoch : curve) rows.push_back({epoch.loss, epoch.accuracy, epoch.last_rate, epoch.seconds});
    torch::serialize::OutputArchive root, net(root.compilation_unit()), momenta(root.compilation_unit());
    module.save(net);
    sgd.save(momenta);
    root.write("net", net);
    root.write("momenta", momenta);
    root.write("curve", c10::IValue(rows.dump()));
    std::ostringstream bytes;
    root.save_to(bytes);
    base::write_file(file_, bytes.str());
  }

  /// Epochs that are over; nothing is loaded when there are none. A damaged file cannot come from a kill, since files
  /// appear by rename.
  std::vector<Epoch> load(GraphModule& module, torch::optim::SGD& sgd, torch::Device device) const {
    std::vector<Epoch> curve;
    if (file_.empty() || !base::exists(file_)) return curve;
    try {
      std::istringstream bytes(base::read_file(file_, max_partial_bytes));
      torch::serialize::InputArchive root, net, momenta;
      root.load_from(bytes, device);
      root.read("net", net);
      root.read("momenta", momenta);
      module.load(net);
      sgd.load(momenta);
      c10::IValue text;
      root.read("curve", text);
      for (const auto& row : base::JsonReader::parse(text.toStringRef(), file_).list()) {
        const auto numbers = row.numbers();
        if (numbers.size() != 4) row.fail("4 numbers are expected");
        curve.push_back({numbers[0], numbers[1], numbers[2], numbers[3]});
      }
    } catch (const c10::Error&) {
      throw Error(Fault::input, file_ + ": is damaged; move it away to train this network from its beginning");
    }
    return curve;
  }

 private:
  std::string file_;
};

class TorchTrainer : public NetworkTrainer {
 public:
  explicit TorchTrainer(torch::Device device) : device_(device) {
    if (device_.is_cuda() && !torch::cuda::is_available())
      throw Error(Fault::unsupported, "device " + device_.str() + ": libtorch has no CUDA here");
    set_blas_threads(1);
  }

  [[nodiscard]] std::string device() const override { return device_.str(); }
  [[nodiscard]] bool parallel() const override { return device_.is_cpu(); }

  TrainedNet train(const TrainJob& job) override {
    TrainedNet out;
    translated("training " + base::in_quotes(job.graph.name), [&] { out = trained(job); });
    return out;
  }

  std::size_t count_right(const Graph& graph, const Shape& input, const std::string& checkpoint, const DataSet& data,
                          const ImageSet& images, const std::vector<std::uint32_t>& indices) override {
    std::size_t right = 0;
    translated("judging " + base::in_quotes(graph.name), [&] {
      at::set_num_threads(1);
      GraphModule module(graph, input);
      module.to(device_);
      load_state_dict(module, checkpoint);
      right = hwprof::count_right(module, data, images, indices, device_);
    });
    return right;
  }

  Graph with_checkpoint(const Graph& graph, const Shape& input, const std::string& checkpoint) override;

  ProxyScores score(const Graph& graph, const Shape& input, std::uint64_t seed) override;

 private:
  TrainedNet trained(const TrainJob& job) const;
  double learn(const TrainJob& job, GraphModule& module, torch::optim::SGD& sgd, int epoch, double& rate) const;

  torch::Device device_;
};

/// One epoch; the mean of the loss over its steps.
double TorchTrainer::learn(const TrainJob& job, GraphModule& module, torch::optim::SGD& sgd, int epoch,
                           double& rate) const {
  const TrainSettings& settings = *job.settings;
  auto rng = generator(job.seed, static_cast<std::uint64_t>(epoch));
  std::vector<std::uint32_t> order = job.split->train;
  const std::size_t n = settings.images > 0 ? std::min(settings.images, order.size()) : order.size();
  for (std::size_t i = 0; i < n; ++i) std::swap(order[i], order[i + base::draw_below(rng, order.size() - i)]);
  const std::size_t batch = std::min(static_cast<std::size_t>(settings.batch), n), steps = n / batch;
  const auto all = static_cast<double>(job.schedule.epochs) * static_cast<double>(steps);
  const double first = static_cast<double>(epoch) * static_cast<double>(steps);
  module.train();
  double sum = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    if (job.stop && job.stop()) throw Error(Fault::interrupted, "training was stopped on request");
    const double done = all > 1 ? (first + static_cast<double>(step)) / (all - 1) : 0;
    rate = job.schedule.last_rate + (job.schedule.rate - job.schedule.last_rate) * 0.5 * (1 + std::cos(pi * done));
    for (auto& group : sgd.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
    const Batch images =
        batch_of(*job.data, job.data->train, order.data() + step * batch, batch, settings.augmentation, rng, device_);
    sgd.zero_grad();
    const Tensor loss = torch::nn::functional::cross_entropy(module.forward(images.x).flatten(1), images.y);
    loss.backward();
    sgd.step();
    const double value = loss.item<double>();
    if (!std::isfinite(value))
      throw Error(Fault::device, "the loss is no number any more in epoch " + std::to_string(epoch + 1) +
                                     "; a lower learning rate may help");
    sum += value;
    if (job.learned) job.learned(batch);
  }
  return sum / static_cast<double>(steps);
}

TrainedNet TorchTrainer::trained(const TrainJob& job) const {
  using Clock = std::chrono::steady_clock;
  at::set_num_threads(1);  // so that sums are always made in the same order
  if (job.split->train.empty() || job.schedule.epochs < 1)
    throw Error(Fault::usage, "there is nothing to learn: no images, or no epochs");
  GraphModule module(job.graph, job.input, job.seed);
  module.to(device_);
  if (!job.start.empty()) load_state_dict(module, job.start, job.fresh);
  torch::optim::SGD sgd(module.parameters(), torch::optim::SGDOptions(job.schedule.rate)
                                                 .momentum(job.schedule.momentum)
                                                 .weight_decay(job.schedule.weight_decay));
  const Partial partial(job.partial);
  TrainedNet out;
  out.curve = partial.load(module, sgd, device_);
  out.images = job.split->validation.size();
  for (int epoch = static_cast<int>(out.curve.size()); epoch < job.schedule.epochs; ++epoch) {
    const auto begin = Clock::now();
    Epoch row;
    row.loss = learn(job, module, sgd, epoch, row.last_rate);
    out.right = hwprof::count_right(module, *job.data, job.data->train, job.split->validation, device_);
    row.accuracy = static_cast<double>(out.right) / static_cast<double>(out.images);
    row.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    out.curve.push_back(row);
    // The last one as well: the process may end before the checkpoint is there.
    if (!job.partial.empty()) partial.save(module, sgd, out.curve);
  }
  // Nothing was left to do when an earlier call was killed behind its last epoch.
  out.right = static_cast<std::size_t>(std::llround(out.curve.back().accuracy * static_cast<double>(out.images)));
  save_state_dict(module, job.checkpoint);
  return out;
}

Graph TorchTrainer::with_checkpoint(const Graph& graph, const Shape& input, const std::string& checkpoint) {
  Graph out = graph;
  translated("weights of " + base::in_quotes(graph.name), [&] {
    GraphModule module(graph, input);
    load_state_dict(module, checkpoint);
    const auto tensors = tensors_of(module);
    for (Op& op : out.ops) {
      op.weights.clear();
      for (const char* part : parts) {
        const auto found = tensors.find(op.name + part);
        if (found == tensors.end()) continue;
        const Tensor values = found->second.detach().contiguous();
        const float* const first = values.data_ptr<float>();
        op.weights.push_back(std::make_shared<std::vector<float>>(first, first + values.numel()));
      }
    }
  });
  return out;
}

/// Values of all ops, and which of them are activations' outputs.
ProxyScores TorchTrainer::score(const Graph& graph, const Shape& input, std::uint64_t seed) {
  constexpr std::int64_t images = 32;
  ProxyScores scores;
  translated("scoring " + base::in_quotes(graph.name), [&] {
    at::set_num_threads(1);
    GraphModule module(graph, input, seed);
    auto rng = generator(seed, 0);
    Tensor x = torch::empty({images, input[1], input[2], input[3]});
    float* const values = x.data_ptr<float>();
    for (std::int64_t i = 0; i < x.numel(); ++i) {  // Box and Muller
      const double radius = std::sqrt(-2 * std::log(1 - base::draw_unit(rng)));
      values[i] = static_cast<float>(radius * std::cos(2 * pi * base::draw_unit(rng)));
    }
    Tensor y = torch::empty({images}, torch::kLong);
    const auto classes = static_cast<std::size_t>(infer_shapes(graph, input).back()[1]);
    for (std::int64_t i = 0; i < images; ++i)
      y.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(base::draw_below(rng, classes));

    module.train();
    const auto tensors = tensors_of(module);
    std::vector<Tensor> results(graph.ops.size());
    Tensor kernel = torch::zeros({images, images}, torch::kDouble);
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = graph.ops[i];
      if (op.kind == OpKind::input) {
        results[i] = x;
        continue;
      }
      std::vector<Tensor> inputs, weights;
      for (const int from : op.inputs) inputs.push_back(results[static_cast<std::size_t>(from)]);
      for (const char* part : parts)
        if (const auto found = tensors.find(op.name + part); found != tensors.end()) weights.push_back(found->second);
      results[i] = run_op(op, inputs, weights, true, false);
      if (op.kind != OpKind::relu && op.kind != OpKind::relu6) continue;
      const Tensor on = results[i].detach().flatten(1).gt(0).to(torch::kDouble);
      kernel += on.matmul(on.t()) + (1 - on).matmul((1 - on).t());  // how many units two images switch alike
    }
    const Tensor loss = torch::nn::functional::cross_entropy(results.back().flatten(1), y);
    loss.backward();
    double squares = 0;
    for (const auto& parameter : module.parameters())
      if (parameter.grad().defined()) squares += parameter.grad().to(torch::kDouble).square().sum().item<double>();
    scores.grad_norm = std::sqrt(squares);
    scores.naswot = std::get<1>(at::slogdet(kernel)).item<double>();
  });
  return scores;
}

}  // namespace

void register_torch_trainer() {
  register_network_trainer([](const std::string& name) { return std::make_unique<TorchTrainer>(parse_device(name)); });
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "torch/train_subject.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/torch.h>

#include <algorithm>

#include "torch/clock.hpp"
#include "torch/net_subject.hpp"
#include "torch/translate.hpp"

namespace hwprof {
namespace {

constexpr std::size_t phase_marks = 5;  // before and behind each of the four phases
constexpr std::size_t most_steps = 20;  // between two waits, see runs_between_marks()

Shape shape_of(const torch::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3)};
}

/// A class for every image, or for every place of its map.
torch::Tensor draw_labels(const Graph& graph, const torch::Tensor& input, std::uint64_t seed) {
  const Shape out = infer_shapes(graph, shape_of(input))[static_cast<std::size_t>(graph.outputs[0])];
  auto generator = at::detail::createCPUGenerator(seed + 1);
  std::vector<std::int64_t> sizes{out[0]};
  if (out[2] != 1 || out[3] != 1) sizes.insert(sizes.end(), {out[2], out[3]});
  return torch::randint(0, out[1], sizes, generator, torch::TensorOptions(torch::kInt64)).to(input.device());
}

}  // namespace

TrainSubject::TrainSubject(Graph graph, std::vector<int> layers, torch::Tensor input, WeightPool& pool,
                           const TorchOptions& options, std::uint64_t seed)
    : TorchSubject(options.memory_limit_bytes),
      module_(std::move(graph), shape_of(input), pool),
      one_thread_(at::get_num_threads() == 1),
      input_(std::move(input)),
      options_(options) {
  labels_ = draw_labels(module_.graph(), input_, seed);
  if (input_.is_cuda()) layers.assign(layers.size(), -1);
  ends_ = layer_ends(std::move(layers), layers_);
  layers_ = std::max<std::size_t>(layers_, 1);
  module_.train();
  parameters_ = module_.parameters();
  own(module_);
  own(input_);
  own(labels_);
}

TrainSubject::~TrainSubject() = default;

void TrainSubject::forward(double* seconds, bool processor_time) {
  const at::AutoGradMode gradients(true);
  const Limit limit(*this);
  std::fill(seconds, seconds + train_parts(layers_) + 1, 0.0);
  translated("training step of " + module_.graph().name, [&] {
    prepare();
    if (input_.is_cuda())
      step_on_cuda(seconds);
    else
      step_on_cpu(seconds, processor_time && one_thread_ ? processor_time_of_thread : wall_time);
  });
}

void TrainSubject::prepare() {
  if (optimizer_ || parameters_.empty()) return;
  optimizer_ = std::make_unique<torch::optim::SGD>(parameters_, torch::optim::SGDOptions(options_.learning_rate)
                                                                    .momentum(options_.momentum)
                                                                    .weight_decay(options_.weight_decay)
                                                                    .nesterov(options_.nesterov));
}

void TrainSubject::rest() {
  recording_.reset();
  optimizer_.reset();
  drop_gradients();
  if (input_.is_cuda()) cuda::empty_cache();
}

void TrainSubject::drop_gradients() {
  for (auto& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
}

torch::Tensor TrainSubject::loss_of(const torch::Tensor& output) const {
  return at::cross_entropy_loss(labels_.dim() == 1 ? output.flatten(1) : output, labels_);
}

void TrainSubject::step_on_cpu(double* seconds, Clock now) {
  double* const forwards = seconds + 1;
  double& loss_s = seconds[1 + layers_];
  double* const backwards = seconds + 2 + layers_;
  double& optimizer_s = seconds[2 + 2 * layers_];
  const double begin = now();
  double last = begin;
  const auto lap = [&last, now](double& into) {
    const double at = now();
    into += at - last;
    last = at;
  };
  std::size_t current = layers_ - 1;  // whose backward runs
  const auto out = module_.forward(input_, [&](int op, const torch::Tensor& value) {
    const int layer = ends_[static_cast<std::size_t>(op)];
    if (layer < 0) return;
    if (value.requires_grad())
      value.register_hook([&lap, &current, backwards, layer](const torch::Tensor&) {
        lap(backwards[current]);
        current = static_cast<std::size_t>(layer);
      });
    lap(forwards[layer]);
  });
  lap(forwards[layers_ - 1]);
  const auto loss = loss_of(out);
  lap(loss_s);
  drop_gradients();
  if (loss.requires_grad()) loss.backward();
  lap(backwards[current]);
  if (optimizer_) optimizer_->step();
  lap(optimizer_s);
  seconds[0] = last - begin;
  count_runs(1);
}

void TrainSubject::step_on_cuda(double* seconds) {
  const auto step = [this](const std::function<void(std::size_t)>& mark) {
    mark(0);
    const auto out = module_.forward(input_);
    mark(1);
    const auto loss = loss_of(out);
    mark(2);
    drop_gradients();
    if (loss.requires_grad()) loss.backward();
    mark(3);
    if (optimizer_) optimizer_->step();
    mark(4);
  };
  if (!marks_) marks_ = std::make_unique<cuda::Marks>(most_steps * phase_marks);
  if (options_.cuda_graph && !recording_)
    recording_ = std::make_unique<cuda::Recording>(input_.device(), [&step] { step([](std::size_t) {}); });
  const auto times = static_cast<std::size_t>(times_);
  torch::cuda::synchronize(input_.device().index());
  for (std::size_t turn = 0; turn < times; ++turn) {
    const std::size_t first = turn * phase_marks;
    if (recording_) {
      marks_->set(first);
      recording_->replay();
      marks_->set(first + phase_marks - 1);
    } else {
      step([&](std::size_t mark) { marks_->set(first + mark); });
    }
  }
  const std::size_t end = times * phase_marks - 1;
  marks_->wait(end);
  count_runs(times_);
  seconds[0] = marks_->seconds(0, end) / times_;
  if (recording_) {
    seconds[1] = seconds[0];
  } else {
    for (std::size_t turn = 0; turn < times; ++turn)
      for (std::size_t phase = 0; phase + 1 < phase_marks; ++phase)
        seconds[1 + phase] += marks_->seconds(turn * phase_marks + phase, turn * phase_marks + phase + 1) / times_;
  }
  times_ = runs_between_marks(seconds[0]);
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/text.hpp"
#include "graph/kinds.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "torch/run_op.hpp"
#include "torch/translate.hpp"
#include "torch/weights.hpp"

namespace hwprof {
namespace {

/// Ops whose result may be the memory of their input, so that nothing may be done in place behind them.
bool is_alias(OpKind kind) {
  switch (kind) {
    case OpKind::split:
    case OpKind::flatten:
    case OpKind::reshape:
    case OpKind::identity:
    case OpKind::dropout:
    case OpKind::channel_shuffle:
    case OpKind::input:
      return true;
    default:
      return false;
  }
}

/// Per op: an activation whose input is fresh memory that nothing else reads.
std::vector<bool> find_in_place(const Graph& graph) {
  std::vector<int> reads(graph.ops.size());
  for (const Op& op : graph.ops)
    for (const int from : op.inputs) ++reads[static_cast<std::size_t>(from)];
  for (const int output : graph.outputs) ++reads[static_cast<std::size_t>(output)];
  std::vector<bool> in_place;
  for (const Op& op : graph.ops) {
    const auto from = op.inputs.empty() ? 0 : static_cast<std::size_t>(op.inputs[0]);
    in_place.push_back(graph::is_activation(op.kind) && reads[from] == 1 && !is_alias(graph.ops[from].kind));
  }
  return in_place;
}

/// One tensor of an op, as it is registered.
struct Slot {
  std::string name;
  std::vector<std::int64_t> sizes;
  Fill fill = Fill::normal;
  double deviation = 1;
  bool learnable = true;
};

std::vector<Slot> slots_of(const Op& op, const Shape& input) {
  std::vector<Slot> slots;
  if (op.kind == OpKind::conv2d || op.kind == OpKind::linear) {
    const bool is_conv = op.kind == OpKind::conv2d;
    const std::int64_t inputs = is_conv ? input[1] / op.groups : input[1];
    std::vector<std::int64_t> sizes = {op.out_channels, inputs};
    if (is_conv) sizes.insert(sizes.end(), {op.kernel[0], op.kernel[1]});
    const double fan_in = static_cast<double>(inputs) * (is_conv ? op.kernel[0] * op.kernel[1] : 1);
    slots.push_back({"weight", sizes, Fill::normal, std::sqrt(2 / fan_in)});
    if (op.bias) slots.push_back({"bias", {op.out_channels}, Fill::zeros});
  } else if (op.kind == OpKind::batch_norm) {
    if (op.affine) {
      slots.push_back({"weight", {input[1]}, Fill::ones});
      slots.push_back({"bias", {input[1]}, Fill::zeros});
    }
    slots.push_back({"running_mean", {input[1]}, Fill::zeros, 1, false});
    slots.push_back({"running_var", {input[1]}, Fill::ones, 1, false});
  }
  return slots;
}

/// Homes of the parameters: a module per part of a dotted op name, because names of parameters have no dot.
class Homes {
 public:
  explicit Homes(torch::nn::Module& root) : root_(root) {}

  torch::nn::Module& of(const std::string& op_name) {
    torch::nn::Module* at = &root_;
    std::string path;
    for (const std::string& part : base::split(op_name, '.')) {
      path += "." + part;
      auto& child = homes_[path];
      if (!child) child = at->register_module(part.empty() ? "_" : part, std::make_shared<torch::nn::Module>());
      at = child.get();
    }
    return *at;
  }

 private:
  torch::nn::Module& root_;
  std::map<std::string, std::shared_ptr<torch::nn::Module>> homes_;
};

}  // namespace

GraphModule::GraphModule(Graph graph, const Shape& input, std::uint64_t seed) : graph_(std::move(graph)) {
  require_memory(graph_, input);
  WeightPool pool(seed);
  const Graph bare = graph_;  // the drawn values are copied into tensors and need not stay
  graph_ = with_weights(std::move(graph_), input, seed);
  build(input, pool);
  graph_ = bare;
}

GraphModule::GraphModule(Graph graph, const Shape& input, WeightPool& pool) : graph_(std::move(graph)) {
  build(input, pool);
}

void GraphModule::build(const Shape& input, WeightPool& pool) {
  const std::vector<Shape> shapes = infer_shapes(graph_, input);
  if (graph_.outputs.empty()) throw Error(Fault::input, "graph " + base::in_quotes(graph_.name) + ": has no output");
  require_memory(graph_, input);
  translated("graph " + base::in_quotes(graph_.name), [&] {
    pool.impl_->next_module();
    Homes homes(*this);
    std::set<std::string> names;
    weights_.resize(graph_.ops.size());
    last_use_.assign(graph_.ops.size(), -1);
    in_place_ = find_in_place(graph_);
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      for (const int from : op.inputs) last_use_[static_cast<std::size_t>(from)] = static_cast<int>(i);
      if (op.inputs.empty()) continue;
      const auto slots = slots_of(op, shapes[static_cast<std::size_t>(op.inputs[0])]);
      if (slots.empty()) continue;
      if (!names.insert(op.name).second)
        throw Error(Fault::input,
                    "graph " + base::in_quotes(graph_.name) + ": two ops are named " + base::in_quotes(op.name));
      torch::nn::Module& home = homes.of(op.name);
      for (std::size_t k = 0; k < slots.size(); ++k) {
        const Slot& slot = slots[k];
        torch::Tensor tensor = op.weights.empty() ? pool.impl_->take(slot.sizes, slot.fill, slot.deviation)
                                                  : pool.impl_->copy(slot.sizes, *op.weights[k]);
        weights_[i].push_back(slot.learnable ? home.register_parameter(slot.name, tensor)
                                             : home.register_buffer(slot.name, tensor));
      }
    }
    for (const int output : graph_.outputs) last_use_[static_cast<std::size_t>(output)] = -1;
    eval();
  });
}

torch::Tensor GraphModule::forward(const torch::Tensor& input) {
  return forward(input, [](int) {});
}

torch::Tensor GraphModule::forward(const torch::Tensor& input, const std::function<void(int)>& after) {
  return forward(input, [&after](int op, const torch::Tensor&) { after(op); });
}

torch::Tensor GraphModule::forward(const torch::Tensor& input,
                                   const std::function<void(int, const torch::Tensor&)>& after) {
  std::vector<torch::Tensor> values(graph_.ops.size());
  std::vector<torch::Tensor> inputs;
  const bool may_overwrite = !at::GradMode::is_enabled();
  for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
    const Op& op = graph_.ops[i];
    const auto last = [&](int from) { return last_use_[static_cast<std::size_t>(from)] == static_cast<int>(i); };
    if (op.kind == OpKind::input) {
      values[i] = input;
    } else {
      inputs.clear();
      for (const int from : op.inputs) inputs.push_back(values[static_cast<std::size_t>(from)]);
      try {
        values[i] = run_op(op, inputs, weights_[i], is_training(), may_overwrite && in_place_[i]);
      } catch (const c10::Error& error) {
        rethrow("op " + base::in_quotes(op.name), error);
      }
      inputs.clear();
      for (const int from : op.inputs)
        if (last(from)) values[static_cast<std::size_t>(from)].reset();
    }
    after(static_cast<int>(i), values[i]);
  }
  return values[static_cast<std::size_t>(graph_.outputs[0])];
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hwprof/format.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/predictor.hpp"

namespace hwprof {

/// Tensors that modules share where their graphs have no weights of their own, so that a hundred networks
/// fit into memory: drawn (normal, He's variance) for convolutions and linear layers, neutral for batch norms. Within
/// one module no tensor is used twice. For modules whose results do not matter. Not thread-safe.
class WeightPool {
 public:
  /// channels_last: memory layout of the convolutions' weights; inputs are the caller's affair.
  explicit WeightPool(std::uint64_t seed = 0, torch::Device device = torch::kCPU, bool channels_last = false);
  ~WeightPool();
  WeightPool(const WeightPool&) = delete;
  WeightPool& operator=(const WeightPool&) = delete;

 private:
  friend class GraphModule;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A Graph as a libtorch module. The parameters of op "L03.dw" are named "L03.dw.weight" and
/// "L03.dw.bias", running statistics "….running_mean" and "….running_var". Weights come from the Graph
/// where it has them, otherwise from with_weights() or a pool. In evaluation mode on return; batch norm and dropout
/// follow train().
class GraphModule : public torch::nn::Module {
 public:
  /// input: shape that the graph is built for; forward() takes another batch or map size as well where the
  /// ops allow it. @throws Error(Fault::input) for a graph that infer_shapes() refuses,
  /// Error(Fault::unsupported) naming an op that libtorch cannot run, std::bad_alloc.
  GraphModule(Graph graph, const Shape& input, std::uint64_t seed = 0);
  GraphModule(Graph graph, const Shape& input, WeightPool& pool);

  /// input: {N, C, H, W}; the result is the graph's first output, in the shape of infer_shapes(). A value is freed
  /// after its last use. Without gradients, activations work in place where nothing else needs their input.
  /// @throws Error(Fault::device) with libtorch's reason, std::bad_alloc.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& input);

  /// The same, calling after(i) when op i is done.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& input, const std::function<void(int op)>& after);
  /// The same with what the op gave.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& input,
                                      const std::function<void(int op, const torch::Tensor& value)>& after);

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }

 private:
  void build(const Shape& input, WeightPool& pool);
  Graph graph_;
  std::vector<std::vector<torch::Tensor>> weights_;  // per op
  std::vector<int> last_use_;                        // op after which the value is not needed any more; -1: an output
  std::vector<bool> in_place_;                       // the op may overwrite its input
};

/// Reads a traced or scripted vision model (torch.jit.save) for an input of this size, N C H W: conv2d, batch_norm,
/// activations, pools, linear, add, mul, cat, split, reshapes and the like, in evaluation mode; docs/torchscript.md
/// says which. Calls, branches and loops are followed with the sizes that the input gives. Ops are named after the
/// module that they stand in, "features.0.conv". Like torch.jit.load itself this can run code of the file
/// (__setstate__): take files from those whom you trust with that.
/// @throws Error(Fault::unsupported) naming module and op for what a Graph cannot hold, Error(Fault::input) for a file
/// that libtorch cannot read, or a network that this input does not fit.
[[nodiscard]] OnnxNet read_torchscript(const std::string& file, const Shape& input);

/// How far two graphs with weights differ on a random input: the largest difference of their first outputs over the
/// largest value of a's; infinite where the shapes differ. @throws as GraphModule.
[[nodiscard]] double output_difference(const Graph& a, const Graph& b, const Shape& input, std::uint64_t seed = 0);

/// Lets fit() train the kinds "mlp" and "lstm": Adam with early stopping on a fifth of the networks, one thread,
/// the same model for the same seed; seconds for a hundred networks. Evaluating them needs no libtorch.
void register_torch_models();

/// Predictor::expect() for one-shot search, with its gradient: the latency term of a loss (FBNet, ProxylessNAS).
/// probabilities: {P} or {batch, P} real numbers on any device, P the options of all decisions in their order; gives {}
/// or {batch} costs of the same type and device. Computed in double precision on the CPU, one pass over the tables a
/// row, forwards; nothing backwards. First derivatives only.
/// @throws Error(Fault::usage) for another shape or type, Error(Fault::unsupported) for a predictor that is no sum and,
/// backwards, with create_graph.
[[nodiscard]] torch::Tensor expected_cost(const Predictor& predictor, const torch::Tensor& probabilities);

/// Lets ssprofile() train networks (training.hpp), on the CPU with one thread a network, or on CUDA.
void register_torch_trainer();

/// Registers the compilers "cpu" and "cuda" (and "-1", aw_nas' name of the CPU). Call it once.
void register_torch_compilers();

/// Devices that libtorch can use here: "cpu", and "cuda:0" up to as many as there are.
[[nodiscard]] std::vector<std::string> list_torch_devices();

}  // namespace hwprof

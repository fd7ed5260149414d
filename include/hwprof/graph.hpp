// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/prim.hpp"

namespace hwprof {

enum class OpKind {
  input,
  conv2d,
  batch_norm,
  linear,
  relu,
  relu6,
  leaky_relu,
  h_swish,
  h_sigmoid,
  sigmoid,
  tanh,
  hardtanh,  ///< -1 to 1
  max_pool,
  avg_pool,
  global_avg_pool,
  add,
  mul,
  concat,
  split,
  flatten,
  reshape,
  softmax,
  pad,
  upsample_nearest,
  channel_shuffle,
  dropout,
  identity
};
[[nodiscard]] const char* to_string(OpKind kind) noexcept;

/// Shape of a value, N C H W; linear values have H = W = 1.
using Shape = std::array<std::int64_t, 4>;

/// One operation. Geometry fields that its kind does not use keep their defaults.
struct Op {
  OpKind kind = OpKind::identity;
  std::string name;                ///< unique in its graph; begins with the layer it came from, "L03.dw"
  std::vector<int> inputs;         ///< indices of earlier ops
  std::int64_t out_channels = 0;   ///< conv2d, linear: output channels; split: channels of this part
  std::int64_t first_channel = 0;  ///< split: where this part begins (one op a part)
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};  ///< height, width
  std::array<int, 4> pad{0, 0, 0, 0};                ///< top, left, bottom, right; negative in a `pad` op crops
  std::int64_t groups = 1;                           ///< conv2d and channel_shuffle
  bool bias = false;                                 ///< conv2d, linear
  bool affine = true;                                ///< batch_norm has scale and shift
  bool ceil_mode = false, count_include_pad = true;  ///< pools
  double value = 0;         ///< batch_norm: epsilon; leaky_relu: slope; upsample_nearest: factor; dropout: rate
  Shape shape{0, 0, 0, 0};  ///< reshape: target C, H, W in [1..3]; N is kept
  /// Empty, or: conv2d, linear {weight OIHW/OI, bias?}; batch_norm {scale?, shift?, mean, variance}.
  std::vector<std::shared_ptr<const std::vector<float>>> weights;
};

/// A network or a part of one: ops in topological order, op 0 the input. What is executed, exported,
/// counted and learned from; how it is called is Prim's affair.
struct Graph {
  std::string name;
  std::vector<Op> ops;
  std::vector<int> outputs;
};

/// Output shape of every op, as PyTorch has it: convolutions and pools round down; with ceil_mode one window
/// more may hang over the end, if it begins inside the map or the padding before it. add and mul take inputs of
/// one shape, of which some may have height and width 1. Weights, where given, must have the size of their op.
/// @throws Error(Fault::input) naming the op that does not fit.
[[nodiscard]] std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input);

/// The graph with weights in every op that takes some. An op keeps its own; where it has none, convolutions and
/// linear layers are drawn (uniform, He's variance 2 / fan_in), biases are 0 and batch norms neutral. What is drawn
/// for op i depends on the seed, i and the op's size alone, on every machine. Allocates what the weights take.
/// @throws as infer_shapes.
[[nodiscard]] Graph with_weights(Graph graph, const Shape& input, std::uint64_t seed = 0);

/// What an op costs on paper for the batch of the input shape; the same on every device.
struct Work {
  double macs = 0;          ///< multiply-accumulates of conv2d and linear; a grouped kernel sees C/groups inputs
  double params = 0;        ///< learnable values (batch norm's running statistics are not)
  double weight_bytes = 0;  ///< read, 4 bytes a value, running statistics included
  double input_bytes = 0, output_bytes = 0;  ///< activations read and written, 4 bytes a value
  /// Operations a byte moved, 2 macs / bytes; 0 when nothing moves.
  [[nodiscard]] double intensity() const noexcept;
};
[[nodiscard]] Work operator+(const Work& a, const Work& b) noexcept;

/// One entry per op. Ops that only rename (input, identity, dropout, flatten, reshape) move no bytes; split and
/// pad read what they keep; all others read their inputs once and write their output once.
/// @throws as infer_shapes.
[[nodiscard]] std::vector<Work> count_work(const Graph& graph, const Shape& input);

/// Sum of count_work over the ops of one primitive at its own size. @throws as lower; batch must be positive.
[[nodiscard]] Work count_work(const Prim& prim, int batch = 1);

/// The graph of one primitive, input included; its input shape is {N, C, spatial_size, spatial_size}.
/// Shapes and parameters are those of aw_nas' modules; where these are at odds with their names (relu6 and
/// sep_conv_5x5_exp3 blocks) the name counts. `none` is one pad op that writes zeros.
/// @throws Error(Fault::input) for an unknown prim_type (with the nearest names), for missing or unknown
/// attributes, and for values, sizes or channels that the type cannot have.
[[nodiscard]] Graph lower(const Prim& prim);

/// Height = width of what the primitive puts out [px].
[[nodiscard]] int out_size(const Prim& prim);

using Lowering = std::function<Graph(const Prim& prim)>;

/// Adds or replaces a primitive type: its attributes and how it is built. The lowering gets a normalised
/// primitive; lower() checks that its graph has one square output of C_out channels. Not thread-safe; call it
/// before the rest. @throws Error(Fault::usage) for an empty name or lowering.
void register_prim_type(PrimType type, Lowering lowering);

/// OFA's rounding of channel counts to a multiple of divisor, never more than 10 % down
/// (torchvision `_make_divisible`, aw_nas `make_divisible`).
/// @throws Error(Fault::input) for a value outside 0 (excluded) to 2^30 and a divisor outside 1 to 2^20.
[[nodiscard]] int make_divisible(double value, int divisor = 8);

/// Appends ops to a graph that begins with its input; what lowerings are written with. Every method
/// returns the index of the op it added; a name gets a number behind it when it is taken already.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name);
  [[nodiscard]] int input() const noexcept { return 0; }
  int conv(int from, std::int64_t out_channels, int kernel, int stride = 1, std::int64_t groups = 1, bool bias = false,
           int dilation = 1, const std::string& name = "conv");  ///< pad = dilation * (kernel / 2)
  int batch_norm(int from, bool affine = true, const std::string& name = "bn");
  /// By aw_nas' name: relu, relu6, h_swish, h_sigmoid, sigmoid, tanh, hardtanh, leaky_relu, identity.
  /// @throws Error(Fault::input) for another name.
  int activation(int from, const std::string& kind);
  int op(Op op);  ///< any other op; op.name and op.inputs are taken as they are
  int add(int a, int b, const std::string& name = "add");
  [[nodiscard]] Graph finish(int output) &&;

 private:
  Graph graph_;
};

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"

namespace hwprof {
namespace {

constexpr std::int64_t most_elements = 9000000000000000;  // of one value; below 2^53, so doubles count exactly

std::string describe(const Shape& shape) {
  return std::to_string(shape[0]) + "x" + std::to_string(shape[1]) + "x" + std::to_string(shape[2]) + "x" +
         std::to_string(shape[3]);
}

/// One op with the shapes of its inputs at hand.
class Inference {
 public:
  Inference(const Op& op, std::vector<Shape> inputs) : op_(op), inputs_(std::move(inputs)) {}

  Shape run() const {
    const Shape out = output();
    double elements = 1;
    for (const auto extent : out) {
      if (extent < 1) fail("gives an empty output of shape " + describe(out));
      elements *= static_cast<double>(extent);
    }
    if (elements > static_cast<double>(most_elements)) fail("gives an output of absurd size, " + describe(out));
    check_weights();
    return out;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::input, "op " + base::in_quotes(op_.name) + " (" + to_string(op_.kind) + "): " + what);
  }

 private:
  Shape output() const {
    switch (op_.kind) {
      case OpKind::input:
        fail("only the first op may be an input");
      case OpKind::conv2d:
        return conv();
      case OpKind::linear:
        return linear();
      case OpKind::max_pool:
      case OpKind::avg_pool:
        return pool();
      case OpKind::global_avg_pool:
        return {only()[0], only()[1], 1, 1};
      case OpKind::add:
      case OpKind::mul:
        return elementwise();
      case OpKind::concat:
        return concat();
      case OpKind::split:
        return split();
      case OpKind::flatten:
        return {only()[0], only()[1] * only()[2] * only()[3], 1, 1};
      case OpKind::reshape:
        return reshape();
      case OpKind::pad:
        return padded();
      case OpKind::upsample_nearest:
        return upsampled();
      case OpKind::channel_shuffle:
        if (op_.groups < 1 || only()[1] % op_.groups != 0) fail_groups("channels", only()[1]);
        return only();
      case OpKind::batch_norm:
        if (!(op_.value >= 0) || !std::isfinite(op_.value)) fail("the epsilon must be a number that is not negative");
        return only();
      case OpKind::leaky_relu:
        if (!std::isfinite(op_.value)) fail("the slope must be a finite number");
        return only();
      case OpKind::dropout:
        if (!(op_.value >= 0 && op_.value <= 1)) fail("the rate must be within 0 to 1");
        return only();
      case OpKind::relu:
      case OpKind::relu6:
      case OpKind::h_swish:
      case OpKind::h_sigmoid:
      case OpKind::sigmoid:
      case OpKind::tanh:
      case OpKind::hardtanh:
      case OpKind::softmax:
      case OpKind::identity:
        return only();
    }
    fail("the kind of the op is unknown");
  }

  const Shape& only() const {
    if (inputs_.size() != 1) fail("takes one input, found " + std::to_string(inputs_.size()));
    return inputs_[0];
  }

  [[noreturn]] void fail_groups(const char* what, std::int64_t count) const {
    fail(std::to_string(count) + " " + what + " cannot be divided into " + std::to_string(op_.groups) + " groups");
  }

  /// Extent of the windows along an axis (0: height), where the input has room for one at all.
  std::int64_t window_count(std::size_t axis, bool round_up) const {
    const std::int64_t before = op_.pad[axis];
    const std::int64_t after = op_.pad[axis + 2];
    const std::int64_t stride = op_.stride[axis];
    const std::int64_t extent = only()[axis + 2];
    if (op_.kernel[axis] < 1 || stride < 1 || op_.dilation[axis] < 1)
      fail("kernel, stride and dilation must be positive");
    if (before < 0 || after < 0) fail("the padding must not be negative");
    const std::int64_t reach = (std::int64_t{op_.kernel[axis]} - 1) * op_.dilation[axis] + 1;
    const std::int64_t room = extent + before + after - reach;
    if (room < 0)
      fail("a window of " + std::to_string(reach) + " does not fit into a map of " + describe(only()) +
           " with padding " + std::to_string(before) + "+" + std::to_string(after));
    const std::int64_t count = room / stride + 1;
    if (!round_up || room % stride == 0) return count;
    return count * stride < extent + before ? count + 1 : count;  // one more must begin inside or in the left padding
  }

  Shape conv() const {
    if (op_.out_channels < 1) fail("needs a positive number of output channels");
    if (op_.groups < 1 || only()[1] % op_.groups != 0) fail_groups("input channels", only()[1]);
    if (op_.out_channels % op_.groups != 0) fail_groups("output channels", op_.out_channels);
    return {only()[0], op_.out_channels, window_count(0, false), window_count(1, false)};
  }

  Shape pool() const {
    for (std::size_t side = 0; side < 4; ++side)
      if (op_.pad[side] > op_.kernel[side % 2] / 2)
        fail("the padding must be at most half the kernel, found " + std::to_string(op_.pad[side]));
    if (op_.kind == OpKind::avg_pool && (op_.dilation[0] != 1 || op_.dilation[1] != 1))
      fail("an average pool has no dilation");
    return {only()[0], only()[1], window_count(0, op_.ceil_mode), window_count(1, op_.ceil_mode)};
  }

  Shape linear() const {
    if (op_.out_channels < 1) fail("needs a positive number of output channels");
    if (only()[2] != 1 || only()[3] != 1)
      fail("needs an input of height and width 1 (flatten or pool first), found " + describe(only()));
    return {only()[0], op_.out_channels, 1, 1};
  }

  /// Inputs of equal shape; one of height and width 1 is spread over the map.
  Shape elementwise() const {
    if (inputs_.size() < 2) fail("takes two inputs or more, found " + std::to_string(inputs_.size()));
    Shape out = inputs_[0];
    for (const auto& shape : inputs_) {
      const bool same_map = shape[2] == out[2] && shape[3] == out[3];
      const bool spread = shape[2] == 1 && shape[3] == 1;
      const bool out_spread = out[2] == 1 && out[3] == 1;
      if (shape[0] != out[0] || shape[1] != out[1] || !(same_map || spread || out_spread))
        fail("inputs of shape " + describe(inputs_[0]) + " and " + describe(shape) + " do not match");
      if (out_spread) out = shape;
    }
    return out;
  }

  Shape concat() const {
    if (inputs_.empty()) fail("needs an input");
    Shape out = inputs_[0];
    out[1] = 0;
    for (const auto& shape : inputs_) {
      if (shape[0] != out[0] || shape[2] != out[2] || shape[3] != out[3])
        fail("inputs of shape " + describe(inputs_[0]) + " and " + describe(shape) + " do not match");
      out[1] += shape[1];
      if (out[1] > most_elements) fail("gives an output of absurd size, " + describe(out));
    }
    return out;
  }

  Shape split() const {
    if (op_.first_channel < 0 || op_.out_channels < 1 || op_.first_channel > only()[1] ||
        op_.out_channels > only()[1] - op_.first_channel)
      fail("channels " + std::to_string(op_.first_channel) + " to " + std::to_string(op_.first_channel) + "+" +
           std::to_string(op_.out_channels) + " lie outside the " + std::to_string(only()[1]) + " of the input");
    return {only()[0], op_.out_channels, only()[2], only()[3]};
  }

  Shape reshape() const {
    const Shape out = {only()[0], op_.shape[1], op_.shape[2], op_.shape[3]};
    double have = 1;
    double want = 1;
    for (std::size_t axis = 1; axis < 4; ++axis) {
      if (out[axis] < 1) fail("the target shape must be positive, found " + describe(out));
      have *= static_cast<double>(only()[axis]);
      want *= static_cast<double>(out[axis]);
    }
    if (have != want) fail("cannot turn " + describe(only()) + " into " + describe(out));
    return out;
  }

  Shape padded() const {
    Shape out = only();
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::int64_t before = op_.pad[axis];
      const std::int64_t after = op_.pad[axis + 2];
      std::int64_t& extent = out[axis + 2];
      if (std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0) < -extent)
        fail("crops more than there is of a map of " + describe(only()));
      extent += before + after;
    }
    return out;
  }

  Shape upsampled() const {
    if (!(op_.value > 0) || op_.value > 4096) fail("the factor must be within 0 to 4096");
    Shape out = only();
    for (std::size_t axis = 2; axis < 4; ++axis) {
      const double extent = static_cast<double>(out[axis]) * op_.value;
      if (extent > static_cast<double>(most_elements)) fail("gives an output of absurd size");
      out[axis] = static_cast<std::int64_t>(extent);
    }
    return out;
  }

  void check_weights() const {
    if (op_.weights.empty()) return;
    std::vector<double> sizes;
    if (op_.kind == OpKind::conv2d || op_.kind == OpKind::linear) {
      const std::int64_t inputs = op_.kind == OpKind::linear ? only()[1] : only()[1] / op_.groups;
      sizes.push_back(static_cast<double>(op_.out_channels) * static_cast<double>(inputs) * op_.kernel[0] *
                      op_.kernel[1]);
      if (op_.bias) sizes.push_back(static_cast<double>(op_.out_channels));
    } else if (op_.kind == OpKind::batch_norm) {
      sizes.assign(op_.affine ? 4 : 2, static_cast<double>(only()[1]));
    }
    if (op_.weights.size() != sizes.size())
      fail("has " + std::to_string(op_.weights.size()) + " weight arrays, expected " + std::to_string(sizes.size()));
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (!op_.weights[i] || static_cast<double>(op_.weights[i]->size()) != sizes[i])
        fail("weight array " + std::to_string(i) + " must have " + base::format_number(sizes[i]) + " values");
  }

  const Op& op_;
  std::vector<Shape> inputs_;
};

}  // namespace

Shape graph::infer_shape(const Op& op, std::vector<Shape> inputs) {
  return Inference(op, std::move(inputs)).run();
}

std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input) {
  const auto fail = [&graph](const std::string& what) {
    throw Error(Fault::input, "graph " + base::in_quotes(graph.name) + ": " + what);
  };
  if (graph.ops.empty() || graph.ops[0].kind != OpKind::input || !graph.ops[0].inputs.empty())
    fail("the first op must be the input");
  if (graph.ops.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) fail("has too many ops");
  double elements = 1;
  for (const auto extent : input) {
    if (extent < 1) fail("the input shape " + describe(input) + " must be positive");
    elements *= static_cast<double>(extent);
  }
  if (elements > static_cast<double>(most_elements)) fail("the input shape " + describe(input) + " is absurd");

  std::vector<Shape> shapes = {input};
  shapes.reserve(graph.ops.size());
  for (std::size_t i = 1; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    std::vector<Shape> inputs;
    for (const int from : op.inputs) {
      if (from < 0 || static_cast<std::size_t>(from) >= i)
        fail("op " + base::in_quotes(op.name) + " reads op " + std::to_string(from) +
             ", which does not come before it");
      inputs.push_back(shapes[static_cast<std::size_t>(from)]);
    }
    shapes.push_back(Inference(op, std::move(inputs)).run());
  }
  for (const int output : graph.outputs)
    if (output < 0 || static_cast<std::size_t>(output) >= graph.ops.size())
      fail("output " + std::to_string(output) + " is no op");
  return shapes;
}

}  // namespace hwprof

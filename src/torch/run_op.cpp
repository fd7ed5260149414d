// SPDX-License-Identifier: Apache-2.0
#include "torch/run_op.hpp"

#include <torch/torch.h>

#include <array>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

using torch::Tensor;
using Pair = std::array<std::int64_t, 2>;

Pair wide(const std::array<int, 2>& pair) {
  return {pair[0], pair[1]};
}
/// Top and left padding, which libtorch's ops apply on the other side as well.
Pair symmetric(const Op& op) {
  return {op.pad[0], op.pad[1]};
}

bool is_symmetric(const Op& op) {
  return op.pad[0] == op.pad[2] && op.pad[1] == op.pad[3];
}

/// libtorch wants left, right, top, bottom.
Tensor padded(const Op& op, const Tensor& x, double value) {
  const std::array<std::int64_t, 4> pad = {op.pad[1], op.pad[3], op.pad[0], op.pad[2]};
  return at::constant_pad_nd(x, pad, value);
}

Tensor conv(const Op& op, const Tensor& input, const std::vector<Tensor>& weights) {
  const bool plain = is_symmetric(op);
  const Tensor x = plain ? input : padded(op, input, 0);
  const Pair pad = plain ? symmetric(op) : Pair{0, 0};
  const Tensor bias = op.bias ? weights[1] : Tensor();
  return at::conv2d(x, weights[0], bias, wide(op.stride), pad, wide(op.dilation), op.groups);
}

Tensor batch_norm(const Op& op, const Tensor& x, const std::vector<Tensor>& weights, bool training) {
  constexpr double momentum = 0.1;  // of the running statistics, torch.nn's default
  const std::size_t shift = op.affine ? 2 : 0;
  const Tensor none;
  return at::batch_norm(x, op.affine ? weights[0] : none, op.affine ? weights[1] : none, weights[shift],
                        weights[shift + 1], training, momentum, op.value, true);
}

Tensor linear(const Op& op, const Tensor& x, const std::vector<Tensor>& weights) {
  const Tensor out = at::linear(x.reshape({x.size(0), x.size(1)}), weights[0], op.bias ? weights[1] : Tensor());
  return out.view({x.size(0), op.out_channels, 1, 1});
}

Tensor max_pool(const Op& op, const Tensor& input) {
  const bool plain = is_symmetric(op);
  const Tensor x = plain ? input : padded(op, input, -std::numeric_limits<double>::infinity());
  const Pair pad = plain ? symmetric(op) : Pair{0, 0};
  return at::max_pool2d(x, wide(op.kernel), wide(op.stride), pad, wide(op.dilation), op.ceil_mode);
}

Tensor avg_pool(const Op& op, const Tensor& input) {
  const bool plain = is_symmetric(op);
  if (!plain && !op.count_include_pad)
    throw Error(Fault::unsupported, "op " + base::in_quotes(op.name) +
                                        ": libtorch has no average pool with unequal padding that is not counted");
  const Tensor x = plain ? input : padded(op, input, 0);
  const Pair pad = plain ? symmetric(op) : Pair{0, 0};
  return at::avg_pool2d(x, wide(op.kernel), wide(op.stride), pad, op.ceil_mode, op.count_include_pad);
}

Tensor upsample(const Op& op, const Tensor& x) {
  const auto grown = [&op](std::int64_t extent) {
    return static_cast<std::int64_t>(static_cast<double>(extent) * op.value);
  };
  const Pair size = {grown(x.size(2)), grown(x.size(3))};
  return at::upsample_nearest2d(x, size, op.value, op.value);
}

Tensor activation(const Op& op, Tensor x, bool in_place) {
  switch (op.kind) {
    case OpKind::relu:
      return in_place ? at::relu_(x) : at::relu(x);
    case OpKind::relu6:
      return in_place ? at::hardtanh_(x, 0, 6) : at::hardtanh(x, 0, 6);
    case OpKind::leaky_relu:
      return in_place ? at::leaky_relu_(x, op.value) : at::leaky_relu(x, op.value);
    case OpKind::h_swish:
      return in_place ? at::hardswish_(x) : at::hardswish(x);
    case OpKind::h_sigmoid:
      return in_place ? at::hardsigmoid_(x) : at::hardsigmoid(x);
    case OpKind::sigmoid:
      return in_place ? at::sigmoid_(x) : at::sigmoid(x);
    case OpKind::hardtanh:
      return in_place ? at::hardtanh_(x, -1, 1) : at::hardtanh(x, -1, 1);
    default:
      return in_place ? at::tanh_(x) : at::tanh(x);
  }
}

}  // namespace

Tensor run_op(const Op& op, const std::vector<Tensor>& inputs, const std::vector<Tensor>& weights, bool training,
              bool in_place) {
  const Tensor& x = inputs.at(0);
  switch (op.kind) {
    case OpKind::conv2d:
      return conv(op, x, weights);
    case OpKind::batch_norm:
      return batch_norm(op, x, weights, training);
    case OpKind::linear:
      return linear(op, x, weights);
    case OpKind::relu:
    case OpKind::relu6:
    case OpKind::leaky_relu:
    case OpKind::h_swish:
    case OpKind::h_sigmoid:
    case OpKind::sigmoid:
    case OpKind::tanh:
    case OpKind::hardtanh:
      return activation(op, x, in_place);
    case OpKind::max_pool:
      return max_pool(op, x);
    case OpKind::avg_pool:
      return avg_pool(op, x);
    case OpKind::global_avg_pool:
      return at::adaptive_avg_pool2d(x, {1, 1});
    case OpKind::add:
    case OpKind::mul: {
      Tensor out = op.kind == OpKind::add ? at::add(x, inputs[1]) : at::mul(x, inputs[1]);
      for (std::size_t i = 2; i < inputs.size(); ++i) out = op.kind == OpKind::add ? out + inputs[i] : out * inputs[i];
      return out;
    }
    case OpKind::concat:
      return at::cat(inputs, 1);
    case OpKind::split:
      return x.narrow(1, op.first_channel, op.out_channels);
    case OpKind::flatten:
      return x.reshape({x.size(0), -1, 1, 1});
    case OpKind::reshape:
      return x.reshape({x.size(0), op.shape[1], op.shape[2], op.shape[3]});
    case OpKind::softmax:
      return at::softmax(x, 1);
    case OpKind::pad:
      return padded(op, x, 0);
    case OpKind::upsample_nearest:
      return upsample(op, x);
    case OpKind::channel_shuffle:
      return at::channel_shuffle(x, op.groups);
    case OpKind::dropout:
      return at::dropout(x, op.value, training);
    case OpKind::identity:
      return x;
    case OpKind::input:
      break;
  }
  throw Error(Fault::unsupported, "op " + base::in_quotes(op.name) + ": libtorch has no op " + to_string(op.kind));
}

}  // namespace hwprof

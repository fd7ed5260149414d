// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"

namespace hwprof {

const char* to_string(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::input:
      return "input";
    case OpKind::conv2d:
      return "conv2d";
    case OpKind::batch_norm:
      return "batch_norm";
    case OpKind::linear:
      return "linear";
    case OpKind::relu:
      return "relu";
    case OpKind::relu6:
      return "relu6";
    case OpKind::leaky_relu:
      return "leaky_relu";
    case OpKind::h_swish:
      return "h_swish";
    case OpKind::h_sigmoid:
      return "h_sigmoid";
    case OpKind::sigmoid:
      return "sigmoid";
    case OpKind::tanh:
      return "tanh";
    case OpKind::hardtanh:
      return "hardtanh";
    case OpKind::max_pool:
      return "max_pool";
    case OpKind::avg_pool:
      return "avg_pool";
    case OpKind::global_avg_pool:
      return "global_avg_pool";
    case OpKind::add:
      return "add";
    case OpKind::mul:
      return "mul";
    case OpKind::concat:
      return "concat";
    case OpKind::split:
      return "split";
    case OpKind::flatten:
      return "flatten";
    case OpKind::reshape:
      return "reshape";
    case OpKind::softmax:
      return "softmax";
    case OpKind::pad:
      return "pad";
    case OpKind::upsample_nearest:
      return "upsample_nearest";
    case OpKind::channel_shuffle:
      return "channel_shuffle";
    case OpKind::dropout:
      return "dropout";
    case OpKind::identity:
      return "identity";
  }
  return "unknown";
}

int make_divisible(double value, int divisor) {
  constexpr double most = 1 << 30;
  if (divisor < 1 || divisor > (1 << 20))
    throw Error(Fault::input,
                "make_divisible: the divisor must be within 1 to 1048576, found " + std::to_string(divisor));
  if (!(value > 0) || value > most)
    throw Error(Fault::input, "a channel count must be within 1 to " + base::format_number(most) + ", found " +
                                  base::format_number(value));
  int rounded = static_cast<int>(value + divisor / 2.0) / divisor * divisor;
  rounded = std::max(rounded, divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

GraphBuilder::GraphBuilder(std::string name) {
  graph_.name = std::move(name);
  Op input;
  input.kind = OpKind::input;
  input.name = "input";
  graph_.ops.push_back(std::move(input));
}

int GraphBuilder::op(Op op) {
  if (op.name.empty()) op.name = to_string(op.kind);
  const auto taken = [this](const std::string& name) {
    return std::any_of(graph_.ops.begin(), graph_.ops.end(), [&name](const Op& other) { return other.name == name; });
  };
  const std::string wanted = op.name;
  for (int number = 2; taken(op.name); ++number) op.name = wanted + std::to_string(number);
  graph_.ops.push_back(std::move(op));
  return static_cast<int>(graph_.ops.size()) - 1;
}

int GraphBuilder::conv(int from, std::int64_t out_channels, int kernel, int stride, std::int64_t groups, bool bias,
                       int dilation, const std::string& name) {
  constexpr int most = 32768;  // so that the padding cannot overflow
  if (kernel < 1 || kernel > most || dilation < 1 || dilation > most)
    throw Error(Fault::input, "op " + base::in_quotes(name) + ": kernel " + std::to_string(kernel) + " or dilation " +
                                  std::to_string(dilation) + " is out of range");
  Op conv;
  conv.kind = OpKind::conv2d;
  conv.name = name;
  conv.inputs = {from};
  conv.out_channels = out_channels;
  conv.kernel = {kernel, kernel};
  conv.stride = {stride, stride};
  conv.dilation = {dilation, dilation};
  const int pad = dilation * (kernel / 2);
  conv.pad = {pad, pad, pad, pad};
  conv.groups = groups;
  conv.bias = bias;
  return op(std::move(conv));
}

int GraphBuilder::batch_norm(int from, bool affine, const std::string& name) {
  Op norm;
  norm.kind = OpKind::batch_norm;
  norm.name = name;
  norm.inputs = {from};
  norm.affine = affine;
  norm.value = 1e-5;
  return op(std::move(norm));
}

int GraphBuilder::activation(int from, const std::string& kind) {
  static const std::vector<std::pair<std::string, OpKind>> kinds = {
      {"relu", OpKind::relu},           {"relu6", OpKind::relu6},       {"h_swish", OpKind::h_swish},
      {"h_sigmoid", OpKind::h_sigmoid}, {"sigmoid", OpKind::sigmoid},   {"tanh", OpKind::tanh},
      {"hardtanh", OpKind::hardtanh},   {"identity", OpKind::identity}, {"leaky_relu", OpKind::leaky_relu}};
  const auto known =
      std::find_if(kinds.begin(), kinds.end(), [&kind](const auto& entry) { return entry.first == kind; });
  if (known == kinds.end()) {
    std::vector<std::string> names;
    for (const auto& entry : kinds) names.push_back(entry.first);
    throw Error(Fault::input, "unknown activation " + base::in_quotes(kind) + base::suggest(kind, names));
  }
  Op activation;
  activation.kind = known->second;
  activation.name = kind;
  activation.inputs = {from};
  if (activation.kind == OpKind::leaky_relu) activation.value = 0.01;
  return op(std::move(activation));
}

int GraphBuilder::add(int a, int b, const std::string& name) {
  Op sum;
  sum.kind = OpKind::add;
  sum.name = name;
  sum.inputs = {a, b};
  return op(std::move(sum));
}

Graph GraphBuilder::finish(int output) && {
  graph_.outputs = {output};
  return std::move(graph_);
}

}  // namespace hwprof

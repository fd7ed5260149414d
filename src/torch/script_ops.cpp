// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"
#include "torch/script_reader.hpp"

namespace hwprof {
namespace {

constexpr double three = 3;
constexpr double six = 6;

bool near(double value, double wanted) {
  constexpr double tolerance = 1e-6;
  return std::abs(value - wanted) <= tolerance * std::abs(wanted);
}

std::string op_word(const torch::jit::Node* node) {
  std::string kind = node->kind().toQualString();
  kind = kind.substr(kind.find("::") == std::string::npos ? 0 : kind.find("::") + 2);
  while (!kind.empty() && kind.back() == '_') kind.pop_back();
  while (!kind.empty() && kind.front() == '_') kind.erase(0, 1);
  return kind;
}

}  // namespace

const std::map<std::string, ScriptReader::Handler>& ScriptReader::handlers() {
  static const std::map<std::string, Handler> table = {{"conv2d", &ScriptReader::conv},
                                                       {"_convolution", &ScriptReader::conv},
                                                       {"convolution", &ScriptReader::conv},
                                                       {"batch_norm", &ScriptReader::batch_norm},
                                                       {"hardtanh", &ScriptReader::clamp},
                                                       {"clamp", &ScriptReader::clamp},
                                                       {"relu6", &ScriptReader::clamp},
                                                       {"max_pool2d", &ScriptReader::pool},
                                                       {"avg_pool2d", &ScriptReader::pool},
                                                       {"adaptive_avg_pool2d", &ScriptReader::adaptive_pool},
                                                       {"linear", &ScriptReader::linear},
                                                       {"addmm", &ScriptReader::addmm},
                                                       {"matmul", &ScriptReader::matmul},
                                                       {"mm", &ScriptReader::matmul},
                                                       {"add", &ScriptReader::add},
                                                       {"mul", &ScriptReader::mul},
                                                       {"div", &ScriptReader::div},
                                                       {"silu", &ScriptReader::silu},
                                                       {"softmax", &ScriptReader::softmax},
                                                       {"dropout", &ScriptReader::dropout},
                                                       {"feature_dropout", &ScriptReader::dropout},
                                                       {"upsample_nearest2d", &ScriptReader::upsample},
                                                       {"cat", &ScriptReader::cat},
                                                       {"chunk", &ScriptReader::parts},
                                                       {"prim::ConstantChunk", &ScriptReader::parts},
                                                       {"split", &ScriptReader::parts},
                                                       {"split_with_sizes", &ScriptReader::parts},
                                                       {"slice", &ScriptReader::slice},
                                                       {"flatten", &ScriptReader::flatten},
                                                       {"view", &ScriptReader::view},
                                                       {"reshape", &ScriptReader::view},
                                                       {"transpose", &ScriptReader::transpose},
                                                       {"permute", &ScriptReader::permute},
                                                       {"mean", &ScriptReader::mean},
                                                       {"squeeze", &ScriptReader::squeeze},
                                                       {"unsqueeze", &ScriptReader::squeeze},
                                                       {"constant_pad_nd", &ScriptReader::pad},
                                                       {"pad", &ScriptReader::pad},
                                                       {"channel_shuffle", &ScriptReader::shuffle},
                                                       {"native_channel_shuffle", &ScriptReader::shuffle},
                                                       {"contiguous", &ScriptReader::pass},
                                                       {"clone", &ScriptReader::copy},
                                                       {"expand", &ScriptReader::expand},
                                                       {"expand_as", &ScriptReader::expand},
                                                       {"detach", &ScriptReader::pass},
                                                       {"to", &ScriptReader::pass},
                                                       {"alias", &ScriptReader::pass},
                                                       {"size", &ScriptReader::size},
                                                       {"dim", &ScriptReader::dim}};
  return table;
}

ScriptReader::Dims ScriptReader::dims_like(const ScriptValue& value, const Shape& shape) {
  return value.dims.size() == 2 ? Dims{shape[0], shape[1]} : Dims(shape.begin(), shape.end());
}

const Shape& ScriptReader::shape_of(const ScriptValue& value) const {
  return shapes_.at(static_cast<std::size_t>(value.op));
}

std::string ScriptReader::free_name(const std::string& wanted) {
  const int times = ++names_[wanted];
  if (times == 1) return wanted;
  return free_name(wanted + "_" + std::to_string(times));
}

ScriptValue ScriptReader::append(Node* node, Op op, const std::vector<ScriptValue>& inputs, Dims dims) {
  const Frame& frame = *frames_.back();
  if (op.name.empty()) {
    op.name =
        frame.leaf && !frame.path.empty() ? frame.path : frame.path + (frame.path.empty() ? "" : ".") + op_word(node);
    op.name = free_name(op.name);
  }
  std::vector<Shape> in;
  op.inputs.clear();
  for (const auto& input : inputs) {
    op.inputs.push_back(input.op);
    in.push_back(shape_of(input));
  }
  Shape out;
  try {
    out = graph::infer_shape(op, std::move(in));
  } catch (const Error& error) {
    throw Error(error.fault(), place(node) + ": " + error.what());
  }
  ScriptValue made;
  made.op = static_cast<int>(net_.graph.ops.size());
  made.dims = dims.empty() ? dims_like(inputs.front(), out) : std::move(dims);
  net_.graph.ops.push_back(std::move(op));
  shapes_.push_back(out);
  now_.push_back(made.op);
  keep_storage(made.op);
  return made;
}

void ScriptReader::put(Node* node, const ScriptValue& value) {
  ScriptCell made;
  made.value = value;
  assign(node, {made});
}

/// In place, everything that was the first input is the output from now on.
void ScriptReader::emit(Node* node, Op op, const std::vector<ScriptValue>& inputs, Dims dims) {
  const ScriptValue made = append(node, std::move(op), inputs, std::move(dims));
  const std::string kind = node->kind().toQualString();
  if (kind.back() == '_') change(node, inputs.front().op, made.op);
  put(node, made);
}

bool ScriptReader::unary(Node* node, const std::string& name) {
  static const std::map<std::string, OpKind> kinds = {
      {"relu", OpKind::relu},         {"sigmoid", OpKind::sigmoid},       {"tanh", OpKind::tanh},
      {"hardswish", OpKind::h_swish}, {"hardsigmoid", OpKind::h_sigmoid}, {"leaky_relu", OpKind::leaky_relu}};
  const auto found = kinds.find(name);
  if (found == kinds.end()) return false;
  const ScriptValue x = whole(node, 0);
  Op op;
  op.kind = found->second;
  if (op.kind == OpKind::leaky_relu) op.value = real(node, 1);
  emit(node, std::move(op), {x}, {});
  return true;
}

void ScriptReader::conv(Node* node) {
  const bool general = base::ends_with(node->kind().toQualString(), "convolution");
  const ScriptValue x = whole(node, 0);
  const auto& given = known(node, 1);
  if (!given.isTensor() || given.toTensor().dim() != 4 || x.dims.size() != 4)
    refuse(node, "only convolutions in two dimensions with constant weights are read");
  const at::Tensor weight = given.toTensor();
  Op op;
  op.kind = OpKind::conv2d;
  op.out_channels = weight.size(0);
  op.kernel = {static_cast<int>(weight.size(2)), static_cast<int>(weight.size(3))};
  op.stride = pair(node, 3, "stride");
  op.dilation = pair(node, 5, "dilation");
  if (general) {
    if (flag(node, 6)) refuse(node, "transposed convolutions are not read");
    op.groups = integer(node, 8);
  } else {
    op.groups = integer(node, 6);
  }
  if (known(node, 4).isString()) {
    const std::string& word = known(node, 4).toStringRef();
    if (word == "same") {
      for (std::size_t a = 0; a < 2; ++a) {
        const int total = op.dilation[a] * (op.kernel[a] - 1);
        op.pad[a] = total / 2;
        op.pad[a + 2] = total - total / 2;
      }
    } else if (word != "valid") {
      refuse(node, "padding " + base::in_quotes(word));
    }
  } else {
    const auto pad = pair(node, 4, "padding");
    op.pad = {pad[0], pad[1], pad[0], pad[1]};
  }
  const std::int64_t channels = shape_of(x)[1];
  if (op.groups < 1 || channels % op.groups != 0 || weight.size(1) != channels / op.groups)
    fail(node, "its weights do not fit " + std::to_string(channels) + " channels");
  op.weights = {weights(node, weight)};
  if (!is_none(node, 2)) {
    op.bias = true;
    op.weights.push_back(weights(node, known(node, 2).toTensor()));
  }
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::batch_norm(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (x.dims.size() != 4 && x.dims.size() != 2) refuse(node, "of values of other than 2 or 4 dimensions");
  if (flag(node, 5)) refuse(node, "normalises by the batch; only stored statistics are read");
  if (is_none(node, 3) || is_none(node, 4)) refuse(node, "has no stored statistics");
  const auto channels = static_cast<std::size_t>(shape_of(x)[1]);
  Op op;
  op.kind = OpKind::batch_norm;
  op.value = real(node, 7);
  op.affine = !is_none(node, 1) || !is_none(node, 2);
  const auto take = [&](std::size_t input, float fallback) {
    if (is_none(node, input)) return std::make_shared<const std::vector<float>>(channels, fallback);
    return weights(node, known(node, input).toTensor());
  };
  if (op.affine) op.weights = {take(1, 1), take(2, 0)};
  op.weights.push_back(take(3, 0));
  op.weights.push_back(take(4, 1));
  emit(node, std::move(op), {x}, {});
}

/// relu6, relu, hardtanh, and the middle of a hard sigmoid.
void ScriptReader::clamp(Node* node) {
  ScriptValue x = value(node, 0);
  const bool relu6 = base::starts_with(op_word(node), "relu6");
  const bool open = !relu6 && is_none(node, 2);
  const auto low = relu6 ? std::optional<double>(0) : scalar(node, 1);
  const auto high = relu6 ? std::optional<double>(six) : scalar(node, 2);
  Op op;
  if (low && *low == -1 && high && *high == 1) {
    op.kind = OpKind::hardtanh;
    return emit(node, std::move(op), {whole(node, 0)}, {});
  }
  if (!low || *low != 0 || (!open && (!high || *high != six)))
    refuse(node, "only from 0 to 6 (relu6), to infinity (relu), or from -1 to 1 (hardtanh)");
  if (!open && x.form == Form::plus_three) {
    x.form = Form::clipped;
    return put(node, x);
  }
  op.kind = open ? OpKind::relu : OpKind::relu6;
  emit(node, std::move(op), {whole(node, 0)}, {});
}

void ScriptReader::pool(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (x.dims.size() != 4) refuse(node, "of values of other than 4 dimensions");
  Op op;
  op.kind = op_word(node) == "max_pool2d" ? OpKind::max_pool : OpKind::avg_pool;
  op.kernel = pair(node, 1, "kernel");
  op.stride = integers(node, 2).empty() ? op.kernel : pair(node, 2, "stride");
  const auto pad = pair(node, 3, "padding");
  op.pad = {pad[0], pad[1], pad[0], pad[1]};
  if (op.kind == OpKind::max_pool) {
    op.dilation = pair(node, 4, "dilation");
    op.ceil_mode = flag(node, 5);
  } else {
    op.ceil_mode = flag(node, 4);
    op.count_include_pad = flag(node, 5);
    if (!is_none(node, 6)) refuse(node, "divides by a number of its own");
  }
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::adaptive_pool(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (x.dims.size() != 4) refuse(node, "of values of other than 4 dimensions");
  const auto out = pair(node, 1, "size");
  const Shape in = shape_of(x);
  Op op;
  op.kind = OpKind::global_avg_pool;
  if (out != std::array<int, 2>{1, 1}) {
    if (out[0] == in[2] && out[1] == in[3]) {
      copied_[static_cast<std::size_t>(x.op)] = true;
      return put(node, x);
    }
    if (out[0] < 1 || out[1] < 1 || in[2] % out[0] != 0 || in[3] % out[1] != 0)
      refuse(node, "to " + std::to_string(out[0]) + " x " + std::to_string(out[1]) + ", which does not divide " +
                       std::to_string(in[2]) + " x " + std::to_string(in[3]));
    op.kind = OpKind::avg_pool;
    op.kernel = op.stride = {static_cast<int>(in[2] / out[0]), static_cast<int>(in[3] / out[1])};
  }
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::put_linear(Node* node, std::size_t input, const at::Tensor& weight, const c10::IValue& bias) {
  const ScriptValue x = whole(node, input);
  if (x.dims.size() != 2 || weight.dim() != 2) refuse(node, "only N x C times a matrix is read");
  if (weight.size(1) != shape_of(x)[1])
    fail(node,
         "weights for " + std::to_string(weight.size(1)) + " inputs do not fit " + std::to_string(shape_of(x)[1]));
  Op op;
  op.kind = OpKind::linear;
  op.out_channels = weight.size(0);
  op.weights = {weights(node, weight)};
  if (!bias.isNone()) {
    op.bias = true;
    op.weights.push_back(weights(node, bias.toTensor()));
  }
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::linear(Node* node) {
  put_linear(node, 0, known(node, 1).toTensor(), is_none(node, 2) ? c10::IValue() : known(node, 2));
}
void ScriptReader::addmm(Node* node) {
  if (real(node, 3) != 1 || real(node, 4) != 1) refuse(node, "with factors other than 1");
  put_linear(node, 1, known(node, 2).toTensor().t(), known(node, 0));
}
void ScriptReader::matmul(Node* node) {
  if (!known(node, 1).isTensor() || known(node, 1).toTensor().dim() != 2) refuse(node, "only with a constant matrix");
  put_linear(node, 0, known(node, 1).toTensor().t(), c10::IValue());
}

void ScriptReader::add(Node* node) {
  if (node->inputs().size() > 2 && real(node, 2) != 1) refuse(node, "with a factor other than 1");
  const auto left = scalar(node, 0);
  const auto right = scalar(node, 1);
  if (left || right) {
    ScriptValue x = whole(node, left ? 1 : 0);
    if ((left ? *left : *right) != three) refuse(node, "of a constant other than 3 (as in a hard swish)");
    if (node->kind() != c10::aten::add) refuse(node, "of a constant in place");
    x.form = Form::plus_three;
    return put(node, x);
  }
  const ScriptValue a = whole(node, 0);
  const ScriptValue b = whole(node, 1);
  if (a.dims.size() != b.dims.size()) refuse(node, "of values of different numbers of dimensions");
  Op op;
  op.kind = OpKind::add;
  const Dims& dims = a.dims.size() == 2 ? a.dims : Dims();
  emit(node, std::move(op), {a, b}, dims);
}

void ScriptReader::divide_by_six(Node* node, const ScriptValue& x) {
  if (x.form != Form::clipped && x.form != Form::product)
    refuse(node, "by a constant is read only in a hard sigmoid or swish");
  ScriptValue from = x;
  from.form = Form::plain;
  Op op;
  op.kind = x.form == Form::clipped ? OpKind::h_sigmoid : OpKind::h_swish;
  put(node, append(node, std::move(op), {from}, {}));
}

void ScriptReader::div(Node* node) {
  const auto by = scalar(node, 1);
  if (!by || !near(*by, six) || !is_none(node, 2)) refuse(node, "is read only by 6 in a hard sigmoid or swish");
  divide_by_six(node, value(node, 0));
}

void ScriptReader::mul(Node* node) {
  const auto left = scalar(node, 0);
  const auto right = scalar(node, 1);
  if (left || right) {
    if (!near(left ? *left : *right, 1 / six)) refuse(node, "of a constant other than 1/6 (as in a hard swish)");
    return divide_by_six(node, value(node, left ? 1 : 0));
  }
  ScriptValue a = value(node, 0);
  ScriptValue b = value(node, 1);
  if (a.form == Form::clipped) std::swap(a, b);
  if (b.form == Form::clipped && a.form == Form::plain && a.op == b.op && node->kind() == c10::aten::mul) {
    a.form = Form::product;
    return put(node, a);
  }
  for (ScriptValue* one : {&a, &b})
    if (one->form == Form::expanded && a.dims == b.dims && (a.form == Form::plain || b.form == Form::plain)) {
      one->form = Form::plain;
      one->dims = dims_like(*one, shape_of(*one));
      break;
    }
  check_whole(node, a);
  check_whole(node, b);
  if (a.dims.size() != b.dims.size()) refuse(node, "of values of different numbers of dimensions");
  Op op;
  op.kind = OpKind::mul;
  emit(node, std::move(op), {a, b}, a.dims.size() == 2 ? a.dims : Dims());
}

void ScriptReader::silu(Node* node) {
  const ScriptValue x = whole(node, 0);
  Op gate;
  gate.kind = OpKind::sigmoid;
  const ScriptValue opened = append(node, std::move(gate), {x}, {});
  Op op;
  op.kind = OpKind::mul;
  emit(node, std::move(op), {x, opened}, {});
}

void ScriptReader::softmax(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (axis(node, integer(node, 1), x) != 1) refuse(node, "over another dimension than the channels");
  Op op;
  op.kind = OpKind::softmax;
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::dropout(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (flag(node, 2)) refuse(node, "drops in evaluation mode too");
  Op op;
  op.kind = OpKind::dropout;
  op.value = real(node, 1);
  emit(node, std::move(op), {x}, {});
}

void ScriptReader::upsample(Node* node) {
  const ScriptValue x = whole(node, 0);
  if (x.dims.size() != 4) refuse(node, "of values of other than 4 dimensions");
  const Shape in = shape_of(x);
  std::array<double, 2> factor{0, 0};
  if (!is_none(node, 1)) {
    const auto size = pair(node, 1, "size");
    for (std::size_t a = 0; a < 2; ++a) factor[a] = static_cast<double>(size[a]) / static_cast<double>(in[a + 2]);
  } else {
    const auto& list = known(node, 2);
    if (!list.isList() || list.toListRef().size() != 2 || !list.toListRef()[0].isDouble())
      refuse(node, "needs a size or two factors");
    factor = {list.toListRef()[0].toDouble(), list.toListRef()[1].toDouble()};
  }
  if (factor[0] != factor[1]) refuse(node, "by different factors for height and width");
  Op op;
  op.kind = OpKind::upsample_nearest;
  op.value = factor[0];
  emit(node, std::move(op), {x}, {});
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "format/onnx_fold.hpp"
#include "format/onnx_pool.hpp"
#include "format/onnx_reader.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

Reals scaled(const Reals& values, float factor) {
  if (factor == 1) return values;
  std::vector<float> out(values->begin(), values->end());
  for (float& value : out) value *= factor;
  return std::make_shared<const std::vector<float>>(std::move(out));
}

bool all(const std::vector<float>& values, float wanted) {
  return std::all_of(values.begin(), values.end(), [wanted](float value) { return value == wanted; });
}

std::array<int, 2> pair_of(const NodeView& node, const char* name, int fallback) {
  const auto found = node.integers(name);
  if (!found) return {fallback, fallback};
  if (found->size() != 2)
    node.refuse(std::string(name) + " has " + std::to_string(found->size()) + " numbers; two dimensions are read");
  return {to_int(node, name, (*found)[0]), to_int(node, name, (*found)[1])};
}

/// Whether dims spread over a value of this rank, 2 or 4, as one number per channel.
bool per_channel(const Dims& dims, std::size_t rank, std::int64_t channels) {
  const std::size_t behind = rank == 4 ? 2 : 0;
  if (dims.size() <= behind || dims.size() > behind + 2) return false;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] != (i + behind + 1 == dims.size() ? channels : 1)) return false;
  return true;
}

/// Whether ONNX spreads values of these dimensions over each other.
bool broadcast(const std::vector<OnnxValue>& values) {
  Dims all = values.front().dims;
  for (const auto& value : values)
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] != value.dims[i] && all[i] != 1 && value.dims[i] != 1) return false;
      all[i] = std::max(all[i], value.dims[i]);
    }
  return true;
}

}  // namespace

void OnnxReader::set_window(const NodeView& node, Op& op, const Shape& in) const {
  op.stride = pair_of(node, "strides", 1);
  op.dilation = pair_of(node, "dilations", 1);
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "NOTSET") {
    const auto pads = node.integers("pads").value_or(Dims{0, 0, 0, 0});
    if (pads.size() != 4) node.refuse("pads has " + std::to_string(pads.size()) + " numbers; four are read");
    for (std::size_t i = 0; i < 4; ++i) op.pad[i] = to_int(node, "pads", pads[i]);
    return;
  }
  if (automatic == "VALID") return;
  if (automatic != "SAME_UPPER" && automatic != "SAME_LOWER") node.fail("auto_pad is " + base::in_quotes(automatic));
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t stride = op.stride[axis];
    if (stride < 1) node.fail("strides must be positive");
    const std::int64_t out = (in[axis + 2] + stride - 1) / stride;
    const std::int64_t reach = (std::int64_t{op.kernel[axis]} - 1) * op.dilation[axis] + 1;
    const int total = to_int(node, "padding", std::max<std::int64_t>(0, (out - 1) * stride + reach - in[axis + 2]));
    op.pad[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    op.pad[axis + 2] = total - op.pad[axis];
  }
}

void OnnxReader::conv(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const Constant& weight = constant(node, 1);
  if (x.dims.size() != 4 || weight.dims.size() != 4) node.refuse("only convolutions in two dimensions are read");
  if (!weight.is_real()) node.fail("its weights must be reals");
  const Shape in = shape_of(x);
  Op op;
  op.kind = OpKind::conv2d;
  op.groups = node.integer("group", 1);
  op.out_channels = weight.dims[0];
  op.kernel = {to_int(node, "kernel", weight.dims[2]), to_int(node, "kernel", weight.dims[3])};
  if (op.groups < 1 || in[1] % op.groups != 0 || weight.dims[1] != in[1] / op.groups)
    node.fail("weights of " + to_text(weight.dims) + " in " + std::to_string(op.groups) + " groups do not fit " +
              std::to_string(in[1]) + " channels");
  if (node.has("kernel_shape") && pair_of(node, "kernel_shape", 1) != op.kernel)
    node.fail("kernel_shape is not that of the weights");
  set_window(node, op, in);
  op.weights = {weight.reals};
  if (!node.input(2).empty()) {
    op.bias = true;
    op.weights.push_back(reals(node, 2, {op.out_channels}));
  }
  emit(node, std::move(op), {x}, 4);
}

void OnnxReader::gemm(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 2 || node.integer("transA", 0) != 0) node.refuse("its first input must be N x C, as it is");
  const Constant& given = constant(node, 1);
  if (given.dims.size() != 2 || !given.is_real()) node.fail("its weights must be a matrix of reals");
  const bool stands = node.integer("transB", 0) != 0;
  const Dims dims = stands ? given.dims : Dims{given.dims[1], given.dims[0]};
  if (dims[1] != x.dims[1])
    node.fail("weights for " + std::to_string(dims[1]) + " inputs do not fit " + std::to_string(x.dims[1]));
  const float alpha = node.real("alpha", 1);
  const float beta = node.real("beta", 1);
  Op op;
  op.kind = OpKind::linear;
  op.out_channels = dims[0];
  if (alpha != 1) budget_.take(static_cast<double>(given.count()), node.place());
  op.weights = {scaled(stands ? given.reals : transposed(given, {1, 0}, node.place(), budget_).reals, alpha)};
  const Constant* bias = node.input(2).empty() ? nullptr : &constant(node, 2);
  // Opset 9 has no Gemm without a bias; ours is called so then.
  const bool filled =
      bias != nullptr && bias->is_real() && all(*bias->reals, 0) && base::ends_with(node.input(2), ".zeros");
  if (bias != nullptr && !filled) {
    if (!bias->is_real() || (bias->count() != 1 && !per_channel(bias->dims, 2, op.out_channels)))
      node.refuse("a third input of " + to_text(bias->dims) + " is no bias of " + std::to_string(op.out_channels));
    op.bias = true;
    budget_.take(static_cast<double>(op.out_channels), node.place());
    const Reals values =
        bias->count() == static_cast<std::size_t>(op.out_channels)
            ? bias->reals
            : std::make_shared<const std::vector<float>>(static_cast<std::size_t>(op.out_channels), (*bias->reals)[0]);
    op.weights.push_back(scaled(values, beta));
  }
  emit(node, std::move(op), {x}, 2);
}

void OnnxReader::matmul(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const Constant& given = constant(node, 1);
  if (x.dims.size() != 2 || given.dims.size() != 2 || !given.is_real())
    node.refuse("only N x C times a constant matrix is read");
  if (given.dims[0] != x.dims[1])
    node.fail("weights for " + std::to_string(given.dims[0]) + " inputs do not fit " + std::to_string(x.dims[1]));
  Op op;
  op.kind = OpKind::linear;
  op.out_channels = given.dims[1];
  op.weights = {transposed(given, {1, 0}, node.place(), budget_).reals};
  emit(node, std::move(op), {x}, 2);
}

void OnnxReader::batch_norm(const NodeView& node) {
  constexpr float usual = 1e-5F;
  const OnnxValue x = activation(node, 0);
  bool training = node.integer("training_mode", 0) != 0;
  for (int i = 1; opset_ < 14 && i < node.proto().output_size(); ++i) training = training || !node.output(i).empty();
  if (training) node.refuse("is in training mode; export the network for inference");
  if (node.integer("spatial", 1) == 0) node.refuse("normalises every pixel by itself");
  const Dims channels{shape_of(x)[1]};
  const Reals scale = reals(node, 1, channels);
  const Reals shift = reals(node, 2, channels);
  Op op;
  op.kind = OpKind::batch_norm;
  op.value = to_double(node.real("epsilon", usual));
  // ONNX has no batch norm without scale and shift; ours are called so then.
  op.affine = !(base::ends_with(node.input(1), ".ones") && base::ends_with(node.input(2), ".zeros") && all(*scale, 1) &&
                all(*shift, 0));
  if (op.affine) op.weights = {scale, shift};
  op.weights.push_back(reals(node, 3, channels));
  op.weights.push_back(reals(node, 4, channels));
  emit(node, std::move(op), {x}, x.dims.size());
}

void OnnxReader::pool(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (!node.output(1).empty() && readers_.count(node.output(1)) != 0) node.refuse("its second output is used");
  const Shape in = shape_of(x);
  Op op;
  op.kind = node.type() == "MaxPool" ? OpKind::max_pool : OpKind::avg_pool;
  if (!node.has("kernel_shape")) node.fail("has no kernel_shape");
  op.kernel = pair_of(node, "kernel_shape", 1);
  set_window(node, op, in);
  op.ceil_mode = node.integer("ceil_mode", 0) != 0;
  if (op.kind == OpKind::avg_pool) op.count_include_pad = node.integer("count_include_pad", 0) != 0;
  Op noted = op;
  if (read_pool_note(node.proto().doc_string(), noted)) {
    try {
      const PoolForm form = pool_form(noted, in, graph::infer_shape(noted, {in}), opset_);
      const bool same_count = op.kind == OpKind::max_pool || form.count_include_pad == op.count_include_pad;
      if (form.pad == op.pad && form.ceil_mode == op.ceil_mode && same_count && !form.zeros_before) op = noted;
    } catch (const Error&) {
      // The note does not fit the node, which counts.
    }
  }
  if (!op.ceil_mode) fit_end_pads(op, in);
  const bool too_wide = pads_beyond_half(op);
  if (too_wide && op.kind == OpKind::avg_pool && op.count_include_pad && !op.ceil_mode && x.dims.size() == 4) {
    Op zeros;  // an average that counts them is that of zeros put around the input
    zeros.kind = OpKind::pad;
    zeros.pad = op.pad;
    op.pad = {0, 0, 0, 0};
    emit(node, std::move(zeros), {x}, 4, node.name() + "/pad", node.output());
    return emit(node, std::move(op), {OnnxValue(values_.at(node.output()))}, 4);
  }
  if (too_wide) node.refuse("pads by more than half of its window");
  emit(node, std::move(op), {x}, x.dims.size());
}

void OnnxReader::unary(const NodeView& node, OpKind kind, double number) {
  const OnnxValue x = activation(node, 0);
  Op op;
  op.kind = kind;
  op.value = number;
  emit(node, std::move(op), {x}, x.dims.size());
}

void OnnxReader::arithmetic(const NodeView& node) {
  const bool any_number = node.type() == "Sum";
  if (any_number ? node.inputs() < 1 : node.inputs() != 2)
    node.fail("takes " + std::string(any_number ? "an input or more" : "two inputs") + ", it has " +
              std::to_string(node.inputs()));
  if (node.type() == "Add" && begins_hard(node)) return;
  if (!any_number)
    for (const int side : {0, 1})
      if (constant(node.input(side)) != nullptr) return scale(node, side);
  const bool sum = node.type() == "Add" || any_number;
  if (!sum && node.type() != "Mul") node.refuse("of two values of the network has no op in a Graph");
  std::vector<OnnxValue> inputs;
  for (int i = 0; i < node.inputs(); ++i) {
    inputs.push_back(activation(node, i));
    if (inputs.back().dims.size() != inputs.front().dims.size())
      node.refuse("its inputs have " + to_text(inputs.front().dims) + " and " + to_text(inputs.back().dims) +
                  " dimensions");
  }
  if (inputs.size() == 1) return alias(node, inputs[0], inputs[0].dims);
  Op op;
  op.kind = sum ? OpKind::add : OpKind::mul;
  try {
    emit(node, std::move(op), inputs, inputs.front().dims.size());
  } catch (const Error& error) {
    if (error.fault() != Fault::input || !broadcast(inputs)) throw;
    throw Error(Fault::unsupported, std::string(error.what()) + "; ONNX would spread one over the other");
  }
}

bool OnnxReader::fold_bias(const NodeView& node, const OnnxValue& x, const Constant& values) {
  Op& before = net_.graph.ops[static_cast<std::size_t>(x.op)];
  if ((before.kind != OpKind::conv2d && before.kind != OpKind::linear) || before.bias) return false;
  if (values.count() != static_cast<std::size_t>(before.out_channels) || read_by_others(x.op)) return false;
  before.bias = true;
  before.weights.push_back(values.reals);
  alias(node, x, x.dims);
  return true;
}

/// A constant per channel added or multiplied: the bias of what is before it, or a batch norm of its own.
void OnnxReader::scale(const NodeView& node, int constant_input) {
  const OnnxValue x = activation(node, 1 - constant_input);
  const Constant values = constant(node, constant_input);
  const std::int64_t channels = shape_of(x)[1];
  if (x.dims.size() != 2 && x.dims.size() != 4)
    node.refuse("a constant with values of " + std::to_string(x.dims.size()) + " dimensions");
  if (!values.is_real() || (values.count() != 1 && !per_channel(values.dims, x.dims.size(), channels)))
    node.refuse("a constant of " + to_text(values.dims) + " is neither one number nor one per channel of " +
                to_text(x.dims));
  if (values.dims.size() > x.dims.size()) node.refuse("its constant has more dimensions than the value");
  if (node.type() == "Div" && constant_input == 0) node.refuse("divides a constant by a value of the network");
  if (node.type() == "Mul" && values.count() == 1 && (*values.reals)[0] == 0 && x.dims.size() == 4) {
    const auto crop = crops_.find(node.input(1 - constant_input));
    const OnnxValue& of = crop == crops_.end() ? x : crop->second.of;
    const Shape in = shape_of(of);
    const Shape kept =
        crop == crops_.end() ? in : Shape{in[0], in[1], in[2] + crop->second.pad[2], in[3] + crop->second.pad[3]};
    Op op;  // everything cropped, and zeros in the room that is left
    op.kind = OpKind::pad;
    op.pad = {-to_int(node, "height", in[2]), 0, to_int(node, "height", kept[2]),
              to_int(node, "width", kept[3] - in[3])};
    return emit(node, std::move(op), {of}, 4);
  }
  if (node.type() == "Add" && fold_bias(node, x, values)) return;
  budget_.take(4 * static_cast<double>(channels), node.place());
  std::vector<float> factor(static_cast<std::size_t>(channels), 1);
  std::vector<float> shift(factor.size(), 0);
  for (std::size_t c = 0; c < factor.size(); ++c) {
    const float value = (*values.reals)[values.count() == 1 ? 0 : c];
    if (node.type() == "Mul") factor[c] = value;
    if (node.type() == "Div") factor[c] = 1 / value;
    if (node.type() == "Add") shift[c] = value;
    if (node.type() == "Sub") shift[c] = constant_input == 1 ? -value : value;
    if (node.type() == "Sub" && constant_input == 0) factor[c] = -1;
  }
  Op op;
  op.kind = OpKind::batch_norm;
  op.value = 0;
  const auto keep = [](std::vector<float> list) { return std::make_shared<const std::vector<float>>(std::move(list)); };
  const std::size_t size = factor.size();
  op.weights = {keep(std::move(factor)), keep(std::move(shift)), keep(std::vector<float>(size, 0)),
                keep(std::vector<float>(size, 1))};
  emit(node, std::move(op), {x}, x.dims.size());
}

void OnnxReader::softmax(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const Shape in = shape_of(x);
  const std::size_t axis = axis_of(node.integer("axis", opset_ >= 13 ? -1 : 1), x.dims.size(), node);
  const bool over_channels = axis == 1 && (opset_ >= 13 || (in[2] == 1 && in[3] == 1));
  if (!over_channels) node.refuse("runs over other dimensions than the channels");
  unary(node, OpKind::softmax);
}

void OnnxReader::dropout(const NodeView& node) {
  constexpr float usual = 0.5F;
  if (!node.output(1).empty() && readers_.count(node.output(1)) != 0) node.refuse("its mask is used");
  if (!node.input(2).empty()) {
    const Constant& training = constant(node, 2);
    if (training.is_real() || training.count() != 1 || training.integers[0] != 0) node.refuse("is in training mode");
  }
  float rate = node.real("ratio", usual);
  if (!node.input(1).empty()) {
    const auto given = scalar(node.input(1));
    if (!given) node.refuse("its ratio is not constant");
    rate = *given;
  }
  unary(node, OpKind::dropout, to_double(rate));
}

}  // namespace hwprof::format

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "format/onnx_builder.hpp"
#include "format/onnx_pool.hpp"
#include "format/weights_fit.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"

namespace hwprof {
namespace {

using format::Dims;
using format::NodeWriter;
using format::OnnxBuilder;

class OnnxWriter {
 public:
  OnnxWriter(const Graph& graph, const Shape& input, int opset)
      : graph_(graph),
        opset_(opset),
        shapes_(infer_shapes(graph, input)),
        flat_(graph.ops.size()),
        model_(graph.name, opset) {}

  std::string run() {
    for (const Op& op : graph_.ops) {
      if (op.name.empty()) throw Error(Fault::input, where() + "an op has no name");
      if (!names_.insert(op.name).second)
        throw Error(Fault::input, where() + "two ops are named " + base::in_quotes(op.name));
      model_.reserve(op.name);
    }
    model_.input(graph_.ops[0].name, dims_of(0));
    for (std::size_t i = 1; i < graph_.ops.size();) i += write(i);
    for (std::size_t i = 1; i < graph_.ops.size(); ++i) model_.value(graph_.ops[i].name, dims_of(i));
    std::set<int> given;
    for (const int output : graph_.outputs) {
      const auto at = static_cast<std::size_t>(output);
      std::string name = graph_.ops[at].name;
      if (output == 0 || !given.insert(output).second) {  // neither an input nor a value twice may be an output
        const std::string copy = model_.fresh(name + "/output");
        model_.node("Identity", copy, {name});
        name = copy;
      }
      model_.output(name, dims_of(at));
    }
    return model_.bytes();
  }

 private:
  [[nodiscard]] std::string where() const { return "graph " + base::in_quotes(graph_.name) + ": "; }
  [[noreturn]] void refuse(const Op& op, const std::string& what) const {
    throw Error(Fault::unsupported, where() + "op " + base::in_quotes(op.name) + " (" + to_string(op.kind) +
                                        "): " + what + " (ONNX opset " + std::to_string(opset_) + ")");
  }

  /// ONNX keeps linear values in two dimensions.
  [[nodiscard]] Dims dims_of(std::size_t i) const {
    const Shape& shape = shapes_[i];
    return flat_[i] ? Dims{shape[0], shape[1]} : Dims(shape.begin(), shape.end());
  }

  static std::size_t from(const Op& op, std::size_t input = 0) { return static_cast<std::size_t>(op.inputs[input]); }
  [[nodiscard]] const std::string& name_of(std::size_t i) const { return graph_.ops[i].name; }
  [[nodiscard]] const Shape& in_shape(const Op& op) const { return shapes_[from(op)]; }

  /// Name of an op's input in four dimensions.
  std::string map(const Op& op, std::size_t input = 0) {
    const std::size_t source = from(op, input);
    if (!flat_[source]) return name_of(source);
    const std::string name = model_.fresh(op.name + "/unflatten");
    const std::string shape = model_.integers(op.name + ".map", {0, shapes_[source][1], 1, 1});
    model_.node("Reshape", name, {name_of(source), shape});
    return name;
  }
  [[nodiscard]] const std::string& any(const Op& op) const { return name_of(from(op)); }

  /// Returns how many ops it wrote.
  std::size_t write(std::size_t i) {
    const Op& op = graph_.ops[i];
    flat_[i] = flat_[from(op)];  // what most ops do; the others change it
    switch (op.kind) {
      case OpKind::conv2d:
        conv(i);
        break;
      case OpKind::batch_norm:
        batch_norm(op);
        break;
      case OpKind::linear:
        linear(i);
        break;
      case OpKind::max_pool:
      case OpKind::avg_pool:
        pool(i);
        break;
      case OpKind::global_avg_pool:
        model_.node("GlobalAveragePool", op.name, {map(op)});
        flat_[i] = false;
        break;
      case OpKind::add:
      case OpKind::mul:
      case OpKind::concat:
        join(i);
        break;
      case OpKind::split:
        return split(i);
      case OpKind::flatten:
        model_.node("Flatten", op.name, {any(op)}).set("axis", std::int64_t{1});
        flat_[i] = true;
        break;
      case OpKind::reshape:
        reshape(op.name, any(op), {0, op.shape[1], op.shape[2], op.shape[3]});
        flat_[i] = false;
        break;
      case OpKind::softmax:
        softmax(i);
        break;
      case OpKind::pad:
        pad(i);
        break;
      case OpKind::upsample_nearest:
        upsample(i);
        break;
      case OpKind::channel_shuffle:
        channel_shuffle(i);
        break;
      case OpKind::dropout:
        dropout(op);
        break;
      case OpKind::identity:
        model_.node("Identity", op.name, {any(op)});
        break;
      case OpKind::input:
        throw Error(Fault::internal, where() + "a second input");
      default:
        activation(op);
    }
    return 1;
  }

  void activation(const Op& op) {
    const std::string& x = any(op);
    switch (op.kind) {
      case OpKind::relu:
        model_.node("Relu", op.name, {x});
        return;
      case OpKind::relu6:
        clip(op.name, x, 0, 6);
        return;
      case OpKind::hardtanh:
        clip(op.name, x, -1, 1);
        return;
      case OpKind::leaky_relu:
        model_.node("LeakyRelu", op.name, {x}).set("alpha", static_cast<float>(op.value));
        return;
      case OpKind::sigmoid:
        model_.node("Sigmoid", op.name, {x});
        return;
      case OpKind::tanh:
        model_.node("Tanh", op.name, {x});
        return;
      default:
        break;
    }
    // HardSwish is an op from opset 14 on, and few tools know HardSigmoid: relu6(x + 3) times x / 6 or 1 / 6.
    const std::string sum = model_.fresh(op.name + "/add");
    const std::string clipped = model_.fresh(op.name + "/clip");
    model_.node("Add", sum, {x, model_.scalar(3)});
    clip(clipped, sum, 0, 6);
    std::string numerator = clipped;
    if (op.kind == OpKind::h_swish) {
      numerator = model_.fresh(op.name + "/mul");
      model_.node("Mul", numerator, {x, clipped});
    }
    model_.node("Div", op.name, {numerator, model_.scalar(6)});
  }

  void clip(const std::string& name, const std::string& x, float low, float high) {
    if (opset_ >= 11)
      model_.node("Clip", name, {x, model_.scalar(low), model_.scalar(high)});
    else
      model_.node("Clip", name, {x}).set("min", low).set("max", high);
  }

  static Dims pair(const std::array<int, 2>& values) { return {values[0], values[1]}; }
  static Dims sides(const std::array<int, 4>& values) { return {values[0], values[1], values[2], values[3]}; }

  void conv(std::size_t i) {
    const Op& op = graph_.ops[i];
    std::vector<std::string> inputs{map(op)};
    inputs.push_back(model_.floats(op.name + ".weight",
                                   {op.out_channels, in_shape(op)[1] / op.groups, op.kernel[0], op.kernel[1]},
                                   *op.weights.at(0)));
    if (op.bias) inputs.push_back(model_.floats(op.name + ".bias", {op.out_channels}, *op.weights.at(1)));
    model_.node("Conv", op.name, inputs)
        .set("dilations", pair(op.dilation))
        .set("group", op.groups)
        .set("kernel_shape", pair(op.kernel))
        .set("pads", sides(op.pad))
        .set("strides", pair(op.stride));
    flat_[i] = false;
  }

  void batch_norm(const Op& op) {
    const std::int64_t channels = in_shape(op)[1];
    const std::vector<float> ones(op.affine ? 0 : static_cast<std::size_t>(channels), 1);
    const std::vector<float> zeros(ones.size(), 0);
    const std::size_t statistics = op.affine ? 2 : 0;
    const std::string scale =
        model_.floats(op.name + (op.affine ? ".weight" : ".ones"), {channels}, op.affine ? *op.weights.at(0) : ones);
    const std::string shift =
        model_.floats(op.name + (op.affine ? ".bias" : ".zeros"), {channels}, op.affine ? *op.weights.at(1) : zeros);
    const std::string mean = model_.floats(op.name + ".running_mean", {channels}, *op.weights.at(statistics));
    const std::string variance = model_.floats(op.name + ".running_var", {channels}, *op.weights.at(statistics + 1));
    model_.node("BatchNormalization", op.name, {any(op), scale, shift, mean, variance})
        .set("epsilon", static_cast<float>(op.value));
  }

  void linear(std::size_t i) {
    const Op& op = graph_.ops[i];
    std::string x = any(op);
    if (!flat_[from(op)]) {
      const std::string name = model_.fresh(op.name + "/flatten");
      model_.node("Flatten", name, {x}).set("axis", std::int64_t{1});
      x = name;
    }
    // Opset 9 asks for the third input, so that a missing bias is one of zeros there.
    const std::vector<float> zeros(op.bias || opset_ >= 11 ? 0 : static_cast<std::size_t>(op.out_channels), 0);
    std::vector<std::string> inputs{
        x, model_.floats(op.name + ".weight", {op.out_channels, in_shape(op)[1]}, *op.weights.at(0))};
    if (op.bias)
      inputs.push_back(model_.floats(op.name + ".bias", {op.out_channels}, *op.weights.at(1)));
    else if (!zeros.empty())
      inputs.push_back(model_.floats(op.name + ".zeros", {op.out_channels}, zeros));
    model_.node("Gemm", op.name, inputs).set("alpha", 1.0F).set("beta", 1.0F).set("transB", std::int64_t{1});
    flat_[i] = true;
  }

  void pool(std::size_t i) {
    const Op& op = graph_.ops[i];
    const auto form = format::pool_form(op, in_shape(op), shapes_[i], opset_);
    std::string x = map(op);
    if (form.zeros_before) {
      const std::string name = model_.fresh(op.name + "/pad");
      pad_zeros(name, x, op.pad);
      x = name;
    }
    NodeWriter node = model_.node(op.kind == OpKind::max_pool ? "MaxPool" : "AveragePool", op.name, {x});
    if (op.dilation != std::array<int, 2>{1, 1}) {
      if (opset_ < 10) refuse(op, "a pool has dilations from opset 10 on");
      node.set("dilations", pair(op.dilation));
    }
    node.set("kernel_shape", pair(op.kernel)).set("pads", sides(form.pad)).set("strides", pair(op.stride));
    if (form.ceil_mode) node.set("ceil_mode", std::int64_t{1});
    if (op.kind == OpKind::avg_pool) node.set("count_include_pad", std::int64_t{form.count_include_pad ? 1 : 0});
    node.note(form.note);
    flat_[i] = false;
  }

  void join(std::size_t i) {
    const Op& op = graph_.ops[i];
    bool flat = true;
    for (std::size_t k = 0; k < op.inputs.size(); ++k) flat = flat && flat_[from(op, k)];
    std::vector<std::string> inputs;
    for (std::size_t k = 0; k < op.inputs.size(); ++k) inputs.push_back(flat ? name_of(from(op, k)) : map(op, k));
    flat_[i] = flat;
    if (op.kind == OpKind::concat) {
      model_.node("Concat", op.name, inputs).set("axis", std::int64_t{1});
    } else if (op.kind == OpKind::add) {
      model_.node(inputs.size() == 2 ? "Add" : "Sum", op.name, inputs);
    } else {
      std::string product = inputs[0];
      for (std::size_t k = 1; k < inputs.size(); ++k) {
        const std::string name = k + 1 == inputs.size() ? op.name : model_.fresh(op.name + "/" + std::to_string(k));
        model_.node("Mul", name, {product, inputs[k]});
        product = name;
      }
    }
  }

  /// Ops of one source that follow each other and together take every channel once are one node.
  std::size_t split(std::size_t i) {
    const Op& first = graph_.ops[i];
    std::vector<std::string> outputs;
    Dims sizes;
    std::int64_t next = 0;
    for (std::size_t k = i; k < graph_.ops.size(); ++k) {
      const Op& op = graph_.ops[k];
      if (op.kind != OpKind::split || op.inputs != first.inputs || op.first_channel != next) break;
      outputs.push_back(op.name);
      sizes.push_back(op.out_channels);
      next += op.out_channels;
    }
    const bool flat = flat_[from(first)];
    if (next != in_shape(first)[1] || outputs.size() < 2) {
      slice(first.name, any(first), {1}, {first.first_channel}, {first.first_channel + first.out_channels});
      flat_[i] = flat;
      return 1;
    }
    if (opset_ >= 13)
      model_.node("Split", first.name, {any(first), model_.integers(first.name + ".sizes", sizes)}, outputs)
          .set("axis", std::int64_t{1});
    else
      model_.node("Split", first.name, {any(first)}, outputs).set("axis", std::int64_t{1}).set("split", sizes);
    for (std::size_t k = 0; k < outputs.size(); ++k) flat_[i + k] = flat;
    return outputs.size();
  }

  void slice(const std::string& name, const std::string& x, const Dims& axes, const Dims& starts, const Dims& ends) {
    if (opset_ >= 10)
      model_.node("Slice", name,
                  {x, model_.integers(name + ".starts", starts), model_.integers(name + ".ends", ends),
                   model_.integers(name + ".axes", axes)});
    else
      model_.node("Slice", name, {x}).set("axes", axes).set("ends", ends).set("starts", starts);
  }

  void reshape(const std::string& name, const std::string& x, const Dims& target) {
    model_.node("Reshape", name, {x, model_.integers(name + ".shape", target)});
  }

  /// Before opset 13 Softmax runs over all dimensions from its axis on.
  void softmax(std::size_t i) {
    const Op& op = graph_.ops[i];
    const Shape& shape = in_shape(op);
    if (opset_ >= 13 || (shape[2] == 1 && shape[3] == 1)) {
      model_.node("Softmax", op.name, {any(op)}).set("axis", std::int64_t{1});
      return;
    }
    const std::string last = model_.fresh(op.name + "/channels_last");
    const std::string done = model_.fresh(op.name + "/softmax");
    model_.node("Transpose", last, {any(op)}).set("perm", Dims{0, 2, 3, 1});
    model_.node("Softmax", done, {last}).set("axis", std::int64_t{3});
    model_.node("Transpose", op.name, {done}).set("perm", Dims{0, 3, 1, 2});
  }

  void pad_zeros(const std::string& name, const std::string& x, const std::array<int, 4>& pad) {
    const Dims pads{0, 0, pad[0], pad[1], 0, 0, pad[2], pad[3]};
    if (opset_ >= 11)
      model_.node("Pad", name, {x, model_.integers(name + ".pads", pads)}).set("mode", std::string("constant"));
    else
      model_.node("Pad", name, {x}).set("mode", std::string("constant")).set("pads", pads).set("value", 0.0F);
  }

  /// Negative padding is written as Slice, which more tools know. What crops everything leaves zeros.
  void pad(std::size_t i) {
    const Op& op = graph_.ops[i];
    flat_[i] = false;
    const Shape& in = in_shape(op);
    const Shape& out = shapes_[i];
    std::array<int, 4> grow = op.pad;
    std::array<std::int64_t, 2> begin{};
    std::array<std::int64_t, 2> end{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      begin[axis] = -std::min(op.pad[axis], 0);
      end[axis] = in[axis + 2] + std::min(op.pad[axis + 2], 0);
      grow[axis] = std::max(op.pad[axis], 0);
      grow[axis + 2] = std::max(op.pad[axis + 2], 0);
    }
    const bool crops = begin[0] > 0 || begin[1] > 0 || end[0] < in[2] || end[1] < in[3];
    const bool grows = grow != std::array<int, 4>{0, 0, 0, 0};
    const std::string x = map(op);
    if (end[0] <= begin[0] || end[1] <= begin[1]) {
      if (out[2] > in[2] || out[3] > in[3]) refuse(op, "crops everything and then grows beyond its input");
      std::string part = x;
      if (out[2] != in[2] || out[3] != in[3]) {
        part = model_.fresh(op.name + "/crop");
        slice(part, x, {2, 3}, {0, 0}, {out[2], out[3]});
      }
      model_.node("Mul", op.name, {part, model_.scalar(0)});
    } else if (!crops) {
      pad_zeros(op.name, x, grow);
    } else {
      const std::string name = grows ? model_.fresh(op.name + "/crop") : op.name;
      slice(name, x, {2, 3}, {begin[0], begin[1]}, {end[0], end[1]});
      if (grows) pad_zeros(op.name, name, grow);
    }
  }

  void upsample(std::size_t i) {
    const Op& op = graph_.ops[i];
    const auto factor = static_cast<float>(op.value);
    const std::string x = map(op);
    const std::string scales = model_.floats(op.name + ".scales", {4}, {1, 1, factor, factor});
    flat_[i] = false;
    if (opset_ == 9) {
      model_.node("Upsample", op.name, {x, scales}).set("mode", std::string("nearest"));
    } else if (opset_ == 10) {
      model_.node("Resize", op.name, {x, scales}).set("mode", std::string("nearest"));
    } else {
      const std::string roi = opset_ >= 13 ? std::string() : model_.floats(op.name + ".roi", {0}, {});
      model_.node("Resize", op.name, {x, roi, scales})
          .set("coordinate_transformation_mode", std::string("asymmetric"))
          .set("mode", std::string("nearest"))
          .set("nearest_mode", std::string("floor"));
    }
  }

  void channel_shuffle(std::size_t i) {
    const Op& op = graph_.ops[i];
    const Shape& in = in_shape(op);
    const std::string groups = model_.fresh(op.name + "/groups");
    const std::string swapped = model_.fresh(op.name + "/swap");
    reshape(groups, map(op), {0, op.groups, in[1] / op.groups, in[2], in[3]});
    model_.node("Transpose", swapped, {groups}).set("perm", Dims{0, 2, 1, 3, 4});
    reshape(op.name, swapped, {0, in[1], in[2], in[3]});
    flat_[i] = false;
  }

  void dropout(const Op& op) {
    const auto rate = static_cast<float>(op.value);
    if (opset_ >= 12)
      model_.node("Dropout", op.name, {any(op), model_.scalar(rate)});
    else
      model_.node("Dropout", op.name, {any(op)}).set("ratio", rate);
  }

  const Graph& graph_;
  int opset_;
  std::vector<Shape> shapes_;
  std::vector<bool> flat_;  // per op: two dimensions in the file
  std::set<std::string> names_;
  OnnxBuilder model_;
};

}  // namespace

bool has_onnx() noexcept {
  return true;
}

std::string to_onnx(const Graph& graph, const Shape& input, const OnnxOptions& options) {
  constexpr int oldest = 9;
  constexpr int newest = 13;
  if (options.opset < oldest || options.opset > newest)
    throw Error(Fault::usage, "ONNX opset " + std::to_string(options.opset) + ": 9 to 13 can be written");
  format::check_weights_fit(graph, input, "an ONNX file");
  if (graph.outputs.empty()) throw Error(Fault::input, "graph " + base::in_quotes(graph.name) + ": has no output");
  const Graph filled = with_weights(graph, input, options.seed);
  return OnnxWriter(filled, input, options.opset).run();
}

void write_onnx(const std::string& file, const Graph& graph, const Shape& input, const OnnxOptions& options) {
  base::write_file(file, to_onnx(graph, input, options));
}

}  // namespace hwprof

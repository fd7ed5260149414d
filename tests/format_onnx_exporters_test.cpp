// SPDX-License-Identifier: Apache-2.0
// Whole networks in the spelling of PyTorch's exporters, opset 9 to 13, against figures that are published of them:
// MobileNetV2 has 300774272 multiply-accumulates and 3504872 parameters, ResNet-18 1814073344 and 11689512.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>

#include "hwprof/format.hpp"

using namespace hwprof;

namespace {

using Dims = std::vector<std::int64_t>;

/// How a release of the exporter spells things.
struct Style {
  std::int64_t opset = 11;
  bool folded = false;  ///< batch norm is in the convolution's bias
  enum class Classifier { mean, view, reshape, flatten } classifier = Classifier::flatten;
};

class Exporter {
 public:
  explicit Exporter(const Style& style) : style_(style) {
    model_.set_ir_version(style.opset < 11 ? 4 : 6);
    model_.set_producer_name("pytorch");
    model_.add_opset_import()->set_version(style.opset);
    graph_ = model_.mutable_graph();
    graph_->set_name("torch-jit-export");
    value(*graph_->add_input(), "input", {1, 3, 224, 224});
  }

  std::string conv(const std::string& input, int in, int out, int kernel, int stride, int groups = 1) {
    const std::string name = next();
    std::vector<std::string> inputs{input, name + ".weight"};
    zeros(inputs[1], {out, in / groups, kernel, kernel});
    if (style_.folded) {
      inputs.push_back(name + ".bias");
      zeros(inputs[2], {out});
    }
    const std::string made = node("Conv", inputs);
    ints("dilations", {1, 1});
    integer("group", groups);
    ints("kernel_shape", {kernel, kernel});
    ints("pads", Dims(4, kernel / 2));
    ints("strides", {stride, stride});
    channels_ += out;
    if (style_.folded) return made;
    std::vector<std::string> normal{made};
    for (const char* what : {"weight", "bias", "running_mean", "running_var"}) {
      normal.push_back(name + ".bn." + what);
      zeros(normal.back(), {out});
    }
    const std::string bn = node("BatchNormalization", normal);
    real("epsilon", 1e-5F);
    real("momentum", 0.9F);
    return bn;
  }

  std::string relu6(const std::string& input) {
    if (style_.opset < 11) {
      const std::string out = node("Clip", {input});
      real("max", 6);
      real("min", 0);
      return out;
    }
    const std::string low = constant({}, {0});
    const std::string high = constant({}, {6});
    return node("Clip", {input, low, high});
  }
  std::string relu(const std::string& input) { return node("Relu", {input}); }
  std::string add(const std::string& a, const std::string& b) { return node("Add", {a, b}); }

  std::string max_pool(const std::string& input) {
    const std::string out = node("MaxPool", {input});
    if (style_.opset > 9) integer("ceil_mode", 0);
    ints("kernel_shape", {3, 3});
    ints("pads", {1, 1, 1, 1});
    ints("strides", {2, 2});
    return out;
  }

  OnnxNet classify(const std::string& input, int features) {
    using Classifier = Style::Classifier;
    std::string flat;
    if (style_.classifier == Classifier::mean) {
      flat = node("ReduceMean", {input});
      ints("axes", {2, 3});
      integer("keepdims", 0);
    } else {
      const std::string pooled = node("GlobalAveragePool", {input});
      if (style_.classifier == Classifier::flatten) {
        flat = node("Flatten", {pooled});
        integer("axis", 1);
      } else if (style_.classifier == Classifier::reshape) {
        flat = node("Reshape", {pooled, whole({-1, features})});
      } else {  // x.view(x.size(0), -1)
        const std::string batch = node("Gather", {node("Shape", {pooled}), whole({}, 0)});
        integer("axis", 0);
        std::string row;
        if (style_.opset < 13) {
          row = node("Unsqueeze", {batch});
          ints("axes", {0});
        } else {
          row = node("Unsqueeze", {batch, whole({0})});
        }
        const std::string shape = node("Concat", {row, whole({-1})});
        integer("axis", 0);
        flat = node("Reshape", {pooled, shape});
      }
    }
    zeros("fc.weight", {1000, features});
    zeros("fc.bias", {1000});
    const std::string out = node("Gemm", {flat, "fc.weight", "fc.bias"});
    real("alpha", 1);
    real("beta", 1);
    integer("transB", 1);
    value(*graph_->add_output(), out, {1, 1000});
    return parse_onnx(model_.SerializeAsString(), "net.onnx");
  }

  /// What a folded batch norm does not have: a second value for each channel.
  [[nodiscard]] double lost() const { return style_.folded ? channels_ : 0; }

 private:
  std::string next() { return std::to_string(++count_ + 500); }
  static void value(onnx::ValueInfoProto& info, const std::string& name, const Dims& dims) {
    info.set_name(name);
    auto* type = info.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const auto extent : dims) type->mutable_shape()->add_dim()->set_dim_value(extent);
  }
  std::string node(const char* type, const std::vector<std::string>& inputs) {
    last_ = graph_->add_node();
    last_->set_op_type(type);
    const std::string out = next();
    last_->set_name(std::string(type) + "_" + out);
    for (const auto& input : inputs) last_->add_input(input);
    last_->add_output(out);
    return out;
  }
  onnx::AttributeProto& attribute(const char* name, onnx::AttributeProto::AttributeType type) {
    auto& out = *last_->add_attribute();
    out.set_name(name);
    out.set_type(type);
    return out;
  }
  void ints(const char* name, const Dims& values) {
    auto& out = attribute(name, onnx::AttributeProto::INTS);
    for (const auto one : values) out.add_ints(one);
  }
  void integer(const char* name, std::int64_t one) { attribute(name, onnx::AttributeProto::INT).set_i(one); }
  void real(const char* name, float one) { attribute(name, onnx::AttributeProto::FLOAT).set_f(one); }
  void zeros(const std::string& name, const Dims& dims) {
    auto& tensor = *graph_->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    std::size_t count = 1;
    for (const auto extent : dims) {
      tensor.add_dims(extent);
      count *= static_cast<std::size_t>(extent);
    }
    tensor.set_raw_data(std::string(4 * count, '\0'));
  }
  std::string constant(const Dims& dims, const std::vector<float>& values) {
    const std::string out = node("Constant", {});
    auto& tensor = *attribute("value", onnx::AttributeProto::TENSOR).mutable_t();
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const auto extent : dims) tensor.add_dims(extent);
    for (const auto one : values) tensor.add_float_data(one);
    return out;
  }
  std::string whole(const Dims& values, std::int64_t scalar = 0) {
    const std::string out = node("Constant", {});
    auto& tensor = *attribute("value", onnx::AttributeProto::TENSOR).mutable_t();
    tensor.set_data_type(onnx::TensorProto::INT64);
    if (!values.empty()) tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const auto one : values) tensor.add_int64_data(one);
    if (values.empty()) tensor.add_int64_data(scalar);
    return out;
  }

  Style style_;
  onnx::ModelProto model_;
  onnx::GraphProto* graph_ = nullptr;
  onnx::NodeProto* last_ = nullptr;
  int count_ = 0;
  double channels_ = 0;
};

struct Expected {
  double macs, params;
  long convolutions, activations, additions;
  OpKind activation;
};

void check(const OnnxNet& net, const Exporter& exporter, const Style& style, const Expected& expected) {
  CHECK(net.input == Shape{1, 3, 224, 224});
  Work sum;
  for (const auto& work : count_work(net.graph, net.input)) sum = sum + work;
  CHECK(sum.macs == expected.macs);
  CHECK(sum.params == expected.params - exporter.lost());
  const auto count = [&net](OpKind kind) {
    return std::count_if(net.graph.ops.begin(), net.graph.ops.end(), [kind](const Op& op) { return op.kind == kind; });
  };
  CHECK(count(OpKind::conv2d) == expected.convolutions);
  CHECK(count(OpKind::batch_norm) == (style.folded ? 0 : expected.convolutions));
  CHECK(count(expected.activation) == expected.activations);
  CHECK(count(OpKind::add) == expected.additions);
  CHECK(count(OpKind::global_avg_pool) == 1);
  CHECK(count(OpKind::linear) == 1);
  CHECK(infer_shapes(net.graph, net.input)[static_cast<std::size_t>(net.graph.outputs.at(0))][1] == 1000);
}

using Classifier = Style::Classifier;
const std::vector<Style> styles = {
    {9, false, Classifier::mean},     {9, true, Classifier::view},     {10, false, Classifier::view},
    {11, false, Classifier::flatten}, {11, true, Classifier::reshape}, {12, true, Classifier::flatten},
    {12, false, Classifier::reshape}, {13, true, Classifier::view},    {13, false, Classifier::mean}};

}  // namespace

TEST_CASE("MobileNetV2 as PyTorch exports it") {
  struct Stage {
    int expansion, out, blocks, stride;
  };
  const std::vector<Stage> stages = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                     {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  for (const auto& style : styles) {
    CAPTURE(style.opset);
    Exporter exporter(style);
    std::string x = exporter.relu6(exporter.conv("input", 3, 32, 3, 2));
    int in = 32;
    for (const auto& stage : stages)
      for (int i = 0; i < stage.blocks; ++i) {
        const int stride = i == 0 ? stage.stride : 1;
        const int middle = in * stage.expansion;
        std::string y = x;
        if (stage.expansion > 1) y = exporter.relu6(exporter.conv(y, in, middle, 1, 1));
        y = exporter.relu6(exporter.conv(y, middle, middle, 3, stride, middle));
        y = exporter.conv(y, middle, stage.out, 1, 1);
        x = stride == 1 && in == stage.out ? exporter.add(x, y) : y;
        in = stage.out;
      }
    x = exporter.relu6(exporter.conv(x, 320, 1280, 1, 1));
    const auto net = exporter.classify(x, 1280);
    check(net, exporter, style, {300774272, 3504872, 52, 35, 10, OpKind::relu6});
  }
}

TEST_CASE("ResNet-18 as PyTorch exports it") {
  for (const auto& style : styles) {
    CAPTURE(style.opset);
    Exporter exporter(style);
    std::string x = exporter.max_pool(exporter.relu(exporter.conv("input", 3, 64, 7, 2)));
    int in = 64;
    for (const int out : {64, 128, 256, 512})
      for (int i = 0; i < 2; ++i) {
        const int stride = i == 0 && out > 64 ? 2 : 1;
        std::string y = exporter.relu(exporter.conv(x, in, out, 3, stride));
        y = exporter.conv(y, out, out, 3, 1);
        if (in != out) x = exporter.conv(x, in, out, 1, stride);
        x = exporter.relu(exporter.add(y, x));
        in = out;
      }
    const auto net = exporter.classify(x, 512);
    check(net, exporter, style, {1814073344, 11689512, 20, 17, 8, OpKind::relu});
  }
}

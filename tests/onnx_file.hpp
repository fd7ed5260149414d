// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "throws.hpp"

// ONNX files as other tools write them, built message by message.
namespace hwprof_test {

using hwprof::Fault;
using hwprof::OnnxNet;
using hwprof::Op;
using hwprof::OpKind;
using hwprof::Shape;
using Dims = std::vector<std::int64_t>;

class OnnxFile {
 public:
  explicit OnnxFile(std::int64_t opset, const Dims& input = {1, 4, 8, 8}) {
    model.set_ir_version(7);
    model.set_producer_name("pytorch");
    auto* import = model.add_opset_import();
    import->set_version(opset);
    graph().set_name("torch-jit-export");
    info(*graph().add_input(), "input", input);
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  static void info(onnx::ValueInfoProto& value, const std::string& name, const Dims& dims) {
    value.set_name(name);
    auto* type = value.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const auto extent : dims) type->mutable_shape()->add_dim()->set_dim_value(extent);
  }

  onnx::NodeProto& node(const char* type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs) {
    auto& node = *graph().add_node();
    node.set_op_type(type);
    node.set_name(std::string(type) + "_" + std::to_string(graph().node_size() - 1));
    for (const auto& input : inputs) node.add_input(input);
    for (const auto& output : outputs) node.add_output(output);
    return node;
  }

  static onnx::AttributeProto& attribute(onnx::NodeProto& node, const char* name,
                                         onnx::AttributeProto::AttributeType type) {
    auto& out = *node.add_attribute();
    out.set_name(name);
    out.set_type(type);
    return out;
  }
  static void set(onnx::NodeProto& node, const char* name, std::int64_t value) {
    attribute(node, name, onnx::AttributeProto::INT).set_i(value);
  }
  static void set(onnx::NodeProto& node, const char* name, float value) {
    attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
  }
  static void set(onnx::NodeProto& node, const char* name, const char* value) {
    attribute(node, name, onnx::AttributeProto::STRING).set_s(value);
  }
  static void set(onnx::NodeProto& node, const char* name, const Dims& values) {
    auto& list = attribute(node, name, onnx::AttributeProto::INTS);
    for (const auto value : values) list.add_ints(value);
  }

  /// An initialiser; floats lie in float_data, not raw, as older files have them.
  void floats(const std::string& name, const Dims& dims, const std::vector<float>& values) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    fill(tensor, dims, values);
  }
  static void fill(onnx::TensorProto& tensor, const Dims& dims, const std::vector<float>& values) {
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const auto extent : dims) tensor.add_dims(extent);
    for (const auto value : values) tensor.add_float_data(value);
  }
  void filled(const std::string& name, const Dims& dims, float step = 0.25F) {
    std::size_t count = 1;
    for (const auto extent : dims) count *= static_cast<std::size_t>(extent);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = step * static_cast<float>(i);
    floats(name, dims, values);
  }
  void integers(const std::string& name, const std::vector<std::int64_t>& values, bool scalar = false) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    if (!scalar) tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const auto value : values) tensor.add_int64_data(value);
  }
  /// The same as a Constant node.
  void constant(const std::string& name, const Dims& dims, const std::vector<float>& values) {
    auto& made = node("Constant", {}, {name});
    fill(*attribute(made, "value", onnx::AttributeProto::TENSOR).mutable_t(), dims, values);
  }
  void conv(const std::string& input, const std::string& output, std::int64_t in, std::int64_t out,
            std::int64_t kernel) {
    filled(output + ".weight", {out, in, kernel, kernel});
    auto& made = node("Conv", {input, output + ".weight"}, {output});
    set(made, "kernel_shape", Dims{kernel, kernel});
    const std::int64_t pad = kernel / 2;
    set(made, "pads", Dims{pad, pad, pad, pad});
  }

  OnnxNet read(const std::string& output) {
    graph().clear_output();
    info(*graph().add_output(), output, {});
    return hwprof::parse_onnx(model.SerializeAsString(), "net.onnx");
  }
  std::string refused(Fault fault, const std::string& output) {
    return error_of(fault, [&] { (void)read(output); });
  }

  onnx::ModelProto model;
};

inline std::vector<OpKind> kinds(const OnnxNet& net) {
  std::vector<OpKind> out;
  for (const auto& op : net.graph.ops) out.push_back(op.kind);
  return out;
}
inline const Op& last(const OnnxNet& net) {
  return net.graph.ops.back();
}
inline Shape out_shape(const OnnxNet& net) {
  return hwprof::infer_shapes(net.graph, net.input)[static_cast<std::size_t>(net.graph.outputs.at(0))];
}

}  // namespace hwprof_test

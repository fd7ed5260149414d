// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_builder.hpp"

#include <cstring>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/version.hpp"

namespace hwprof::format {
namespace {

/// The oldest version of the file format that has the opset.
int ir_version(int opset) {
  return opset <= 9 ? 4 : opset == 10 ? 5 : opset == 11 ? 6 : 7;
}

/// Files are little-endian, and so are the machines that hwprof runs on.
template <typename T>
void put_raw(onnx::TensorProto& tensor, const std::vector<T>& values) {
  std::string raw(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(raw.data(), values.data(), raw.size());
  tensor.set_raw_data(std::move(raw));
}

void describe(onnx::ValueInfoProto& info, const std::string& name, const Dims& dims) {
  info.set_name(name);
  auto* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  auto* shape = type->mutable_shape();
  for (const auto extent : dims) shape->add_dim()->set_dim_value(extent);
}

}  // namespace

onnx::AttributeProto& NodeWriter::attribute(const char* name, onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node_->add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

NodeWriter& NodeWriter::set(const char* name, std::int64_t value) {
  attribute(name, onnx::AttributeProto::INT).set_i(value);
  return *this;
}
NodeWriter& NodeWriter::set(const char* name, float value) {
  attribute(name, onnx::AttributeProto::FLOAT).set_f(value);
  return *this;
}
NodeWriter& NodeWriter::set(const char* name, const std::string& value) {
  attribute(name, onnx::AttributeProto::STRING).set_s(value);
  return *this;
}
NodeWriter& NodeWriter::set(const char* name, const Dims& values) {
  auto& list = attribute(name, onnx::AttributeProto::INTS);
  for (const auto value : values) list.add_ints(value);
  return *this;
}
NodeWriter& NodeWriter::set(const char* name, const std::vector<float>& values) {
  auto& list = attribute(name, onnx::AttributeProto::FLOATS);
  for (const auto value : values) list.add_floats(value);
  return *this;
}
NodeWriter& NodeWriter::note(const std::string& text) {
  if (!text.empty()) node_->set_doc_string(text);
  return *this;
}

OnnxBuilder::OnnxBuilder(const std::string& graph_name, int opset) : graph_(model_.mutable_graph()) {
  model_.set_ir_version(ir_version(opset));
  model_.set_producer_name("hwprof");
  model_.set_producer_version(version);
  auto* import = model_.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  graph_->set_name(graph_name.empty() ? "network" : graph_name);
}

std::string OnnxBuilder::fresh(const std::string& name) {
  std::string free = name;
  for (int number = 2; !taken_.insert(free).second; ++number) free = name + "_" + std::to_string(number);
  return free;
}

NodeWriter OnnxBuilder::node(const char* type, const std::string& name, const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs) {
  auto& node = *graph_->add_node();
  node.set_op_type(type);
  node.set_name(name);
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  return NodeWriter(node);
}

onnx::TensorProto& OnnxBuilder::initializer(const std::string& name, const Dims& dims, int type) {
  auto& tensor = *graph_->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const auto extent : dims) tensor.add_dims(extent);
  return tensor;
}

std::string OnnxBuilder::floats(const std::string& name, const Dims& dims, const std::vector<float>& values) {
  const std::string free = fresh(name);
  put_raw(initializer(free, dims, onnx::TensorProto::FLOAT), values);
  return free;
}

std::string OnnxBuilder::integers(const std::string& name, const Dims& values) {
  const std::string free = fresh(name);
  put_raw(initializer(free, {static_cast<std::int64_t>(values.size())}, onnx::TensorProto::INT64), values);
  return free;
}

std::string OnnxBuilder::scalar(float value) {
  const std::string name = "/const/" + base::format_number(static_cast<double>(value));
  if (scalars_.insert(name).second) {
    reserve(name);
    put_raw(initializer(name, {}, onnx::TensorProto::FLOAT), std::vector<float>{value});
  }
  return name;
}

void OnnxBuilder::input(const std::string& name, const Dims& dims) {
  describe(*graph_->add_input(), name, dims);
}
void OnnxBuilder::output(const std::string& name, const Dims& dims) {
  describe(*graph_->add_output(), name, dims);
}
void OnnxBuilder::value(const std::string& name, const Dims& dims) {
  describe(*graph_->add_value_info(), name, dims);
}

std::string OnnxBuilder::bytes() const {
  std::string out;
  if (!model_.SerializeToString(&out)) throw Error(Fault::unsupported, "ONNX: the network does not fit into 2 GB");
  return out;
}

}  // namespace hwprof::format

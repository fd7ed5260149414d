// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof::format {

using Dims = std::vector<std::int64_t>;

/// A node that is being written; setters return it so that they can be chained.
class NodeWriter {
 public:
  explicit NodeWriter(onnx::NodeProto& node) : node_(&node) {}
  NodeWriter& set(const char* name, std::int64_t value);
  NodeWriter& set(const char* name, float value);
  NodeWriter& set(const char* name, const std::string& value);
  NodeWriter& set(const char* name, const Dims& values);
  NodeWriter& set(const char* name, const std::vector<float>& values);
  NodeWriter& note(const std::string& text);

 private:
  onnx::AttributeProto& attribute(const char* name, onnx::AttributeProto::AttributeType type);
  onnx::NodeProto* node_;
};

/// Fills a ModelProto. Names of helpers give way to those that are reserved or taken.
class OnnxBuilder {
 public:
  OnnxBuilder(const std::string& graph_name, int opset);

  void reserve(const std::string& name) { taken_.insert(name); }
  /// The name, or with a number behind it when it is taken.
  [[nodiscard]] std::string fresh(const std::string& name);

  NodeWriter node(const char* type, const std::string& name, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs);
  /// One output, of the node's name.
  NodeWriter node(const char* type, const std::string& name, const std::vector<std::string>& inputs) {
    return node(type, name, inputs, {name});
  }

  /// Initialisers; they return the name that they got.
  std::string floats(const std::string& name, const Dims& dims, const std::vector<float>& values);
  std::string integers(const std::string& name, const Dims& values);
  std::string scalar(float value);  ///< shared by all who ask for this value

  void input(const std::string& name, const Dims& dims);
  void output(const std::string& name, const Dims& dims);
  void value(const std::string& name, const Dims& dims);  ///< shape of a value in between

  [[nodiscard]] std::string bytes() const;

 private:
  onnx::TensorProto& initializer(const std::string& name, const Dims& dims, int type);
  onnx::ModelProto model_;
  onnx::GraphProto* graph_;
  std::set<std::string> taken_, scalars_;
};

}  // namespace hwprof::format

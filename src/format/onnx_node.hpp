// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>

#include "format/onnx_tensor.hpp"

namespace hwprof::format {

/// A node that knows its place in messages; attributes are read strictly.
class NodeView {
 public:
  NodeView(const onnx::NodeProto& node, const std::string& source) : node_(&node), source_(&source) {}

  [[nodiscard]] const onnx::NodeProto& proto() const noexcept { return *node_; }
  [[nodiscard]] const std::string& type() const { return node_->op_type(); }
  /// Its own, or that of its first output.
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] int inputs() const { return node_->input_size(); }
  /// Empty when it is not given.
  [[nodiscard]] const std::string& input(int i) const;
  [[nodiscard]] const std::string& output(int i = 0) const;

  [[nodiscard]] bool has(const char* attribute) const { return find(attribute) != nullptr; }
  [[nodiscard]] std::int64_t integer(const char* attribute, std::int64_t fallback) const;
  [[nodiscard]] float real(const char* attribute, float fallback) const;
  [[nodiscard]] std::string text(const char* attribute, const std::string& fallback) const;
  [[nodiscard]] std::optional<Dims> integers(const char* attribute) const;
  [[nodiscard]] std::optional<std::vector<float>> reals(const char* attribute) const;
  [[nodiscard]] const onnx::TensorProto* tensor(const char* attribute) const;

  /// "net.onnx: node 'Conv_0' (Conv)"
  [[nodiscard]] std::string place() const;
  [[noreturn]] void fail(const std::string& what) const;    ///< the file makes no sense
  [[noreturn]] void refuse(const std::string& what) const;  ///< a Graph cannot hold it

 private:
  [[nodiscard]] const onnx::AttributeProto* find(const char* name) const;
  [[nodiscard]] const onnx::AttributeProto* find(const char* name, onnx::AttributeProto::AttributeType type) const;
  const onnx::NodeProto* node_;
  const std::string* source_;
};

}  // namespace hwprof::format

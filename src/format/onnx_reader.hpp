// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/onnx_node.hpp"
#include "format/reals.hpp"
#include "hwprof/format.hpp"

namespace hwprof::format {

/// One value of the file: what an op of the graph gives, or a constant. Of a value in two dimensions, height and width
/// are 1 in the graph.
struct OnnxValue {
  int op = -1;
  Dims dims;  ///< as ONNX has them
  std::shared_ptr<const Constant> constant;
};

/// Turns the nodes of one model into the ops of a Graph, in their order.
class OnnxReader {
 public:
  /// folder: where files with further values may lie; without one there are none.
  OnnxReader(const onnx::ModelProto& model, const std::string& source, std::size_t file_bytes,
             std::optional<std::string> folder);
  [[nodiscard]] OnnxNet run();

 private:
  // Set-up, names and values (onnx_read.cpp).
  void read_opset();
  void read_input();
  void index_nodes();
  void read_outputs();
  void read(int index);
  void dispatch(const NodeView& node);
  [[nodiscard]] static bool plain(const NodeView& node);  ///< of ONNX' own op set
  [[nodiscard]] bool fold_node(int index);
  void fold_constants();
  void fold_ahead(int until);
  [[nodiscard]] NodeView view(int index) const;
  [[nodiscard]] const OnnxValue& value(const NodeView& node, int input) const;
  [[nodiscard]] const OnnxValue& activation(const NodeView& node, int input) const;
  [[nodiscard]] const Constant* constant(const std::string& name);  ///< null when it is none, or not known yet
  [[nodiscard]] const Constant& constant(const NodeView& node, int input);
  [[nodiscard]] Reals reals(const NodeView& node, int input, const Dims& dims);
  [[nodiscard]] std::optional<float> scalar(const std::string& name);
  [[nodiscard]] Shape shape_of(const OnnxValue& value) const;
  /// Appends an op that reads these values and gives the node's output, in as many dimensions as `rank`.
  void emit(const NodeView& node, Op op, const std::vector<OnnxValue>& inputs, std::size_t rank);
  void emit(const NodeView& node, Op op, const std::vector<OnnxValue>& inputs, std::size_t rank,
            const std::string& name, const std::string& output);
  void alias(const NodeView& node, const OnnxValue& of, Dims dims);
  [[nodiscard]] std::string free_name(const std::string& wanted);
  /// The only node that reads the value, or -1.
  [[nodiscard]] int only_reader(const std::string& value) const;
  /// Whether another node than the one at_, or an output of the network, reads what this op gives, by any of its names.
  [[nodiscard]] bool read_by_others(int op) const;
  /// How often nodes, and outputs of the network, read the value; how often the node reads what the op gives.
  [[nodiscard]] std::int64_t reads_of(const std::string& value) const;
  [[nodiscard]] std::int64_t reads_by(const NodeView& node, int op) const;

  // Ops with weights and windows (onnx_read_ops.cpp).
  void conv(const NodeView& node);
  void gemm(const NodeView& node);
  void matmul(const NodeView& node);
  void batch_norm(const NodeView& node);
  void pool(const NodeView& node);
  void unary(const NodeView& node, OpKind kind, double number = 0);
  void clip(const NodeView& node);
  void arithmetic(const NodeView& node);
  void scale(const NodeView& node, int constant_input);
  [[nodiscard]] bool fold_bias(const NodeView& node, const OnnxValue& x, const Constant& values);
  void softmax(const NodeView& node);
  void dropout(const NodeView& node);
  void set_window(const NodeView& node, Op& op, const Shape& in) const;

  // Ops that move values around (onnx_read_layout.cpp).
  void concat(const NodeView& node);
  void split(const NodeView& node);
  void slice(const NodeView& node);
  void flatten(const NodeView& node);
  void reshape(const NodeView& node);
  void squeeze(const NodeView& node);
  void transpose(const NodeView& node);
  void pad(const NodeView& node);
  void reduce_mean(const NodeView& node);
  void resize(const NodeView& node);
  void shape(const NodeView& node);
  void identity(const NodeView& node);
  /// An attribute of older opsets that became an input.
  [[nodiscard]] std::optional<Dims> list(const NodeView& node, const char* attribute, int input);

  // Several nodes that are one op (onnx_patterns.cpp); true when the node begins one.
  [[nodiscard]] bool begins_hard(const NodeView& node);
  [[nodiscard]] bool begins_shuffle(const NodeView& node, const Dims& target);
  [[nodiscard]] bool begins_mean(const NodeView& node, const Dims& target);
  [[nodiscard]] bool begins_softmax(const NodeView& node);
  [[nodiscard]] bool begins_pad(const NodeView& node);
  struct Bounds {
    float low, high;
    /// What is left of the first ones when these come behind them.
    [[nodiscard]] Bounds after(const Bounds& first) const {
      return {std::min(std::max(first.low, low), high), std::min(std::max(first.high, low), high)};
    }
  };
  /// Between which numbers a node keeps this one of its inputs; nothing when that is not what it does.
  [[nodiscard]] std::optional<Bounds> bounds_of(const NodeView& node, const std::string& value);
  [[nodiscard]] static std::optional<OpKind> kind_of(const Bounds& bounds);
  /// The last of one or two nodes from `first` on that are relu6 of the value, or -1; nodes gets them.
  [[nodiscard]] int relu6_end(int first, const std::string& value, std::vector<int>& nodes);
  /// From node at_ over those between to the last one, all become this op.
  void fuse(int last, Op op, const std::string& input, const std::vector<int>& between);

  struct Fused {
    Op op;
    std::string input;
  };
  struct Crop {
    OnnxValue of;
    std::array<int, 4> pad{};
  };

  const onnx::ModelProto& model_;
  const onnx::GraphProto& file_;
  const std::string& source_;
  const std::optional<std::string> folder_;
  Budget budget_;
  int opset_ = 0;
  std::map<std::string, const onnx::TensorProto*> initializers_;
  std::map<std::string, std::shared_ptr<const Constant>> constants_;
  std::map<std::string, OnnxValue> values_;
  /// How often what an op gives is read, by any of its names, by others than the nodes that gave it another name.
  std::map<int, std::int64_t> foreign_reads_;
  std::map<std::string, int> producers_;
  std::map<std::string, std::vector<int>> readers_;  // nodes that read a value; -1: an output of the network
  std::map<int, Fused> fused_;                       // by the last node of a pattern
  std::set<int> absorbed_;                           // its other nodes
  std::map<std::string, Crop> crops_;                // slices that a Pad or Mul goes on from
  std::vector<Shape> shapes_;                        // per op
  std::set<std::string> names_;
  std::map<std::string, int> numbers_;  // of names that were taken
  int at_ = 0;                          // node that is being read
  bool converted_ = false;
  OnnxNet net_;
};

/// An int for an attribute. @throws Error(Fault::input) outside -2^30 to 2^30.
[[nodiscard]] int to_int(const NodeView& node, const char* what, std::int64_t value);

}  // namespace hwprof::format

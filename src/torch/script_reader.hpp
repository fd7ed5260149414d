// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/script.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "hwprof/format.hpp"

namespace hwprof {

/// A value of the network while its code is walked through: what an op of the graph gives, seen in so many dimensions.
struct ScriptValue {
  /// Pieces of what becomes one op: x + 3, relu6(x + 3), x * relu6(x + 3), the mean over the width, the channels of a
  /// map in groups, before and after these are swapped, and a number per channel that is seen as a map.
  enum class Form { plain, plus_three, clipped, product, mean_of_width, grouped, swapped, expanded };
  int op = -1;
  std::vector<std::int64_t> dims;
  Form form = Form::plain;
};

/// Anything that the code handles: a value of the network, a list or tuple with some in it, or a plain value that is
/// known (numbers, parameters, modules).
struct ScriptCell {
  c10::IValue known;
  std::optional<ScriptValue> value;
  std::shared_ptr<std::vector<ScriptCell>> list;
  std::string path;  ///< of a module: "features.0"
};

/// Walks through the code of a module for an input of known size: calls, branches and loops are followed, and what is
/// done to values of the network becomes ops. Numbers, texts and lists that are known are computed, by the operators
/// that script_compute.cpp lists and within its bounds; every other operator is refused. (torch::jit::load() before it
/// is libtorch's: it runs __setstate__ of the file's modules, with any operator.)
class ScriptReader {
 public:
  ScriptReader(torch::jit::Module module, const Shape& input, std::string source);
  [[nodiscard]] OnnxNet run();

 private:
  using Node = torch::jit::Node;
  using Value = torch::jit::Value;
  using Dims = std::vector<std::int64_t>;
  using Form = ScriptValue::Form;
  struct Frame {
    std::unordered_map<const Value*, ScriptCell> cells;
    std::string path;  ///< of the module whose code it is
    bool leaf = true;  ///< the module has none inside it
  };

  // The walk (script_walk.cpp).
  std::vector<ScriptCell> call(torch::jit::Function& function, std::vector<ScriptCell> arguments,
                               const std::string& path, bool leaf);
  void walk(torch::jit::Block* block, Frame& frame);
  void step(Node* node, Frame& frame);
  [[nodiscard]] bool step_structure(Node* node, const std::string& kind);
  [[nodiscard]] bool step_collection(Node* node, const std::string& kind);
  [[nodiscard]] bool step_number(Node* node, const std::string& kind);
  void call_node(Node* node, bool method);
  void branch(Node* node);
  void loop(Node* node);
  void assign(Node* node, std::vector<ScriptCell> outputs);
  [[nodiscard]] std::string place(const Node* node) const;
  [[noreturn]] void fail(const Node* node, const std::string& what) const;
  [[noreturn]] void refuse(const Node* node, const std::string& what) const;

  // What is known (script_compute.cpp).
  void compute(Node* node);
  [[nodiscard]] bool compute_numbers(Node* node, const std::string& kind);
  [[nodiscard]] std::int64_t whole_number(Node* node, const std::string& kind, std::int64_t a, std::int64_t b) const;
  /// Items and characters in it, which are taken off what the code may handle in all. tensors: whether some are inside.
  std::size_t charge(Node* node, const ScriptCell& cell);
  std::size_t charge(Node* node, const c10::IValue& value, bool* tensors = nullptr, std::size_t depth = 0);
  void spend(Node* node, std::size_t items);

  // Arguments (script_walk.cpp).
  [[nodiscard]] ScriptCell& cell(const Value* value);
  [[nodiscard]] const c10::IValue& known(Node* node, std::size_t input);
  [[nodiscard]] ScriptValue value(Node* node, std::size_t input);
  [[nodiscard]] std::optional<std::int64_t> size_of(const Value* value);  ///< a whole number, also as a tensor of one
  [[nodiscard]] ScriptValue whole(Node* node, std::size_t input);         ///< of form plain
  void check_whole(Node* node, const ScriptValue& value) const;
  [[nodiscard]] std::int64_t integer(Node* node, std::size_t input);
  [[nodiscard]] double real(Node* node, std::size_t input);
  [[nodiscard]] bool flag(Node* node, std::size_t input);
  [[nodiscard]] bool is_none(Node* node, std::size_t input);
  [[nodiscard]] std::optional<double> scalar(Node* node, std::size_t input);
  [[nodiscard]] Dims integers(Node* node, std::size_t input);
  [[nodiscard]] std::array<int, 2> pair(Node* node, std::size_t input, const char* what);
  [[nodiscard]] std::shared_ptr<const std::vector<float>> weights(Node* node, const at::Tensor& tensor);
  [[nodiscard]] std::size_t axis(Node* node, std::int64_t axis, const ScriptValue& of) const;

  // What is changed in place (script_storage.cpp).
  void keep_storage(int made);  ///< of the op that was appended last
  void change(Node* node, int old, int made);
  [[nodiscard]] int latest(int op);
  [[nodiscard]] ScriptValue current(const ScriptValue& value);

  // Ops (script_ops.cpp, script_layout.cpp).
  using Handler = void (ScriptReader::*)(Node*);
  [[nodiscard]] static const std::map<std::string, Handler>& handlers();
  [[nodiscard]] bool unary(Node* node, const std::string& name);
  void conv(Node* node);
  void batch_norm(Node* node);
  void clamp(Node* node);
  void pool(Node* node);
  void adaptive_pool(Node* node);
  void linear(Node* node);
  void addmm(Node* node);
  void matmul(Node* node);
  void put_linear(Node* node, std::size_t x, const at::Tensor& weight, const c10::IValue& bias);
  void add(Node* node);
  void mul(Node* node);
  void div(Node* node);
  void divide_by_six(Node* node, const ScriptValue& x);
  void silu(Node* node);
  void softmax(Node* node);
  void dropout(Node* node);
  void upsample(Node* node);
  void cat(Node* node);
  void parts(Node* node);
  void slice(Node* node);
  void flatten(Node* node);
  void view(Node* node);
  void transpose(Node* node);
  void permute(Node* node);
  void mean(Node* node);
  void squeeze(Node* node);
  void pad(Node* node);
  void shuffle(Node* node);
  void pass(Node* node);
  void copy(Node* node);
  void expand(Node* node);
  void size(Node* node);
  void dim(Node* node);
  void put_parts(Node* node, const ScriptValue& x, const Dims& sizes);

  void emit(Node* node, Op op, const std::vector<ScriptValue>& inputs, Dims dims);
  ScriptValue append(Node* node, Op op, const std::vector<ScriptValue>& inputs, Dims dims);
  void put(Node* node, const ScriptValue& value);
  [[nodiscard]] static Dims dims_like(const ScriptValue& value, const Shape& shape);
  [[nodiscard]] const Shape& shape_of(const ScriptValue& value) const;
  [[nodiscard]] std::string free_name(const std::string& wanted);

  torch::jit::Module module_;
  std::string source_;
  OnnxNet net_;
  std::vector<Shape> shapes_;
  std::vector<int> now_;                     // per op: what the value is after a change in place, or itself
  std::vector<int> storage_, region_;        // per op: whose memory it shares, and which op tells what part of it
  std::map<int, std::vector<int>> sharers_;  // of a memory: what can still be read
  std::vector<bool> copied_;                 // per op: stands for a copy of itself too
  std::vector<bool> stale_;                  // per op: its memory was changed by way of another
  std::map<std::string, int> names_;
  std::vector<Frame*> frames_;
  std::size_t steps_ = 0, handled_ = 0;
  bool converted_ = false;
};

}  // namespace hwprof

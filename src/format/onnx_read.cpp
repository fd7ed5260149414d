// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/io/coded_stream.h>

#include <filesystem>
#include <limits>

#include "base/files.hpp"
#include "base/text.hpp"
#include "format/onnx_fold.hpp"
#include "format/onnx_reader.hpp"
#include "format/onnx_scan.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace format {

int to_int(const NodeView& node, const char* what, std::int64_t value) {
  constexpr std::int64_t most = 1 << 30;
  if (value < -most || value > most) node.fail(std::string(what) + " " + std::to_string(value) + " makes no sense");
  return static_cast<int>(value);
}

OnnxReader::OnnxReader(const onnx::ModelProto& model, const std::string& source, std::size_t file_bytes,
                       std::optional<std::string> folder)
    : model_(model), file_(model.graph()), source_(source), folder_(std::move(folder)), budget_(file_bytes) {}

OnnxNet OnnxReader::run() {
  if (!model_.has_graph()) throw Error(Fault::input, source_ + ": is no ONNX file, or one without a network");
  net_.graph.name = file_.name();
  read_opset();
  read_input();
  index_nodes();
  fold_constants();
  for (int i = 0; i < file_.node_size(); ++i) read(i);
  read_outputs();
  if (converted_) net_.notes.push_back(source_ + ": weights of another width were converted to 4-byte floats");
  return std::move(net_);
}

void OnnxReader::read_opset() {
  constexpr std::int64_t oldest = 7;
  constexpr std::int64_t newest = 25;  // from 22 on the ops that are read took more types of values, no other meaning
  std::int64_t opset = 0;
  for (const auto& import : model_.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
  if (opset < oldest || opset > newest)
    throw Error(Fault::unsupported, source_ + ": uses ONNX opset " + std::to_string(opset) + "; " +
                                        std::to_string(oldest) + " to " + std::to_string(newest) + " are read");
  opset_ = static_cast<int>(opset);
}

void OnnxReader::read_input() {
  for (const auto& tensor : file_.initializer()) {
    if (tensor.name().empty()) throw Error(Fault::input, source_ + ": an initialiser has no name");
    if (!initializers_.emplace(tensor.name(), &tensor).second)
      throw Error(Fault::input, source_ + ": two initialisers are named " + base::in_quotes(tensor.name()));
  }
  const onnx::ValueInfoProto* input = nullptr;
  for (const auto& info : file_.input()) {
    if (initializers_.count(info.name()) != 0) continue;
    if (input != nullptr)
      throw Error(Fault::unsupported, source_ + ": has several inputs, " + base::in_quotes(input->name()) + " and " +
                                          base::in_quotes(info.name()) + "; a Graph has one");
    input = &info;
  }
  if (input == nullptr || input->name().empty()) throw Error(Fault::input, source_ + ": has no input");
  const std::string place = source_ + ": input " + base::in_quotes(input->name());
  const auto& type = input->type().tensor_type();
  if (type.elem_type() != onnx::TensorProto::FLOAT && type.elem_type() != onnx::TensorProto::FLOAT16 &&
      type.elem_type() != onnx::TensorProto::DOUBLE)
    throw Error(Fault::unsupported, place + ": must be a tensor of reals");
  Dims dims;
  for (const auto& dim : type.shape().dim()) {
    const bool open = dim.value_case() != onnx::TensorShapeProto::Dimension::kDimValue || dim.dim_value() < 1;
    if (open && dims.empty())
      net_.notes.push_back(place + ": leaves the batch open; 1 is taken");
    else if (open)
      throw Error(Fault::unsupported, place + ": leaves dimension " + std::to_string(dims.size()) +
                                          " open; export the network with a fixed size");
    dims.push_back(open ? 1 : dim.dim_value());
  }
  if (dims.size() != 4 && dims.size() != 2)
    throw Error(Fault::unsupported, place + ": has dimensions " + to_text(dims) + "; N x C x H x W is expected");
  net_.input = {dims[0], dims[1], dims.size() == 4 ? dims[2] : 1, dims.size() == 4 ? dims[3] : 1};
  Op op;
  op.kind = OpKind::input;
  op.name = input->name();
  names_.insert(op.name);
  net_.graph.ops.push_back(op);
  shapes_ = infer_shapes(net_.graph, net_.input);
  values_[op.name] = {0, dims, nullptr};
}

void OnnxReader::index_nodes() {
  for (int i = 0; i < file_.node_size(); ++i) {
    const auto& node = file_.node(i);
    if (node.output_size() == 0) view(i).fail("has no output");
    for (const auto& output : node.output()) {
      if (output.empty()) continue;
      if (values_.count(output) != 0 || initializers_.count(output) != 0 || !producers_.emplace(output, i).second)
        view(i).fail("gives value " + base::in_quotes(output) + ", which is there already");
    }
    for (const auto& input : node.input())
      if (!input.empty()) readers_[input].push_back(i);
  }
  for (const auto& output : file_.output()) readers_[output.name()].push_back(-1);
}

void OnnxReader::read_outputs() {
  if (file_.output_size() == 0) throw Error(Fault::input, source_ + ": has no output");
  for (const auto& output : file_.output()) {
    const auto found = values_.find(output.name());
    if (found == values_.end() || found->second.op < 0)
      throw Error(Fault::input, source_ + ": nothing gives the output " + base::in_quotes(output.name()));
    net_.graph.outputs.push_back(found->second.op);
  }
}

NodeView OnnxReader::view(int index) const {
  return {file_.node(index), source_};
}

bool OnnxReader::plain(const NodeView& node) {
  return node.proto().domain().empty() || node.proto().domain() == "ai.onnx";
}

void OnnxReader::read(int index) {
  const NodeView node = view(index);
  at_ = index;
  if (!plain(node))
    node.refuse("is of the op set " + base::in_quotes(node.proto().domain()) + ", which hwprof does not know");
  if (absorbed_.count(index) != 0) return;
  const auto fused = fused_.find(index);
  if (fused != fused_.end()) {
    const OnnxValue x = values_.at(fused->second.input);
    emit(node, fused->second.op, {x}, x.dims.size());
    return;
  }
  if (node.type() == "Constant") {
    (void)constant(node.output());
    return;
  }
  if (constants_.count(node.output()) != 0) return;  // folded before
  if (!fold_node(index)) dispatch(node);
}

/// Whether all that the node reads is constant, and with it what it gives.
bool OnnxReader::fold_node(int index) {
  const NodeView node = view(index);
  bool all_constant = node.inputs() > 0;
  std::vector<const Constant*> constants;
  for (int i = 0; i < node.inputs(); ++i) {
    constants.push_back(node.input(i).empty() ? nullptr : constant(node.input(i)));
    all_constant = all_constant && (node.input(i).empty() || constants.back() != nullptr);
  }
  if (!all_constant) return false;
  auto folded = std::make_shared<const Constant>(fold(node, constants, budget_));
  values_[node.output()] = {-1, folded->dims, folded};
  constants_[node.output()] = std::move(folded);
  return true;
}

/// What depends on no value of the network comes first, so that patterns find it where it stands behind them.
void OnnxReader::fold_constants() {
  std::set<std::string> known;
  for (const auto& [name, unused] : initializers_) known.insert(name);
  for (int i = 0; i < file_.node_size(); ++i) {
    const NodeView node = view(i);
    at_ = i;
    bool all_known = true;
    for (int k = 0; k < node.inputs(); ++k)
      all_known = all_known && (node.input(k).empty() || known.count(node.input(k)) != 0);
    if (!all_known || !plain(node)) continue;
    known.insert(node.output());
    if (node.type() != "Constant") (void)fold_node(i);
  }
}

/// The same for what depends on nothing but shapes that are known by now, between the node at_ and this one.
void OnnxReader::fold_ahead(int until) {
  constexpr int most = 100;
  if (until - at_ > most) return;
  for (int i = at_ + 1; i < until; ++i) {
    const NodeView node = view(i);
    if (!plain(node) || node.type() == "Constant" || constants_.count(node.output()) != 0) continue;
    const auto of = values_.find(node.input(0));
    if (node.type() == "Shape" && of != values_.end() && of->second.op >= 0)
      shape(node);
    else
      (void)fold_node(i);
  }
}

const OnnxValue& OnnxReader::value(const NodeView& node, int input) const {
  const std::string& name = node.input(input);
  if (name.empty()) node.fail("input " + std::to_string(input) + " is missing");
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  const auto by = producers_.find(name);
  if (by == producers_.end())
    node.fail("input " + base::in_quotes(name) + " comes from nowhere (a missing initialiser?)");
  if (by->second >= at_)
    node.fail("input " + base::in_quotes(name) + " comes from a later node, " +
              base::in_quotes(view(by->second).name()) + "; the network is not in order, or runs in a circle");
  node.fail("input " + base::in_quotes(name) + " is no value that can be read here");
}

const OnnxValue& OnnxReader::activation(const NodeView& node, int input) const {
  if (initializers_.count(node.input(input)) != 0)
    node.refuse("input " + base::in_quotes(node.input(input)) +
                " is constant where a value of the network is expected");
  const OnnxValue& found = value(node, input);
  if (found.op < 0)
    node.refuse("input " + base::in_quotes(node.input(input)) +
                " is constant where a value of the network is expected");
  return found;
}

const Constant* OnnxReader::constant(const std::string& name) {
  const auto known = constants_.find(name);
  if (known != constants_.end()) return known->second.get();
  const onnx::TensorProto* tensor = nullptr;
  const auto initial = initializers_.find(name);
  std::string place = source_ + ": tensor " + base::in_quotes(name);
  std::optional<Constant> found;
  if (initial != initializers_.end()) {
    tensor = initial->second;
  } else {
    const auto by = producers_.find(name);
    if (by == producers_.end() || view(by->second).type() != "Constant") return nullptr;
    const NodeView node = view(by->second);
    place = node.place();
    tensor = node.tensor("value");
    Constant out;
    if (tensor != nullptr) {
      // read below
    } else if (node.has("value_float")) {
      out.reals = std::make_shared<const std::vector<float>>(1, node.real("value_float", 0));
      found = out;
    } else if (node.has("value_int")) {
      out.integers = {node.integer("value_int", 0)};
      found = out;
    } else if (const auto list = node.integers("value_ints")) {
      out.integers = *list;
      out.dims = {static_cast<std::int64_t>(list->size())};
      found = out;
    } else if (const auto reals = node.reals("value_floats")) {
      out.dims = {static_cast<std::int64_t>(reals->size())};
      out.reals = std::make_shared<const std::vector<float>>(*reals);
      found = out;
    } else {
      node.refuse("a constant that is no tensor, number or list of numbers");
    }
  }
  if (!found && folder_ && is_elsewhere(*tensor)) {
    onnx::TensorProto whole = *tensor;
    fetch_values(whole, *folder_, place, budget_);
    found = read_tensor(whole, place, budget_, converted_);
  } else if (!found) {
    found = read_tensor(*tensor, place, budget_, converted_);
  }
  auto stored = std::make_shared<const Constant>(std::move(*found));
  values_[name] = {-1, stored->dims, stored};
  return (constants_[name] = std::move(stored)).get();
}

const Constant& OnnxReader::constant(const NodeView& node, int input) {
  if (node.input(input).empty()) node.fail("input " + std::to_string(input) + " is missing");
  const Constant* found = constant(node.input(input));
  if (found != nullptr) return *found;
  const OnnxValue& other = value(node, input);
  if (other.constant) return *other.constant;
  node.refuse("input " + base::in_quotes(node.input(input)) + " is not constant");
}

Reals OnnxReader::reals(const NodeView& node, int input, const Dims& dims) {
  const Constant& found = constant(node, input);
  if (!found.is_real()) node.fail("input " + base::in_quotes(node.input(input)) + " must be reals");
  if (found.dims != dims)
    node.fail("input " + base::in_quotes(node.input(input)) + " has dimensions " + to_text(found.dims) + ", expected " +
              to_text(dims));
  return found.reals;
}

std::optional<float> OnnxReader::scalar(const std::string& name) {
  if (name.empty()) return {};
  const Constant* found = constant(name);
  if (found == nullptr || !found->is_real() || found->count() != 1) return {};
  return (*found->reals)[0];
}

Shape OnnxReader::shape_of(const OnnxValue& value) const {
  return shapes_.at(static_cast<std::size_t>(value.op));
}

std::string OnnxReader::free_name(const std::string& wanted) {
  std::string name = wanted.empty() ? std::string("op") : wanted;
  while (!names_.insert(name).second) name = wanted + "_" + std::to_string(++numbers_[wanted] + 1);
  return name;
}

void OnnxReader::emit(const NodeView& node, Op op, const std::vector<OnnxValue>& inputs, std::size_t rank) {
  emit(node, std::move(op), inputs, rank, node.name(), node.output());
}

void OnnxReader::emit(const NodeView& node, Op op, const std::vector<OnnxValue>& inputs, std::size_t rank,
                      const std::string& name, const std::string& output) {
  if (rank != 2 && rank != 4) node.refuse("on values of " + std::to_string(rank) + " dimensions");
  op.name = free_name(name);
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
    throw Error(error.fault(), node.place() + ": " + error.what());
  }
  net_.graph.ops.push_back(std::move(op));
  shapes_.push_back(out);
  Dims dims{out[0], out[1]};
  if (rank == 4) dims.insert(dims.end(), {out[2], out[3]});
  foreign_reads_[static_cast<int>(net_.graph.ops.size()) - 1] = reads_of(output);
  values_[output] = {static_cast<int>(net_.graph.ops.size()) - 1, std::move(dims), nullptr};
}

void OnnxReader::alias(const NodeView& node, const OnnxValue& of, Dims dims) {
  OnnxValue copy = of;
  copy.dims = std::move(dims);
  const auto reads = foreign_reads_.find(of.op);
  if (reads != foreign_reads_.end()) reads->second += reads_of(node.output()) - reads_by(node, of.op);
  values_[node.output()] = std::move(copy);
}

std::int64_t OnnxReader::reads_of(const std::string& value) const {
  const auto found = readers_.find(value);
  return found == readers_.end() ? 0 : static_cast<std::int64_t>(found->second.size());
}

std::int64_t OnnxReader::reads_by(const NodeView& node, int op) const {
  std::int64_t reads = 0;
  for (int i = 0; i < node.inputs(); ++i) {
    const auto found = values_.find(node.input(i));
    if (found != values_.end() && found->second.op == op) ++reads;
  }
  return reads;
}

bool OnnxReader::read_by_others(int op) const {
  const auto reads = foreign_reads_.find(op);
  if (reads == foreign_reads_.end()) return true;  // the network's input
  return reads->second > reads_by(view(at_), op);
}

int OnnxReader::only_reader(const std::string& value) const {
  const auto found = readers_.find(value);
  return found == readers_.end() || found->second.size() != 1 ? -1 : found->second[0];
}

void OnnxReader::dispatch(const NodeView& node) {
  using Handler = void (OnnxReader::*)(const NodeView&);
  static const std::map<std::string, Handler> handlers = {
      {"Conv", &OnnxReader::conv},
      {"Gemm", &OnnxReader::gemm},
      {"MatMul", &OnnxReader::matmul},
      {"BatchNormalization", &OnnxReader::batch_norm},
      {"MaxPool", &OnnxReader::pool},
      {"AveragePool", &OnnxReader::pool},
      {"Clip", &OnnxReader::clip},
      {"Relu", &OnnxReader::clip},
      {"Min", &OnnxReader::clip},
      {"Max", &OnnxReader::clip},
      {"Add", &OnnxReader::arithmetic},
      {"Sub", &OnnxReader::arithmetic},
      {"Mul", &OnnxReader::arithmetic},
      {"Div", &OnnxReader::arithmetic},
      {"Sum", &OnnxReader::arithmetic},
      {"Softmax", &OnnxReader::softmax},
      {"Dropout", &OnnxReader::dropout},
      {"Concat", &OnnxReader::concat},
      {"Split", &OnnxReader::split},
      {"Slice", &OnnxReader::slice},
      {"Flatten", &OnnxReader::flatten},
      {"Reshape", &OnnxReader::reshape},
      {"Squeeze", &OnnxReader::squeeze},
      {"Unsqueeze", &OnnxReader::squeeze},
      {"Transpose", &OnnxReader::transpose},
      {"Pad", &OnnxReader::pad},
      {"ReduceMean", &OnnxReader::reduce_mean},
      {"Resize", &OnnxReader::resize},
      {"Upsample", &OnnxReader::resize},
      {"Shape", &OnnxReader::shape},
      {"Identity", &OnnxReader::identity},
      {"Cast", &OnnxReader::identity},
  };
  static const std::map<std::string, OpKind> simple = {{"Sigmoid", OpKind::sigmoid},
                                                       {"Tanh", OpKind::tanh},
                                                       {"HardSwish", OpKind::h_swish},
                                                       {"GlobalAveragePool", OpKind::global_avg_pool}};
  const auto handler = handlers.find(node.type());
  const auto kind = simple.find(node.type());
  if (handler != handlers.end()) {
    (this->*handler->second)(node);
  } else if (kind != simple.end()) {
    unary(node, kind->second);
  } else if (node.type() == "LeakyRelu") {
    constexpr float slope = 0.01F;
    unary(node, OpKind::leaky_relu, to_double(node.real("alpha", slope)));
  } else if (node.type() == "HardSigmoid") {
    if (!begins_hard(node)) node.refuse("only HardSigmoid with alpha 1/6 and beta 0.5 is read");
  } else {
    std::vector<std::string> known{"LeakyRelu", "HardSigmoid", "Constant"};
    for (const auto& [name, unused] : handlers) known.push_back(name);
    for (const auto& [name, unused] : simple) known.push_back(name);
    std::sort(known.begin(), known.end());
    node.refuse("a Graph has no such op; read are " + base::join(known, ", "));
  }
}

namespace {

OnnxNet parse(std::string_view bytes, const std::string& source, std::optional<std::string> folder) {
  constexpr int most_depth = 32;
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw Error(Fault::input, source + ": is larger than an ONNX file can be");
  scan_onnx(bytes, source);
  onnx::ModelProto model;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
  stream.SetRecursionLimit(most_depth);
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw Error(Fault::input, source + ": is no ONNX file");
  return OnnxReader(model, source, bytes.size(), std::move(folder)).run();
}

}  // namespace
}  // namespace format

OnnxNet parse_onnx(std::string_view bytes, const std::string& source) {
  return format::parse(bytes, source, {});
}

OnnxNet read_onnx(const std::string& file) {
  constexpr std::uint64_t most_bytes = (std::uint64_t{1} << 31) - 1;
  const auto folder = std::filesystem::path(file).parent_path();
  return format::parse(base::read_file(file, most_bytes), file, folder.empty() ? "." : folder.string());
}

}  // namespace hwprof

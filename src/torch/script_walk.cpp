// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "torch/script_reader.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_steps = 500'000;
constexpr std::size_t most_depth = 100;

bool has_modules(const torch::jit::Module& module) {
  return module.children().size() > 0;
}

bool is_tensor_list(const c10::TypePtr& type) {
  const auto list = type->cast<c10::ListType>();
  if (!list) return false;
  const auto element = list->getElementType();
  return element->kind() == c10::TypeKind::TensorType || element->isSubtypeOf(*c10::TensorType::get());
}

}  // namespace

ScriptReader::ScriptReader(torch::jit::Module module, const Shape& input, std::string source)
    : module_(std::move(module)), source_(std::move(source)) {
  Op op;
  op.kind = OpKind::input;
  op.name = "input";
  net_.graph.ops.push_back(op);
  net_.input = input;
  shapes_ = infer_shapes(net_.graph, input);
  now_ = {0};
  keep_storage(0);
  names_[op.name] = 1;
}

OnnxNet ScriptReader::run() {
  module_.eval();
  const auto method = module_.find_method("forward");
  if (!method) throw Error(Fault::input, source_ + ": the module has no forward()");
  net_.graph.name = module_.type()->name() ? module_.type()->name()->name() : std::string("module");
  std::vector<ScriptCell> arguments(2);
  arguments[0].known = module_._ivalue();
  ScriptValue x;
  x.op = 0;
  x.dims = {net_.input[0], net_.input[1], net_.input[2], net_.input[3]};
  arguments[1].value = x;
  const auto& schema = method->function().getSchema();
  for (std::size_t i = 2; i < schema.arguments().size(); ++i) {
    const auto& argument = schema.arguments()[i];
    if (!argument.default_value())
      throw Error(Fault::unsupported, source_ + ": forward() takes several values, " +
                                          base::in_quotes(argument.name()) + " among them; a Graph has one input");
    arguments.emplace_back();
    arguments.back().known = *argument.default_value();
  }
  if (schema.arguments().size() < 2) throw Error(Fault::unsupported, source_ + ": forward() takes no value");
  const auto outputs = call(method->function(), std::move(arguments), {}, !has_modules(module_));
  std::vector<ScriptCell> given = outputs;
  if (given.size() == 1 && given[0].list) given = *given[0].list;
  for (const auto& output : given) {
    if (!output.value && !output.list && output.known.isNone()) continue;  // an output that only training has
    if (!output.value || output.value->form != Form::plain)
      throw Error(Fault::unsupported, source_ + ": forward() gives something that is no value of the network");
    net_.graph.outputs.push_back(current(*output.value).op);
  }
  if (net_.graph.outputs.empty()) throw Error(Fault::unsupported, source_ + ": forward() gives nothing");
  if (converted_) net_.notes.push_back(source_ + ": weights of another width were converted to 4-byte floats");
  return std::move(net_);
}

std::string ScriptReader::place(const Node* node) const {
  std::string path = frames_.empty() || frames_.back()->path.empty() ? "forward()" : frames_.back()->path;
  return source_ + ": " + base::in_quotes(path) + ": " + node->kind().toQualString();
}
void ScriptReader::fail(const Node* node, const std::string& what) const {
  throw Error(Fault::input, place(node) + ": " + what);
}
void ScriptReader::refuse(const Node* node, const std::string& what) const {
  throw Error(Fault::unsupported, place(node) + ": " + what);
}

std::vector<ScriptCell> ScriptReader::call(torch::jit::Function& function, std::vector<ScriptCell> arguments,
                                           const std::string& path, bool leaf) {
  if (frames_.size() >= most_depth)
    throw Error(Fault::input, source_ + ": " + path + ": calls itself, or is nested absurdly");
  auto* code = torch::jit::tryToGraphFunction(function);
  if (code == nullptr) throw Error(Fault::unsupported, source_ + ": " + path + ": calls code that is not TorchScript");
  const auto graph = code->graph();
  if (graph->inputs().size() != arguments.size())
    throw Error(Fault::input, source_ + ": " + path + ": is called with another number of values than it takes");
  Frame frame;
  frame.path = path;
  frame.leaf = leaf;
  for (std::size_t i = 0; i < arguments.size(); ++i) frame.cells[graph->inputs()[i]] = std::move(arguments[i]);
  frames_.push_back(&frame);
  walk(graph->block(), frame);
  std::vector<ScriptCell> outputs;
  for (const Value* output : graph->outputs()) outputs.push_back(cell(output));
  frames_.pop_back();
  return outputs;
}

void ScriptReader::walk(torch::jit::Block* block, Frame& frame) {
  for (Node* node : block->nodes()) step(node, frame);
}

void ScriptReader::step(Node* node, Frame&) {
  if (++steps_ > most_steps) fail(node, "the code runs for absurdly long");
  const std::string kind = node->kind().toQualString();
  if (step_structure(node, kind) || step_collection(node, kind) || step_number(node, kind)) return;
  const bool concerns_values = std::any_of(node->inputs().begin(), node->inputs().end(), [this](const Value* input) {
    const ScriptCell& one = cell(input);
    return one.value.has_value() || one.list != nullptr;
  });
  if (!concerns_values) return compute(node);
  for (const Value* input : node->inputs()) (void)charge(node, cell(input));
  std::string name = base::starts_with(kind, "aten::") ? kind.substr(6) : kind;
  if (name.size() > 1 && name.back() == '_' && name[name.size() - 2] != '_') name.pop_back();  // in place
  const auto found = handlers().find(name);
  if (found != handlers().end())
    (this->*found->second)(node);
  else if (!unary(node, name))
    refuse(node, "hwprof has no such op");
}

void ScriptReader::assign(Node* node, std::vector<ScriptCell> outputs) {
  if (outputs.size() != node->outputs().size()) fail(node, "gives another number of values than it should");
  for (std::size_t i = 0; i < outputs.size(); ++i) frames_.back()->cells[node->outputs()[i]] = std::move(outputs[i]);
}

/// Calls, branches, attributes.
bool ScriptReader::step_structure(Node* node, const std::string& kind) {
  if (kind == "prim::Constant") {
    ScriptCell made;
    if (auto constant = torch::jit::toIValue(node->output())) made.known = *constant;
    assign(node, {made});
  } else if (kind == "prim::GetAttr") {
    const std::string name = node->s(c10::attr::name);
    const ScriptCell of = cell(node->input(0));
    if (!of.known.isObject()) refuse(node, "of something that is no module");
    ScriptCell made;
    made.known = of.known.toObjectRef().getAttr(name);
    if (made.known.isModule()) made.path = of.path.empty() ? name : of.path + "." + name;
    assign(node, {made});
  } else if (kind == "prim::CallMethod") {
    call_node(node, true);
  } else if (kind == "prim::CallFunction") {
    call_node(node, false);
  } else if (kind == "prim::If") {
    branch(node);
  } else if (kind == "prim::Loop") {
    loop(node);
  } else if (kind == "prim::RaiseException") {
    const ScriptCell& message = cell(node->input(0));
    fail(node,
         "the network refuses this input: " +
             (message.known.isString() ? message.known.toStringRef().substr(0, 200) : std::string("an exception")));
  } else if (kind == "prim::Print" || kind == "aten::warn") {
    return true;
  } else if (kind == "prim::SetAttr") {
    refuse(node, "changes attribute " + base::in_quotes(node->s(c10::attr::name)) + " while it runs");
  } else if (kind == "prim::unchecked_cast" || kind == "prim::unchecked_unwrap_optional" ||
             kind == "aten::_unwrap_optional") {
    assign(node, {cell(node->input(0))});
  } else {
    return false;
  }
  return true;
}

void ScriptReader::call_node(Node* node, bool method) {
  std::vector<ScriptCell> arguments;
  for (const Value* input : node->inputs()) arguments.push_back(cell(input));
  if (!method) {
    const auto type = node->input(0)->type()->cast<c10::FunctionType>();
    if (!type) refuse(node, "calls something that is no function");
    arguments.erase(arguments.begin());
    return assign(node, call(*type->function(), std::move(arguments), frames_.back()->path, frames_.back()->leaf));
  }
  const ScriptCell of = arguments[0];
  const std::string name = node->s(c10::attr::name);
  if (!of.known.isObject()) refuse(node, "calls " + base::in_quotes(name) + " of something that is no module");
  torch::jit::Function* function = of.known.toObjectRef().type()->findMethod(name);
  if (function == nullptr) fail(node, "there is no method " + base::in_quotes(name));
  const bool leaf = !of.known.isModule() || !has_modules(of.known.toModule());
  assign(node, call(*function, std::move(arguments), of.path, leaf));
}

void ScriptReader::branch(Node* node) {
  const ScriptCell& condition = cell(node->input(0));
  if (condition.value || !condition.known.isBool()) refuse(node, "depends on what the network computes");
  torch::jit::Block* taken = node->blocks()[condition.known.toBool() ? 0 : 1];
  walk(taken, *frames_.back());
  std::vector<ScriptCell> outputs;
  for (const Value* output : taken->outputs()) outputs.push_back(cell(output));
  assign(node, std::move(outputs));
}

void ScriptReader::loop(Node* node) {
  const std::int64_t most = integer(node, 0);
  bool going = flag(node, 1);
  torch::jit::Block* body = node->blocks()[0];
  std::vector<ScriptCell> carried;
  for (std::size_t i = 2; i < node->inputs().size(); ++i) carried.push_back(cell(node->input(i)));
  for (std::int64_t turn = 0; turn < most && going; ++turn) {
    if (++steps_ > most_steps) fail(node, "the code runs for absurdly long");
    auto& cells = frames_.back()->cells;
    ScriptCell number;
    number.known = turn;
    cells[body->inputs()[0]] = number;
    for (std::size_t i = 0; i < carried.size(); ++i) cells[body->inputs()[i + 1]] = carried[i];
    walk(body, *frames_.back());
    const ScriptCell& again = cell(body->outputs()[0]);
    if (again.value || !again.known.isBool()) refuse(node, "depends on what the network computes");
    going = again.known.toBool();
    for (std::size_t i = 0; i < carried.size(); ++i) carried[i] = cell(body->outputs()[i + 1]);
  }
  assign(node, std::move(carried));
}

/// Lists and tuples, which may hold values of the network.
bool ScriptReader::step_collection(Node* node, const std::string& kind) {
  if (kind == "prim::ListConstruct" || kind == "prim::TupleConstruct") {
    const bool tuple = kind == "prim::TupleConstruct";
    std::vector<ScriptCell> parts;
    bool plain = tuple || !is_tensor_list(node->output()->type());
    for (const Value* input : node->inputs()) {
      parts.push_back(cell(input));
      (void)charge(node, parts.back());
      plain = plain && !parts.back().value && !parts.back().list;
    }
    ScriptCell made;
    if (!plain) {
      made.list = std::make_shared<std::vector<ScriptCell>>(std::move(parts));
    } else if (tuple) {
      std::vector<c10::IValue> values;
      for (auto& part : parts) values.push_back(part.known);
      made.known = c10::ivalue::Tuple::create(std::move(values));
    } else {
      c10::impl::GenericList list(node->output()->type()->expectRef<c10::ListType>().getElementType());
      for (auto& part : parts) list.push_back(part.known);
      made.known = list;
    }
    assign(node, {made});
  } else if (kind == "prim::ListUnpack" || kind == "prim::TupleUnpack") {
    const ScriptCell of = cell(node->input(0));
    (void)charge(node, of);
    std::vector<ScriptCell> parts;
    if (of.list) {
      parts = *of.list;
    } else if (of.known.isTuple() || of.known.isList()) {
      const auto values = of.known.isTuple() ? of.known.toTupleRef().elements().vec() : of.known.toListRef().vec();
      for (const auto& one : values) {
        parts.emplace_back();
        parts.back().known = one;
      }
    } else {
      refuse(node, "takes apart something that is no list");
    }
    assign(node, std::move(parts));
  } else if ((kind == "aten::__getitem__" || kind == "prim::TupleIndex") && cell(node->input(0)).list) {
    const auto list = cell(node->input(0)).list;
    std::int64_t at = integer(node, 1);
    const auto count = static_cast<std::int64_t>(list->size());
    if (at < 0) at += count;
    if (at < 0 || at >= count) fail(node, "there is no element " + std::to_string(at));
    assign(node, {(*list)[static_cast<std::size_t>(at)]});
  } else if (kind == "aten::append" && cell(node->input(0)).list) {
    ScriptCell of = cell(node->input(0));
    of.list->push_back(cell(node->input(1)));
    if (node->outputs().size() == 1) assign(node, {of});
  } else if (kind == "aten::len" && cell(node->input(0)).list) {
    ScriptCell made;
    made.known = static_cast<std::int64_t>(cell(node->input(0)).list->size());
    assign(node, {made});
  } else {
    return false;
  }
  return true;
}

/// Sizes, which a traced network handles as tensors of one number.
bool ScriptReader::step_number(Node* node, const std::string& kind) {
  const std::size_t count = node->inputs().size();
  if (kind == "prim::NumToTensor" || kind == "aten::Int" || kind == "aten::IntImplicit" ||
      kind == "aten::ScalarImplicit") {
    const ScriptCell one = cell(node->input(0));
    if (one.value) refuse(node, "takes a number out of what the network computes");
    if (kind == "prim::NumToTensor" && one.known.isScalar()) return assign(node, {one}), true;
    const auto whole = size_of(node->input(0));
    if (!whole) return false;
    ScriptCell made;
    made.known = *whole;
    assign(node, {made});
    return true;
  }
  const bool made_of_tensors = count >= 2 && node->input(0)->type()->kind() == c10::TypeKind::TensorType;
  if (!made_of_tensors) return false;
  const auto a = size_of(node->input(0));
  const auto b = size_of(node->input(1));
  if (!a || !b) return false;
  ScriptCell made;
  if (kind == "aten::mul" || kind == "aten::add" || kind == "aten::sub") {
    made.known = whole_number(node, kind, *a, *b);
  } else if (kind == "aten::floor_divide" || kind == "aten::div") {
    if (*b == 0 || *a < 0 || *b < 0 || (kind == "aten::div" && *a % *b != 0)) fail(node, "divides a size oddly");
    made.known = *a / *b;
  } else {
    return false;
  }
  assign(node, {made});
  return true;
}

ScriptCell& ScriptReader::cell(const Value* value) {
  auto& cells = frames_.back()->cells;
  const auto found = cells.find(value);
  if (found == cells.end()) throw Error(Fault::input, source_ + ": a value of its code is used before it is there");
  return found->second;
}

const c10::IValue& ScriptReader::known(Node* node, std::size_t input) {
  if (input >= node->inputs().size()) fail(node, "lacks argument " + std::to_string(input));
  const ScriptCell& one = cell(node->input(input));
  if (one.value || one.list) refuse(node, "argument " + std::to_string(input) + " is computed by the network");
  return one.known;
}

ScriptValue ScriptReader::value(Node* node, std::size_t input) {
  if (input >= node->inputs().size()) fail(node, "lacks argument " + std::to_string(input));
  const ScriptCell& one = cell(node->input(input));
  if (!one.value)
    refuse(node, "argument " + std::to_string(input) + " is constant where a value of the network is expected");
  return current(*one.value);
}

ScriptValue ScriptReader::whole(Node* node, std::size_t input) {
  ScriptValue out = value(node, input);
  check_whole(node, out);
  return out;
}

void ScriptReader::check_whole(Node* node, const ScriptValue& value) const {
  switch (value.form) {
    case Form::plain:
      return;
    case Form::expanded:
      refuse(node, "expanded values are read only as factors of a map of that size");
    case Form::plus_three:
    case Form::clipped:
    case Form::product:
      refuse(node, "adding 3 and clipping are read only as parts of a hard sigmoid or hard swish");
    case Form::mean_of_width:
      refuse(node, "a mean over the width alone is not read");
    case Form::grouped:
    case Form::swapped:
      break;
  }
  refuse(node, "values of five dimensions are read only as parts of a channel shuffle");
}

std::int64_t ScriptReader::integer(Node* node, std::size_t input) {
  const auto& one = known(node, input);
  if (!one.isInt()) refuse(node, "argument " + std::to_string(input) + " is no whole number");
  return one.toInt();
}
double ScriptReader::real(Node* node, std::size_t input) {
  const auto found = scalar(node, input);
  if (!found) refuse(node, "argument " + std::to_string(input) + " is no number");
  return *found;
}
bool ScriptReader::flag(Node* node, std::size_t input) {
  const auto& one = known(node, input);
  if (!one.isBool()) refuse(node, "argument " + std::to_string(input) + " is neither true nor false");
  return one.toBool();
}
bool ScriptReader::is_none(Node* node, std::size_t input) {
  return input >= node->inputs().size() ||
         (!cell(node->input(input)).value && !cell(node->input(input)).list && cell(node->input(input)).known.isNone());
}

std::optional<std::int64_t> ScriptReader::size_of(const Value* value) {
  const ScriptCell& one = cell(value);
  if (one.value || one.list) return {};
  if (one.known.isInt()) return one.known.toInt();
  if (!one.known.isTensor() || !one.known.toTensor().defined()) return {};
  const at::Tensor& tensor = one.known.toTensor();
  if (tensor.dim() != 0 || !at::isIntegralType(tensor.scalar_type(), false) || !tensor.device().is_cpu()) return {};
  return tensor.item<std::int64_t>();
}

/// A number, also as a tensor of one.
std::optional<double> ScriptReader::scalar(Node* node, std::size_t input) {
  if (input >= node->inputs().size()) return {};
  const ScriptCell& one = cell(node->input(input));
  if (one.value || one.list) return {};
  if (one.known.isInt()) return static_cast<double>(one.known.toInt());
  if (one.known.isDouble()) return one.known.toDouble();
  if (one.known.isTensor() && one.known.toTensor().defined() && one.known.toTensor().numel() == 1 &&
      one.known.toTensor().dim() == 0)
    return one.known.toTensor().to(torch::kDouble).item<double>();
  return {};
}

ScriptReader::Dims ScriptReader::integers(Node* node, std::size_t input) {
  const auto& one = known(node, input);
  if (one.isInt()) return {one.toInt()};
  if (!one.isList()) refuse(node, "argument " + std::to_string(input) + " is no list of whole numbers");
  Dims out;
  for (const auto& element : one.toListRef()) {
    if (!element.isInt()) refuse(node, "argument " + std::to_string(input) + " is no list of whole numbers");
    out.push_back(element.toInt());
  }
  return out;
}

std::array<int, 2> ScriptReader::pair(Node* node, std::size_t input, const char* what) {
  constexpr std::int64_t most = 1 << 30;
  const Dims list = integers(node, input);
  if (list.empty() || list.size() > 2) refuse(node, std::string(what) + " must have one or two numbers");
  for (const auto one : list)
    if (one < 0 || one > most) fail(node, std::string(what) + " " + std::to_string(one) + " makes no sense");
  return {static_cast<int>(list.front()), static_cast<int>(list.back())};
}

std::shared_ptr<const std::vector<float>> ScriptReader::weights(Node* node, const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.layout() != torch::kStrided || tensor.is_quantized() ||
      !at::isFloatingType(tensor.scalar_type()))
    refuse(node, "its weights are no dense tensor of reals");
  // A file of a few bytes can claim any size by strides of 0.
  if (static_cast<double>(tensor.numel()) * static_cast<double>(tensor.element_size()) >
      static_cast<double>(tensor.storage().nbytes()))
    fail(node, "its weights claim more values than are stored");
  converted_ = converted_ || tensor.scalar_type() != torch::kFloat32;
  const at::Tensor flat = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  const float* begin = flat.data_ptr<float>();
  return std::make_shared<const std::vector<float>>(begin, begin + flat.numel());
}

std::size_t ScriptReader::axis(Node* node, std::int64_t axis, const ScriptValue& of) const {
  const auto rank = static_cast<std::int64_t>(of.dims.size());
  if (axis < -rank || axis >= rank) fail(node, "there is no dimension " + std::to_string(axis));
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

}  // namespace hwprof

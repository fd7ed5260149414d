// SPDX-License-Identifier: Apache-2.0
// What the code does with numbers, texts and lists that are known. The file's author chooses operators and values, and
// libtorch has operators that write files, so only those below are run, and none that could divide by 0 or grow.
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "hwprof/error.hpp"
#include "torch/script_reader.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_items = 1'000'000;     // in one list or text
constexpr std::size_t most_handled = 10'000'000;  // by all operators together
constexpr std::size_t most_nesting = 100;

/// Look into a container, or change one item of it: their work does not grow with it.
const std::set<std::string>& quick() {
  static const std::set<std::string> names = {
      "aten::__getitem__", "aten::_set_item",  "aten::append",       "aten::len", "aten::__is__",
      "aten::__isnot__",   "prim::TupleIndex", "aten::size",         "aten::dim", "aten::t",
      "aten::detach",      "prim::is_cuda",    "prim::Uninitialized"};
  return names;
}

/// Work in proportion to what they are given, and give no more than that.
const std::set<std::string>& proportional() {
  static const std::set<std::string> names = {
      // numbers; of two whole ones compute_numbers() takes care
      "aten::add", "aten::sub", "aten::mul", "aten::div", "aten::floordiv", "aten::remainder", "aten::neg",
      "aten::sqrt", "aten::round", "prim::abs", "prim::min", "prim::max", "aten::Bool", "aten::Float",
      "aten::is_grad_enabled",
      // comparisons
      "aten::eq", "aten::ne", "aten::lt", "aten::le", "aten::gt", "aten::ge", "aten::__not__", "aten::__and__",
      "aten::__or__", "aten::__xor__",
      // lists, tuples, dicts
      "aten::__contains__", "aten::slice", "aten::list", "aten::copy", "aten::extend", "aten::add_", "aten::insert",
      "aten::pop", "aten::reverse", "aten::keys", "aten::values", "aten::items", "prim::TupleSlice",
      "aten::__range_length", "aten::__derive_index",
      // texts
      "aten::format", "aten::str", "aten::lower", "aten::startswith", "aten::endswith"};
  return names;
}

/// What may be done with a parameter: nothing that reads its values.
const std::set<std::string>& of_tensors() {
  static const std::set<std::string> names = {"aten::t",      "aten::detach",    "aten::size",   "aten::dim",
                                              "aten::__is__", "aten::__isnot__", "prim::is_cuda"};
  return names;
}

bool is_whole(double value) {
  return value >= -0x1p62 && value <= 0x1p62;  // false for what is no number
}

}  // namespace

void ScriptReader::spend(Node* node, std::size_t items) {
  handled_ += std::min(items, most_handled + 1);
  if (handled_ > most_handled) fail(node, "the code handles absurdly much");
}

std::size_t ScriptReader::charge(Node* node, const c10::IValue& value, bool* tensors, std::size_t depth) {
  if (depth > most_nesting) fail(node, "lists in lists, nested absurdly");
  std::size_t items = 1;
  const auto all = [&](const auto& list) {
    for (const auto& one : list) items += charge(node, one, tensors, depth + 1);
  };
  if (value.isTensor() && tensors != nullptr) *tensors = true;
  if (value.isString()) {
    items += value.toStringRef().size();
    spend(node, value.toStringRef().size());
  } else if (value.isList()) {
    all(value.toListRef());
  } else if (value.isTuple()) {
    all(value.toTupleRef().elements().vec());
  } else if (value.isGenericDict()) {
    for (const auto& one : value.toGenericDict())
      items += charge(node, one.key(), tensors, depth + 1) + charge(node, one.value(), tensors, depth + 1);
  }
  spend(node, 1);
  return items;
}

std::size_t ScriptReader::charge(Node* node, const ScriptCell& cell) {
  if (!cell.list) return charge(node, cell.known);
  std::size_t items = 1;
  std::vector<std::pair<const ScriptCell*, std::size_t>> open{{&cell, 0}};
  while (!open.empty()) {
    const auto [one, depth] = open.back();
    open.pop_back();
    if (depth > most_nesting) fail(node, "lists in lists, nested absurdly");
    items += one->list ? one->list->size() : 1;
    spend(node, one->list ? one->list->size() : 1);
    if (one->list)
      for (const auto& part : *one->list)
        if (part.list) open.emplace_back(&part, depth + 1);
  }
  return items;
}

std::int64_t ScriptReader::whole_number(Node* node, const std::string& kind, std::int64_t a, std::int64_t b) const {
  std::int64_t out = 0;
  bool over = false;
  if (kind == "aten::add") {
    over = __builtin_add_overflow(a, b, &out);
  } else if (kind == "aten::sub") {
    over = __builtin_sub_overflow(a, b, &out);
  } else if (kind == "aten::mul") {
    over = __builtin_mul_overflow(a, b, &out);
  } else {  // as in Python: towards minus infinity, the remainder with the sign of b
    if (b == 0) fail(node, "divides by 0");
    const bool quotient = kind == "aten::floordiv";
    if (b == -1) {
      over = quotient && __builtin_sub_overflow(std::int64_t{0}, a, &out);
    } else {
      const std::int64_t rest = a % b;
      const bool uneven = rest != 0 && (rest < 0) != (b < 0);
      out = quotient ? a / b - (uneven ? 1 : 0) : rest + (uneven ? b : 0);
    }
  }
  if (over) fail(node, "gives a number that is too large");
  return out;
}

/// Whole numbers, whose overflow and division libtorch does not check.
bool ScriptReader::compute_numbers(Node* node, const std::string& kind) {
  static const std::set<std::string> pairs = {"aten::add", "aten::sub", "aten::mul", "aten::floordiv",
                                              "aten::remainder"};
  const std::size_t count = node->inputs().size();
  const auto input = [&](std::size_t i) -> const c10::IValue& { return cell(node->input(i)).known; };
  ScriptCell made;
  if (count == 2 && pairs.count(kind) != 0 && input(0).isInt() && input(1).isInt()) {
    made.known = whole_number(node, kind, input(0).toInt(), input(1).toInt());
  } else if (count == 1 && (kind == "aten::neg" || kind == "prim::abs") && input(0).isInt()) {
    const std::int64_t a = input(0).toInt();
    made.known = kind == "prim::abs" && a >= 0 ? a : whole_number(node, "aten::sub", 0, a);
  } else if (count == 1 && (kind == "aten::Int" || kind == "aten::floor" || kind == "aten::ceil") &&
             (input(0).isDouble() || input(0).isBool() || input(0).isInt())) {
    if (input(0).isDouble()) {
      const double a = input(0).toDouble();
      if (!is_whole(a)) fail(node, "gives a number that is too large");
      made.known = static_cast<std::int64_t>(kind == "aten::floor"  ? std::floor(a)
                                             : kind == "aten::ceil" ? std::ceil(a)
                                                                    : a);
    } else {
      made.known = input(0).isBool() ? std::int64_t{input(0).toBool()} : input(0).toInt();
    }
  } else {
    return false;
  }
  assign(node, {made});
  return true;
}

void ScriptReader::compute(Node* node) {
  const std::string kind = node->kind().toQualString();
  bool tensors = false;
  for (const Value* input : node->inputs()) tensors = tensors || cell(input).known.isTensor();
  if (tensors && of_tensors().count(kind) == 0) refuse(node, "computes with parameters, which hwprof does not follow");
  for (const Value* output : node->outputs())
    if (!tensors && output->type()->kind() == c10::TypeKind::TensorType && quick().count(kind) == 0)
      refuse(node, "makes a tensor, which hwprof does not follow");
  if (compute_numbers(node, kind)) return;
  const bool is_quick = quick().count(kind) != 0;
  if ((!is_quick && proportional().count(kind) == 0) || node->maybeOperator() == nullptr)
    refuse(node, "hwprof has no such op");
  std::size_t items = 0;
  bool inside = false;
  for (const Value* input : node->inputs())
    if (!is_quick || cell(input).known.isString()) items += charge(node, cell(input).known, &inside);
  if (inside) refuse(node, "computes with parameters, which hwprof does not follow");
  const auto known_at = [&](std::size_t i) -> const c10::IValue& { return cell(node->input(i)).known; };
  const bool lists = std::any_of(node->inputs().begin(), node->inputs().end(),
                                 [this](const Value* input) { return cell(input).known.isList(); });
  if (kind == "aten::mul" && lists)
    for (std::size_t i = 0; i < node->inputs().size(); ++i)
      if (known_at(i).isInt() && known_at(i).toInt() > 1) {
        items *= static_cast<std::size_t>(std::min<std::int64_t>(known_at(i).toInt(), most_items + 1));
        spend(node, items);
      }
  if ((kind == "aten::extend" || kind == "aten::add_") && node->inputs().size() == 2 && known_at(0).is(known_at(1)))
    fail(node, "adds a list to itself");
  if (items > most_items) fail(node, "handles more than " + std::to_string(most_items) + " items at once");
  if (kind == "aten::__range_length" || kind == "aten::__derive_index")
    for (std::size_t i = 0; i < node->inputs().size(); ++i)
      if (!known_at(i).isInt() || std::abs(static_cast<double>(known_at(i).toInt())) > 0x1p30)
        fail(node, "counts absurdly far");
  torch::jit::Stack stack;
  for (const Value* input : node->inputs()) stack.push_back(cell(input).known);
  if (node->maybeSchema() != nullptr && node->maybeSchema()->is_vararg())
    stack.emplace_back(static_cast<std::int64_t>(stack.size()));
  node->getOperation()(stack);
  if (stack.size() != node->outputs().size()) fail(node, "gives another number of values than it should");
  std::vector<ScriptCell> outputs(stack.size());
  for (std::size_t i = 0; i < stack.size(); ++i) outputs[i].known = stack[i];
  assign(node, std::move(outputs));
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_fold.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

const Constant& input(const NodeView& node, const std::vector<const Constant*>& inputs, std::size_t i) {
  if (i >= inputs.size() || inputs[i] == nullptr) node.fail("input " + std::to_string(i) + " is missing");
  return *inputs[i];
}

const std::vector<std::int64_t>& integers(const NodeView& node, const std::vector<const Constant*>& inputs,
                                          std::size_t i) {
  const Constant& found = input(node, inputs, i);
  if (found.is_real()) node.fail("input " + std::to_string(i) + " must be integers");
  return found.integers;
}

Dims axes_of(const NodeView& node, const std::vector<const Constant*>& inputs) {
  if (const auto axes = node.integers("axes")) return *axes;
  return inputs.size() > 1 && inputs[1] != nullptr ? integers(node, inputs, 1) : Dims{};
}

template <typename Change>
Constant change_reals(const Constant& of, Change change) {
  Constant out;
  out.dims = of.dims;
  std::vector<float> values(of.reals->begin(), of.reals->end());
  for (float& value : values) value = change(value);
  out.reals = std::make_shared<const std::vector<float>>(std::move(values));
  return out;
}

Constant cast(const NodeView& node, const Constant& of) {
  const auto to = node.integer("to", 0);
  const bool real =
      to == onnx::TensorProto::FLOAT || to == onnx::TensorProto::DOUBLE || to == onnx::TensorProto::FLOAT16;
  if (!real && to != onnx::TensorProto::INT64 && to != onnx::TensorProto::INT32 && to != onnx::TensorProto::BOOL)
    node.refuse("casts to type " + std::to_string(to));
  if (real == of.is_real()) return of;
  Constant out;
  out.dims = of.dims;
  if (real) {
    std::vector<float> values;
    for (const auto value : of.integers) values.push_back(static_cast<float>(value));
    out.reals = std::make_shared<const std::vector<float>>(std::move(values));
  } else {
    constexpr float most = 4e18F;
    for (const float value : *of.reals) {
      if (!(std::abs(value) < most)) node.fail("a value has no integer");
      out.integers.push_back(static_cast<std::int64_t>(value));
    }
  }
  return out;
}

Constant gather(const NodeView& node, const Constant& of, const Constant& at) {
  if (of.dims.size() != 1 || of.is_real() || at.is_real() || node.integer("axis", 0) != 0)
    node.refuse("only elements of a list of integers are gathered");
  Constant out;
  out.dims = at.dims;
  const auto size = static_cast<std::int64_t>(of.integers.size());
  for (auto index : at.integers) {
    if (index < 0) index += size;
    if (index < 0 || index >= size) node.fail("index " + std::to_string(index) + " is outside the list");
    out.integers.push_back(of.integers[static_cast<std::size_t>(index)]);
  }
  return out;
}

Constant concat(const NodeView& node, const std::vector<const Constant*>& inputs) {
  Constant out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Constant& part = input(node, inputs, i);
    if (part.dims.size() != 1 || part.is_real()) node.refuse("of constants only lists of integers are joined");
    out.integers.insert(out.integers.end(), part.integers.begin(), part.integers.end());
  }
  out.dims = {static_cast<std::int64_t>(out.integers.size())};
  return out;
}

/// The values at begin, begin + a sum of steps, with these dimensions.
Constant picked(const Constant& of, Dims dims, std::int64_t begin, const std::vector<std::int64_t>& steps) {
  Constant out;
  out.dims = std::move(dims);
  const std::int64_t count = count_of(out.dims);
  std::vector<float> reals;
  std::vector<std::int64_t> index(out.dims.size(), 0);
  std::int64_t at = begin;
  for (std::int64_t n = 0; n < count; ++n) {
    if (of.is_real())
      reals.push_back((*of.reals)[static_cast<std::size_t>(at)]);
    else
      out.integers.push_back(of.integers[static_cast<std::size_t>(at)]);
    for (std::size_t i = out.dims.size(); i-- > 0;) {
      at += steps[i];
      if (++index[i] < out.dims[i]) break;
      at -= steps[i] * out.dims[i];
      index[i] = 0;
    }
  }
  if (of.is_real()) out.reals = std::make_shared<const std::vector<float>>(std::move(reals));
  return out;
}

/// How far apart neighbours along each axis lie.
std::vector<std::int64_t> strides_of(const Dims& dims) {
  std::vector<std::int64_t> stride(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) stride[i - 1] = stride[i] * dims[i];
  return stride;
}

Constant slice(const NodeView& node, const std::vector<const Constant*>& inputs) {
  const Constant& of = input(node, inputs, 0);
  const auto argument = [&](const char* attribute, std::size_t at) {
    if (const auto list = node.integers(attribute)) return *list;
    return inputs.size() > at && inputs[at] != nullptr ? integers(node, inputs, at) : Dims{};
  };
  const Dims starts = argument("starts", 1);
  const Dims ends = argument("ends", 2);
  Dims axes = argument("axes", 3);
  Dims steps = argument("steps", 4);
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != axes.size() || starts.size() != steps.size())
    node.fail("needs as many ends, axes and steps as starts");
  auto stride = strides_of(of.dims);
  Dims dims = of.dims;
  std::int64_t first = 0;
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], of.dims.size(), node);
    const std::int64_t extent = of.dims[axis];
    const std::int64_t step = steps[i];
    if (!seen.insert(axis).second) node.fail("names an axis twice");
    if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) node.fail("its steps must not be 0");
    const auto place = [extent](std::int64_t at, std::int64_t least, std::int64_t most) {
      return std::clamp(at < 0 ? at + extent : at, least, most);
    };
    const bool back = step < 0;
    const std::int64_t begin = back ? place(starts[i], -1, extent - 1) : place(starts[i], 0, extent);
    const std::int64_t end = back ? place(ends[i], -1, extent - 1) : place(ends[i], 0, extent);
    const std::int64_t far = back ? begin - end : end - begin;
    const std::int64_t size = back ? -step : step;
    dims[axis] = far <= 0 ? 0 : (far - 1) / size + 1;
    if (dims[axis] > 0) first += begin * stride[axis];
    stride[axis] *= dims[axis] > 1 ? step : 1;  // a step that is not taken may be beyond all numbers
  }
  return picked(of, std::move(dims), first, stride);
}

std::int64_t compute(const NodeView& node, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  bool bad = false;
  if (node.type() == "Add")
    bad = __builtin_add_overflow(a, b, &out);
  else if (node.type() == "Sub")
    bad = __builtin_sub_overflow(a, b, &out);
  else if (node.type() == "Mul")
    bad = __builtin_mul_overflow(a, b, &out);
  else if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min()))
    bad = true;
  else
    out = a / b;
  if (bad) node.fail("its constants overflow");
  return out;
}

float compute(const NodeView& node, float a, float b) {
  if (node.type() == "Add") return a + b;
  if (node.type() == "Sub") return a - b;
  return node.type() == "Mul" ? a * b : a / b;
}

Constant arithmetic(const NodeView& node, const Constant& a, const Constant& b) {
  const std::size_t count = std::max(a.count(), b.count());
  if (a.is_real() != b.is_real() || (a.count() != count && a.count() != 1) || (b.count() != count && b.count() != 1) ||
      a.count() == 0 || b.count() == 0)
    node.refuse("constants of different kind or size");
  Constant out;
  out.dims = a.count() == count && a.dims.size() >= b.dims.size() ? a.dims : b.dims;
  std::vector<float> reals;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at_a = a.count() == 1 ? 0 : i;
    const std::size_t at_b = b.count() == 1 ? 0 : i;
    if (a.is_real())
      reals.push_back(compute(node, (*a.reals)[at_a], (*b.reals)[at_b]));
    else
      out.integers.push_back(compute(node, a.integers[at_a], b.integers[at_b]));
  }
  if (a.is_real()) out.reals = std::make_shared<const std::vector<float>>(std::move(reals));
  return out;
}

Constant of_shape(const NodeView& node, const Dims& dims, Budget& budget) {
  const std::int64_t count = count_of(dims);
  if (count < 0) node.fail("makes no sense with dimensions " + to_text(dims));
  budget.take(static_cast<double>(count), node.place());
  Constant fill;
  bool converted = false;
  if (const auto* tensor = node.tensor("value")) fill = read_tensor(*tensor, node.place(), budget, converted);
  Constant out;
  out.dims = dims;
  if (fill.count() > 1) node.fail("needs one value");
  if (fill.count() == 1 && !fill.is_real())
    out.integers.assign(static_cast<std::size_t>(count), fill.integers[0]);
  else
    out.reals = std::make_shared<const std::vector<float>>(static_cast<std::size_t>(count),
                                                           fill.is_real() ? fill.reals->at(0) : 0.0F);
  return out;
}

Constant with_dims(Constant constant, Dims dims) {
  constant.dims = std::move(dims);
  return constant;
}

}  // namespace

std::size_t axis_of(std::int64_t axis, std::size_t rank, const NodeView& node) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size)
    node.fail("axis " + std::to_string(axis) + " does not exist in " + std::to_string(rank) + " dimensions");
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Dims squeezed(const Dims& dims, const Dims& axes, const NodeView& node) {
  std::set<std::size_t> away;
  for (const auto axis : axes) away.insert(axis_of(axis, dims.size(), node));
  Dims out;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const bool drop = axes.empty() ? dims[i] == 1 : away.count(i) != 0;
    if (drop && dims[i] != 1) node.fail("squeezes an axis of extent " + std::to_string(dims[i]));
    if (!drop) out.push_back(dims[i]);
  }
  return out;
}

Dims unsqueezed(const Dims& dims, const Dims& axes, const NodeView& node) {
  constexpr std::size_t most_rank = 8;
  const std::size_t rank = dims.size() + axes.size();
  if (rank > most_rank) node.refuse("makes " + std::to_string(rank) + " dimensions");
  std::set<std::size_t> fresh;
  for (const auto axis : axes)
    if (!fresh.insert(axis_of(axis, rank, node)).second) node.fail("names an axis twice");
  Dims out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rank; ++i) out.push_back(fresh.count(i) != 0 ? 1 : dims[next++]);
  return out;
}

Dims reshaped(const Dims& dims, const Dims& target, const NodeView& node) {
  constexpr std::size_t most_rank = 8;
  if (target.size() > most_rank) node.refuse("makes " + std::to_string(target.size()) + " dimensions");
  if (node.integer("allowzero", 0) != 0 && std::find(target.begin(), target.end(), 0) != target.end())
    node.refuse("makes an empty value (allowzero)");
  Dims out = target;
  std::int64_t known = 1;
  std::size_t open = target.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == 0 && i < dims.size()) out[i] = dims[i];
    if (out[i] == -1 && open == target.size()) {
      open = i;
      continue;
    }
    if (out[i] < 1 || known > (std::int64_t{1} << 62) / out[i])
      node.fail("cannot turn " + to_text(dims) + " into " + to_text(target));
    known *= out[i];
  }
  const std::int64_t count = count_of(dims);
  if (open < target.size() && known > 0 && count % known == 0) {
    out[open] = count / known;
    known *= out[open];
  }
  if (known != count) node.fail("cannot turn " + to_text(dims) + " into " + to_text(target));
  return out;
}

Constant transposed(const Constant& constant, const Dims& order, const std::string& place, Budget& budget) {
  const std::size_t rank = constant.dims.size();
  std::set<std::int64_t> seen(order.begin(), order.end());
  if (order.size() != rank || seen.size() != rank ||
      (rank > 0 && (*seen.begin() != 0 || *seen.rbegin() != static_cast<std::int64_t>(rank) - 1)))
    throw Error(Fault::input, place + ": the order " + to_text(order) + " does not fit " + to_text(constant.dims));
  budget.take(static_cast<double>(constant.count()), place);
  const auto stride = strides_of(constant.dims);
  Dims dims;
  std::vector<std::int64_t> steps;
  for (const auto axis : order) {
    dims.push_back(constant.dims[static_cast<std::size_t>(axis)]);
    steps.push_back(stride[static_cast<std::size_t>(axis)]);
  }
  return picked(constant, std::move(dims), 0, steps);
}

Constant fold(const NodeView& node, const std::vector<const Constant*>& inputs, Budget& budget) {
  const std::string& type = node.type();
  double values = 0;
  for (const auto* constant : inputs) values += constant == nullptr ? 0 : static_cast<double>(constant->count());
  budget.take(values, node.place());
  if (type == "ConstantOfShape") return of_shape(node, integers(node, inputs, 0), budget);
  const Constant& first = input(node, inputs, 0);
  if (type == "Identity") return first;
  if (type == "Cast") return cast(node, first);
  if (type == "Gather") return gather(node, first, input(node, inputs, 1));
  if (type == "Concat") return concat(node, inputs);
  if (type == "Slice") return slice(node, inputs);
  if (type == "Squeeze") return with_dims(first, squeezed(first.dims, axes_of(node, inputs), node));
  if (type == "Unsqueeze") return with_dims(first, unsqueezed(first.dims, axes_of(node, inputs), node));
  if (type == "Reshape") return with_dims(first, reshaped(first.dims, integers(node, inputs, 1), node));
  if (type == "Transpose") {
    Dims order = node.integers("perm").value_or(Dims{});
    if (order.empty())
      for (std::size_t i = first.dims.size(); i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
    return transposed(first, order, node.place(), budget);
  }
  if (type == "Add" || type == "Sub" || type == "Mul" || type == "Div")
    return arithmetic(node, first, input(node, inputs, 1));
  if ((type == "Floor" || type == "Ceil") && first.is_real())
    return change_reals(first, [&type](float x) { return type == "Floor" ? std::floor(x) : std::ceil(x); });
  node.refuse("this op on constants is not computed");
}

}  // namespace hwprof::format

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "format/onnx_fold.hpp"
#include "format/onnx_reader.hpp"

namespace hwprof::format {
namespace {

bool near(float value, float wanted) {
  constexpr float tolerance = 1e-4F;
  return std::abs(value - wanted) <= tolerance * wanted;
}

}  // namespace

void OnnxReader::fuse(int last, Op op, const std::string& input, const std::vector<int>& between) {
  fused_[last] = {std::move(op), input};
  absorbed_.insert(between.begin(), between.end());
  absorbed_.erase(last);
  absorbed_.insert(at_);
}

std::optional<OnnxReader::Bounds> OnnxReader::bounds_of(const NodeView& node, const std::string& value) {
  constexpr float most = std::numeric_limits<float>::infinity();
  Bounds bounds{-most, most};
  if (node.type() == "Relu" && node.input(0) == value) return Bounds{0, most};
  if ((node.type() == "Min" || node.type() == "Max") && node.inputs() == 2) {
    const int side = node.input(0) == value ? 0 : 1;
    const auto limit = scalar(node.input(1 - side));
    if (!limit || node.input(side) != value) return {};
    (node.type() == "Min" ? bounds.high : bounds.low) = *limit;
    return bounds;
  }
  if (node.type() != "Clip" || node.input(0) != value) return {};
  const auto bound = [&](const char* attribute, int input, float& to) {
    std::optional<float> found = to;
    if (node.has(attribute))
      found = node.real(attribute, 0);
    else if (!node.input(input).empty())
      found = scalar(node.input(input));
    to = found.value_or(0);
    return found.has_value();
  };
  const bool low = bound("min", 1, bounds.low);
  if (!bound("max", 2, bounds.high) || !low) return {};
  if (bounds.low <= std::numeric_limits<float>::lowest()) bounds.low = -most;
  if (bounds.high >= std::numeric_limits<float>::max()) bounds.high = most;
  return bounds;
}

std::optional<OpKind> OnnxReader::kind_of(const Bounds& bounds) {
  constexpr float six = 6;
  if (bounds.low == 0 && bounds.high == six) return OpKind::relu6;
  if (bounds.low == 0 && std::isinf(bounds.high)) return OpKind::relu;
  if (bounds.low == -1 && bounds.high == 1) return OpKind::hardtanh;
  return {};
}

int OnnxReader::relu6_end(int first, const std::string& value, std::vector<int>& nodes) {
  const NodeView node = view(first);
  const auto bounds = bounds_of(node, value);
  if (!bounds) return -1;
  nodes.push_back(first);
  if (kind_of(*bounds) == OpKind::relu6) return first;
  const int next = only_reader(node.output());
  if (next <= first) return -1;
  const auto then = bounds_of(view(next), node.output());
  if (!then || kind_of(then->after(*bounds)) != OpKind::relu6) return -1;
  nodes.push_back(next);
  return next;
}

/// Relu, Clip, Min and Max with constants, alone or the second of two that are one op only together.
void OnnxReader::clip(const NodeView& node) {
  const auto first = values_.find(node.input(0));
  const int side = node.inputs() == 2 && node.type() != "Clip" && (first == values_.end() || first->second.op < 0);
  const OnnxValue x = activation(node, side);
  const std::string& value = node.input(side);
  const auto bounds = bounds_of(node, value);
  if (!bounds && node.type() != "Clip") node.refuse("of values of the network has no op in a Graph");
  if (!bounds) node.refuse("its bounds are not constant numbers");
  Op op;
  const auto alone = kind_of(*bounds);
  const int next = only_reader(node.output());
  if (next > at_) {
    const auto then = bounds_of(view(next), node.output());
    const auto both = then ? kind_of(then->after(*bounds)) : std::optional<OpKind>();
    if (both && !(alone && kind_of(*then))) {
      op.kind = *both;
      return fuse(next, op, value, {});
    }
  }
  if (!alone)
    node.refuse("clips to " + base::format_number(to_double(bounds->low)) + " to " +
                base::format_number(to_double(bounds->high)) +
                "; 0 to 6 (relu6), 0 to infinity (relu) and -1 to 1 (hardtanh) are read, in one node or in two");
  op.kind = *alone;
  emit(node, std::move(op), {x}, x.dims.size());
}

/// x / 6, or relu6(x + 3) / 6, or x times that: h_sigmoid and h_swish, in the order that exporters write them. The
/// parts of ours are named behind the op that they make.
bool OnnxReader::begins_hard(const NodeView& node) {
  constexpr float three = 3;
  constexpr float six = 6;
  std::vector<int> between;
  std::string x;
  std::string at = node.output();
  bool divided = false;
  const auto sixth = [&](const NodeView& of, const std::string& value) {
    const bool first = of.input(0) == value;
    if (of.type() == "Div") return first && near(scalar(of.input(1)).value_or(0), six);
    return of.type() == "Mul" && near(scalar(of.input(first ? 1 : 0)).value_or(0), 1 / six);
  };
  if (node.type() == "HardSigmoid") {
    if (!near(node.real("alpha", 0.2F), 1 / six) || !near(node.real("beta", 0.5F), 0.5F)) return false;
    x = node.input(0);
    divided = true;
  } else {
    const int side = scalar(node.input(0)).has_value() ? 0 : 1;
    if (!near(scalar(node.input(side)).value_or(0), three)) return false;
    x = node.input(1 - side);
    const int first = only_reader(at);
    const int end = first <= at_ ? -1 : relu6_end(first, at, between);
    if (end < 0) return false;
    at = view(end).output();
  }
  if (values_.count(x) == 0 || values_[x].op < 0) return false;
  std::string prefix;  // what the name of the last node must be
  if (node.type() == "Add" && base::ends_with(node.name(), "/add"))
    prefix = node.name().substr(0, node.name().size() - 4);
  const auto is_end = [&](int index) { return prefix.empty() || view(index).name() == prefix; };
  const auto times_x = [&](const NodeView& of, const std::string& value) {
    return of.type() == "Mul" && value != x &&
           ((of.input(0) == value && of.input(1) == x) || (of.input(1) == value && of.input(0) == x));
  };
  Op op;
  int last = divided ? at_ : -1;  // where it is an h_sigmoid already
  if (!divided) {
    const int next = only_reader(at);
    if (next <= between.back()) return false;
    if (sixth(view(next), at)) {
      last = next;
      at = view(next).output();
    } else if (times_x(view(next), at)) {
      const std::string product = view(next).output();
      const int end = only_reader(product);
      if (end <= next || !sixth(view(end), product) || !is_end(end)) return false;
      between.push_back(next);
      op.kind = OpKind::h_swish;
      fuse(end, op, x, between);
      return true;
    } else {
      return false;
    }
  }
  const int product = only_reader(at);
  if (product > last && times_x(view(product), at) && (prefix.empty() || view(last).name() != prefix)) {
    if (!is_end(product)) return false;
    between.push_back(last);
    op.kind = OpKind::h_swish;
    fuse(product, op, x, between);
    return true;
  }
  if (!is_end(last)) return false;
  op.kind = OpKind::h_sigmoid;
  if (last == at_) {
    unary(node, OpKind::h_sigmoid);
    return true;
  }
  fuse(last, op, x, between);
  return true;
}

/// N x C x H x W to N x g x C/g x H x W, the middle ones swapped, and back.
bool OnnxReader::begins_shuffle(const NodeView& node, const Dims& target) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 4 || target.size() != 5) return false;
  if (target[0] != x.dims[0] || target[3] != x.dims[2] || target[4] != x.dims[3]) return false;
  const int swap = only_reader(node.output());
  if (swap <= at_ || view(swap).type() != "Transpose") return false;
  if (view(swap).integers("perm").value_or(Dims{}) != Dims{0, 2, 1, 3, 4}) return false;
  const int back = only_reader(view(swap).output());
  if (back <= swap || view(back).type() != "Reshape" || view(back).input(0) != view(swap).output()) return false;
  fold_ahead(back);
  const Constant* shape = constant(view(back).input(1));
  const Dims swapped{target[0], target[2], target[1], target[3], target[4]};
  if (shape == nullptr || shape->is_real() || reshaped(swapped, shape->integers, view(back)) != x.dims) return false;
  Op op;
  op.kind = OpKind::channel_shuffle;
  op.groups = target[1];
  fuse(back, op, node.input(0), {swap});
  return true;
}

/// N x C x HW and the mean over the last.
bool OnnxReader::begins_mean(const NodeView& node, const Dims& target) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 4 || target != Dims{x.dims[0], x.dims[1], x.dims[2] * x.dims[3]}) return false;
  const int next = only_reader(node.output());
  if (next <= at_ || view(next).type() != "ReduceMean" || view(next).input(0) != node.output()) return false;
  const NodeView mean = view(next);
  const auto axes = list(mean, "axes", 1);
  if (!axes || axes->size() != 1 || axis_of((*axes)[0], 3, mean) != 2 || mean.integer("keepdims", 1) != 0) return false;
  Op op;
  op.kind = OpKind::global_avg_pool;
  absorbed_.insert(next);
  emit(mean, std::move(op), {x}, 2);
  return true;
}

/// Channels last, Softmax over the last, and back: what it takes before opset 13.
bool OnnxReader::begins_softmax(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 4 || node.integers("perm").value_or(Dims{}) != Dims{0, 2, 3, 1}) return false;
  const int middle = only_reader(node.output());
  if (middle <= at_ || view(middle).type() != "Softmax") return false;
  if (axis_of(view(middle).integer("axis", opset_ >= 13 ? -1 : 1), 4, view(middle)) != 3) return false;
  const int back = only_reader(view(middle).output());
  if (back <= middle || view(back).type() != "Transpose") return false;
  if (view(back).integers("perm").value_or(Dims{}) != Dims{0, 3, 1, 2}) return false;
  Op op;
  op.kind = OpKind::softmax;
  fuse(back, op, node.input(0), {middle});
  return true;
}

}  // namespace hwprof::format

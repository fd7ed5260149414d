// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "format/onnx_fold.hpp"
#include "format/onnx_reader.hpp"

namespace hwprof::format {

std::optional<Dims> OnnxReader::list(const NodeView& node, const char* attribute, int input) {
  if (auto found = node.integers(attribute)) return found;
  if (node.input(input).empty()) return {};
  const Constant& found = constant(node, input);
  if (found.is_real()) node.fail("input " + base::in_quotes(node.input(input)) + " must be integers");
  return found.integers;
}

void OnnxReader::concat(const NodeView& node) {
  if (node.inputs() < 1) node.fail("has no inputs");
  std::vector<OnnxValue> inputs;
  for (int i = 0; i < node.inputs(); ++i) {
    inputs.push_back(activation(node, i));
    if (inputs.back().dims.size() != inputs.front().dims.size()) node.fail("its inputs differ in dimensions");
  }
  const std::size_t rank = inputs.front().dims.size();
  if (!node.has("axis")) node.fail("has no axis");
  if (axis_of(node.integer("axis", 1), rank, node) != 1) node.refuse("joins along another axis than the channels");
  Op op;
  op.kind = OpKind::concat;
  emit(node, std::move(op), inputs, rank);
}

void OnnxReader::split(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (axis_of(node.integer("axis", 0), x.dims.size(), node) != 1) node.refuse("along another axis than the channels");
  const auto parts = node.proto().output_size();
  const std::int64_t channels = shape_of(x)[1];
  auto sizes = list(node, "split", 1);
  if (!sizes) {
    if (channels % parts != 0) node.refuse("in parts of different size that it does not name");
    sizes = Dims(static_cast<std::size_t>(parts), channels / parts);
  }
  if (sizes->size() != static_cast<std::size_t>(parts)) node.fail("has another number of sizes than of outputs");
  std::int64_t next = 0;
  for (int i = 0; i < parts; ++i) {
    Op op;
    op.kind = OpKind::split;
    op.first_channel = next;
    op.out_channels = (*sizes)[static_cast<std::size_t>(i)];
    if (op.out_channels < 1 || op.out_channels > channels - next) node.fail("its sizes do not fit the input");
    next += op.out_channels;
    const std::string& output = node.output(i);
    if (!output.empty()) emit(node, std::move(op), {x}, x.dims.size(), output, output);
  }
  if (next != channels) node.fail("its sizes do not fit the input");
}

/// The first half of one of our pad ops: a Pad, or a multiplication by 0, that carries its name goes on from it.
bool OnnxReader::begins_pad(const NodeView& node) {
  const int next = only_reader(node.output());
  if (next <= at_ || view(next).name() + "/crop" != node.name()) return false;
  const NodeView after = view(next);
  if (after.type() == "Pad") return after.input(0) == node.output();
  return after.type() == "Mul" && after.input(0) == node.output() && scalar(after.input(1)).value_or(1) == 0;
}

void OnnxReader::slice(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const auto starts = list(node, "starts", 1);
  const auto ends = list(node, "ends", 2);
  auto axes = list(node, "axes", 3);
  const auto steps = list(node, "steps", 4);
  if (!starts || !ends || starts->size() != ends->size()) node.fail("needs as many starts as ends");
  if (!axes) {
    axes = Dims();
    for (std::size_t i = 0; i < starts->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  if (axes->size() != starts->size()) node.fail("needs as many axes as starts");
  if (steps && std::any_of(steps->begin(), steps->end(), [](std::int64_t step) { return step != 1; }))
    node.refuse("takes only every other value");
  Op part;
  part.kind = OpKind::split;
  Op crop;
  crop.kind = OpKind::pad;
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const std::size_t axis = axis_of((*axes)[i], x.dims.size(), node);
    if (!seen.insert(axis).second) node.fail("names an axis twice");
    const std::int64_t extent = x.dims[axis];
    const auto place = [extent](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + extent : at, 0, extent);
    };
    const std::int64_t begin = place((*starts)[i]);
    const std::int64_t end = place((*ends)[i]);
    if (begin >= end) node.fail("leaves nothing");
    if (axis == 0 && (begin != 0 || end != extent)) node.refuse("cuts the batch");
    if (axis == 1) {
      part.first_channel = begin;
      part.out_channels = end - begin;
    }
    if (axis > 1) {
      crop.pad[axis - 2] = -to_int(node, "start", begin);
      crop.pad[axis] = to_int(node, "end", end - extent);
    }
  }
  const bool crops = seen.count(2) + seen.count(3) > 0;
  if (crops && seen.count(1) == 0 && begins_pad(node)) {
    crops_[node.output()] = {x, crop.pad};
    alias(node, x, x.dims);
    return;
  }
  if (seen.count(1) == 0 && !crops) return alias(node, x, x.dims);
  if (seen.count(1) == 0) return emit(node, std::move(crop), {x}, x.dims.size());
  emit(node, std::move(part), {x}, x.dims.size());
  if (crops) emit(node, std::move(crop), {values_[node.output()]}, x.dims.size());
}

void OnnxReader::flatten(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  std::int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank) node.fail("axis " + std::to_string(axis) + " does not exist");
  if (axis < 0) axis += rank;
  if (axis != 1 && (axis != 0 || x.dims[0] != 1)) node.refuse("only behind the batch");
  const int next = only_reader(node.output());
  const Shape in = shape_of(x);
  if (next > at_ && view(next).type() == "Gemm" && view(next).name() + "/flatten" == node.name() && in[2] == 1 &&
      in[3] == 1)
    return alias(node, x, {in[0], in[1]});
  Op op;
  op.kind = OpKind::flatten;
  emit(node, std::move(op), {x}, 2);
}

void OnnxReader::reshape(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const auto target = list(node, "shape", 1);
  if (!target) node.fail("has no shape");
  const Dims dims = reshaped(x.dims, *target, node);
  const Shape in = shape_of(x);
  if (dims.empty() || dims[0] != in[0]) node.refuse("changes the batch, " + to_text(x.dims) + " to " + to_text(dims));
  Op op;
  if (dims.size() == 2) {
    if (dims == x.dims) return alias(node, x, dims);
    op.kind = OpKind::flatten;
    return emit(node, std::move(op), {x}, 2);
  }
  if (dims.size() == 4) {
    if (base::ends_with(node.name(), "/unflatten") && x.dims.size() == 2 && dims == Dims{in[0], in[1], 1, 1})
      return alias(node, x, dims);
    op.kind = OpKind::reshape;
    op.shape = {0, dims[1], dims[2], dims[3]};
    return emit(node, std::move(op), {x}, 4);
  }
  if (!begins_mean(node, dims) && !begins_shuffle(node, dims))
    node.refuse("to " + to_text(dims) + "; two and four dimensions are read");
}

/// Ones come and go; the value stays.
void OnnxReader::squeeze(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const Dims axes = list(node, "axes", 1).value_or(Dims{});
  const bool less = node.type() == "Squeeze";
  if (!less && axes.empty()) node.fail("has no axes");
  const Dims dims = less ? squeezed(x.dims, axes, node) : unsqueezed(x.dims, axes, node);
  const Shape in = shape_of(x);
  Dims full = dims;
  full.resize(4, 1);
  if (dims.size() < 2 || dims.size() > 4 || full != Dims(in.begin(), in.end()))
    node.refuse("gives dimensions " + to_text(dims) + ", which a Graph has not");
  alias(node, x, dims);
}

void OnnxReader::transpose(const NodeView& node) {
  if (begins_softmax(node)) return;
  const OnnxValue& x = activation(node, 0);
  const Dims order = node.integers("perm").value_or(Dims{});
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<std::int64_t>(i)) node.refuse("moves dimensions; a Graph is N x C x H x W throughout");
  if (order.size() != x.dims.size()) node.refuse("moves dimensions; a Graph is N x C x H x W throughout");
  alias(node, OnnxValue(x), x.dims);
}

void OnnxReader::pad(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 4) node.refuse("on values of " + std::to_string(x.dims.size()) + " dimensions");
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") node.refuse("pads by " + base::in_quotes(mode) + "; zeros are read");
  if (!node.input(3).empty()) node.refuse("has axes");
  const auto pads = list(node, "pads", 1);
  if (!pads || pads->size() != 8) node.fail("needs eight pads");
  float fill = node.real("value", 0);
  if (!node.input(2).empty()) {
    const auto given = scalar(node.input(2));
    if (!given) node.refuse("pads with what is not constant");
    fill = *given;
  }
  if (fill != 0) node.refuse("pads with " + base::format_number(to_double(fill)) + "; zeros are read");
  for (const std::size_t i : {0U, 1U, 4U, 5U})
    if ((*pads)[i] != 0) node.refuse("pads batch or channels");
  Op op;
  op.kind = OpKind::pad;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    op.pad[axis] = to_int(node, "pads", (*pads)[axis + 2]);
    op.pad[axis + 2] = to_int(node, "pads", (*pads)[axis + 6]);
  }
  const auto crop = crops_.find(node.input(0));
  if (crop == crops_.end()) return emit(node, std::move(op), {x}, 4);
  for (std::size_t side = 0; side < 4; ++side) {
    if (op.pad[side] != 0 && crop->second.pad[side] != 0) node.fail("pads a side that its own slice has cropped");
    op.pad[side] += crop->second.pad[side];
  }
  emit(node, std::move(op), {crop->second.of}, 4);
}

void OnnxReader::reduce_mean(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  const Dims axes = list(node, "axes", 1).value_or(Dims{});
  std::set<std::size_t> over;
  for (const auto axis : axes) over.insert(axis_of(axis, x.dims.size(), node));
  const bool keep = node.integer("keepdims", 1) != 0;
  Op op;
  op.kind = OpKind::global_avg_pool;
  if (x.dims.size() == 4 && over == std::set<std::size_t>{2, 3}) return emit(node, std::move(op), {x}, keep ? 4 : 2);
  // x.mean(3).mean(2): one axis after the other.
  const int next = only_reader(node.output());
  if (x.dims.size() == 4 && over.size() == 1 && *over.begin() >= 2 && next > at_ && view(next).type() == "ReduceMean") {
    const NodeView second = view(next);
    const auto rest = list(second, "axes", 1).value_or(Dims{});
    const bool second_keeps = second.integer("keepdims", 1) != 0;
    const std::size_t other = *over.begin() == 2 ? 3 : 2;
    const std::size_t rank = keep ? 4 : 3;
    const std::size_t expected = keep || other == 2 ? other : 2;  // without the first axis the last one is 2
    if (rest.size() == 1 && axis_of(rest[0], rank, second) == expected && second_keeps == keep) {
      absorbed_.insert(next);
      emit(node, std::move(op), {x}, keep ? 4 : 2, second.name(), second.output());
      return;
    }
  }
  node.refuse("over other dimensions than height and width");
}

void OnnxReader::resize(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (x.dims.size() != 4) node.refuse("on values of " + std::to_string(x.dims.size()) + " dimensions");
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest") node.refuse("by " + base::in_quotes(mode) + "; nearest is read");
  const bool late = node.type() == "Resize" && opset_ >= 11;
  double factor = 0;
  if (late && !node.input(3).empty()) {
    const auto sizes = list(node, "sizes", 3);
    if (!sizes || sizes->size() != 4 || (*sizes)[0] != x.dims[0] || (*sizes)[1] != x.dims[1])
      node.refuse("changes batch or channels");
    for (std::size_t axis = 2; axis < 4; ++axis) {
      const std::int64_t times = (*sizes)[axis] / x.dims[axis];
      if (times < 1 || times * x.dims[axis] != (*sizes)[axis] || (axis == 3 && static_cast<double>(times) != factor))
        node.refuse("not by one whole factor");
      factor = static_cast<double>(times);
    }
  } else {
    const auto attribute = node.reals("scales");
    std::vector<float> scales = attribute.value_or(std::vector<float>{});
    if (!attribute) {
      const Constant& given = constant(node, late ? 2 : 1);
      if (!given.is_real()) node.fail("its scales must be reals");
      scales = *given.reals;
    }
    if (scales.size() != 4 || scales[0] != 1 || scales[1] != 1 || scales[2] != scales[3])
      node.refuse("not by one factor for height and width");
    factor = to_double(scales[2]);
  }
  if (late) {
    const std::string where = node.text("coordinate_transformation_mode", "half_pixel");
    const std::string rounding = node.text("nearest_mode", "round_prefer_floor");
    const bool plain = where == "asymmetric" && rounding == "floor";
    const bool same = (where == "half_pixel" || where == "pytorch_half_pixel") &&
                      (rounding == "round_prefer_floor" || rounding == "round_prefer_ceil") &&
                      factor == std::floor(factor);
    if (!plain && !same) node.refuse("takes other neighbours (" + where + ", " + rounding + ")");
  }
  Op op;
  op.kind = OpKind::upsample_nearest;
  op.value = factor;
  emit(node, std::move(op), {x}, 4);
}

void OnnxReader::shape(const NodeView& node) {
  const OnnxValue& x = activation(node, 0);
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  const auto place = [rank](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t start = place(node.integer("start", 0));
  const std::int64_t end = place(node.integer("end", rank));
  Constant dims;
  for (auto i = start; i < end; ++i) dims.integers.push_back(x.dims[static_cast<std::size_t>(i)]);
  dims.dims = {static_cast<std::int64_t>(dims.integers.size())};
  auto stored = std::make_shared<const Constant>(std::move(dims));
  constants_[node.output()] = stored;
  values_[node.output()] = {-1, stored->dims, stored};
}

void OnnxReader::identity(const NodeView& node) {
  const OnnxValue x = activation(node, 0);
  if (node.type() == "Cast") {
    const auto to = node.integer("to", 0);
    if (to != onnx::TensorProto::FLOAT && to != onnx::TensorProto::FLOAT16 && to != onnx::TensorProto::DOUBLE)
      node.refuse("casts a value of the network to type " + std::to_string(to));
    return alias(node, x, x.dims);
  }
  // Ours, where an output of the network is its input or another output.
  if (node.name() == node.input(0) + "/output" && only_reader(node.output()) == -1) return alias(node, x, x.dims);
  unary(node, OpKind::identity);
}

}  // namespace hwprof::format

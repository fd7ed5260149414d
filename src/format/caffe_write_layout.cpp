// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "format/caffe_pool.hpp"
#include "format/caffe_writer.hpp"

namespace hwprof::format {

void CaffeWriter::pool(std::size_t i) {
  const Op& op = graph_.ops[i];
  const Shape& in = in_shape(op);
  const Shape& out = shapes_[i];
  const CaffePool form = caffe_pool(op, in, out);
  if (!form.refused.empty()) refuse(op, form.refused);
  const bool cut_rows = form.out[0] != out[2];
  const bool cut_columns = form.out[1] != out[3];
  // What reading back would take it for.
  Op plain = op;
  plain.pad = {op.pad[0], op.pad[1], op.pad[0], op.pad[1]};
  plain.count_include_pad = true;
  plain.ceil_mode = !cut_rows && !cut_columns && leaves_rest(op, in);
  const bool told =
      plain.pad == op.pad && plain.count_include_pad == op.count_include_pad && plain.ceil_mode == op.ceil_mode;
  std::string value = blobs_[i];
  if (cut_rows || cut_columns) value = helper(op, "all");
  if (!told) value = reserve(value + caffe_pool_note(op));
  const std::string x = map(op);
  LayerParameter& layer_of = layer("Pooling", op.name, {x});
  layer_of.set_top(0, value);
  auto& made = *layer_of.mutable_pooling_param();
  made.set_pool(op.kind == OpKind::max_pool ? hwprof_caffe::PoolingParameter::MAX
                                            : hwprof_caffe::PoolingParameter::AVE);
  if (op.kernel[0] == op.kernel[1]) {
    made.set_kernel_size(op.kernel[0]);
  } else {
    made.set_kernel_h(op.kernel[0]);
    made.set_kernel_w(op.kernel[1]);
  }
  if (op.stride[0] == op.stride[1]) {
    made.set_stride(op.stride[0]);
  } else {
    made.set_stride_h(op.stride[0]);
    made.set_stride_w(op.stride[1]);
  }
  if (form.pad[0] == form.pad[1]) {
    if (form.pad[0] != 0) made.set_pad(form.pad[0]);
  } else {
    made.set_pad_h(form.pad[0]);
    made.set_pad_w(form.pad[1]);
  }
  if (cut_rows) {
    const std::string rows = cut_columns ? helper(op, "rows") : blobs_[i];
    slice(op, helper(op, "crop_h"), value, 2, 0, out[2], form.out[0], rows);
    value = rows;
  }
  if (cut_columns) slice(op, helper(op, "crop_w"), value, 3, 0, out[3], form.out[1], blobs_[i]);
  if (!cut_rows && !cut_columns) blobs_[i] = value;
  flat_[i] = false;
}

bool CaffeWriter::leaves_rest(const Op& op, const Shape& in) {
  for (std::size_t axis = 0; axis < 2; ++axis)
    if ((in[axis + 2] + 2 * std::int64_t{op.pad[axis]} - op.kernel[axis]) % op.stride[axis] != 0) return true;
  return false;
}

void CaffeWriter::slice(const Op& op, const std::string& name, const std::string& x, std::size_t axis,
                        std::int64_t begin, std::int64_t end, std::int64_t extent, const std::string& kept) {
  LayerParameter& made = layer("Slice", name, {x});
  made.clear_top();
  auto& param = *made.mutable_slice_param();
  param.set_axis(static_cast<std::int64_t>(axis));
  if (begin > 0) {
    made.add_top(helper(op, "rest"));
    param.add_slice_point(begin);
  }
  made.add_top(kept);
  if (end < extent) {
    made.add_top(helper(op, "rest"));
    param.add_slice_point(end);
  }
}

void CaffeWriter::join(std::size_t i) {
  const Op& op = graph_.ops[i];
  bool flat = true;
  bool spread = false;
  for (std::size_t k = 0; k < op.inputs.size(); ++k) {
    const Shape& shape = shapes_[from(op, k)];
    flat = flat && flat_[from(op, k)];
    spread = spread || shape[2] != shapes_[i][2] || shape[3] != shapes_[i][3];
  }
  if (spread) return gate(i);
  std::vector<std::string> inputs;
  for (std::size_t k = 0; k < op.inputs.size(); ++k) inputs.push_back(flat ? any(op, k) : map(op, k));
  flat_[i] = flat;
  if (op.kind == OpKind::concat)
    last("Concat", i, inputs);
  else
    eltwise(last("Eltwise", i, inputs),
            op.kind == OpKind::add ? hwprof_caffe::EltwiseParameter::SUM : hwprof_caffe::EltwiseParameter::PROD);
}

void CaffeWriter::gate(std::size_t i) {
  const Op& op = graph_.ops[i];
  if (op.kind != OpKind::mul || op.inputs.size() != 2)
    refuse(op, "spreads a value over a map; Caffe does so only in a product of two");
  need_all(op, "Scale of two values");
  const Shape& first = shapes_[from(op)];
  const bool swapped = first[2] == 1 && first[3] == 1;
  const std::size_t gate = swapped ? 0 : 1;
  std::string by = any(op, gate);
  if (!flat_[from(op, gate)] || swapped) {
    const std::string name = helper(op, swapped ? "flatten_first" : "flatten");
    layer("Flatten", name, {by});
    by = name;
  }
  last("Scale", i, {map(op, 1 - gate), by}).mutable_scale_param()->set_axis(0);
  flat_[i] = false;
}

std::size_t CaffeWriter::split(std::size_t i) {
  const Op& first = graph_.ops[i];
  const std::int64_t channels = in_shape(first)[1];
  std::size_t count = 0;
  std::int64_t next = first.first_channel;
  while (i + count < graph_.ops.size()) {
    const Op& op = graph_.ops[i + count];
    if (op.kind != OpKind::split || op.inputs != first.inputs || op.first_channel != next) break;
    next += op.out_channels;
    ++count;
  }
  LayerParameter& made = layer("Slice", first.name, {any(first)});
  made.clear_top();
  auto& param = *made.mutable_slice_param();
  if (first.first_channel > 0) made.add_top(helper(first, "rest"));
  for (std::size_t k = 0; k < count; ++k) {
    const Op& op = graph_.ops[i + k];
    if (made.top_size() > 0) param.add_slice_point(op.first_channel);
    made.add_top(blobs_[i + k]);
    flat_[i + k] = flat_[from(first)];
  }
  if (next < channels) {
    param.add_slice_point(next);
    made.add_top(helper(first, "rest"));
  }
  return count;
}

void CaffeWriter::pad(std::size_t i) {
  const Op& op = graph_.ops[i];
  const Shape& in = in_shape(op);
  if (std::any_of(op.pad.begin(), op.pad.end(), [](int side) { return side > 0; }))
    refuse(op, "Caffe has no layer that adds zeros around a map");
  const bool rows = op.pad[0] != 0 || op.pad[2] != 0;
  const bool columns = op.pad[1] != 0 || op.pad[3] != 0;
  const auto cut = [&](const std::string& name, const std::string& x, std::size_t axis, const std::string& kept) {
    slice(op, name, x, axis, -std::int64_t{op.pad[axis - 2]}, in[axis] + op.pad[axis], in[axis], kept);
  };
  std::string x = map(op);
  if (rows && columns) {
    const std::string kept = helper(op, "rows");
    cut(helper(op, "crop_h"), x, 2, kept);
    x = kept;
  }
  cut(op.name, x, columns ? 3 : 2, blobs_[i]);
  flat_[i] = false;
}

void CaffeWriter::reshape(LayerParameter& made, const Dims& dims) {
  for (const auto extent : dims) made.mutable_reshape_param()->mutable_shape()->add_dim(extent);
}

void CaffeWriter::channel_shuffle(std::size_t i) {
  const Op& op = graph_.ops[i];
  need_all(op, "Reshape and Permute");
  const Shape& in = in_shape(op);
  const std::string groups = helper(op, "groups");
  const std::string swapped = helper(op, "swap");
  const std::string x = map(op);
  reshape(layer("Reshape", groups, {x}), {0, op.groups, in[1] / op.groups, -1});
  auto& permute = *layer("Permute", swapped, {groups}).mutable_permute_param();
  for (const std::int64_t axis : {0, 2, 1, 3}) permute.add_order(axis);
  reshape(last("Reshape", i, {swapped}), {0, in[1], in[2], in[3]});
  flat_[i] = false;
}

}  // namespace hwprof::format

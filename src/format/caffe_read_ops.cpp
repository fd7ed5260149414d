// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "format/caffe_pool.hpp"
#include "format/caffe_reader.hpp"
#include "format/reals.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {
namespace {

using Floats = std::vector<float>;

std::shared_ptr<const Floats> keep(Floats values) {
  return std::make_shared<const Floats>(std::move(values));
}

bool near(float value, float wanted) {
  constexpr float tolerance = 1e-4F;
  return std::abs(value - wanted) <= tolerance * std::abs(wanted);
}

}  // namespace

void CaffeReader::set_window(int index, const hwprof_caffe::ConvolutionParameter& param, Op& op) const {
  const auto pair = [&](const char* what, const auto& list, bool has_h, std::int64_t h, bool has_w, std::int64_t w,
                        std::int64_t fallback) -> std::array<int, 2> {
    if (has_h || has_w) {
      if (list.size() > 0) fail(index, std::string("tells its ") + what + " twice");
      return {to_int(index, what, has_h ? h : fallback), to_int(index, what, has_w ? w : fallback)};
    }
    if (list.size() > 2) refuse(index, std::string(what) + " in more than two dimensions");
    const std::int64_t first = list.size() > 0 ? list[0] : fallback;
    return {to_int(index, what, first), to_int(index, what, list.size() > 1 ? list[1] : first)};
  };
  op.kernel = pair("kernel", param.kernel_size(), param.has_kernel_h(), param.kernel_h(), param.has_kernel_w(),
                   param.kernel_w(), 0);
  op.stride =
      pair("stride", param.stride(), param.has_stride_h(), param.stride_h(), param.has_stride_w(), param.stride_w(), 1);
  op.dilation = pair("dilation", param.dilation(), false, 1, false, 1, 1);
  const auto pad = pair("padding", param.pad(), param.has_pad_h(), param.pad_h(), param.has_pad_w(), param.pad_w(), 0);
  op.pad = {pad[0], pad[1], pad[0], pad[1]};
}

void CaffeReader::conv(int index) {
  const CaffeValue x = value(index);
  if (layer(index).bottom_size() != 1) refuse(index, "reads several values");
  const auto& param = layer(index).convolution_param();
  if (x.flat || param.axis() != 1) refuse(index, "only convolutions in two dimensions are read");
  const std::int64_t channels = shape_of(x)[1];
  Op op;
  op.kind = OpKind::conv2d;
  op.out_channels = to_int(index, "num_output", param.num_output());
  op.groups = layer(index).type() == "DepthwiseConvolution" ? channels : param.group();
  op.bias = param.bias_term();
  set_window(index, param, op);
  if (op.groups < 1 || channels % op.groups != 0)
    fail(index, std::to_string(channels) + " channels cannot be divided into " + std::to_string(op.groups) + " groups");
  std::vector<Dims> dims{{op.out_channels, channels / op.groups, op.kernel[0], op.kernel[1]}};
  if (op.bias) dims.push_back({op.out_channels});
  op.weights = weights(index, dims);
  emit(index, std::move(op), {x}, false);
}

/// Ones that spread every pixel, which is what write_caffe() makes of upsample_nearest.
void CaffeReader::deconv(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).convolution_param();
  const std::int64_t channels = shape_of(x)[1];
  Op op;
  set_window(index, param, op);
  const bool spreads = param.group() == channels && param.num_output() == channels && !param.bias_term() &&
                       op.kernel == op.stride && op.kernel[0] == op.kernel[1] && op.pad[0] == 0 && op.pad[1] == 0 &&
                       op.dilation == std::array<int, 2>{1, 1};
  if (x.flat || !spreads) refuse(index, "only one that repeats every pixel of a channel is read");
  const auto found = weights(index, {{channels, 1, op.kernel[0], op.kernel[1]}});
  if (found.empty())
    net_.notes.push_back(place(index) + ": is taken for one that repeats every pixel; its weights were not there");
  else if (std::any_of(found[0]->begin(), found[0]->end(), [](float weight) { return weight != 1; }))
    refuse(index, "only one that repeats every pixel of a channel is read; its weights are not all 1");
  Op up;
  up.kind = OpKind::upsample_nearest;
  up.value = op.kernel[0];
  emit(index, std::move(up), {x}, false);
}

void CaffeReader::linear(int index) {
  CaffeValue x = value(index);
  const auto& param = layer(index).inner_product_param();
  if (param.axis() != 1 || param.transpose()) refuse(index, "only over all but the batch, with weights as they are");
  const Shape& in = shape_of(x);
  if (in[2] != 1 || in[3] != 1) {
    Op flat;
    flat.kind = OpKind::flatten;
    emit(index, std::move(flat), {x}, true, layer(index).name() + "/flatten", {index, 0});
    x = values_.at({index, 0});
  }
  Op op;
  op.kind = OpKind::linear;
  op.out_channels = to_int(index, "num_output", param.num_output());
  op.bias = param.bias_term();
  std::vector<Dims> dims{{op.out_channels, shape_of(x)[1]}};
  if (op.bias) dims.push_back({op.out_channels});
  op.weights = weights(index, dims);
  emit(index, std::move(op), {x}, true);
}

/// With the Scale that alone reads it, if there is one.
void CaffeReader::batch_norm(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).batch_norm_param();
  if (param.has_use_global_stats() && !param.use_global_stats())
    refuse(index, "normalises by the batch; only stored statistics are read");
  const std::int64_t channels = shape_of(x)[1];
  Op op;
  op.kind = OpKind::batch_norm;
  op.value = to_double(param.eps());
  op.affine = false;
  auto found = weights(index, {{channels}, {channels}, {1}});
  if (!found.empty()) {
    const float factor = (*found[2])[0];
    const float by = factor == 0 ? 0 : 1 / factor;  // as Caffe has it
    for (std::size_t k = 0; k < 2; ++k) {
      if (factor == 1) continue;
      Floats values = *found[k];
      for (float& one : values) one *= by;
      found[k] = keep(std::move(values));
    }
    found.pop_back();
  }
  const int next = only_reader({index, 0});
  const bool scaled = next > index && layer(next).type() == "Scale" && layer(next).bottom_size() == 1 &&
                      layer(next).scale_param().axis() == 1 && layer(next).scale_param().num_axes() == 1;
  if (!scaled) {
    op.weights = std::move(found);
    return emit(index, std::move(op), {x}, x.flat);
  }
  op.affine = true;
  const bool shifted = layer(next).scale_param().bias_term();
  auto gains = weights(next, shifted ? std::vector<Dims>{{channels}, {channels}} : std::vector<Dims>{{channels}});
  if (!gains.empty() && !shifted) gains.push_back(keep(Floats(gains[0]->size(), 0)));
  op.weights = std::move(gains);
  op.weights.insert(op.weights.end(), found.begin(), found.end());
  absorbed_.insert(next);
  emit(next, std::move(op), {x}, x.flat);
}

/// y = factor x + shift, by channel: a batch norm of its own.
void CaffeReader::constant_scale(int index, Floats factor, Floats shift) {
  const CaffeValue x = value(index);
  Op op;
  op.kind = OpKind::batch_norm;
  op.value = 0;
  const std::size_t size = factor.size();
  if (size > 0)
    op.weights = {keep(std::move(factor)), keep(std::move(shift)), keep(Floats(size, 0)), keep(Floats(size, 1))};
  emit(index, std::move(op), {x}, x.flat);
}

void CaffeReader::scale(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).scale_param();
  if (layer(index).bottom_size() == 2) {
    const CaffeValue gate = value(index, 1);
    if (param.axis() != 0 || param.bias_term() || !gate.flat)
      refuse(index, "a product of two values is read where the second is N x C and the axis 0");
    const Key from = bottoms_[static_cast<std::size_t>(index)][1];
    const bool swapped = from.first >= 0 && layer(from.first).name() == layer(index).name() + "/flatten_first";
    Op op;
    op.kind = OpKind::mul;
    return emit(index, std::move(op), swapped ? std::vector<CaffeValue>{gate, x} : std::vector<CaffeValue>{x, gate},
                x.flat);
  }
  if (param.axis() != 1 || param.num_axes() != 1) refuse(index, "only one number per channel is read");
  const std::int64_t channels = shape_of(x)[1];
  const auto found =
      weights(index, param.bias_term() ? std::vector<Dims>{{channels}, {channels}} : std::vector<Dims>{{channels}});
  if (found.empty()) return constant_scale(index, {}, {});
  constant_scale(index, *found[0], param.bias_term() ? *found[1] : Floats(found[0]->size(), 0));
}

void CaffeReader::pool(int index) {
  const CaffeValue x = value(index);
  const auto& param = layer(index).pooling_param();
  if (x.flat) refuse(index, "only over a map");
  const bool most = param.pool() == hwprof_caffe::PoolingParameter::MAX;
  if (!most && param.pool() != hwprof_caffe::PoolingParameter::AVE) refuse(index, "only MAX and AVE are read");
  const Shape& in = shape_of(x);
  Op op;
  op.kind = most ? OpKind::max_pool : OpKind::avg_pool;
  if (param.global_pooling()) {
    if (!most) op.kind = OpKind::global_avg_pool;
    if (most) op.kernel = {to_int(index, "height", in[2]), to_int(index, "width", in[3])};
    return emit(index, std::move(op), {x}, false);
  }
  const auto pick = [&](const char* what, bool has, std::int64_t one, std::int64_t both) {
    return to_int(index, what, has ? one : both);
  };
  op.kernel = {pick("kernel", param.has_kernel_h(), param.kernel_h(), param.kernel_size()),
               pick("kernel", param.has_kernel_w(), param.kernel_w(), param.kernel_size())};
  const std::int64_t stride = param.has_stride() ? param.stride() : 1;
  op.stride = {pick("stride", param.has_stride_h(), param.stride_h(), stride),
               pick("stride", param.has_stride_w(), param.stride_w(), stride)};
  const std::array<int, 2> pad{pick("padding", param.has_pad_h(), param.pad_h(), param.pad()),
                               pick("padding", param.has_pad_w(), param.pad_w(), param.pad())};
  op.pad = {pad[0], pad[1], pad[0], pad[1]};
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (op.kernel[axis] < 1 || op.stride[axis] < 1 || pad[axis] < 0 || pad[axis] >= op.kernel[axis] ||
        in[axis + 2] + 2 * std::int64_t{pad[axis]} < op.kernel[axis])
      fail(index, "a window of " + std::to_string(op.kernel[axis]) + " with stride " + std::to_string(op.stride[axis]) +
                      " and padding " + std::to_string(pad[axis]) + " does not fit " + std::to_string(in[axis + 2]) +
                      " pixels");
  const bool down = param.round_mode() == hwprof_caffe::PoolingParameter::FLOOR;
  std::array<std::int64_t, 2> kept{};
  bool rest = false;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t room = in[axis + 2] + 2 * std::int64_t{pad[axis]} - op.kernel[axis];
    rest = rest || room % op.stride[axis] != 0;
    kept[axis] =
        down ? room / op.stride[axis] + 1 : caffe_windows(in[axis + 2], op.kernel[axis], op.stride[axis], pad[axis]);
  }
  // Slices of ours that take away what Caffe has too much.
  Key end{index, 0};
  std::vector<int> slices;
  for (const char* name : {"/crop_h", "/crop_w"}) {
    const int next = only_reader(end);
    if (down || next <= index || layer(next).type() != "Slice" || layer(next).name() != layer(index).name() + name)
      continue;
    const std::size_t axis = name == std::string("/crop_h") ? 0 : 1;
    const int top = kept_top(next, layer(index).name());
    if (top != 0 || layer(next).slice_param().axis() != static_cast<std::int64_t>(axis) + 2) break;
    const auto cuts = cuts_of(next, kept[axis]);
    kept[axis] = cuts[1];
    slices.push_back(next);
    end = {next, 0};
  }
  op.ceil_mode = !down && slices.empty() && rest;
  const auto fits = [&](const Op& candidate) {
    try {
      const Shape out = graph::infer_shape(candidate, {in});
      const CaffePool form = caffe_pool(candidate, in, out);
      return form.refused.empty() && form.pad == pad && out[2] == kept[0] && out[3] == kept[1];
    } catch (const Error&) {
      return false;
    }
  };
  Op noted = op;
  if (read_caffe_pool_note(layer(index).top_size() > 0 ? layer(index).top(0) : std::string(), noted) && fits(noted))
    op = noted;
  else if (!down && !fits(op))
    refuse(index, "Caffe gives it " + std::to_string(kept[0]) + " x " + std::to_string(kept[1]) +
                      " windows, of which some lie outside the map");
  absorbed_.insert(slices.begin(), slices.end());
  emit(index, std::move(op), {x}, false, layer(index).name(), end);
}

void CaffeReader::unary(int index, OpKind kind, double number) {
  const CaffeValue x = value(index);
  Op op;
  op.kind = kind;
  op.value = number;
  emit(index, std::move(op), {x}, x.flat);
}

void CaffeReader::relu(int index) {
  const float slope = layer(index).relu_param().negative_slope();
  if (slope == 0) return unary(index, OpKind::relu);
  unary(index, OpKind::leaky_relu, to_double(slope));
}

void CaffeReader::clip(int index) {
  constexpr float six = 6;
  const auto& param = layer(index).clip_param();
  if (param.min() != 0 || param.max() != six) refuse(index, "only from 0 to 6 (relu6)");
  unary(index, OpKind::relu6);
}

void CaffeReader::softmax(int index) {
  if (layer(index).softmax_param().axis() != 1) refuse(index, "runs over other dimensions than the channels");
  unary(index, OpKind::softmax);
}

void CaffeReader::power(int index) {
  if (begins_hard(index)) return;
  const auto& param = layer(index).power_param();
  if (param.power() != 1) refuse(index, "only the power 1 is read");
  if (param.scale() == 1 && param.shift() == 0) return unary(index, OpKind::identity);
  const auto channels = static_cast<std::size_t>(shape_of(value(index))[1]);
  constexpr std::size_t most = std::size_t{1} << 22;
  made_ += std::min(channels, most + 1);
  if (made_ > most) refuse(index, "of so many channels");
  constant_scale(index, Floats(channels, param.scale()), Floats(channels, param.shift()));
}

/// relu6(x + 3) / 6, and x times that with the division last: h_sigmoid and h_swish.
bool CaffeReader::begins_hard(int index) {
  constexpr float three = 3;
  constexpr float sixth = 1.0F / 6;
  const auto& param = layer(index).power_param();
  if (param.power() != 1 || param.scale() != 1 || param.shift() != three) return false;
  const int clip = only_reader({index, 0});
  if (clip <= index || layer(clip).type() != "ReLU6") return false;
  const auto is_sixth = [&](int at) {
    if (at <= clip || layer(at).type() != "Power") return false;
    const auto& last = layer(at).power_param();
    return last.power() == 1 && last.shift() == 0 && near(last.scale(), sixth);
  };
  const CaffeValue x = value(index);
  Op op;
  const int next = only_reader({clip, 0});
  if (is_sixth(next)) {
    op.kind = OpKind::h_sigmoid;
    absorbed_.insert({clip, next});
    emit(next, std::move(op), {x}, x.flat);
    return true;
  }
  if (next <= clip || layer(next).type() != "Eltwise" || layer(next).bottom_size() != 2 ||
      layer(next).eltwise_param().operation() != hwprof_caffe::EltwiseParameter::PROD)
    return false;
  const Key from = bottoms_[static_cast<std::size_t>(index)][0];
  const auto& factors = bottoms_[static_cast<std::size_t>(next)];
  const Key clipped{clip, 0};
  if (!((factors[0] == from && factors[1] == clipped) || (factors[1] == from && factors[0] == clipped))) return false;
  const int last = only_reader({next, 0});
  if (last <= next || !is_sixth(last)) return false;
  op.kind = OpKind::h_swish;
  absorbed_.insert({clip, next, last});
  emit(last, std::move(op), {x}, x.flat);
  return true;
}

void CaffeReader::eltwise(int index) {
  const auto& param = layer(index).eltwise_param();
  const bool sum = param.operation() == hwprof_caffe::EltwiseParameter::SUM;
  if (!sum && param.operation() != hwprof_caffe::EltwiseParameter::PROD) refuse(index, "only SUM and PROD are read");
  if (std::any_of(param.coeff().begin(), param.coeff().end(), [](float factor) { return factor != 1; }))
    refuse(index, "with factors other than 1 (a difference, say)");
  std::vector<CaffeValue> inputs;
  for (int k = 0; k < layer(index).bottom_size(); ++k) {
    inputs.push_back(value(index, k));
    if (dims_of(inputs.back()) != dims_of(inputs.front())) fail(index, "its inputs differ in shape");
  }
  Op op;
  op.kind = sum ? OpKind::add : OpKind::mul;
  emit(index, std::move(op), inputs, !inputs.empty() && inputs.front().flat);
}

}  // namespace hwprof::format

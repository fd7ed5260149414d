// SPDX-License-Identifier: Apache-2.0
#include "format/caffe_writer.hpp"

namespace hwprof::format {

void CaffeWriter::activation(std::size_t i) {
  const Op& op = graph_.ops[i];
  const std::vector<std::string> x{any(op)};
  switch (op.kind) {
    case OpKind::relu:
      last("ReLU", i, x);
      return;
    case OpKind::relu6:
      last("ReLU6", i, x);
      return;
    case OpKind::leaky_relu:
      last("ReLU", i, x).mutable_relu_param()->set_negative_slope(static_cast<float>(op.value));
      return;
    case OpKind::sigmoid:
      last("Sigmoid", i, x);
      return;
    case OpKind::tanh:
      need_all(op, "TanH");
      last("TanH", i, x);
      return;
    case OpKind::hardtanh:
      refuse(op, "Caffe has no such layer");
    case OpKind::softmax:
      need_all(op, "Softmax");
      last("Softmax", i, x);
      return;
    default:
      break;
  }
  // relu6(x + 3) times x / 6 or 1 / 6
  need_all(op, "Power");
  constexpr float three = 3;
  constexpr float six = 6;
  const std::string sum = helper(op, "add");
  layer("Power", sum, x).mutable_power_param()->set_shift(three);
  std::string product = helper(op, "clip");
  layer("ReLU6", product, {sum});
  if (op.kind == OpKind::h_swish) {
    const std::string clipped = product;
    product = helper(op, "mul");
    eltwise(layer("Eltwise", product, {x[0], clipped}), hwprof_caffe::EltwiseParameter::PROD);
  }
  last("Power", i, {product}).mutable_power_param()->set_scale(1 / six);
}

void CaffeWriter::eltwise(LayerParameter& made, hwprof_caffe::EltwiseParameter::EltwiseOp operation) {
  made.mutable_eltwise_param()->set_operation(operation);
}

void CaffeWriter::conv(std::size_t i) {
  const Op& op = graph_.ops[i];
  const Shape& in = in_shape(op);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t reach = (std::int64_t{op.kernel[axis]} - 1) * op.dilation[axis] + 1;
    const std::int64_t room = in[axis + 2] + 2 * std::int64_t{op.pad[axis]} - reach;
    if (room < 0 || room / op.stride[axis] + 1 != shapes_[i][axis + 2])
      refuse(op, "Caffe pads both sides alike; " + std::to_string(op.pad[axis]) + " before and " +
                     std::to_string(op.pad[axis + 2]) + " behind give another size");
  }
  auto& made = *last("Convolution", i, {map(op)}).mutable_convolution_param();
  made.set_num_output(op.out_channels);
  made.set_bias_term(op.bias);
  if (op.pad[0] == op.pad[1]) {
    if (op.pad[0] != 0) made.add_pad(op.pad[0]);
  } else {
    made.set_pad_h(op.pad[0]);
    made.set_pad_w(op.pad[1]);
  }
  if (op.kernel[0] == op.kernel[1]) {
    made.add_kernel_size(op.kernel[0]);
  } else {
    made.set_kernel_h(op.kernel[0]);
    made.set_kernel_w(op.kernel[1]);
  }
  if (op.stride[0] == op.stride[1]) {
    if (op.stride[0] != 1) made.add_stride(op.stride[0]);
  } else {
    made.set_stride_h(op.stride[0]);
    made.set_stride_w(op.stride[1]);
  }
  if (op.dilation[0] != op.dilation[1]) {
    made.add_dilation(op.dilation[0]);
    made.add_dilation(op.dilation[1]);
  } else if (op.dilation[0] != 1) {
    made.add_dilation(op.dilation[0]);
  }
  if (op.groups != 1) made.set_group(op.groups);
  weights({op.out_channels, in[1] / op.groups, op.kernel[0], op.kernel[1]}, *op.weights[0]);
  if (op.bias) weights({op.out_channels}, *op.weights[1]);
  flat_[i] = false;
}

void CaffeWriter::batch_norm(std::size_t i) {
  const Op& op = graph_.ops[i];
  static const std::vector<float> one{1};
  const std::int64_t channels = in_shape(op)[1];
  const std::string norm = op.affine ? helper(op, "norm") : op.name;
  auto& made = op.affine ? layer("BatchNorm", norm, {any(op)}) : last("BatchNorm", i, {any(op)});
  made.mutable_batch_norm_param()->set_use_global_stats(true);
  made.mutable_batch_norm_param()->set_eps(static_cast<float>(op.value));
  const std::size_t statistics = op.affine ? 2 : 0;
  weights({channels}, *op.weights[statistics]);
  weights({channels}, *op.weights[statistics + 1]);
  weights({1}, one);
  if (!op.affine) return;
  last("Scale", i, {norm}).mutable_scale_param()->set_bias_term(true);
  weights({channels}, *op.weights[0]);
  weights({channels}, *op.weights[1]);
}

void CaffeWriter::linear(std::size_t i) {
  const Op& op = graph_.ops[i];
  auto& made = *last("InnerProduct", i, {any(op)}).mutable_inner_product_param();
  made.set_num_output(op.out_channels);
  made.set_bias_term(op.bias);
  weights({op.out_channels, in_shape(op)[1]}, *op.weights[0]);
  if (op.bias) weights({op.out_channels}, *op.weights[1]);
  flat_[i] = true;
}

void CaffeWriter::upsample(std::size_t i) {
  const Op& op = graph_.ops[i];
  constexpr int most = 64;
  const auto factor = static_cast<int>(op.value);
  if (!(op.value >= 1) || op.value > most || static_cast<double>(factor) != op.value)
    refuse(op, "a factor that is no whole number from 1 to " + std::to_string(most));
  const std::int64_t channels = in_shape(op)[1];
  auto& made = *last("Deconvolution", i, {map(op)}).mutable_convolution_param();
  made.set_num_output(channels);
  made.set_bias_term(false);
  made.add_kernel_size(factor);
  made.set_group(channels);
  made.add_stride(factor);
  own_.push_back(std::make_shared<const std::vector<float>>(
      static_cast<std::size_t>(channels) * static_cast<std::size_t>(factor) * static_cast<std::size_t>(factor), 1.0F));
  weights({channels, 1, factor, factor}, *own_.back());
  flat_[i] = false;
}

}  // namespace hwprof::format

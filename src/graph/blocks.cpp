// SPDX-License-Identifier: Apache-2.0
#include "graph/blocks.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::graph {
namespace {

template <typename T>
const T& attr(const Prim& prim, const std::string& name) {
  const auto at = prim.attrs.find(name);
  const T* value = at == prim.attrs.end() ? nullptr : std::get_if<T>(&at->second);
  if (value == nullptr) throw Error(Fault::internal, "attribute " + base::in_quotes(name) + " was not normalised");
  return *value;
}

template <typename T>
void check_range(const std::string& name, T value, T least, T most) {
  require(value >= least && value <= most, base::in_quotes(name) + " must be within " +
                                               base::format_number(static_cast<double>(least)) + " to " +
                                               base::format_number(static_cast<double>(most)) + ", found " +
                                               base::format_number(static_cast<double>(value)));
}

int pool(GraphBuilder& builder, OpKind kind, int from, int kernel, int stride, int pad, bool ceil_mode,
         bool count_include_pad) {
  Op op;
  op.kind = kind;
  op.inputs = {from};
  op.kernel = {kernel, kernel};
  op.stride = {stride, stride};
  op.pad = {pad, pad, pad, pad};
  op.ceil_mode = ceil_mode;
  op.count_include_pad = count_include_pad;
  return builder.op(std::move(op));
}

}  // namespace

void require(bool holds, const std::string& what) {
  if (!holds) throw Error(Fault::input, what);
}

void require_same_channels(const Prim& prim) {
  require(prim.C == prim.C_out,
          "C_out must equal C, found C " + std::to_string(prim.C) + " and C_out " + std::to_string(prim.C_out));
}

void require_stride(const Prim& prim, int stride) {
  require(prim.stride == stride,
          "the stride must be " + std::to_string(stride) + ", found " + std::to_string(prim.stride));
}

int int_attr(const Prim& prim, const std::string& name, int least, int most) {
  const auto value = attr<std::int64_t>(prim, name);
  check_range<std::int64_t>(name, value, least, most);
  return static_cast<int>(value);
}

double real_attr(const Prim& prim, const std::string& name, double least, double most) {
  const double value = attr<double>(prim, name);
  check_range(name, value, least, most);
  return value;
}

bool flag_attr(const Prim& prim, const std::string& name) {
  return attr<bool>(prim, name);
}
const std::string& text_attr(const Prim& prim, const std::string& name) {
  return attr<std::string>(prim, name);
}
int kernel_attr(const Prim& prim) {
  return int_attr(prim, "kernel_size", 1, 1023);
}

int max_pool(GraphBuilder& builder, int from, int kernel, int stride, int pad, bool ceil_mode) {
  return pool(builder, OpKind::max_pool, from, kernel, stride, pad, ceil_mode, true);
}

int avg_pool(GraphBuilder& builder, int from, int kernel, int stride, int pad, bool ceil_mode, bool count_include_pad) {
  return pool(builder, OpKind::avg_pool, from, kernel, stride, pad, ceil_mode, count_include_pad);
}

int simple_op(GraphBuilder& builder, OpKind kind, std::vector<int> inputs, const std::string& name) {
  Op op;
  op.kind = kind;
  op.name = name;
  op.inputs = std::move(inputs);
  return builder.op(std::move(op));
}

int pad(GraphBuilder& builder, int from, const std::array<int, 4>& pads, const std::string& name) {
  Op op;
  op.kind = OpKind::pad;
  op.name = name;
  op.inputs = {from};
  op.pad = pads;
  return builder.op(std::move(op));
}

int linear(GraphBuilder& builder, int from, std::int64_t out_channels, bool bias, const std::string& name) {
  Op op;
  op.kind = OpKind::linear;
  op.name = name;
  op.inputs = {from};
  op.out_channels = out_channels;
  op.bias = bias;
  return builder.op(std::move(op));
}

int conv_bn(GraphBuilder& builder, int from, std::int64_t out_channels, int kernel, int stride, bool affine,
            const std::string& name, std::int64_t groups) {
  const int conv = builder.conv(from, out_channels, kernel, stride, groups, false, 1, name);
  return builder.batch_norm(conv, affine, name + ".bn");
}

int squeeze_excite(GraphBuilder& builder, int from, int channels, int reduction) {
  const int middle = make_divisible(std::max(channels / reduction, 1), 8);
  int at = simple_op(builder, OpKind::global_avg_pool, {from}, "se.pool");
  at = builder.conv(at, middle, 1, 1, 1, true, 1, "se.reduce");
  at = builder.activation(at, "relu");
  at = builder.conv(at, channels, 1, 1, 1, true, 1, "se.expand");
  at = builder.activation(at, "h_sigmoid");
  return simple_op(builder, OpKind::mul, {from, at}, "se.scale");
}

int zeros(GraphBuilder& builder, int from, int size, int stride) {
  const int out = (size - 1) / stride + 1;
  return pad(builder, from, {-size, 0, out, out - size}, "zeros");
}

}  // namespace hwprof::graph

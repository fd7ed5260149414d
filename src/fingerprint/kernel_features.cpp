// SPDX-License-Identifier: Apache-2.0
// What kernels take time for beside MACs and bytes.
#include <algorithm>
#include <cmath>
#include <string>

#include "fingerprint/features.hpp"
#include "graph/kinds.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr double value_bytes = 4;
constexpr double channel_block = 16;  // libraries keep channels in blocks of so many

/// Taps of all windows along an axis that lie on the map, not on padding.
double taps_inside(const Op& op, std::size_t axis, std::int64_t in, std::int64_t out) {
  const std::int64_t kernel = op.kernel[axis], stride = op.stride[axis], dilation = op.dilation[axis];
  const std::int64_t before = op.pad[axis];
  std::int64_t taps = 0;
  for (std::int64_t k = 0; k < kernel; ++k) {
    // 0 <= i * stride - before + k * dilation < in, for i from 0 to out - 1
    const std::int64_t offset = k * dilation - before;
    const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    const std::int64_t last = in - 1 - offset >= 0 ? std::min(out - 1, (in - 1 - offset) / stride) : -1;
    taps += std::max<std::int64_t>(0, last - first + 1);
  }
  return static_cast<double>(taps);
}

double in_blocks(double channels) {
  return channel_block * std::ceil(channels / channel_block);
}

enum class Kernel { none, pointwise, window, grouped };

Kernel kernel_of(const Op& op) {
  if (op.kind == OpKind::linear) return Kernel::pointwise;
  if (op.kind != OpKind::conv2d) return Kernel::none;
  if (op.groups > 1) return Kernel::grouped;
  const bool plain = op.kernel[0] * op.kernel[1] == 1 && op.stride[0] * op.stride[1] == 1;
  return plain ? Kernel::pointwise : Kernel::window;
}

/// Of a convolution or linear layer; zeros for other ops.
struct Product {
  double macs = 0, root = 0, blocked = 0, weights = 0, blocked_weights = 0, reread = 0, values = 0, launches = 0;
};

Product product_of(const OpView& view, double passes) {
  const bool conv = view.op.kind == OpKind::conv2d;
  const double batch = static_cast<double>(view.in[0]), groups = static_cast<double>(view.op.groups);
  const double in = conv ? static_cast<double>(view.in[1]) : view.work.input_bytes / value_bytes / batch;
  const double out = static_cast<double>(view.out[1]);
  const double area = conv ? view.op.kernel[0] * view.op.kernel[1] : 1;
  const double taps =
      conv ? taps_inside(view.op, 0, view.in[2], view.out[2]) * taps_inside(view.op, 1, view.in[3], view.out[3]) : 1;
  Product product;
  const double macs = batch * taps * in * out / groups;
  product.macs = passes * macs;
  product.root = passes * std::sqrt(macs);
  product.weights = value_bytes * view.work.params;
  product.reread = batch * product.weights;
  product.values = view.work.input_bytes + view.work.output_bytes;
  product.launches = passes;
  if (view.op.groups == 1) {
    const double pairs = in_blocks(in) * in_blocks(out);
    product.blocked = passes * batch * taps * pairs;
    product.blocked_weights = value_bytes * pairs * area;
  }
  return product;
}

}  // namespace

void kernel_features(const OpView& view, Stage stage, Sink& sink) {
  const Op& op = view.op;
  const bool training = stage == Stage::training;
  const Kernel kernel = kernel_of(op);
  const double passes = 1 + (training ? (view.work.params > 0 ? 1 : 0) + (view.needs_gradient ? 1 : 0) : 0);
  const Product product = kernel == Kernel::none ? Product{} : product_of(view, passes);
  const auto of = [&product, kernel](Kernel wanted) { return kernel == wanted ? product : Product{}; };
  const Product pointwise = of(Kernel::pointwise), window = of(Kernel::window), grouped = of(Kernel::grouped);
  sink("kernel.macs_pointwise", pointwise.macs);
  sink("kernel.macs_window", window.macs);
  sink("kernel.macs_grouped", grouped.macs);
  sink("kernel.root_pointwise", pointwise.root);
  sink("kernel.root_window", window.root);
  sink("kernel.root_grouped", grouped.root);
  sink("kernel.blocked_pointwise", pointwise.blocked);
  sink("kernel.blocked_window", window.blocked);
  sink("kernel.weights_pointwise", pointwise.weights);
  sink("kernel.weights_window", window.weights);
  sink("kernel.weights_grouped", grouped.weights);
  sink("kernel.blocked_weights_pointwise", pointwise.blocked_weights);
  sink("kernel.blocked_weights_window", window.blocked_weights);
  sink("kernel.reread_pointwise", pointwise.reread);
  sink("kernel.reread_window", window.reread);
  sink("kernel.reread_grouped", grouped.reread);
  sink("kernel.values_pointwise", pointwise.values);
  sink("kernel.values_window", window.values);
  sink("kernel.values_grouped", grouped.values);
  sink("kernel.launches_pointwise", pointwise.launches);
  sink("kernel.launches_window", window.launches);
  sink("kernel.launches_grouped", grouped.launches);
  const bool norm = op.kind == OpKind::batch_norm, pool = graph::is_pool(op.kind);
  const double channels = static_cast<double>(view.out[1]);
  sink("kernel.norms", norm ? 1 : 0);
  sink("kernel.norm_channels", norm ? channels : 0);
  sink("kernel.norm_maps", norm ? channels * static_cast<double>(view.out[0]) : 0);
  sink("kernel.activations", graph::is_activation(op.kind) ? 1 : 0);
  sink("kernel.pools", pool ? 1 : 0);
  sink("kernel.pool_taps", pool && op.kind != OpKind::global_avg_pool
                               ? view.work.output_bytes / value_bytes * op.kernel[0] * op.kernel[1]
                               : 0);
  sink("kernel.joins", op.kind == OpKind::add || op.kind == OpKind::mul || op.kind == OpKind::concat ? 1 : 0);
}

}  // namespace hwprof::fingerprint

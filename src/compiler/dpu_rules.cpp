// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/dpu.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

struct Size {
  const char* name;
  int pixels, in_channels, out_channels;
};
constexpr std::array sizes{Size{"B512", 4, 8, 8},    Size{"B800", 4, 10, 10},  Size{"B1024", 8, 8, 8},
                           Size{"B1152", 4, 12, 12}, Size{"B1600", 8, 10, 10}, Size{"B2304", 8, 12, 12},
                           Size{"B3136", 8, 14, 14}, Size{"B4096", 8, 16, 16}};

constexpr std::int64_t buffer_words = 2048;
constexpr std::int64_t buffer_width = 16;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

bool is_depthwise(const Op& op, std::int64_t in_channels) {
  return op.groups > 1 && op.groups == in_channels && op.out_channels == in_channels;
}

class Checker {
 public:
  Checker(const Graph& graph, const Shape& input, const DpuTarget& target)
      : graph_(graph), shapes_(infer_shapes(graph, input)), target_(target), isa1_(target.isa == DpuIsa::isa1) {}

  std::vector<DpuViolation> run() && {
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) check(graph_.ops[i], i);
    return std::move(found_);
  }

 private:
  void at_most(const Op& op, const std::string& rule, std::int64_t value, std::int64_t limit, const std::string& what) {
    if (value > limit)
      add(op, rule, static_cast<double>(value), static_cast<double>(limit),
          what + " is " + std::to_string(value) + ", at most " + std::to_string(limit) + " on " + target_.name);
  }
  void add(const Op& op, const std::string& rule, double value, double limit, const std::string& text,
           bool runs_on_cpu = false) {
    found_.push_back({op.name, rule, value, limit, runs_on_cpu, "layer " + base::in_quotes(op.name) + ": " + text});
  }
  void refuse(const Op& op, const std::string& why, bool runs_on_cpu = false) {
    const std::string kind = to_string(op.kind);
    add(op, "op." + kind, 0, 0, kind + " " + why + (runs_on_cpu ? "; it runs on the processor" : ""), runs_on_cpu);
  }

  /// The op that an activation or a batch norm is computed with, behind other such ops.
  [[nodiscard]] const Op& carrier(const Op& op) const {
    const Op* at = &op;
    while (!at->inputs.empty()) {
      at = &graph_.ops[static_cast<std::size_t>(at->inputs[0])];
      if (at->kind != OpKind::batch_norm && at->kind != OpKind::identity && at->kind != OpKind::dropout) break;
    }
    return *at;
  }
  [[nodiscard]] std::int64_t channels_into(const Op& op) const {
    return shapes_[static_cast<std::size_t>(op.inputs.at(0))][1];
  }

  void windows(const Op& op, const std::string& rule, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    at_most(op, rule + ".kernel", std::max(op.kernel[0], op.kernel[1]), kernel, "the kernel");
    at_most(op, rule + ".stride", std::max(op.stride[0], op.stride[1]), stride, "the stride");
    at_most(op, rule + ".pad", *std::max_element(op.pad.begin(), op.pad.end()), pad, "the padding");
    if (*std::min_element(op.pad.begin(), op.pad.end()) < 0) refuse(op, "with a negative padding is not supported");
  }

  void convolution(const Op& op, std::int64_t in, std::int64_t out) {
    const bool depthwise = is_depthwise(op, in);
    const std::int64_t most_channels = 256 * std::int64_t{target_.in_channels};
    const std::int64_t area = std::int64_t{op.kernel[0]} * op.kernel[1];
    const std::string rule = depthwise ? "dwconv" : "conv";
    const std::int64_t smaller = std::min(op.kernel[0], op.kernel[1]);
    if (depthwise && isa1_)
      windows(op, rule, 256, 256, 15);
    else
      windows(op, rule, 16, isa1_ ? 8 : 4, isa1_ ? 15 : std::max<std::int64_t>(smaller - 1, 0));
    if (op.groups > 1 && !depthwise)
      add(op, "conv.groups", static_cast<double>(op.groups), 1,
          "a convolution in " + std::to_string(op.groups) + " groups is not supported, only 1 or a depthwise one");
    at_most(op, rule + ".in_channels", in, most_channels, "the number of input channels");
    at_most(op, rule + ".out_channels", out, most_channels, "the number of output channels");
    const int dilation = std::max(op.dilation[0], op.dilation[1]);
    if (dilation > 1) {
      at_most(op, rule + ".dilation", dilation * in, most_channels, "dilation times input channels");
      at_most(op, rule + ".dilated_stride", std::max(op.stride[0], op.stride[1]), 1, "the stride beside a dilation");
    }
    if (!depthwise)
      at_most(op, "conv.weight_depth", area * ceil_div(in, target_.in_channels), buffer_words,
              "height · width · ceil(input channels / " + std::to_string(target_.in_channels) + ") of the kernel");
    else if (!isa1_)
      at_most(op, "dwconv.weight_depth", area * ceil_div(in, buffer_width), buffer_words,
              "height · width · ceil(channels / 16) of the depthwise kernel");
  }

  void pool(const Op& op, std::int64_t in, std::array<int, 2> kernel) {
    Op window = op;
    window.kernel = kernel;
    const std::int64_t smaller = std::min(kernel[0], kernel[1]);
    windows(window, "pool", isa1_ ? 256 : 8, isa1_ ? 256 : 4,
            isa1_ ? 15 : std::min<std::int64_t>(4, std::max<std::int64_t>(smaller - 1, 0)));
    if (op.kind != OpKind::max_pool && kernel[0] != kernel[1])
      refuse(op, "needs a square window, found " + std::to_string(kernel[0]) + "x" + std::to_string(kernel[1]));
    at_most(op, "pool.channels", in, 256 * std::int64_t{target_.in_channels}, "the number of channels");
  }

  void activation(const Op& op) {
    const Op& before = carrier(op);
    const bool convolves = before.kind == OpKind::conv2d || before.kind == OpKind::linear;
    const bool depthwise = before.kind == OpKind::conv2d && is_depthwise(before, channels_into(before));
    const bool carries = convolves || before.kind == OpKind::add;
    switch (op.kind) {
      case OpKind::relu:
        if (!carries) refuse(op, "without a convolution or an addition before it is not supported");
        break;
      case OpKind::relu6:
        if (!convolves) refuse(op, "without a convolution before it is not supported");
        break;
      case OpKind::leaky_relu:
        if (!convolves || depthwise) refuse(op, "is only supported behind a convolution that is not depthwise");
        // The engine multiplies by 26/256, which stands for 0.1.
        if (std::abs(op.value - 0.1) > 2e-3) add(op, "leaky_relu.slope", op.value, 0.1, "the slope must be 0.1");
        break;
      default:
        if (!isa1_) refuse(op, "is not supported by v1.4.0");
        if (isa1_ && !convolves) refuse(op, "without a convolution before it is not supported");
    }
  }

  void check(const Op& op, std::size_t index) {
    switch (op.kind) {
      case OpKind::conv2d:
        return convolution(op, channels_into(op), shapes_[index][1]);
      case OpKind::linear: {
        const Op& before = graph_.ops[static_cast<std::size_t>(op.inputs.at(0))];
        const bool flattened = before.kind == OpKind::flatten;
        const Shape& in = shapes_[static_cast<std::size_t>(flattened ? before.inputs.at(0) : op.inputs.at(0))];
        Op as_convolution = op;  // over the whole of what was flattened
        as_convolution.kernel = {static_cast<int>(in[2]), static_cast<int>(in[3])};
        return convolution(as_convolution, in[1], shapes_[index][1]);
      }
      case OpKind::batch_norm:
        if (carrier(op).kind != OpKind::conv2d && carrier(op).kind != OpKind::linear)
          refuse(op, "without a convolution before it cannot be folded");
        return;
      case OpKind::relu:
      case OpKind::relu6:
      case OpKind::leaky_relu:
      case OpKind::h_swish:
      case OpKind::h_sigmoid:
        return activation(op);
      case OpKind::max_pool:
      case OpKind::avg_pool:
        return pool(op, channels_into(op), op.kernel);
      case OpKind::global_avg_pool: {
        const Shape& in = shapes_[static_cast<std::size_t>(op.inputs.at(0))];
        return pool(op, in[1], {static_cast<int>(in[2]), static_cast<int>(in[3])});
      }
      case OpKind::mul:
        if (!isa1_)
          refuse(op, "is not supported by v1.4.0, whose element-wise op only adds (no squeeze-and-excitation)");
        return;
      case OpKind::softmax:
      case OpKind::sigmoid:
      case OpKind::tanh:
      case OpKind::hardtanh:
        return refuse(op, "is not supported", true);
      case OpKind::split:
      case OpKind::pad:
      case OpKind::upsample_nearest:
      case OpKind::channel_shuffle:
      case OpKind::reshape:
        if (!isa1_) return refuse(op, "is not among the layers that the Caffe quantiser takes");
        if (op.kind == OpKind::channel_shuffle) refuse(op, "is not supported", true);
        return;
      case OpKind::input:
      case OpKind::add:
      case OpKind::concat:
      case OpKind::flatten:
      case OpKind::dropout:
      case OpKind::identity:
        return;
    }
  }

  const Graph& graph_;
  std::vector<Shape> shapes_;
  const DpuTarget& target_;
  bool isa1_;
  std::vector<DpuViolation> found_;
};

}  // namespace

double DpuTarget::peak_ops(double clock_hz) const noexcept {
  return 2.0 * pixels * in_channels * out_channels * clock_hz;
}

std::vector<std::string> list_dpu_targets() {
  std::vector<std::string> names;
  for (const Size& size : sizes)
    for (const char* isa : {"-isa0", "-isa1"}) names.push_back(size.name + std::string(isa));
  return names;
}

DpuTarget find_dpu_target(const std::string& name) {
  std::string bare = name;
  DpuIsa isa = DpuIsa::isa0;
  for (const auto& [suffix, meant] : {std::pair("-isa0", DpuIsa::isa0), std::pair("-v1.4.0", DpuIsa::isa0),
                                      std::pair("-isa1", DpuIsa::isa1), std::pair("-v4", DpuIsa::isa1)}) {
    if (!base::ends_with(name, suffix)) continue;
    bare = name.substr(0, name.size() - std::string(suffix).size());
    isa = meant;
  }
  const auto found = std::find_if(sizes.begin(), sizes.end(), [&bare](const Size& size) { return bare == size.name; });
  const std::string full = bare + (isa == DpuIsa::isa0 ? "-isa0" : "-isa1");
  if (found == sizes.end())
    throw Error(Fault::usage, "unknown target " + base::in_quotes(name) + base::suggest(full, list_dpu_targets()));
  return {full, isa, found->pixels, found->in_channels, found->out_channels};
}

std::vector<DpuViolation> check_dpu(const Graph& graph, const Shape& input, const DpuTarget& target) {
  return Checker(graph, input, target).run();
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "fingerprint/features.hpp"

#include <algorithm>
#include <cmath>

#include "fingerprint/names.hpp"
#include "graph/kinds.hpp"
#include "hwprof/error.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr int most_batch = 1 << 20;
constexpr double value_bytes = 4;

/// Tiles of the matrix product that a convolution is on a GPU: rows (pixels), columns (filters), depth.
constexpr double tile_rows = 128, tile_columns = 64, tile_depth = 8;

double up_to(double value, double multiple) {
  return std::ceil(value / multiple) * multiple;
}

double bytes_of(const Shape& shape) {
  double bytes = value_bytes;
  for (const auto extent : shape) bytes *= static_cast<double>(extent);
  return bytes;
}

bool is_product(OpKind kind) {
  return kind == OpKind::conv2d || kind == OpKind::linear;
}

ConvShape conv_of(const OpView& view) {
  ConvShape conv;
  conv.batch = static_cast<double>(view.in[0]);
  conv.in = static_cast<double>(view.in[1]);
  conv.out = static_cast<double>(view.out[1]);
  conv.groups = static_cast<double>(view.op.groups);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    conv.kernel[axis] = view.op.kernel[axis];
    conv.size[axis] = static_cast<double>(view.in[2 + axis]);
    conv.map[axis] = static_cast<double>(view.out[2 + axis]);
  }
  return conv;
}

double tiled_macs(const OpView& view) {
  const ConvShape conv = conv_of(view);
  const double depth = conv.in / conv.groups * (view.op.kind == OpKind::linear ? 1 : conv.kernel[0] * conv.kernel[1]);
  return conv.groups * up_to(conv.batch * conv.map[0] * conv.map[1], tile_rows) *
         up_to(conv.out / conv.groups, tile_columns) * up_to(depth, tile_depth);
}

/// Our own features of an op. Passes: forward; in training also the gradients of weights and of the input.
void own_features(const OpView& view, Stage stage, Sink& sink) {
  const bool training = stage == Stage::training;
  const OpKind kind = view.op.kind;
  const Work& work = view.work;
  const bool product = is_product(kind);
  const double passes = 1 + (training ? (work.params > 0 ? 1 : 0) + (view.needs_gradient ? 1 : 0) : 0);
  const double macs = passes * work.macs;
  const bool window = product && kind == OpKind::conv2d && view.op.kernel[0] * view.op.kernel[1] > 1;
  const bool grouped = product && view.op.groups > 1;
  const double bytes = work.weight_bytes + work.input_bytes + work.output_bytes;
  const bool moves = bytes > 0;
  // A gradient pass of a product reads two of input, output and weights, and writes the third; others read and write
  // what the forward pass did, and batch norm goes over its input once more in each direction.
  const double light = (training && view.needs_gradient ? 2 : 1) * bytes;
  const auto is = [kind](std::initializer_list<OpKind> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  sink("own.macs", macs);
  sink("own.macs_pointwise", product && !window && !grouped ? macs : 0);
  sink("own.macs_window", window && !grouped ? macs : 0);
  sink("own.macs_grouped", grouped ? macs : 0);
  sink("own.macs_tiled", product ? passes * tiled_macs(view) : 0);
  sink("own.macs_root", product ? passes * std::sqrt(work.macs) : 0);
  sink("own.bytes_product", product ? passes * bytes : 0);
  sink("own.bytes_norm", kind == OpKind::batch_norm ? light + (training ? 2 * work.input_bytes : 0) : 0);
  sink("own.bytes_activation", graph::is_activation(kind) || kind == OpKind::softmax ? light : 0);
  sink("own.bytes_pool", graph::is_pool(kind) ? light : 0);
  sink("own.bytes_join", is({OpKind::add, OpKind::mul, OpKind::concat, OpKind::split, OpKind::pad,
                             OpKind::upsample_nearest, OpKind::channel_shuffle})
                             ? light
                             : 0);
  sink("own.param_bytes", value_bytes * work.params);
  sink("own.param_tensors", work.params > 0 ? (view.op.kind == OpKind::batch_norm || view.op.bias ? 2 : 1) : 0);
  sink("own.launches", moves ? passes : 0);
}

/// What is no sum over ops.
void net_features(const Liveness& live, double im2col, double im2col_image, double image_bytes, double batch,
                  Sink& sink) {
  sink("own.peak_bytes", live.peak);
  sink("own.saved_bytes", live.saved);
  sink("own.largest_bytes", live.largest);
  sink("own.step_bytes", live.step);
  sink("own.im2col_bytes", im2col);
  sink("own.im2col_image_bytes", im2col_image);
  sink("own.image_bytes", image_bytes);
  sink("own.batch", batch);
}

/// f(view) for every op of the graph. inner: the graph's input depends on parameters.
template <typename F>
void each_op(const Graph& graph, const std::vector<Shape>& shapes, const std::vector<Work>& work, bool inner,
             const F& f) {
  std::vector<bool> gradient;  // the value depends on a parameter
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Op& op = graph.ops[i];
    bool needs = inner && op.kind == OpKind::input;
    for (const int input : op.inputs) needs = needs || gradient[static_cast<std::size_t>(input)];
    gradient.push_back(needs || work[i].params > 0);
    f(OpView{op, work[i], op.inputs.empty() ? shapes[i] : shapes[static_cast<std::size_t>(op.inputs.front())],
             shapes[i], needs});
  }
}

std::vector<double> op_features(const OpView& view, Stage stage, std::size_t count) {
  std::vector<double> out;
  Sink sink(nullptr, &out);
  if (view.op.kind == OpKind::conv2d)
    perf4sight_features(conv_of(view), stage, sink);
  else
    out.assign(count, 0.0);
  own_features(view, stage, sink);
  kernel_features(view, stage, sink);
  return out;
}

}  // namespace

std::vector<std::string> names_of(Stage stage) {
  std::vector<std::string> names;
  Sink sink(&names, nullptr);
  perf4sight_features({}, stage, sink);
  const Op op;
  const Work work;
  const Shape shape{1, 1, 1, 1};
  own_features({op, work, shape, shape, false}, stage, sink);
  kernel_features({op, work, shape, shape, false}, stage, sink);
  net_features({}, 0, 0, 0, 0, sink);
  return names;
}

}  // namespace hwprof::fingerprint

namespace hwprof {

const char* to_string(Stage stage) noexcept {
  return stage == Stage::training ? "training" : "inference";
}

Stage parse_stage(const std::string& name) {
  if (name == "training" || name == "train") return Stage::training;
  if (name == "inference") return Stage::inference;
  throw Error(Fault::usage, "training or inference is expected, found '" + name + "'");
}

std::vector<std::string> list_fingerprint_features(Stage stage) {
  return fingerprint::names_of(stage);
}

std::vector<std::vector<double>> fingerprint_ops(const Graph& graph, const Shape& input, Stage stage) {
  const std::size_t count = fingerprint::perf4sight_count(stage);
  std::vector<std::vector<double>> out;
  fingerprint::each_op(graph, infer_shapes(graph, input), count_work(graph, input), false,
                       [&](const auto& view) { out.push_back(fingerprint::op_features(view, stage, count)); });
  return out;
}

std::vector<double> fingerprint_of(const CostedNet& net, int batch, Stage stage) {
  using namespace fingerprint;
  if (batch < 1 || batch > most_batch)
    throw Error(Fault::usage,
                "a batch of 1 to " + std::to_string(most_batch) + " is expected, found " + std::to_string(batch));
  const std::size_t count = perf4sight_count(stage);
  std::vector<double> sums;
  Liveness live;
  double above = 0, params = 0, im2col = 0, im2col_image = 0, image = 0;
  for (const auto& part : net.parts) {
    Shape input = part.input;
    input[0] = batch;
    const auto shapes = infer_shapes(part.graph, input);
    const auto work = count_work(part.graph, input);
    const bool inner = params > 0;  // of layers before it
    each_op(part.graph, shapes, work, inner, [&](const OpView& view) {
      const auto row = op_features(view, stage, count);
      if (sums.empty()) sums.assign(row.size(), 0.0);
      for (std::size_t f = 0; f < row.size(); ++f) sums[f] += row[f];
      params += value_bytes * view.work.params;
      if (view.op.kind != OpKind::conv2d) return;
      const ConvShape conv = conv_of(view);
      const double columns = value_bytes * conv.in * conv.kernel[0] * conv.kernel[1] * conv.map[0] * conv.map[1];
      im2col = std::max(im2col, conv.batch * columns);
      im2col_image = std::max(im2col_image, columns);
    });
    const Liveness one = follow(part.graph, shapes, work, stage, inner);
    live.step = std::max(live.step, one.step);
    live.saved += one.saved;
    if (inner && stage == Stage::training)
      live.saved -= bytes_of(input);  // the output of a layer before, counted there
    live.largest = std::max(live.largest, one.largest);
    above = std::max(above, one.peak - one.saved);
    if (image == 0) image = bytes_of(input);
  }
  if (sums.empty()) throw Error(Fault::usage, "network '" + net.id + "' has no ops");
  live.peak = live.saved + above;
  // Of layers by themselves: all that is kept, or all weights' gradients, with what one layer needs besides.
  if (net.parts.size() > 1 && stage == Stage::training) live.step = above + std::max(live.saved, params);
  if (stage == Stage::training) live.step += 2 * params;  // the weights and their momentum
  Sink sink(nullptr, &sums);
  net_features(live, im2col, im2col_image, image, batch, sink);
  return sums;
}

}  // namespace hwprof

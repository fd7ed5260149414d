// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"

using namespace hwprof;

namespace {

Graph of(Op op) {
  GraphBuilder builder("test");
  if (op.inputs.empty()) op.inputs = {0};
  const int last = builder.op(std::move(op));
  return std::move(builder).finish(last);
}

Shape shape_of(Op op, const Shape& input) {
  return infer_shapes(of(std::move(op)), input).back();
}

Op make(OpKind kind) {
  Op op;
  op.kind = kind;
  op.name = "it";
  return op;
}

Op window(OpKind kind, int kernel, int stride, int pad, bool ceil_mode = false, int dilation = 1) {
  Op op = make(kind);
  op.kernel = {kernel, kernel};
  op.stride = {stride, stride};
  op.pad = {pad, pad, pad, pad};
  op.dilation = {dilation, dilation};
  op.ceil_mode = ceil_mode;
  op.out_channels = 6;
  return op;
}

std::string message(const Graph& graph, const Shape& input) {
  try {
    (void)infer_shapes(graph, input);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::input);
    return error.what();
  }
  return "accepted";
}

std::string message(Op op, const Shape& input) {
  return message(of(std::move(op)), input);
}

/// Counts the windows one by one: with ceil_mode one may hang over the end if the padded map has pixels left
/// that no window covers and it begins before the padding at the end.
std::int64_t count_windows(int size, int kernel, int stride, int pad, bool ceil_mode) {
  std::int64_t count = 0;
  int begin = -pad;
  for (; begin + kernel <= size + pad; begin += stride) ++count;
  const int covered = begin - stride + kernel;
  return ceil_mode && covered < size + pad && begin < size ? count + 1 : count;
}

}  // namespace

TEST_CASE("convolutions and pools count their windows as PyTorch does") {
  for (int size = 1; size <= 20; ++size)
    for (int kernel = 1; kernel <= 7; ++kernel)
      for (int stride = 1; stride <= 5; ++stride)
        for (int pad = 0; pad <= kernel / 2; ++pad) {
          if (kernel > size + 2 * pad) {
            CHECK(message(window(OpKind::max_pool, kernel, stride, pad), {1, 3, size, size}).find("does not fit") !=
                  std::string::npos);
            continue;
          }
          CAPTURE(size);
          CAPTURE(kernel);
          CAPTURE(stride);
          CAPTURE(pad);
          const auto floor = count_windows(size, kernel, stride, pad, false);
          CHECK(shape_of(window(OpKind::conv2d, kernel, stride, pad), {2, 3, size, size}) == Shape{2, 6, floor, floor});
          CHECK(shape_of(window(OpKind::avg_pool, kernel, stride, pad), {2, 3, size, size}) ==
                Shape{2, 3, floor, floor});
          const auto ceil = count_windows(size, kernel, stride, pad, true);
          CHECK(shape_of(window(OpKind::max_pool, kernel, stride, pad, true), {2, 3, size, size}) ==
                Shape{2, 3, ceil, ceil});
        }
  // known sizes: SqueezeNet's and GoogLeNet's ceil pools, a dilated convolution
  CHECK(shape_of(window(OpKind::max_pool, 3, 2, 0, true), {1, 64, 111, 111})[2] == 55);
  CHECK(shape_of(window(OpKind::max_pool, 3, 2, 0, true), {1, 64, 112, 112})[2] == 56);
  CHECK(shape_of(window(OpKind::max_pool, 3, 2, 0, false), {1, 64, 112, 112})[2] == 55);
  CHECK(shape_of(window(OpKind::conv2d, 3, 1, 2, false, 2), {1, 3, 9, 9})[2] == 9);
  CHECK(shape_of(window(OpKind::conv2d, 5, 2, 4, false, 2), {1, 3, 9, 9})[2] == 5);
  Op wide = window(OpKind::conv2d, 1, 1, 0);
  wide.kernel = {1, 7};
  wide.stride = {1, 2};
  wide.pad = {0, 3, 0, 2};
  CHECK(shape_of(wide, {1, 3, 10, 10}) == Shape{1, 6, 10, 5});
}

TEST_CASE("the other kinds give the documented shapes") {
  const Shape in = {2, 12, 6, 4};
  for (const OpKind kind :
       {OpKind::relu, OpKind::relu6, OpKind::leaky_relu, OpKind::h_swish, OpKind::h_sigmoid, OpKind::sigmoid,
        OpKind::tanh, OpKind::softmax, OpKind::dropout, OpKind::identity, OpKind::batch_norm, OpKind::channel_shuffle})
    CHECK(shape_of(make(kind), in) == in);
  CHECK(shape_of(make(OpKind::global_avg_pool), in) == Shape{2, 12, 1, 1});
  CHECK(shape_of(make(OpKind::flatten), in) == Shape{2, 288, 1, 1});
  Op op = make(OpKind::linear);
  op.out_channels = 5;
  CHECK(shape_of(op, {2, 12, 1, 1}) == Shape{2, 5, 1, 1});
  op = make(OpKind::reshape);
  op.shape = {99, 3, 8, 12};
  CHECK(shape_of(op, in) == Shape{2, 3, 8, 12});
  op = make(OpKind::split);
  op.first_channel = 8;
  op.out_channels = 4;
  CHECK(shape_of(op, in) == Shape{2, 4, 6, 4});
  op = make(OpKind::pad);
  op.pad = {1, -2, 3, 1};
  CHECK(shape_of(op, in) == Shape{2, 12, 10, 3});
  op.pad = {-6, 0, 2, 0};  // crops all and pads anew
  CHECK(shape_of(op, in) == Shape{2, 12, 2, 4});
  op = make(OpKind::upsample_nearest);
  op.value = 2;
  CHECK(shape_of(op, in) == Shape{2, 12, 12, 8});

  GraphBuilder builder("join");
  const int pooled = builder.op([] {
    Op pool = make(OpKind::global_avg_pool);
    pool.inputs = {0};
    return pool;
  }());
  Op mul = make(OpKind::mul);
  mul.inputs = {pooled, 0};
  const int scaled = builder.op(mul);
  const int sum = builder.add(scaled, builder.input());
  Op concat = make(OpKind::concat);
  concat.inputs = {sum, builder.input(), scaled};
  const auto shapes = infer_shapes(std::move(builder).finish(builder.op(concat)), in);
  CHECK(shapes[static_cast<std::size_t>(sum)] == in);
  CHECK(shapes.back() == Shape{2, 36, 6, 4});
}

TEST_CASE("what does not fit is refused by the name of the op") {
  const Shape in = {1, 12, 6, 6};
  const auto refused = [](const std::string& text, const std::string& what) {
    CAPTURE(text);
    CHECK(text.find("op 'it'") != std::string::npos);
    CHECK(text.find(what) != std::string::npos);
  };
  Op conv = window(OpKind::conv2d, 3, 1, 1);
  conv.groups = 5;
  refused(message(conv, in), "12 input channels cannot be divided into 5 groups");
  conv.groups = 4;
  refused(message(conv, in), "6 output channels cannot be divided into 4 groups");
  conv.groups = 0;
  refused(message(conv, in), "groups");
  conv = window(OpKind::conv2d, 3, 1, 1);
  conv.out_channels = 0;
  refused(message(conv, in), "positive number of output channels");
  refused(message(window(OpKind::conv2d, 0, 1, 0), in), "must be positive");
  refused(message(window(OpKind::conv2d, 3, 0, 0), in), "must be positive");
  refused(message(window(OpKind::conv2d, 3, 1, -1), in), "must not be negative");
  refused(message(window(OpKind::max_pool, 3, 2, 2), in), "at most half the kernel");
  refused(message(window(OpKind::avg_pool, 3, 1, 1, false, 2), in), "no dilation");
  refused(message(make(OpKind::linear), in), "output channels");
  Op linear = make(OpKind::linear);
  linear.out_channels = 4;
  refused(message(linear, in), "height and width 1");
  refused(message(make(OpKind::add), in), "two inputs");
  Op two = make(OpKind::relu);
  two.inputs = {0, 0};
  refused(message(two, in), "takes one input, found 2");
  refused(message(make(OpKind::split), in), "outside the 12");
  Op split = make(OpKind::split);
  split.first_channel = 9;
  split.out_channels = 4;
  refused(message(split, in), "outside the 12");
  split.first_channel = std::numeric_limits<std::int64_t>::max();
  refused(message(split, in), "outside the 12");
  Op reshape = make(OpKind::reshape);
  reshape.shape = {0, 5, 5, 5};
  refused(message(reshape, in), "cannot turn");
  Op pad = make(OpKind::pad);
  pad.pad = {-7, 0, 9, 0};
  refused(message(pad, in), "crops more than there is");
  pad.pad = {-6, 0, 0, 0};
  refused(message(pad, in), "empty output");
  Op shuffle = make(OpKind::channel_shuffle);
  shuffle.groups = 7;
  refused(message(shuffle, in), "7 groups");
  Op norm = make(OpKind::batch_norm);
  norm.value = -1;
  refused(message(norm, in), "epsilon");
  Op up = make(OpKind::upsample_nearest);
  refused(message(up, in), "factor");
  up.value = 4096;
  refused(message(up, {1, 1, 3000000, 1000000000}), "absurd");
  refused(message(make(OpKind::input), in), "first op");
  Op late = make(OpKind::relu);
  late.inputs = {1};
  refused(message(late, in), "does not come before");
  late.inputs = {-1};
  refused(message(late, in), "does not come before");

  GraphBuilder builder("mismatch");
  const int half = builder.conv(builder.input(), 12, 3, 2);
  const int sum = builder.add(half, builder.input(), "it");
  refused(message(std::move(builder).finish(sum), in), "1x12x3x3 and 1x12x6x6 do not match");
}

TEST_CASE("a graph that is none is refused") {
  CHECK(message(Graph{}, {1, 1, 1, 1}).find("first op must be the input") != std::string::npos);
  const Graph fine = of(make(OpKind::relu));
  CHECK(message(fine, {1, 0, 1, 1}).find("must be positive") != std::string::npos);
  CHECK(message(fine, {1 << 30, 1 << 30, 1 << 30, 1 << 30}).find("absurd") != std::string::npos);
  Graph bad = fine;
  bad.outputs = {7};
  CHECK(message(bad, {1, 1, 1, 1}).find("output 7") != std::string::npos);
  bad = fine;
  bad.ops[1].kernel = {std::numeric_limits<int>::max(), std::numeric_limits<int>::max()};
  bad.ops[1].dilation = bad.ops[1].kernel;
  bad.ops[1].kind = OpKind::max_pool;
  CHECK(message(bad, {1, 1, 8, 8}).find("does not fit") != std::string::npos);
}

TEST_CASE("weights must have the size of their op") {
  const auto values = [](std::size_t count) { return std::make_shared<const std::vector<float>>(count); };
  Op conv = window(OpKind::conv2d, 3, 1, 1);
  conv.groups = 2;
  conv.bias = true;
  conv.weights = {values(6 * 2 * 9), values(6)};
  CHECK(message(conv, {1, 4, 8, 8}) == "accepted");
  conv.weights[0] = values(6 * 4 * 9);
  CHECK(message(conv, {1, 4, 8, 8}).find("weight array 0 must have 108 values") != std::string::npos);
  conv.weights = {values(108)};
  CHECK(message(conv, {1, 4, 8, 8}).find("1 weight arrays, expected 2") != std::string::npos);
  conv.weights = {values(108), nullptr};
  CHECK(message(conv, {1, 4, 8, 8}).find("weight array 1") != std::string::npos);
  Op norm = make(OpKind::batch_norm);
  norm.affine = false;
  norm.weights = {values(4), values(4)};
  CHECK(message(norm, {1, 4, 8, 8}) == "accepted");
}

TEST_CASE("the builder names ops uniquely and knows aw_nas' activations") {
  GraphBuilder builder("names");
  int at = builder.conv(builder.input(), 8, 3);
  at = builder.batch_norm(at);
  at = builder.conv(at, 8, 3);
  at = builder.activation(at, "h_swish");
  CHECK_THROWS_AS(builder.activation(at, "swish9"), Error);
  CHECK_THROWS_AS(builder.conv(at, 8, 2000000000, 1, 1, false, 2000000000), Error);
  const Graph graph = std::move(builder).finish(at);
  REQUIRE(graph.ops.size() == 5);
  CHECK(graph.ops[1].name == "conv");
  CHECK(graph.ops[2].name == "bn");
  CHECK(graph.ops[3].name == "conv2");
  CHECK(graph.ops[4].name == "h_swish");
  CHECK(graph.outputs == std::vector<int>{4});
  CHECK(graph.ops[1].pad == std::array<int, 4>{1, 1, 1, 1});
}

TEST_CASE("channel counts round as OFA and torchvision round them") {
  CHECK(make_divisible(32 * 0.75) == 24);
  CHECK(make_divisible(16 * 3) == 48);
  CHECK(make_divisible(3) == 8);
  CHECK(make_divisible(11) == 16);  // 8 would be more than 10 % down
  CHECK(make_divisible(35) == 32);  // 8.6 % down
  CHECK(make_divisible(36) == 40);
  CHECK(make_divisible(72 / 4) == 24);  // 16 is more than 10 % below 18
  CHECK(make_divisible(17, 5) == 20);   // int(17 + 2.5) // 5 * 5 = 15 is 12 % down
  CHECK_THROWS_AS((void)make_divisible(0), Error);
  CHECK_THROWS_AS((void)make_divisible(std::nan("")), Error);
  CHECK_THROWS_AS((void)make_divisible(1e300), Error);
  CHECK_THROWS_AS((void)make_divisible(8, 0), Error);
}

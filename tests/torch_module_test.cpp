// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <torch/torch.h>

#include <set>

#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "prim_samples.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

Op op_of(OpKind kind, std::vector<int> inputs, const std::string& name = "it") {
  Op op;
  op.kind = kind;
  op.name = name;
  op.inputs = std::move(inputs);
  return op;
}

/// A graph of its input and these ops; the last is the output.
Graph graph_of(std::vector<Op> ops) {
  Graph graph;
  graph.name = "g";
  graph.ops = {op_of(OpKind::input, {}, "in")};
  graph.ops.insert(graph.ops.end(), ops.begin(), ops.end());
  graph.outputs = {static_cast<int>(ops.size())};
  return graph;
}

Shape shape_of(const torch::Tensor& x) {
  return {x.size(0), x.size(1), x.size(2), x.size(3)};
}

torch::Tensor run(GraphModule& module, const torch::Tensor& input) {
  const c10::InferenceMode guard;
  return module.forward(input);
}

torch::Tensor run(const std::vector<Op>& ops, const torch::Tensor& input) {
  GraphModule module(graph_of(ops), shape_of(input));
  return run(module, input);
}

void check_same(const torch::Tensor& a, const torch::Tensor& b) {
  REQUIRE(a.numel() == b.numel());
  CHECK(torch::allclose(a.flatten(), b.flatten(), 1e-4, 1e-5));
}

torch::Tensor image(std::int64_t channels = 6, std::int64_t size = 9) {
  torch::manual_seed(3);
  return torch::randn({2, channels, size, size});
}

}  // namespace

TEST_CASE("every primitive builds and runs, with the shape and the parameters that are counted") {
  for (const Prim& prim : sample_prims()) {
    CAPTURE(to_string(prim));
    const Graph graph = lower(prim);
    const Shape input = {2, prim.C, prim.spatial_size, prim.spatial_size};
    GraphModule module(graph, input);
    CHECK_FALSE(module.is_training());
    const torch::Tensor out = run(module, torch::randn({input[0], input[1], input[2], input[3]}));
    CHECK(shape_of(out) == infer_shapes(graph, input)[static_cast<std::size_t>(graph.outputs[0])]);
    CHECK(out.size(1) == prim.C_out);
    CHECK(torch::isfinite(out).all().item<bool>());
    double parameters = 0;
    for (const auto& parameter : module.parameters()) parameters += static_cast<double>(parameter.numel());
    CHECK(parameters == count_work(prim).params);
  }
}

TEST_CASE("convolutions and linear layers agree with torch::nn") {
  Op conv = op_of(OpKind::conv2d, {0}, "L00.dw.conv");
  conv.out_channels = 4;
  conv.kernel = {3, 5};
  conv.stride = {2, 1};
  conv.dilation = {1, 2};
  conv.pad = {1, 4, 1, 4};
  conv.groups = 2;
  conv.bias = true;
  GraphModule module(graph_of({conv}), {2, 6, 9, 9}, 5);
  torch::nn::Conv2d reference(
      torch::nn::Conv2dOptions(6, 4, {3, 5}).stride({2, 1}).dilation({1, 2}).padding({1, 4}).groups(2).bias(true));
  const auto parameters = module.named_parameters();
  REQUIRE(parameters.contains("L00.dw.conv.weight"));
  REQUIRE(parameters.contains("L00.dw.conv.bias"));
  const torch::NoGradGuard guard;
  parameters["L00.dw.conv.bias"].uniform_(-1, 1);
  reference->weight.copy_(parameters["L00.dw.conv.weight"]);
  reference->bias.copy_(parameters["L00.dw.conv.bias"]);
  check_same(module.forward(image()), reference->forward(image()));

  Op flat = op_of(OpKind::flatten, {0}, "flat");
  Op linear = op_of(OpKind::linear, {1}, "fc");
  linear.out_channels = 3;
  linear.bias = true;
  GraphModule classifier(graph_of({flat, linear}), {2, 6, 9, 9});
  torch::nn::Linear fc(486, 3);
  fc->weight.copy_(classifier.named_parameters()["fc.weight"]);
  fc->bias.copy_(classifier.named_parameters()["fc.bias"]);
  check_same(classifier.forward(image()), fc->forward(image().flatten(1)));
}

TEST_CASE("unequal padding is applied where it stands") {
  Op conv = op_of(OpKind::conv2d, {0});
  conv.out_channels = 2;
  conv.kernel = {3, 3};
  conv.pad = {0, 1, 2, 3};  // top, left, bottom, right
  GraphModule module(graph_of({conv}), {2, 6, 9, 9});
  const torch::NoGradGuard guard;
  const auto padded = torch::constant_pad_nd(image(), {1, 3, 0, 2}, 0);
  check_same(module.forward(image()), torch::conv2d(padded, module.named_parameters()["it.weight"]));

  Op pool = op_of(OpKind::max_pool, {0});
  pool.kernel = {3, 3};
  pool.stride = {2, 2};
  pool.pad = {0, 1, 1, 0};
  const auto negative = image() - 10;  // zeros would win
  check_same(run({pool}, negative), torch::max_pool2d(torch::constant_pad_nd(negative, {1, 0, 0, 1}, -1e9), 3, 2));

  pool.kind = OpKind::avg_pool;
  check_same(run({pool}, image()), torch::avg_pool2d(torch::constant_pad_nd(image(), {1, 0, 0, 1}, 0), 3, 2));
  pool.count_include_pad = false;
  CHECK(has(error_of(Fault::unsupported, [&] { (void)run({pool}, image()); }), "'it'"));
}

TEST_CASE("batch norm, with statistics and scales of the graph") {
  Op norm = op_of(OpKind::batch_norm, {0}, "bn");
  norm.value = 1e-3;
  const auto values = [](std::vector<float> v) { return std::make_shared<const std::vector<float>>(std::move(v)); };
  norm.weights = {values({1, 2, 3}), values({0, 1, -1}), values({0.5F, 0, -0.5F}), values({1, 4, 0.25F})};
  const auto x = image(3);
  GraphModule module(graph_of({norm}), shape_of(x));
  torch::nn::BatchNorm2d reference(torch::nn::BatchNorm2dOptions(3).eps(1e-3));
  const torch::NoGradGuard guard;
  reference->weight.copy_(torch::tensor({1.0F, 2.0F, 3.0F}));
  reference->bias.copy_(torch::tensor({0.0F, 1.0F, -1.0F}));
  reference->running_mean.copy_(torch::tensor({0.5F, 0.0F, -0.5F}));
  reference->running_var.copy_(torch::tensor({1.0F, 4.0F, 0.25F}));
  reference->eval();
  check_same(module.forward(x), reference->forward(x));
  reference->train();
  module.train();
  check_same(module.forward(x), reference->forward(x));
  check_same(module.named_buffers()["bn.running_var"], reference->running_var);
}

TEST_CASE("activations agree with torch::nn and leave the input alone") {
  const auto x = image() * 4;
  const auto kept = x.clone();
  const std::vector<std::pair<OpKind, torch::Tensor>> cases = {{OpKind::relu, torch::relu(x)},
                                                               {OpKind::relu6, torch::clamp(x, 0, 6)},
                                                               {OpKind::sigmoid, torch::sigmoid(x)},
                                                               {OpKind::tanh, torch::tanh(x)},
                                                               {OpKind::hardtanh, torch::clamp(x, -1, 1)},
                                                               {OpKind::h_swish, x * torch::clamp(x + 3, 0, 6) / 6},
                                                               {OpKind::h_sigmoid, torch::clamp(x + 3, 0, 6) / 6},
                                                               {OpKind::softmax, torch::softmax(x, 1)},
                                                               {OpKind::identity, x},
                                                               {OpKind::dropout, x}};
  for (const auto& [kind, expected] : cases) {
    const std::string label = to_string(kind);  // a binding cannot be captured
    CAPTURE(label);
    check_same(run({op_of(kind, {0})}, x), expected);
    check_same(x, kept);
  }
  Op leaky = op_of(OpKind::leaky_relu, {0});
  leaky.value = 0.3;
  check_same(run({leaky}, x), torch::leaky_relu(x, 0.3));
}

TEST_CASE("an activation in place spoils no value that is used elsewhere") {
  // a = 2x is read by relu, by a view of it, and by the sum at the end.
  const auto x = image();
  std::vector<Op> ops = {op_of(OpKind::add, {0, 0}, "a"), op_of(OpKind::identity, {1}, "view"),
                         op_of(OpKind::relu, {1}, "relu"), op_of(OpKind::add, {3, 2}, "sum"),
                         op_of(OpKind::sigmoid, {4}, "sigmoid")};
  check_same(run(ops, x), torch::sigmoid(torch::relu(2 * x) + 2 * x));
  Op part = op_of(OpKind::split, {1}, "part");
  part.out_channels = 6;
  ops[1] = part;
  check_same(run(ops, x), torch::sigmoid(torch::relu(2 * x) + 2 * x));
  ops = {op_of(OpKind::add, {0, 0}, "a"), op_of(OpKind::identity, {1}, "view"), op_of(OpKind::relu, {2}, "relu"),
         op_of(OpKind::add, {1, 3}, "sum")};
  check_same(run(ops, x), torch::relu(2 * x) + 2 * x);
}

TEST_CASE("arithmetic, joins and reshapes") {
  const auto x = image(8, 6);
  check_same(run({op_of(OpKind::add, {0, 0, 0})}, x), 3 * x);
  check_same(run({op_of(OpKind::mul, {0, 0, 0})}, x), x * x * x);
  check_same(run({op_of(OpKind::global_avg_pool, {0}, "pool"), op_of(OpKind::mul, {0, 1})}, x),
             x * x.mean({2, 3}, true));
  check_same(run({op_of(OpKind::concat, {0, 0})}, x), torch::cat({x, x}, 1));
  Op split = op_of(OpKind::split, {0});
  split.first_channel = 2;
  split.out_channels = 5;
  check_same(run({split}, x), x.slice(1, 2, 7));
  check_same(run({op_of(OpKind::flatten, {0})}, x), x.flatten(1));
  Op reshape = op_of(OpKind::reshape, {0});
  reshape.shape = {0, 4, 8, 9};
  CHECK(shape_of(run({reshape}, x)) == Shape{2, 4, 8, 9});
  Op pad = op_of(OpKind::pad, {0});
  pad.pad = {1, -1, 2, 0};
  check_same(run({pad}, x), torch::constant_pad_nd(x, {-1, 0, 1, 2}, 0));
  Op up = op_of(OpKind::upsample_nearest, {0});
  up.value = 2;
  check_same(run({up}, x), x.repeat_interleave(2, 2).repeat_interleave(2, 3));
  Op shuffle = op_of(OpKind::channel_shuffle, {0});
  shuffle.groups = 4;
  check_same(run({shuffle}, x), x.view({2, 4, 2, 6, 6}).transpose(1, 2).flatten(1));
  Op pool = op_of(OpKind::avg_pool, {0});
  pool.kernel = {3, 3};
  pool.stride = {2, 2};
  pool.pad = {1, 1, 1, 1};
  pool.ceil_mode = true;
  pool.count_include_pad = false;
  check_same(run({pool}, x), torch::avg_pool2d(x, 3, 2, 1, true, false));
}

TEST_CASE("weights follow the seed") {
  Op conv = op_of(OpKind::conv2d, {0});
  conv.out_channels = 8;
  const Graph graph = graph_of({conv});
  GraphModule a(graph, {1, 6, 9, 9}, 1);
  GraphModule b(graph, {1, 6, 9, 9}, 1);
  GraphModule c(graph, {1, 6, 9, 9}, 2);
  check_same(a.parameters()[0], b.parameters()[0]);
  CHECK_FALSE(torch::equal(a.parameters()[0], c.parameters()[0]));
}

TEST_CASE("a pool shares memory between modules and never within one") {
  Op conv = op_of(OpKind::conv2d, {0}, "first");
  conv.out_channels = 6;
  Op next = conv;
  next.name = "second";
  next.inputs = {1};
  WeightPool pool;
  GraphModule a(graph_of({conv, next}), {1, 6, 9, 9}, pool);
  GraphModule b(graph_of({conv, next}), {1, 6, 9, 9}, pool);
  std::set<void*> memory;
  for (const auto& parameter : a.parameters()) memory.insert(parameter.data_ptr());
  CHECK(memory.size() == 2);
  for (const auto& parameter : b.parameters()) memory.insert(parameter.data_ptr());
  CHECK(memory.size() == 2);
  WeightPool other(0, torch::kCPU, true);
  Op wide = conv;
  wide.kernel = {3, 3};
  wide.pad = {1, 1, 1, 1};
  GraphModule c(graph_of({wide}), {1, 6, 9, 9}, other);
  CHECK(c.parameters()[0].is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto x = torch::randn({1, 6, 9, 9});
  WeightPool plain;
  GraphModule d(graph_of({wide}), {1, 6, 9, 9}, plain);
  const torch::NoGradGuard guard;
  check_same(c.forward(x.contiguous(at::MemoryFormat::ChannelsLast)).contiguous(), d.forward(x));
}

TEST_CASE("gradients reach the parameters of a module in training") {
  GraphModule module(lower(sample_prims().at(4)), {2, 16, 14, 14});
  module.train();
  const auto out = module.forward(torch::randn({2, 16, 14, 14}));
  out.sum().backward();
  for (const auto& parameter : module.parameters()) CHECK(parameter.grad().defined());
}

TEST_CASE("after() is called once an op, in order") {
  GraphModule module(graph_of({op_of(OpKind::relu, {0}, "a"), op_of(OpKind::tanh, {1}, "b")}), {1, 2, 3, 3});
  std::vector<int> seen;
  const c10::InferenceMode guard;
  (void)module.forward(torch::randn({1, 2, 3, 3}), [&seen](int op) { seen.push_back(op); });
  CHECK(seen == std::vector<int>{0, 1, 2});
}

TEST_CASE("what cannot be built or run is refused, by the op's name") {
  Op conv = op_of(OpKind::conv2d, {0}, "conv");
  conv.out_channels = 4;
  conv.groups = 4;  // of six channels
  CHECK(has(error_of(Fault::input, [&] { GraphModule module(graph_of({conv}), {1, 6, 9, 9}); }), "conv"));
  conv.groups = 1;
  Graph twice = graph_of({conv, conv});
  twice.ops[2].inputs = {0};
  CHECK(has(error_of(Fault::input, [&] { GraphModule module(twice, {1, 6, 9, 9}); }), "two ops"));
  Graph none = graph_of({conv});
  none.outputs.clear();
  error_of(Fault::input, [&] { GraphModule module(none, {1, 6, 9, 9}); });
  conv.out_channels = std::int64_t{1} << 40;
  CHECK_THROWS_AS(GraphModule(graph_of({conv}), {1, 6, 9, 9}), std::bad_alloc);
  conv.out_channels = 4;
  GraphModule module(graph_of({conv}), {1, 6, 9, 9});
  const std::string message = error_of(Fault::device, [&] { (void)module.forward(torch::randn({1, 5, 9, 9})); });
  CHECK(has(message, "'conv'"));
  CHECK(has(message, "libtorch"));
}

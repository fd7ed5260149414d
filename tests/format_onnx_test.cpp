// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <map>
#include <set>

#include "base/files.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/space.hpp"
#include "onnx_support.hpp"
#include "prim_samples.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::difference;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::random_weights;

namespace {

onnx::ModelProto model_of(const std::string& bytes) {
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes));
  return model;
}

/// What ONNX' own checker and strict shape inference say; empty when all is well.
std::string complaint(onnx::ModelProto model) {
  try {
    onnx::checker::check_model(model);
    const onnx::ShapeInferenceOptions strict(true, 1, false);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict);
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

void check_round_trip(const Graph& graph, const Shape& input, int opset) {
  const std::string bytes = to_onnx(graph, input, {opset, 0});
  CHECK(complaint(model_of(bytes)) == "");
  const OnnxNet back = parse_onnx(bytes, "file");
  CHECK(back.input == input);
  CHECK(back.notes.empty());
  CHECK(difference(graph, back.graph) == "");
}

Op op_of(OpKind kind, const std::string& name, std::vector<int> inputs) {
  Op op;
  op.kind = kind;
  op.name = name;
  op.inputs = std::move(inputs);
  return op;
}

Graph graph_of(std::vector<Op> ops) {
  Graph graph;
  graph.name = "g";
  graph.ops = {op_of(OpKind::input, "in", {})};
  graph.ops.insert(graph.ops.end(), ops.begin(), ops.end());
  graph.outputs = {static_cast<int>(ops.size())};
  return graph;
}

}  // namespace

TEST_CASE("every primitive is valid ONNX and comes back equal") {
  std::set<std::string> types;
  for (const Prim& prim : sample_prims()) {
    types.insert(prim.prim_type);
    const Shape input = {1, prim.C, prim.spatial_size, prim.spatial_size};
    const Graph graph = random_weights(lower(prim), input);
    for (const int opset : {9, 10, 11, 12, 13}) {
      CAPTURE(to_string(prim));
      CAPTURE(opset);
      check_round_trip(graph, input, opset);
    }
  }
  CHECK(types.size() == list_prim_types().size());
}

TEST_CASE("the bundled networks and sampled ones are valid ONNX and come back equal") {
  for (const char* name : {"mobilenet_v2", "resnet18", "resnet50", "squeezenet", "mnasnet", "ofa_mbv3", "ofa_mbv2",
                           "nasbench201", "proxyless", "mobilenet_cifar10", "fbnet"}) {
    CAPTURE(name);
    const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml");
    std::mt19937_64 rng(3);
    const Net net = file.space->network(file.space->sample(rng));
    const Shape input = {1, net.image_channels, net.image_size, net.image_size};
    const Graph graph = random_weights(lower(net), input);
    for (const int opset : {9, 11, 13}) {
      CAPTURE(opset);
      check_round_trip(graph, input, opset);
    }
  }
}

TEST_CASE("what no primitive holds comes back equal too") {
  const Shape input = {2, 6, 9, 8};
  Op crop_and_pad = op_of(OpKind::pad, "shifted", {0});
  crop_and_pad.pad = {-2, 3, 1, -1};
  Op again = op_of(OpKind::reshape, "again", {1});
  again.shape = {0, 12, 8, 5};
  Op part = op_of(OpKind::split, "part", {0});
  part.first_channel = 2;
  part.out_channels = 3;
  Op whole = part;
  whole.first_channel = 0;
  whole.out_channels = 6;
  Op first = part;
  first.name = "first";
  first.first_channel = 0;
  first.out_channels = 2;
  Op second = part;
  second.name = "second";
  second.out_channels = 4;
  Op drop = op_of(OpKind::dropout, "drop", {0});
  drop.value = 0.2;
  Op grow = op_of(OpKind::upsample_nearest, "grow", {0});
  grow.value = 1.5;
  Op uneven = op_of(OpKind::avg_pool, "uneven", {0});
  uneven.kernel = {4, 3};
  uneven.stride = {3, 2};
  uneven.pad = {1, 0, 2, 1};
  uneven.count_include_pad = false;
  uneven.ceil_mode = true;
  Op mean = op_of(OpKind::global_avg_pool, "mean", {0});
  Op linear = op_of(OpKind::linear, "fc", {1});
  linear.out_channels = 6;
  Op gate = op_of(OpKind::mul, "gate", {2, 0});
  const std::vector<std::pair<std::string, Graph>> graphs = {
      {"pad", graph_of({crop_and_pad})},
      {"reshape", graph_of({crop_and_pad, again})},
      {"part", graph_of({part})},
      {"whole", graph_of({whole})},
      {"parts", graph_of({first, second})},
      {"dropout", graph_of({drop})},
      {"grow", graph_of({grow})},
      {"pool", graph_of({uneven})},
      {"sum of three", graph_of({drop, op_of(OpKind::relu, "r", {0}), op_of(OpKind::add, "sum", {0, 1, 2})})},
      {"linear to map", graph_of({mean, linear, gate})},
      {"linear and activations",
       graph_of({mean, linear, op_of(OpKind::h_swish, "act", {2}), op_of(OpKind::softmax, "soft", {3})})},
      {"hard sigmoid times its input",
       graph_of({op_of(OpKind::h_sigmoid, "gate", {0}), op_of(OpKind::mul, "scaled", {0, 1})})},
      {"swish", graph_of({op_of(OpKind::sigmoid, "gate", {0}), op_of(OpKind::mul, "scaled", {0, 1})})},
      {"flatten", graph_of({op_of(OpKind::flatten, "flat", {0}), op_of(OpKind::batch_norm, "bn", {1})})}};
  for (const auto& [name, bare] : graphs) {
    const std::string& label = name;  // a binding cannot be captured
    const Graph graph = random_weights(bare, input);
    for (const int opset : {9, 10, 11, 12, 13}) {
      CAPTURE(label);
      CAPTURE(opset);
      check_round_trip(graph, input, opset);
    }
  }
}

TEST_CASE("outputs that are the input, or given twice, get a node of their own") {
  Graph graph = graph_of({op_of(OpKind::relu, "r", {0})});
  graph.outputs = {0, 1, 1};
  check_round_trip(graph, {1, 3, 4, 4}, 11);
}

TEST_CASE("names say where a node comes from") {
  Net net;
  net.id = "n";
  net.image_size = 16;
  net.layers = {{normalized({"mobilenet_v3_block",
                             16,
                             3,
                             8,
                             2,
                             true,
                             {{"expansion", Attr(std::int64_t{2})},
                              {"kernel_size", Attr(std::int64_t{3})},
                              {"activation", Attr(std::string("h_swish"))},
                              {"use_se", Attr(true)}}}),
                 false,
                 {}}};
  const Graph graph = lower(net);
  const auto model = model_of(to_onnx(graph, {1, 3, 16, 16}));
  CHECK(model.producer_name() == "hwprof");
  std::set<std::string> nodes;
  for (const auto& node : model.graph().node()) {
    CHECK(node.name().substr(0, 3) == "L0.");
    CHECK(node.output(0) == node.name());
    nodes.insert(node.name());
  }
  for (std::size_t i = 1; i < graph.ops.size(); ++i) CHECK(nodes.count(graph.ops[i].name) == 1);
  std::set<std::string> weights;
  for (const auto& tensor : model.graph().initializer()) weights.insert(tensor.name());
  for (const auto& op : graph.ops)
    if (op.kind == OpKind::conv2d) CHECK(weights.count(op.name + ".weight") == 1);
}

TEST_CASE("the opsets differ where they must") {
  const Shape input = {1, 4, 6, 6};
  const auto node_of = [&](const Op& op, int opset, std::size_t index = 0) {
    const auto model = model_of(to_onnx(random_weights(graph_of({op}), input), input, {opset, 0}));
    REQUIRE(model.graph().node_size() > static_cast<int>(index));
    CHECK(model.opset_import(0).version() == opset);
    return model.graph().node(static_cast<int>(index));
  };
  const auto attribute = [](const onnx::NodeProto& node, const char* name) {
    for (const auto& one : node.attribute())
      if (one.name() == name) return true;
    return false;
  };
  const Op relu6 = op_of(OpKind::relu6, "r", {0});
  CHECK(attribute(node_of(relu6, 10), "max"));
  CHECK(node_of(relu6, 11).input_size() == 3);
  Op drop = op_of(OpKind::dropout, "d", {0});
  CHECK(attribute(node_of(drop, 11), "ratio"));
  CHECK(node_of(drop, 12).input_size() == 2);
  Op grow = op_of(OpKind::upsample_nearest, "u", {0});
  grow.value = 2;
  CHECK(node_of(grow, 9).op_type() == "Upsample");
  CHECK(node_of(grow, 10).op_type() == "Resize");
  CHECK(node_of(grow, 11).input_size() == 3);
  const Op soft = op_of(OpKind::softmax, "s", {0});
  CHECK(node_of(soft, 12).op_type() == "Transpose");
  CHECK(node_of(soft, 13).op_type() == "Softmax");
  CHECK(node_of(op_of(OpKind::h_swish, "h", {0}), 13, 3).op_type() == "Div");
}

TEST_CASE("what the format cannot express is refused by name") {
  const Shape input = {1, 4, 8, 8};
  Op pool = op_of(OpKind::max_pool, "wide", {0});
  pool.kernel = {3, 3};
  pool.dilation = {2, 2};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)to_onnx(graph_of({pool}), input, {9, 0}); }), "'wide'"));
  check_round_trip(graph_of({pool}), input, 10);
  CHECK(has(error_of(Fault::usage, [&] { (void)to_onnx(graph_of({pool}), input, {14, 0}); }), "9 to 13"));
  Op same = pool;
  CHECK(has(error_of(Fault::input, [&] { (void)to_onnx(graph_of({pool, same}), input); }), "two ops"));
  Op huge = op_of(OpKind::conv2d, "huge", {0});
  huge.out_channels = 1 << 28;
  CHECK(has(error_of(Fault::unsupported, [&] { (void)to_onnx(graph_of({huge}), input); }), "2 GB"));
}

TEST_CASE("weights are drawn by the seed, and files are written byte for byte the same") {
  const Prim prim = normalized({"conv_bn_relu_3x3", 8, 3, 4, 1, true, {}});
  const Shape input = {1, 3, 8, 8};
  const hwprof_test::TempFolder folder;
  const std::string file = folder.file("net.onnx");
  write_onnx(file, lower(prim), input, {11, 5});
  CHECK(base::read_file(file) == to_onnx(lower(prim), input, {11, 5}));
  CHECK(base::read_file(file) != to_onnx(lower(prim), input, {11, 6}));
  CHECK(difference(read_onnx(file).graph, with_weights(lower(prim), input, 5)) == "");
}

TEST_CASE("drawn weights have the variance that keeps activations alive") {
  Op conv = op_of(OpKind::conv2d, "c", {0});
  conv.out_channels = 256;
  conv.kernel = {3, 3};
  const Graph graph = with_weights(graph_of({conv}), {1, 64, 8, 8}, 7);
  double sum = 0;
  double squares = 0;
  const auto& values = *graph.ops[1].weights.at(0);
  for (const float value : values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto n = static_cast<double>(values.size());
  CHECK(std::abs(sum / n) < 1e-3);
  CHECK(squares / n == doctest::Approx(2.0 / (64 * 9)).epsilon(0.02));
}

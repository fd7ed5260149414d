// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
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

CaffeOptions with_all() {
  CaffeOptions options;
  options.layers = CaffeLayers::all;
  return options;
}

std::string round_trip(const Graph& graph, const Shape& input, const CaffeOptions& options = with_all()) {
  const CaffeText text = to_caffe(graph, input, options);
  const CaffeNet back = parse_caffe(text.deploy, text.weights, "file");
  if (back.input != input) return "input";
  if (!back.notes.empty()) return back.notes[0];
  return difference(graph, back.graph);
}

Op pool_of(OpKind kind, int kernel, int stride, int pad, bool ceil_mode = false) {
  Op op = op_of(kind, "pool", {0});
  op.kernel = {kernel, kernel};
  op.stride = {stride, stride};
  op.pad = {pad, pad, pad, pad};
  op.ceil_mode = ceil_mode;
  return op;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("every primitive comes back equal from Caffe, or is refused by the name of its op") {
  std::set<std::string> types;
  std::set<std::string> written;
  std::set<std::string> for_vitis;
  for (const Prim& prim : sample_prims()) {
    CAPTURE(to_string(prim));
    types.insert(prim.prim_type);
    const Shape input = {1, prim.C, prim.spatial_size, prim.spatial_size};
    const Graph graph = random_weights(lower(prim), input);
    for (const CaffeLayers layers : {CaffeLayers::all, CaffeLayers::vitis}) {
      CaffeOptions options;
      options.layers = layers;
      try {
        const std::string found = round_trip(graph, input, options);
        CHECK(found == "");
        (layers == CaffeLayers::all ? written : for_vitis).insert(prim.prim_type);
      } catch (const Error& error) {
        CHECK(error.fault() == Fault::unsupported);
        bool named = false;
        for (const Op& op : graph.ops) named = named || times(error.what(), "op '" + op.name + "'") > 0;
        CHECK_MESSAGE(named, error.what());
      }
    }
  }
  // Zeros that are not there, averages that leave out the padding, and clipping at -1 have no layer in Caffe.
  std::set<std::string> missing;
  for (const auto& type : types)
    if (written.count(type) == 0) missing.insert(type);
  CHECK(missing == std::set<std::string>{"avg_pool_3x3", "hardtanh", "none", "resnet_block_hardtanh",
                                         "resnet_block_split_hardtanh"});
  for (const char* type : {"mobilenet_v2_block", "resnet_block", "resnet_bottleneck_block", "fire", "stem", "head",
                           "max_pool", "fused_conv_block", "upsample", "crop"})
    CHECK_MESSAGE(for_vitis.count(type) == 1, type);
  for (const char* type : {"se_module", "h_swish", "channel_shuffle", "tanh", "softmax"})
    CHECK_MESSAGE(for_vitis.count(type) == 0, type);
}

TEST_CASE("networks come back equal from Caffe") {
  for (const char* name :
       {"mobilenet_v2", "resnet18", "resnet50", "squeezenet", "ofa_mbv3", "proxyless", "fbnet", "mnasnet"}) {
    CAPTURE(name);
    const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml");
    std::mt19937_64 rng(3);
    const Net net = file.space->network(file.space->sample(rng));
    const Shape input = {1, net.image_channels, net.image_size, net.image_size};
    CHECK(round_trip(random_weights(lower(net), input), input) == "");
  }
}

TEST_CASE("what no primitive holds comes back equal too, from Caffe") {
  const Shape input = {2, 6, 9, 8};
  Op crop = op_of(OpKind::pad, "cut", {0});
  crop.pad = {-2, -1, 0, -3};
  Op rows = op_of(OpKind::pad, "rows", {0});
  rows.pad = {-1, 0, -2, 0};
  Op part = op_of(OpKind::split, "part", {0});
  part.first_channel = 2;
  part.out_channels = 3;
  Op first = part;
  first.name = "first";
  first.first_channel = 0;
  first.out_channels = 2;
  Op second = part;
  second.name = "second";
  second.out_channels = 4;
  Op drop = op_of(OpKind::dropout, "drop", {0});
  drop.value = 0.2;
  Op data = op_of(OpKind::relu, "data", {0});
  Op mean = op_of(OpKind::global_avg_pool, "mean", {0});
  Op linear = op_of(OpKind::linear, "fc", {1});
  linear.out_channels = 6;
  Op again = op_of(OpKind::reshape, "again", {0});
  again.shape = {0, 12, 4, 9};
  Op square = op_of(OpKind::conv2d, "c", {0});
  square.out_channels = 4;
  square.kernel = {3, 5};
  square.stride = {2, 1};
  square.dilation = {1, 2};
  square.pad = {1, 4, 1, 4};
  square.bias = true;
  Op exact_up = pool_of(OpKind::max_pool, 3, 1, 1, true);
  const std::vector<std::pair<std::string, Graph>> graphs = {
      {"crop", graph_of({crop})},
      {"rows", graph_of({rows})},
      {"part", graph_of({part})},
      {"parts", graph_of({first, second, op_of(OpKind::relu, "r", {1}), op_of(OpKind::concat, "j", {3, 2})})},
      {"dropout", graph_of({drop})},
      {"a value named like Caffe's input", graph_of({data})},
      {"reshape", graph_of({again})},
      {"window", graph_of({square})},
      {"rounding that does not matter", graph_of({exact_up})},
      {"sum of three", graph_of({drop, op_of(OpKind::relu, "r", {0}), op_of(OpKind::add, "sum", {0, 1, 2})})},
      {"gate behind", graph_of({mean, linear, op_of(OpKind::mul, "gate", {0, 2})})},
      {"gate in front", graph_of({mean, linear, op_of(OpKind::mul, "gate", {2, 0})})},
      {"gate of a pool", graph_of({mean, op_of(OpKind::mul, "gate", {0, 1})})},
      {"linear to map", graph_of({mean, linear, op_of(OpKind::channel_shuffle, "shuffle", {2})})},
      {"linear and activations",
       graph_of({mean, linear, op_of(OpKind::h_swish, "act", {2}), op_of(OpKind::softmax, "soft", {3})})},
      {"hard sigmoid times its input",
       graph_of({op_of(OpKind::h_sigmoid, "gate", {0}), op_of(OpKind::mul, "scaled", {0, 1})})},
      {"flatten", graph_of({op_of(OpKind::flatten, "flat", {0}), op_of(OpKind::batch_norm, "bn", {1})})}};
  for (const auto& [name, bare] : graphs) {
    const std::string& label = name;  // a binding cannot be captured
    CAPTURE(label);
    CHECK(round_trip(random_weights(bare, input), input) == "");
  }
  Graph twice = graph_of({op_of(OpKind::relu, "r", {0}), op_of(OpKind::relu, "s", {1})});
  twice.outputs = {2, 0, 1, 1};
  CHECK(round_trip(twice, input) == "");
}

TEST_CASE("pools that Caffe counts otherwise are cut to size or refused") {
  const auto deploy = [](const Op& op, std::int64_t size) {
    return to_caffe(graph_of({op}), {1, 2, size, size}).deploy;
  };
  // ResNet's: 112 pixels give 56 windows in PyTorch, 57 in Caffe.
  const std::string resnet = deploy(pool_of(OpKind::max_pool, 3, 2, 1), 112);
  CHECK(times(resnet, "slice_point: 56") == 2);
  CHECK(times(deploy(pool_of(OpKind::max_pool, 2, 2, 0), 8), "Slice") == 0);
  CHECK(times(deploy(pool_of(OpKind::max_pool, 3, 2, 0, true), 14), "Slice") == 0);
  Op uneven = pool_of(OpKind::max_pool, 3, 2, 0);
  uneven.pad = {0, 0, 1, 1};
  CHECK(times(deploy(uneven, 112), "Slice") == 0);
  CHECK(round_trip(graph_of({uneven}), {1, 2, 112, 112}) == "");
  for (const int size : {5, 6, 7, 8, 9, 10, 11})
    for (const int kernel : {1, 2, 3, 5})
      for (const int stride : {1, 2, 3})
        for (int pad = 0; pad <= kernel / 2; ++pad)
          for (const bool ceil_mode : {false, true})
            for (const OpKind kind : {OpKind::max_pool, OpKind::avg_pool}) {
              CAPTURE(size);
              CAPTURE(kernel);
              CAPTURE(stride);
              CAPTURE(pad);
              CHECK(round_trip(graph_of({pool_of(kind, kernel, stride, pad, ceil_mode)}), {1, 2, size, size}) == "");
            }
  Op without = pool_of(OpKind::avg_pool, 3, 1, 1);
  without.count_include_pad = false;
  CHECK(has(error_of(Fault::unsupported, [&] { (void)deploy(without, 8); }), "op 'pool'"));
  without.pad = {0, 0, 0, 0};
  CHECK(round_trip(graph_of({without}), {1, 2, 8, 8}) == "");
  Op late = pool_of(OpKind::max_pool, 3, 1, 0);
  late.pad = {0, 0, 1, 1};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)deploy(late, 8); }), "pads both sides alike"));
}

TEST_CASE("what Vitis AI does not take is refused by name, and allowed on request") {
  const Shape input = {1, 4, 8, 8};
  Op shuffle = op_of(OpKind::channel_shuffle, "mix", {0});
  shuffle.groups = 2;
  const auto message = error_of(Fault::unsupported, [&] { (void)to_caffe(graph_of({shuffle}), input); });
  CHECK(has(message, "op 'mix'"));
  CHECK(has(message, "Vitis AI"));
  CHECK_NOTHROW((void)to_caffe(graph_of({shuffle}), input, with_all()));
  Graph dead = graph_of({op_of(OpKind::relu, "lost", {0}), op_of(OpKind::relu, "r", {0})});
  CHECK(has(error_of(Fault::input, [&] { (void)to_caffe(dead, input); }), "'lost'"));
  Op frame = op_of(OpKind::pad, "frame", {0});
  frame.pad = {1, 1, 1, 1};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)to_caffe(graph_of({frame}), input, with_all()); }), "'frame'"));
}

TEST_CASE("calibration images: one weight file, two texts, and the deviations in the first convolution") {
  const Prim prim = normalized({"stem", 32, 3, 8, 2, true, {{"activation", Attr(std::string("relu"))}}});
  const Shape input = {1, 3, 32, 32};
  const Graph graph = random_weights(lower(prim), input);
  CaffeOptions options;
  options.images = CaffeImages{};
  options.images->list = "calibration.txt";
  options.images->folder = "images";
  const CaffeText text = to_caffe(graph, input, options);
  CHECK(times(text.deploy, "ImageData") == 0);
  CHECK(times(text.deploy, "\"Input\"") == 1);
  CHECK(times(text.calibration, "\"Input\"") == 0);
  CHECK(times(text.calibration, "phase: TRAIN") == 1);
  CHECK(has(text.calibration, "mean_value: 103.53\n    mean_value: 116.28\n    mean_value: 123.675\n"));
  CHECK(has(text.calibration, "root_folder: \"images/\""));
  const auto calibrated = parse_caffe(text.calibration, text.weights, "calibration");
  CHECK(calibrated.input == input);
  CHECK(calibrated.notes.size() == 1);
  const auto deployed = parse_caffe(text.deploy, text.weights, "deploy");
  CHECK(difference(deployed.graph, calibrated.graph) == "");
  // w' (b g r) times (x - mean) scale is w (r g b) times (x - mean) / deviation.
  const double scale = 3 / (58.395 + 57.12 + 57.375);
  const std::array<double, 3> deviation{58.395, 57.12, 57.375};
  const auto& was = *graph.ops[1].weights[0];
  const auto& is = *deployed.graph.ops[1].weights[0];
  REQUIRE(is.size() == was.size());
  const std::size_t area = 9;
  for (std::size_t o = 0; o < 8; ++o)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t k = 0; k < area; ++k)
        CHECK(static_cast<double>(is[(o * 3 + 2 - c) * area + k]) * scale ==
              doctest::Approx(static_cast<double>(was[(o * 3 + c) * area + k]) / deviation[c]).epsilon(1e-6));
  const Prim other = normalized({"relu", 8, 3, 3, 1, true, {}});
  CHECK(has(error_of(Fault::unsupported, [&] { (void)to_caffe(lower(other), {1, 3, 8, 8}, options); }), "'relu'"));
}

TEST_CASE("calibration images of one channel change no weight") {
  Op conv = op_of(OpKind::conv2d, "c", {0});
  conv.out_channels = 4;
  conv.kernel = {3, 3};
  const Shape input = {1, 1, 8, 8};
  const Graph graph = random_weights(graph_of({conv}), input);
  CaffeOptions options;
  options.images = CaffeImages{};
  options.images->mean[0] = 73;
  options.images->deviation[0] = 80;
  const CaffeText text = to_caffe(graph, input, options);
  CHECK(has(text.calibration, "scale: 0.0125\n"));
  CHECK(has(text.calibration, "mean_value: 73\n"));
  CHECK(times(text.calibration, "mean_value") == 1);
  const auto calibrated = parse_caffe(text.calibration, text.weights, "calibration");
  CHECK(calibrated.input == input);
  CHECK(difference(graph, calibrated.graph) == "");
  CHECK(difference(graph, parse_caffe(text.deploy, text.weights, "deploy").graph) == "");
  options.images->deviation[0] = 0;
  (void)error_of(Fault::usage, [&] { (void)to_caffe(graph, input, options); });
  options.images->deviation[0] = 80;
  CHECK(has(error_of(Fault::unsupported,
                     [&] {
                       (void)to_caffe(graph_of({conv}), {1, 2, 8, 8}, options);
                     }),
            "takes 2 channels"));
}

TEST_CASE("dropout is left out where Caffe would drop") {
  Op conv = op_of(OpKind::conv2d, "c", {0});
  conv.out_channels = 4;
  Op drop = op_of(OpKind::dropout, "d", {1});
  drop.value = 0.5;
  CaffeOptions options;
  options.images = CaffeImages{};
  const CaffeText text = to_caffe(graph_of({conv, drop, op_of(OpKind::relu, "r", {2})}), {1, 3, 8, 8}, options);
  CHECK(times(text.deploy, "\"Dropout\"") == 1);
  CHECK(times(text.calibration, "Dropout") == 0);
  CHECK(parse_caffe(text.calibration, text.weights, "c").graph.ops.size() == 3);
}

TEST_CASE("folded batch norms compute the same") {
  const Prim prim = normalized({"conv_bn_relu_1x1", 1, 4, 5, 1, true, {}});
  const Shape input = {1, 4, 1, 1};
  const Graph graph = random_weights(lower(prim), input);
  CaffeOptions options;
  options.fold_batch_norm = true;
  const CaffeText text = to_caffe(graph, input, options);
  CHECK(times(text.deploy, "BatchNorm") == 0);
  const Graph folded = parse_caffe(text.deploy, text.weights, "f").graph;
  REQUIRE(folded.ops.size() == graph.ops.size() - 1);
  const auto& conv = graph.ops[1];
  const auto& norm = graph.ops[2];
  REQUIRE(norm.kind == OpKind::batch_norm);
  for (std::size_t o = 0; o < 5; ++o) {
    double was = 0;
    double is = static_cast<double>((*folded.ops[1].weights[1])[o]);
    for (std::size_t c = 0; c < 4; ++c) {
      const double x = 0.3 * static_cast<double>(c) - 0.5;
      was += x * static_cast<double>((*conv.weights[0])[o * 4 + c]);
      is += x * static_cast<double>((*folded.ops[1].weights[0])[o * 4 + c]);
    }
    const auto of = [&](std::size_t k) { return static_cast<double>((*norm.weights[k])[o]); };
    CHECK(is == doctest::Approx((was - of(2)) / std::sqrt(of(3) + norm.value) * of(0) + of(1)).epsilon(1e-5));
  }
}

TEST_CASE("protoc decodes the caffemodel by Caffe's numbers") {
  const auto protoc = base::find_program("protoc");
  REQUIRE(protoc.has_value());
  const Prim prim = normalized({"mobilenet_v2_block",
                                8,
                                4,
                                6,
                                2,
                                true,
                                {{"expansion", Attr(std::int64_t{2})}, {"kernel_size", Attr(std::int64_t{3})}}});
  const hwprof_test::TempFolder folder;
  const CaffeFiles files = write_caffe(folder.file("net"), lower(prim), {1, 4, 8, 8});
  CHECK(base::exists(files.deploy));
  CHECK(files.calibration.empty());
  const std::string dir = std::string(HWPROF_SOURCE_DIR) + "/src/format";
  const std::string script =
      "exec \"$0\" --decode=hwprof_caffe.NetParameter --proto_path=\"$1\" hwprof_caffe.proto < \"$2\"";
  base::Command command;
  command.argv = {"/bin/sh", "-c", script, *protoc, dir, files.weights};
  const auto run = base::run_command(command);
  CHECK_MESSAGE(run.good(), run.describe());
  CHECK(has(run.output, "type: \"Convolution\""));
  CHECK(times(run.output, "blobs {") > 5);
}

TEST_CASE("networks by others: in place, phases, old inputs, losses") {
  const std::string text = R"(
name: "theirs"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        param { lr_mult: 1 decay_mult: 1 }
        convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "drop" type: "Dropout" bottom: "conv1" top: "conv1" include { phase: TRAIN } }
layer { name: "pool" type: "Pooling" bottom: "conv1" top: "pool" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "conv1" top: "loss" }
)";
  const CaffeNet net = parse_caffe(text, {}, "theirs.prototxt");
  REQUIRE(net.graph.ops.size() == 6);
  CHECK(net.graph.ops[2].inputs == std::vector<int>{1});
  CHECK(net.graph.ops[3].kind == OpKind::max_pool);
  CHECK(net.graph.ops[3].ceil_mode);
  CHECK(net.graph.ops[4].kind == OpKind::flatten);
  CHECK(net.graph.ops[5].name == "fc");
  CHECK(net.graph.outputs == std::vector<int>{5});
  CHECK(net.notes.size() == 1);
  CHECK(infer_shapes(net.graph, net.input)[3] == Shape{1, 4, 4, 4});
  const std::string images =
      "layer { name: 'd' type: 'ImageData' top: 'data' transform_param { crop_size: 28 } image_data_param { "
      "new_height: 32 new_width: 36 } } layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }";
  CHECK(parse_caffe(images, {}, "i").input == Shape{1, 3, 28, 28});
}

TEST_CASE("bad files are refused with the place") {
  const auto refused = [](Fault fault, const std::string& text, const std::string& weights = {}) {
    return error_of(fault, [&] { (void)parse_caffe(text, weights, "f"); });
  };
  const std::string input = "input: 'data' input_shape { dim: 1 dim: 3 dim: 8 dim: 8 } ";
  CHECK(has(refused(Fault::input, "layer { name: "), "f:1:"));
  CHECK(has(refused(Fault::input, ""), "without an input"));
  CHECK(has(refused(Fault::input, input + "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'a' }"), "layer 'a'"));
  CHECK(has(refused(Fault::unsupported, input + "layer { name: 'a' type: 'LRN' bottom: 'data' top: 'a' }"), "LRN"));
  CHECK(has(refused(Fault::unsupported, "layers { name: 'a' } " + input), "upgrade_net_proto_text"));
  CHECK(has(refused(Fault::unsupported, input + "layer { name: 'a' type: 'Pooling' bottom: 'data' top: 'a' "
                                                "pooling_param { kernel_size: 2 dilation: 2 } }"),
            "dilation"));
  CHECK(has(
      refused(Fault::unsupported, input + "layer { name: 'a' type: 'Eltwise' bottom: 'data' bottom: 'data' top: 'a' "
                                          "eltwise_param { coeff: 1 coeff: -1 } }"),
      "difference"));
  CHECK(has(refused(Fault::input, input + "layer { name: 'a' type: 'Convolution' bottom: 'data' top: 'a' "
                                          "convolution_param { num_output: 99999999999 kernel_size: 3 } }"),
            "makes no sense"));
  const std::string conv = input +
                           "layer { name: 'a' type: 'Convolution' bottom: 'data' top: 'a' "
                           "convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }";
  CHECK(has(refused(Fault::input, conv, std::string("\x0a\x01", 2) + "x"), "no weights of it"));
  CHECK(has(refused(Fault::input, conv, "\xff\xff\xff"), "byte 3"));
  const std::string relu = "layer { name: 'a' type: 'ReLU' bottom: 'data' top: 'a' relu_param { negative_slope: ";
  for (const char* slope : {"nan", "inf", "1e39"})
    CHECK(has(refused(Fault::input, input + relu + slope + " } }"), "finite"));
  for (const char* side : {"bottom", "top"}) {
    std::string wide = input + "layer { name: 'a' type: 'Concat' top: 'a' ";
    for (int i = 0; i <= 1000; ++i)
      wide += side + std::string(": '") + (*side == 'b' ? "data" : "t" + std::to_string(i)) + "' ";
    CHECK(has(refused(Fault::input, wide + "}"), "more than 1000 bottoms or tops"));
  }
  std::string deep = input + "layer { ";
  for (int i = 0; i < 100; ++i) deep += "include { ";
  CHECK(has(refused(Fault::input, deep), "nested"));
  const Graph graph = random_weights(graph_of({[] {
                                       Op op = op_of(OpKind::conv2d, "a", {0});
                                       op.out_channels = 3;
                                       return op;
                                     }()}),
                                     {1, 3, 8, 8});
  CHECK(has(refused(Fault::input, conv, to_caffe(graph, {1, 3, 8, 8}).weights), "expected 2x3x1x1"));
}

TEST_CASE("a redundant input is taken out, and nothing else changes") {
  const std::string body =
      "layer {\n  name: \"c\" type: \"ReLU\" # a comment with { in it\n  bottom: \"data\" top: \"c\"\n"
      "  fixed_param { bit_width: 8 }\n}\n";
  const std::string input = "layer {\n  name: \"in\"\n  type: \"Input\"\n  top: \"data\"\n}\n";
  const std::string images =
      "layer {\n  name: \"in\"\n  type: \"ImageData\"\n  top: \"data\"\n  top: \"label\"\n"
      "  image_data_param { source: \"} list.txt\" }\n}\n";
  std::vector<std::string> notes;
  CHECK(clean_prototxt(images + input + body, "f", &notes) == input + body);
  CHECK(notes.size() == 1);
  CHECK(clean_prototxt(input + input + body, "f") == input + body);
  CHECK(clean_prototxt(input + body, "f") == input + body);
  const std::string named = "input: \"data\"\ninput_dim: 1\n";
  CHECK(clean_prototxt(named + input + body, "f") == named + body);
  const std::string phased = clean_prototxt(images + body, "f", &notes);
  CHECK(has(phased, "include {\n    phase: TRAIN\n  }\n}\n"));
  CHECK(has(phased, body));
  CHECK(clean_prototxt(phased, "f") == phased);
  const std::string loss = "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'c' bottom: 'label' top: 'l' }\n";
  CHECK(has(error_of(Fault::input, [&] { (void)clean_prototxt(images + input + body + loss, "f"); }), "'label'"));
  // Of two layers that are gone the first is named, and bottoms that nobody gives are not its business.
  const std::string second = "layer { name: 'second' type: 'ImageData' top: 'data' top: 'label' }\n";
  CHECK(has(error_of(Fault::input,
                     [&] {
                       (void)clean_prototxt(images + second + input + body + "layer { bottom: 'none' }\n" + loss, "f");
                     }),
            "only layer 'in' (ImageData)"));
  CHECK(has(error_of(Fault::input, [&] { (void)clean_prototxt("layer { ", "f"); }), "not closed"));
  CHECK(has(error_of(Fault::input, [&] { (void)clean_prototxt("name: 'x'", "f"); }), "no layers"));
}

TEST_CASE("lists of images have two columns") {
  const hwprof_test::TempFolder folder;
  for (const char* name : {"b.JPG", "a b.png", "c.txt", "10.jpeg", "9.jpeg"})
    base::write_file(folder.file(std::string("img/") + name), "x");
  CHECK(write_image_list(folder.file("list.txt"), folder.file("img")) == 4);
  CHECK(base::read_file(folder.file("list.txt")) == "9.jpeg 0\n10.jpeg 0\na b.png 0\nb.JPG 0\n");
  CHECK(write_image_list(folder.file("list.txt"), folder.file("img"), 2) == 2);
  base::make_folder(folder.file("none"));
  CHECK(
      has(error_of(Fault::input, [&] { (void)write_image_list(folder.file("l"), folder.file("none")); }), "no images"));
}

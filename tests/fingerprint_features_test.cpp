// SPDX-License-Identifier: Apache-2.0
// Features against figures that were worked out by hand.
#include <doctest/doctest.h>

#include <map>

#include "fingerprint_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

std::map<std::string, double> named(const CostedNet& net, int batch, Stage stage) {
  const auto names = list_fingerprint_features(stage);
  const auto values = fingerprint_of(net, batch, stage);
  REQUIRE(names.size() == values.size());
  std::map<std::string, double> out;
  for (std::size_t i = 0; i < names.size(); ++i) out[names[i]] = values[i];
  CHECK(out.size() == names.size());  // no name twice
  return out;
}

CostedNet one_conv() {
  GraphBuilder b("conv");
  CostedNet net;
  net.id = "conv";
  const int conv = b.conv(b.input(), 6, 3, 2, 2);  // C 4, O 6, k 3, s 2, p 1, g 2: E 2
  net.parts.push_back({std::move(b).finish(conv), {1, 4, 8, 8}});
  return net;
}

}  // namespace

TEST_CASE("perf4sight's features of a convolution, worked out by hand") {
  // B 3, C 4, O 6, k 3, E 2, n 8, m 4.
  const auto f = named(one_conv(), 3, Stage::training);
  const auto is = [&f](const char* name, double value) {
    REQUIRE_MESSAGE(f.count(name) == 1, name);
    CHECK_MESSAGE(f.at(name) == doctest::Approx(value), name);
  };
  is("tensors.weights", 6 * 2 * 9);
  is("tensors.weight_gradient", 3 * 6 * 2 * 9);
  is("tensors.input_and_gradient", 2 * 3 * 4 * 64);
  is("tensors.output_and_gradient", 2 * 3 * 6 * 16);
  is("tensors.all", 108 + 324 + 1536 + 576);
  is("gemm.index_forward", 48);
  is("gemm.im2col_forward", 48 * 9 * 4);
  is("gemm.index_input_gradient", 3 * 64);
  is("gemm.im2col_input_gradient", 192 * 9 * 4);
  is("gemm.im2col_weight_gradient", 48 * 9 * 2);
  is("gemm.im2col_all", 1728 + 6912 + 864);
  is("gemm.index_all", 2 * 48 + 192);
  is("gemm.operations_forward", 3 * 6 * 16 * 9 * 2);
  is("gemm.operations_input_gradient", 3 * 4 * 64 * 9 * 6);
  is("gemm.operations", 2 * 5184 + 41472);
  is("fft.weights_forward", 72 * 12);
  is("fft.input_forward", 72 * 12);
  is("fft.output_weight_gradient", 72 * 18);
  is("fft.weights_input_gradient", 20 * 12);
  is("fft.output_input_gradient", 20 * 18);
  is("fft.memory_forward", 864 + 864);
  is("fft.memory_input_gradient", 240 + 360);
  is("fft.memory_weight_gradient", 864 + 1296);
  is("fft.memory", 1728 + 600 + 2160);
  is("fft.operations_forward", 64 * 3 * (12 + 18 + 12) + 3 * 6 * 4 * 64);
  is("fft.operations_input_gradient", 16 * 2 * 42 + 3 * 6 * 4 * 16);
  is("fft.operations_weight_gradient", 8 * 6 * 42 + 3 * 6 * 4 * 64);
  is("fft.operations", 12672 + 2496 + 6624);
  // Tiles of 4 for windows of 3: 6 x 6 values, 2 x 2 tiles of the input, 1 of the output.
  is("winograd43.memory_forward", 3 * 18 * 36 * 4);
  is("winograd43.memory_input_gradient", 3 * 12 * 36 * 1);
  is("winograd43.memory_weight_gradient", 3 * 3 * 12 * 36 * 4);
  is("winograd43.memory_forward_and_input", 7776 + 1296);
  is("winograd43.memory_forward_and_weight", 7776 + 15552);
  is("winograd43.memory_input_and_weight", 1296 + 15552);
  is("winograd43.memory", 7776 + 1296 + 15552);
  is("winograd43.operations_forward", 36 * 4 * 1 * 36);
  is("winograd43.operations_input_gradient", 72 * 1 * 1 * 36);
  is("winograd43.operations_weight_gradient", 36 * 4 * 4 * 36);
  is("winograd43.operations", 5184 + 2592 + 20736);
  // Tiles of 3 for windows of 2: 4 x 4 values, 3 x 3 tiles of the input, 2 x 2 of the output and the kernel.
  is("winograd32.memory_forward", 3 * 18 * 16 * 9);
  is("winograd32.memory_input_gradient", 3 * 12 * 16 * 4);
  is("winograd32.memory_weight_gradient", 3 * 36 * 16 * 9);
  is("winograd32.operations_forward", 36 * 9 * 4 * 16);
  is("winograd32.operations_input_gradient", 72 * 4 * 4 * 16);
  is("winograd32.operations_weight_gradient", 36 * 9 * 4 * 16);

  // Kernels. A window of 3 over 8 at stride 2 with padding 1 has 2 taps on the map once, 3 taps three times: 11 of 12.
  is("kernel.macs_grouped", 2 * 3.0 * 11 * 11 * 6 * 2);  // the image needs no gradient: two passes
  is("kernel.root_grouped", 2 * std::sqrt(3.0 * 11 * 11 * 6 * 2));
  is("kernel.weights_grouped", 4 * 108);
  is("kernel.reread_grouped", 3 * 4 * 108);
  is("kernel.values_grouped", 4 * (3 * 4 * 64 + 3 * 6 * 16));
  is("kernel.launches_grouped", 2);
  is("kernel.macs_window", 0);
  is("kernel.macs_pointwise", 0);

  const auto i = named(one_conv(), 3, Stage::inference);
  CHECK(i.at("kernel.macs_grouped") == 3 * 11 * 11 * 6 * 2);
  CHECK(i.at("tensors.all") == 108 + 768 + 288);
  CHECK(i.at("gemm.operations") == 5184);
  CHECK(i.at("fft.memory_forward") == 1728);
  CHECK(i.at("fft.operations_forward") == doctest::Approx(12672));
  CHECK(i.at("winograd43.memory_forward") == 7776);
  CHECK(i.at("winograd32.operations_forward") == 20736);
  CHECK(i.count("tensors.weight_gradient") == 0);
  CHECK(i.count("gemm.im2col_weight_gradient") == 0);
}

TEST_CASE("our own features of a small network, worked out by hand") {
  // Image 2x4x4, conv 1x1 to 3, batch norm, relu, linear on the flattened map; batch 2.
  GraphBuilder b("small");
  const int conv = b.conv(b.input(), 3, 1);
  const int relu = b.activation(b.batch_norm(conv), "relu");
  Op flat;
  flat.kind = OpKind::flatten;
  flat.name = "flat";
  flat.inputs = {relu};
  const int flattened = b.op(flat);
  Op fc;
  fc.kind = OpKind::linear;
  fc.name = "fc";
  fc.inputs = {flattened};
  fc.out_channels = 5;
  fc.bias = true;
  const int out = b.op(fc);
  CostedNet net;
  net.id = "small";
  net.parts.push_back({std::move(b).finish(out), {1, 2, 4, 4}});

  const auto t = named(net, 2, Stage::training);
  const double conv_macs = 2 * 16 * 2 * 3, fc_macs = 2 * 48 * 5;
  // The image needs no gradient: two passes of the convolution, three of the linear layer.
  CHECK(t.at("own.macs") == 2 * conv_macs + 3 * fc_macs);
  CHECK(t.at("own.macs_pointwise") == t.at("own.macs"));
  CHECK(t.at("own.macs_window") == 0);
  CHECK(t.at("own.macs_grouped") == 0);
  CHECK(t.at("own.macs_tiled") == 2 * 128 * 64 * 8 + 3 * 128 * 64 * 48);
  CHECK(t.at("own.macs_root") == doctest::Approx(2 * std::sqrt(conv_macs) + 3 * std::sqrt(fc_macs)));
  CHECK(t.at("own.param_bytes") == 4 * (6 + 6 + 245));
  CHECK(t.at("own.param_tensors") == 1 + 2 + 2);
  CHECK(t.at("own.launches") == 2 + 3 + 2 + 3);
  CHECK(t.at("own.bytes_norm") == 2 * 4 * (96 + 96 + 12) + 2 * 4 * 96);
  CHECK(t.at("own.bytes_activation") == 2 * 4 * (96 + 96));
  CHECK(t.at("own.bytes_pool") == 0);
  CHECK(t.at("kernel.macs_pointwise") == t.at("own.macs"));
  CHECK(t.at("kernel.blocked_pointwise") == 2 * 2 * 16 * 16 * 16 + 3 * 2 * 48 * 16);
  CHECK(t.at("kernel.weights_pointwise") == 4 * (6 + 245));
  CHECK(t.at("kernel.blocked_weights_pointwise") == 4 * (16 * 16 + 48 * 16));
  CHECK(t.at("kernel.reread_pointwise") == 2 * 4 * (6 + 245));
  CHECK(t.at("kernel.launches_pointwise") == 5);
  CHECK(t.at("kernel.norms") == 1);
  CHECK(t.at("kernel.norm_channels") == 3);
  CHECK(t.at("kernel.norm_maps") == 6);
  CHECK(t.at("kernel.activations") == 1);
  CHECK(t.at("kernel.pools") + t.at("kernel.pool_taps") + t.at("kernel.joins") == 0);
  CHECK(t.at("own.image_bytes") == 4 * 2 * 32);
  CHECK(t.at("own.batch") == 2);
  CHECK(t.at("own.im2col_bytes") == 4 * 2 * 2 * 16);
  CHECK(t.at("own.im2col_image_bytes") == 4 * 2 * 16);
  CHECK(t.at("own.largest_bytes") == 4 * 96);
  // Kept: image 256 (convolution), its output 384 (norm), relu's output 384 (itself and the linear layer), and the
  // network's output 40.
  CHECK(t.at("own.saved_bytes") == 256 + 384 + 384 + 40);
  // Going back, relu's step has most: all of these, and the gradients of both its sides.
  CHECK(t.at("own.peak_bytes") == 256 + 384 + 384 + 40 + 384 + 384);
  // The same with the linear layer's gradients, which are there by then; and twice the weights.
  CHECK(t.at("own.step_bytes") == 256 + 384 + 384 + 40 + 384 + 384 + 4 * 245 + 2 * 4 * 257);

  const auto i = named(net, 2, Stage::inference);
  CHECK(i.at("own.macs") == conv_macs + fc_macs);
  CHECK(i.at("own.launches") == 4);
  CHECK(i.at("own.saved_bytes") == 0);
  CHECK(i.at("own.step_bytes") == 0);
  CHECK(i.at("own.peak_bytes") == 256 + 384 + 384);  // the image stays, one value in, one out
}

TEST_CASE("features add up over ops, grow with the batch, and take sides that differ") {
  const auto net = hwprof_test::make_net("mobile", 30);
  for (const Stage stage : {Stage::inference, Stage::training}) {
    auto input = net.parts[0].input;
    input[0] = 4;
    const auto ops = fingerprint_ops(net.parts[0].graph, input, stage);
    const auto all = fingerprint_of(net, 4, stage);
    REQUIRE(ops.size() == net.parts[0].graph.ops.size());
    for (std::size_t f = 0; f < ops[0].size(); ++f) {
      double sum = 0;
      for (const auto& op : ops) sum += op[f];
      CHECK(sum == doctest::Approx(all[f]));
    }
    const auto once = fingerprint_of(net, 1, stage);
    for (std::size_t f = 0; f < all.size(); ++f) CHECK(once[f] <= all[f]);
  }
  CostedNet wide = one_conv();
  wide.parts[0].input = {1, 4, 8, 16};
  const auto f = named(wide, 1, Stage::training);
  CHECK(f.at("gemm.operations_forward") == 6 * 4 * 8 * 9 * 2);
  CHECK(f.at("fft.input_forward") == 8 * 17 * 4);
  CHECK(has(error_of(Fault::usage, [&] { (void)fingerprint_of(wide, 0, Stage::training); }), "a batch of 1"));
  CHECK(has(error_of(Fault::usage, [&] { (void)fingerprint_of(wide, 1 << 21, Stage::training); }), "a batch of 1"));
  CHECK(has(error_of(Fault::usage, [&] { (void)fingerprint_of({}, 1, Stage::training); }), "no ops"));
}

TEST_CASE("taps on padding are not counted, whatever the stride, the dilation and the sides") {
  std::mt19937_64 rng(2);
  const auto draw = [&rng](int n) { return static_cast<int>(base::draw_below(rng, static_cast<std::size_t>(n))); };
  for (int round = 0; round < 60; ++round) {
    Graph graph;
    graph.ops.resize(2);
    graph.ops[0].kind = OpKind::input;
    graph.ops[0].name = "in";
    Op& conv = graph.ops[1];
    conv.kind = OpKind::conv2d;
    conv.name = "conv";
    conv.inputs = {0};
    conv.out_channels = 2;
    conv.kernel = {2 + draw(4), 1 + draw(5)};
    conv.stride = {1 + draw(3), 1 + draw(3)};
    conv.dilation = {1 + draw(2), 1 + draw(2)};
    conv.pad = {draw(4), draw(4), draw(4), draw(4)};
    graph.outputs = {1};
    const Shape input{3, 5, 9 + draw(4), 9 + draw(4)};
    const Shape out = infer_shapes(graph, input)[1];
    double taps = 0;
    for (std::int64_t y = 0; y < out[2]; ++y)
      for (std::int64_t x = 0; x < out[3]; ++x)
        for (int i = 0; i < conv.kernel[0]; ++i)
          for (int j = 0; j < conv.kernel[1]; ++j) {
            const std::int64_t row = y * conv.stride[0] - conv.pad[0] + i * conv.dilation[0];
            const std::int64_t column = x * conv.stride[1] - conv.pad[1] + j * conv.dilation[1];
            taps += row >= 0 && row < input[2] && column >= 0 && column < input[3] ? 1 : 0;
          }
    CostedNet net;
    net.id = "conv";
    net.parts.push_back({graph, input});
    CHECK(named(net, 3, Stage::inference).at("kernel.macs_window") == 3 * 5 * 2 * taps);
  }
}

TEST_CASE("layers by themselves add up to what the network costs, what lives apart") {
  const auto whole = hwprof_test::make_net("plain", 0);
  CostedNet layers;
  layers.id = "layers";
  const auto& graph = whole.parts[0].graph;
  const auto shapes = infer_shapes(graph, whole.parts[0].input);
  for (std::size_t i = 1; i < shapes.size(); ++i) {
    Graph one;
    Op input;
    input.kind = OpKind::input;
    input.name = "in";
    one.ops.push_back(input);
    one.ops.push_back(graph.ops[i]);
    const auto from = static_cast<std::size_t>(graph.ops[i].inputs[0]);
    one.ops.back().inputs = {0};
    one.outputs = {1};
    layers.parts.push_back({one, shapes[from]});
  }
  const auto a = named(whole, 2, Stage::inference), b = named(layers, 2, Stage::inference);
  for (const char* name : {"own.macs", "own.param_bytes", "gemm.im2col_forward", "winograd43.operations_forward",
                           "own.im2col_bytes", "own.bytes_norm", "own.image_bytes"})
    CHECK_MESSAGE(a.at(name) == doctest::Approx(b.at(name)), name);
}

TEST_CASE("layers by themselves: their inputs have gradients, and what they hand on is kept once") {
  const hwprof_test::TempFolder folder;
  const auto net = [&folder](const std::string& list) {
    return load_costed_net(folder.write("x.yaml", "kind: listed\nname: x\nimage_size: 16\nlayers:\n" + list));
  };
  const auto whole = net(R"(- {prim_type: conv_bn_act, C_out: 8, kernel_size: 3, activation: relu}
- {prim_type: conv_bn_act, C_out: 12, kernel_size: 1, activation: relu}
- {prim_type: max_pool, stride: 2, kernel_size: 3, padding: 1}
- {prim_type: conv_bn_act, C_out: 20, kernel_size: 3, stride: 2, activation: relu}
)");
  // The last one again, beside the other, so that these are no chain.
  const std::string layers =
      R"(- {prim_type: conv_bn_act, spatial_size: 16, C: 3, C_out: 8, kernel_size: 3, activation: relu}
- {prim_type: conv_bn_act, spatial_size: 16, C: 8, C_out: 12, kernel_size: 1, activation: relu}
- {prim_type: max_pool, spatial_size: 16, C: 12, stride: 2, kernel_size: 3, padding: 1}
- {prim_type: conv_bn_act, spatial_size: 8, C: 12, C_out: 20, kernel_size: 3, stride: 2, activation: relu}
)";
  const std::string beside =
      "- {prim_type: conv_bn_act, spatial_size: 8, C: 12, C_out: 20, kernel_size: 3, stride: 2, activation: relu}\n";
  const auto one = net(layers + beside), two = net(layers + beside + beside);
  REQUIRE(whole.parts.size() == 1);
  REQUIRE(one.parts.size() == 5);
  for (const Stage stage : {Stage::training, Stage::inference}) {
    const auto a = named(whole, 2, stage), b = named(one, 2, stage), c = named(two, 2, stage);
    for (const char* name : {"own.macs", "own.macs_window", "own.macs_pointwise", "own.bytes_product", "own.bytes_norm",
                             "own.bytes_activation", "own.bytes_pool", "own.launches", "own.saved_bytes",
                             "kernel.macs_window", "kernel.values_window", "kernel.launches_window"})
      CHECK_MESSAGE(a.at(name) == doctest::Approx(2 * b.at(name) - c.at(name)), name);
  }
  // By hand: 3 passes of the second convolution, 2 of the first; values of 2 images that are kept.
  const auto all = named(whole, 2, Stage::training);
  CHECK(all.at("own.macs_pointwise") == 3.0 * 2 * 256 * 8 * 12);
  const double maps = 256 * (3 + 2 * 8 + 2 * 12) + 64 * 12 + 16 * 2 * 20;
  CHECK(all.at("own.saved_bytes") == 2 * (4 * maps + 8 * 64 * 12));
}

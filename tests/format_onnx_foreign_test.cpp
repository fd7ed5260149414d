// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <cstring>

#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "onnx_file.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

// Files as other tools write them, built here message by message.

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

using Dims = std::vector<std::int64_t>;
using File = hwprof_test::OnnxFile;
using hwprof_test::kinds;
using hwprof_test::last;
using hwprof_test::out_shape;

}  // namespace

TEST_CASE("relu6, relu and hardtanh are Clip in both styles, from initialisers and from Constant nodes") {
  File old(9);
  auto& clip = old.node("Clip", {"input"}, {"out"});
  File::set(clip, "min", 0.0F);
  File::set(clip, "max", 6.0F);
  CHECK(last(old.read("out")).kind == OpKind::relu6);
  File fresh(11);
  fresh.floats("low", {}, {0});
  fresh.constant("high", {}, {6});
  fresh.node("Clip", {"input", "low", "high"}, {"out"});
  CHECK(last(fresh.read("out")).kind == OpKind::relu6);
  File relu(11);
  relu.floats("low", {}, {0});
  relu.node("Clip", {"input", "low"}, {"out"});
  CHECK(last(relu.read("out")).kind == OpKind::relu);
  File hardtanh(11);
  hardtanh.floats("low", {}, {-1});
  hardtanh.floats("high", {}, {1});
  hardtanh.node("Clip", {"input", "low", "high"}, {"out"});
  CHECK(last(hardtanh.read("out")).kind == OpKind::hardtanh);
  File other(11);
  other.floats("low", {}, {-2});
  other.floats("high", {}, {1});
  other.node("Clip", {"input", "low", "high"}, {"out"});
  CHECK(has(other.refused(Fault::unsupported, "out"), "clips to -2 to 1"));
}

TEST_CASE("HardSwish is found in every spelling") {
  const auto begin = [](File& file) {
    file.constant("three", {}, {3});
    file.constant("six", {}, {6});
    file.constant("zero", {}, {0});
    file.node("Add", {"input", "three"}, {"sum"});
    file.node("Clip", {"sum", "zero", "six"}, {"clipped"});
  };
  SUBCASE("times x, then divided") {
    File file(11);
    begin(file);
    file.node("Mul", {"input", "clipped"}, {"product"});
    file.node("Div", {"product", "six"}, {"out"});
    CHECK(kinds(file.read("out")) == std::vector<OpKind>{OpKind::input, OpKind::h_swish});
  }
  SUBCASE("divided, then times x") {
    File file(11);
    begin(file);
    file.node("Div", {"clipped", "six"}, {"gate"});
    file.node("Mul", {"gate", "input"}, {"out"});
    CHECK(kinds(file.read("out")) == std::vector<OpKind>{OpKind::input, OpKind::h_swish});
  }
  SUBCASE("times a sixth, on its own") {
    File file(11);
    begin(file);
    file.floats("sixth", {1}, {1.0F / 6});
    file.node("Mul", {"clipped", "sixth"}, {"out"});
    CHECK(kinds(file.read("out")) == std::vector<OpKind>{OpKind::input, OpKind::h_sigmoid});
  }
  SUBCASE("the gate is used elsewhere too") {
    File file(11);
    begin(file);
    file.node("Div", {"clipped", "six"}, {"gate"});
    file.node("Mul", {"gate", "input"}, {"product"});
    file.node("Add", {"gate", "product"}, {"out"});
    CHECK(kinds(file.read("out")) == std::vector<OpKind>{OpKind::input, OpKind::h_sigmoid, OpKind::mul, OpKind::add});
  }
  SUBCASE("HardSigmoid times x, and HardSwish") {
    File file(14);
    auto& gate = file.node("HardSigmoid", {"input"}, {"gate"});
    File::set(gate, "alpha", 1.0F / 6);
    file.node("Mul", {"input", "gate"}, {"product"});
    file.node("HardSwish", {"product"}, {"out"});
    CHECK(kinds(file.read("out")) == std::vector<OpKind>{OpKind::input, OpKind::h_swish, OpKind::h_swish});
  }
  SUBCASE("HardSigmoid of another slope") {
    File file(11);
    file.node("HardSigmoid", {"input"}, {"out"});
    CHECK(has(file.refused(Fault::unsupported, "out"), "alpha 1/6"));
  }
}

TEST_CASE("the classifier of a torchvision network") {
  SUBCASE("GlobalAveragePool, Flatten, Gemm with transB") {
    File file(11);
    file.node("GlobalAveragePool", {"input"}, {"pooled"});
    File::set(file.node("Flatten", {"pooled"}, {"flat"}), "axis", std::int64_t{1});
    file.filled("w", {3, 4});
    file.floats("b", {3}, {1, 2, 3});
    auto& gemm = file.node("Gemm", {"flat", "w", "b"}, {"out"});
    File::set(gemm, "transB", std::int64_t{1});
    File::set(gemm, "alpha", 2.0F);
    File::set(gemm, "beta", 0.5F);
    const OnnxNet net = file.read("out");
    CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::global_avg_pool, OpKind::flatten, OpKind::linear});
    CHECK(last(net).weights.at(0)->at(5) == 2.5F);  // 5 * 0.25 * alpha
    CHECK(*last(net).weights.at(1) == std::vector<float>{0.5F, 1, 1.5F});
    CHECK(out_shape(net) == Shape{1, 3, 1, 1});
  }
  SUBCASE("ReduceMean and a Gemm that stands upright") {
    File file(11);
    auto& mean = file.node("ReduceMean", {"input"}, {"pooled"});
    File::set(mean, "axes", Dims{-1, -2});
    File::set(mean, "keepdims", std::int64_t{0});
    file.filled("w", {4, 3}, 1);
    file.node("Gemm", {"pooled", "w"}, {"out"});
    const OnnxNet net = file.read("out");
    CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::global_avg_pool, OpKind::linear});
    CHECK(*last(net).weights.at(0) == std::vector<float>{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11});
    CHECK_FALSE(last(net).bias);
  }
  SUBCASE("mean(3).mean(2), MatMul and Add") {
    File file(13);
    auto& first = file.node("ReduceMean", {"input"}, {"rows"});
    File::set(first, "axes", Dims{3});
    File::set(first, "keepdims", std::int64_t{0});
    auto& second = file.node("ReduceMean", {"rows"}, {"pooled"});
    File::set(second, "axes", Dims{2});
    File::set(second, "keepdims", std::int64_t{0});
    file.filled("w", {4, 2}, 1);
    file.floats("b", {2}, {5, 6});
    file.node("MatMul", {"pooled", "w"}, {"product"});
    file.node("Add", {"b", "product"}, {"out"});
    const OnnxNet net = file.read("out");
    CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::global_avg_pool, OpKind::linear});
    CHECK(last(net).bias);
    CHECK(*last(net).weights.at(1) == std::vector<float>{5, 6});
    CHECK(*last(net).weights.at(0) == std::vector<float>{0, 2, 4, 6, 1, 3, 5, 7});
  }
  SUBCASE("x.view(x.size(0), -1) as Shape, Gather, Unsqueeze, Concat, Reshape") {
    File file(11);
    file.node("GlobalAveragePool", {"input"}, {"pooled"});
    file.node("Shape", {"pooled"}, {"shape"});
    file.integers("zero", {0}, true);
    file.integers("rest", {-1});
    file.node("Gather", {"shape", "zero"}, {"batch"});
    File::set(file.node("Unsqueeze", {"batch"}, {"batch1"}), "axes", Dims{0});
    File::set(file.node("Concat", {"batch1", "rest"}, {"target"}), "axis", std::int64_t{0});
    file.node("Reshape", {"pooled", "target"}, {"out"});
    const OnnxNet net = file.read("out");
    CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::global_avg_pool, OpKind::flatten});
    CHECK(out_shape(net) == Shape{1, 4, 1, 1});
  }
}

TEST_CASE("convolutions: auto_pad, a bias that follows, and shared weights") {
  File file(11, {1, 4, 9, 8});
  file.filled("w", {6, 4, 3, 3});
  auto& conv = file.node("Conv", {"input", "w"}, {"c"});
  File::set(conv, "auto_pad", "SAME_UPPER");
  File::set(conv, "strides", Dims{2, 2});
  file.floats("b", {6, 1, 1}, {1, 2, 3, 4, 5, 6});
  file.node("Add", {"c", "b"}, {"sum"});
  file.node("Relu", {"sum"}, {"out"});
  const OnnxNet net = file.read("out");
  CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::conv2d, OpKind::relu});
  const Op& op = net.graph.ops[1];
  // SAME: 9 -> 5 rows need 11, so one above and one below; 8 -> 4 columns need 9, so one to the right.
  CHECK(op.pad == std::array<int, 4>{1, 0, 1, 1});
  CHECK(op.bias);
  CHECK(out_shape(net) == Shape{1, 6, 5, 4});
  CHECK(op.name == "Conv_0");
}

TEST_CASE("a constant per channel becomes a batch norm") {
  File file(11, {1, 3, 4, 4});
  file.floats("mean", {3, 1, 1}, {1, 2, 3});
  file.floats("std", {1, 3, 1, 1}, {2, 4, 8});
  file.node("Sub", {"input", "mean"}, {"centred"});
  file.node("Div", {"centred", "std"}, {"out"});
  const OnnxNet net = file.read("out");
  CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::batch_norm, OpKind::batch_norm});
  CHECK(*net.graph.ops[1].weights.at(1) == std::vector<float>{-1, -2, -3});
  CHECK(*net.graph.ops[2].weights.at(0) == std::vector<float>{0.5F, 0.25F, 0.125F});
  CHECK(net.graph.ops[2].value == 0);
}

TEST_CASE("pools, Split, Pad, Resize and SE as exporters write them") {
  File file(13);
  auto& pool = file.node("MaxPool", {"input"}, {"pooled"});
  File::set(pool, "kernel_shape", Dims{3, 3});
  File::set(pool, "strides", Dims{2, 2});
  File::set(pool, "pads", Dims{1, 1, 1, 1});
  File::set(pool, "ceil_mode", std::int64_t{1});
  file.integers("sizes", {1, 3});
  File::set(file.node("Split", {"pooled", "sizes"}, {"one", "three"}), "axis", std::int64_t{1});
  file.conv("one", "wide", 1, 3, 1);
  file.node("Sigmoid", {"wide"}, {"gate"});
  file.node("Mul", {"gate", "three"}, {"scaled"});
  File::set(file.node("Concat", {"one", "scaled"}, {"joined"}), "axis", std::int64_t{-3});
  file.integers("pads", {0, 0, 1, 2, 0, 0, 3, 0});
  file.node("Pad", {"joined", "pads"}, {"padded"});
  file.floats("scales", {4}, {1, 1, 2, 2});
  auto& grow = file.node("Resize", {"padded", "", "scales"}, {"grown"});
  File::set(grow, "coordinate_transformation_mode", "asymmetric");
  File::set(grow, "nearest_mode", "floor");
  file.node("Dropout", {"grown"}, {"dropped", "mask"});
  auto& average = file.node("AveragePool", {"dropped"}, {"out"});
  File::set(average, "kernel_shape", Dims{2, 2});
  const OnnxNet net = file.read("out");
  CHECK(kinds(net) == std::vector<OpKind>{OpKind::input, OpKind::max_pool, OpKind::split, OpKind::split, OpKind::conv2d,
                                          OpKind::sigmoid, OpKind::mul, OpKind::concat, OpKind::pad,
                                          OpKind::upsample_nearest, OpKind::dropout, OpKind::avg_pool});
  CHECK(net.graph.ops[1].ceil_mode);
  CHECK(net.graph.ops[3].first_channel == 1);
  CHECK(net.graph.ops[8].pad == std::array<int, 4>{1, 2, 3, 0});
  CHECK(net.graph.ops[9].value == 2);
  CHECK_FALSE(net.graph.ops[11].count_include_pad);
  CHECK(out_shape(net) == Shape{1, 4, 17, 13});
}

TEST_CASE("a batch that the file leaves open is one, and half floats are converted") {
  File file(11);
  file.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param(
      "batch");
  auto& tensor = *file.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT16);
  for (const std::int64_t extent : {1, 4, 1, 1}) tensor.add_dims(extent);
  for (const int half : {0x3C00, 0xC000, 0x3555, 0x0001}) tensor.add_int32_data(half);
  file.node("Conv", {"input", "w"}, {"out"});
  const OnnxNet net = file.read("out");
  CHECK(net.input[0] == 1);
  CHECK(net.notes.size() == 2);
  const auto& values = *last(net).weights.at(0);
  CHECK(values[0] == 1);
  CHECK(values[1] == -2);
  CHECK(values[2] == doctest::Approx(0.333252));
  CHECK(values[3] == doctest::Approx(5.9604645e-8));
}

TEST_CASE("what a Graph cannot hold is refused with node and type") {
  File unknown(11);
  unknown.node("Einsum", {"input"}, {"out"});
  const std::string message = unknown.refused(Fault::unsupported, "out");
  CHECK(has(message, "net.onnx: node 'Einsum_0' (Einsum)"));
  CHECK(has(message, "AveragePool"));
  File domain(11);
  domain.node("Gelu", {"input"}, {"out"}).set_domain("com.microsoft");
  CHECK(has(domain.refused(Fault::unsupported, "out"), "com.microsoft"));
  File open(11, {1, 3, 0, 8});
  open.node("Relu", {"input"}, {"out"});
  CHECK(has(open.refused(Fault::unsupported, "out"), "open"));
  File two(11);
  File::info(*two.graph().add_input(), "other", {1, 4, 8, 8});
  two.node("Add", {"input", "other"}, {"out"});
  CHECK(has(two.refused(Fault::unsupported, "out"), "several inputs"));
  File transposed(11);
  File::set(transposed.node("Transpose", {"input"}, {"out"}), "perm", Dims{0, 2, 3, 1});
  CHECK(has(transposed.refused(Fault::unsupported, "out"), "Transpose_0"));
  File strange(12);
  auto& tensor = *strange.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::BFLOAT16);
  for (const std::int64_t extent : {1, 4, 1, 1}) tensor.add_dims(extent);
  tensor.set_raw_data(std::string(8, '\0'));
  strange.node("Conv", {"input", "w"}, {"out"});
  CHECK(has(strange.refused(Fault::unsupported, "out"), "BFLOAT16"));
  File old(3);
  old.node("Relu", {"input"}, {"out"});
  CHECK(has(old.refused(Fault::unsupported, "out"), "opset 3"));
}

TEST_CASE("hostile files end in a clear error") {
  File good(11);
  good.conv("input", "c", 4, 4, 3);
  good.node("Relu", {"c"}, {"out"});
  (void)good.read("out");
  const std::string bytes = good.model.SerializeAsString();

  SUBCASE("cut short anywhere") {
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_THROWS_AS((void)parse_onnx(bytes.substr(0, size), "cut"), Error);
  }
  SUBCASE("any byte changed") {
    for (std::size_t at = 0; at < bytes.size(); ++at)
      for (const char flip : {'\x01', '\x80', '\x7f'}) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        try {
          (void)parse_onnx(changed, "changed");
        } catch (const Error&) {
          // refused, which is as good as understood
        }
      }
  }
  SUBCASE("text, nothing, and a file that is not there") {
    CHECK_THROWS_AS((void)parse_onnx("", "empty"), Error);
    CHECK_THROWS_AS((void)parse_onnx("<html>", "text"), Error);
    CHECK(has(error_of(Fault::input, [] { (void)read_onnx("/no/such/net.onnx"); }), "/no/such/net.onnx"));
  }
  SUBCASE("a tensor that claims gigabytes") {
    File file(11);
    auto& tensor = *file.graph().add_initializer();
    tensor.set_name("w");
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : {1 << 15, 1 << 15, 3, 3}) tensor.add_dims(extent);
    tensor.set_raw_data("1234");
    file.node("Conv", {"input", "w"}, {"out"});
    CHECK(has(file.refused(Fault::input, "out"), "claims"));
    tensor.clear_dims();
    for (int i = 0; i < 4; ++i) tensor.add_dims(std::int64_t{1} << 40);
    CHECK(has(file.refused(Fault::input, "out"), "makes no sense"));
    tensor.clear_dims();
    tensor.add_dims(-1);
    CHECK(has(file.refused(Fault::input, "out"), "makes no sense"));
  }
  SUBCASE("a small file that asks for much: a scalar over many channels, and ConstantOfShape") {
    File file(11, {1, std::int64_t{1} << 40, 1, 1});
    file.floats("two", {}, {2});
    file.node("Mul", {"input", "two"}, {"out"});
    CHECK(has(file.refused(Fault::input, "out"), "memory"));
    File fill(11);
    fill.integers("shape", {1 << 20, 1 << 20});
    fill.node("ConstantOfShape", {"shape"}, {"zeros"});
    fill.node("Add", {"input", "zeros"}, {"out"});
    CHECK(has(fill.refused(Fault::input, "out"), "memory"));
  }
  SUBCASE("nodes with fewer or more inputs than they take") {
    const std::pair<const char*, std::size_t> cases[] = {{"Sum", 0}, {"Concat", 0}, {"Add", 1}, {"Mul", 0}, {"Sub", 3}};
    for (const auto& one : cases) {
      CAPTURE(one.first);
      File file(11);
      auto& node = file.node(one.first, {}, {"out"});
      for (std::size_t i = 0; i < one.second; ++i) node.add_input("input");
      const std::string message = file.refused(Fault::input, "out");
      CHECK((has(message, "inputs") || has(message, "an input or more")));
    }
  }
  SUBCASE("values in another file") {
    File file(11);
    auto& tensor = *file.graph().add_initializer();
    tensor.set_name("w");
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : {1, 4, 1, 1}) tensor.add_dims(extent);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = tensor.add_external_data();
    entry->set_key("location");
    entry->set_value("../../etc/passwd");
    file.node("Conv", {"input", "w"}, {"out"});
    CHECK(has(file.refused(Fault::input, "out"), "another file"));
  }
  SUBCASE("a circle, and a value from nowhere") {
    File circle(11);
    circle.node("Add", {"input", "later"}, {"sum"});
    circle.node("Relu", {"sum"}, {"later"});
    CHECK(has(circle.refused(Fault::input, "later"), "circle"));
    File lost(11);
    lost.node("Conv", {"input", "w"}, {"out"});
    CHECK(has(lost.refused(Fault::input, "out"), "'w' comes from nowhere"));
    File empty(11);
    empty.node("Relu", {"input"}, {"out"});
    CHECK(has(empty.refused(Fault::input, "elsewhere"), "elsewhere"));
  }
  SUBCASE("two nodes that give one value") {
    File file(11);
    file.node("Relu", {"input"}, {"out"});
    file.node("Tanh", {"input"}, {"out"});
    CHECK(has(file.refused(Fault::input, "out"), "already"));
  }
  SUBCASE("millions of empty nodes") {
    std::string graph;
    for (int i = 0; i < 3'000'000; ++i) graph += std::string("\x0a\x00", 2);
    std::string size;
    for (std::size_t rest = graph.size(); rest > 0; rest >>= 7)
      size += static_cast<char>((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
    CHECK(has(error_of(Fault::input, [&] { (void)parse_onnx("\x3a" + size + graph, "many"); }), "parts"));
  }
  SUBCASE("a window without end") {
    File file(11);
    file.filled("w", {1, 4, 1, 1});
    auto& conv = file.node("Conv", {"input", "w"}, {"out"});
    File::set(conv, "pads", Dims{std::int64_t{1} << 40, 0, 0, 0});
    CHECK(has(file.refused(Fault::input, "out"), "pads"));
  }
}

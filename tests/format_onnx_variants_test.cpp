// SPDX-License-Identifier: Apache-2.0
// Spellings that newer exporters use, values in other files, and what of other branches must stay as it is.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "onnx_file.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
namespace fs = std::filesystem;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::kinds;
using hwprof_test::last;
using hwprof_test::out_shape;
using hwprof_test::TempFolder;

namespace {

using Dims = std::vector<std::int64_t>;
using File = hwprof_test::OnnxFile;
using Kinds = std::vector<OpKind>;

/// A 1x1 convolution whose weights lie in another file.
File outside(const std::string& location, const std::string& offset = "", const std::string& length = "") {
  File file(17);
  auto& tensor = *file.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : {2, 4, 1, 1}) tensor.add_dims(extent);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto entry = [&tensor](const char* key, const std::string& value) {
    auto& added = *tensor.add_external_data();
    added.set_key(key);
    added.set_value(value);
  };
  entry("location", location);
  if (!offset.empty()) entry("offset", offset);
  if (!length.empty()) entry("length", length);
  file.node("Conv", {"input", "w"}, {"out"});
  File::info(*file.graph().add_output(), "out", {});
  return file;
}

std::string raw(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("a bias is folded into a convolution only when nothing else reads it by any of its names") {
  // What adds the bias to all branches or to one is told by who is changed: the convolution, or a norm of its own.
  const auto branches = [](const std::function<void(File&)>& alias, bool shared) {
    File file(13);
    file.conv("input", "c", 4, 4, 1);
    alias(file);
    file.filled("b", {1, 4, 1, 1});
    file.node("Add", {"c1", "b"}, {"p"});
    if (!shared) return file.read("p");
    file.node("Relu", {"c"}, {"q"});
    file.node("Mul", {"p", "q"}, {"out"});
    return file.read("out");
  };
  const std::vector<std::function<void(File&)>> aliases{
      [](File& file) { File::set(file.node("Cast", {"c"}, {"c1"}), "to", std::int64_t{onnx::TensorProto::FLOAT}); },
      [](File& file) { file.node("Sum", {"c"}, {"c1"}); },
      [](File& file) {
        File::set(file.node("Transpose", {"c"}, {"c1"}), "perm", Dims{0, 1, 2, 3});
      },
      [](File& file) {
        file.integers("start", {0});
        file.integers("end", {100});
        file.integers("axis", {0});
        file.node("Slice", {"c", "start", "end", "axis"}, {"c1"});
      }};
  for (const auto& alias : aliases) {
    const auto shared = branches(alias, true);
    CHECK(kinds(shared) == Kinds{OpKind::input, OpKind::conv2d, OpKind::batch_norm, OpKind::relu, OpKind::mul});
    CHECK_FALSE(shared.graph.ops[1].bias);
    CHECK(shared.graph.ops[3].inputs == std::vector<int>{1});
    const auto alone = branches(alias, false);
    CHECK(kinds(alone) == Kinds{OpKind::input, OpKind::conv2d});
    CHECK(alone.graph.ops[1].bias);
  }
  SUBCASE("two names, a bias each") {
    File file(13);
    file.conv("input", "c", 4, 4, 1);
    for (const char* name : {"1", "2"}) {
      file.node("Sum", {"c"}, {std::string("c") + name});
      file.filled(std::string("b") + name, {1, 4, 1, 1}, name[0] == '1' ? 1.0F : 2.0F);
      file.node("Add", {std::string("c") + name, std::string("b") + name}, {std::string("p") + name});
    }
    file.node("Add", {"p1", "p2"}, {"out"});
    const auto net = file.read("out");
    CHECK(kinds(net) == Kinds{OpKind::input, OpKind::conv2d, OpKind::batch_norm, OpKind::batch_norm, OpKind::add});
    CHECK_FALSE(net.graph.ops[1].bias);
  }
  SUBCASE("two names, of which the bias is behind the last") {
    File file(13);
    file.conv("input", "c", 4, 4, 1);
    file.node("Sum", {"c"}, {"c1"});
    File::set(file.node("Cast", {"c1"}, {"c2"}), "to", std::int64_t{onnx::TensorProto::FLOAT});
    file.filled("b", {1, 4, 1, 1});
    file.node("Add", {"c2", "b"}, {"p"});
    CHECK(kinds(file.read("p")) == Kinds{OpKind::input, OpKind::conv2d});
    file.node("Relu", {"c1"}, {"q"});
    file.node("Mul", {"p", "q"}, {"out"});
    CHECK(kinds(file.read("out")) ==
          Kinds{OpKind::input, OpKind::conv2d, OpKind::batch_norm, OpKind::relu, OpKind::mul});
  }
  SUBCASE("as many names as there is room for, a bias each") {
    constexpr int many = 40'000;  // minutes, where each bias looks at all the names
    File file(13);
    file.conv("input", "c", 4, 4, 1);
    file.filled("b", {4, 1, 1});
    for (int i = 0; i < many; ++i) {
      const std::string number = std::to_string(i);
      File::set(file.node("Cast", {"c"}, {"c" + number}), "to", std::int64_t{onnx::TensorProto::FLOAT});
    }
    for (int i = 0; i < many; ++i) {
      const std::string number = std::to_string(i);
      file.node("Add", {"c" + number, "b"}, {"p" + number});
    }
    const auto net = file.read("p0");
    CHECK(net.graph.ops.size() == 2 + many);
    CHECK_FALSE(net.graph.ops[1].bias);
  }
  SUBCASE("an output of the network by another name") {
    File file(13);
    file.conv("input", "c", 4, 4, 1);
    file.node("Sum", {"c"}, {"c1"});
    file.filled("b", {1, 4, 1, 1});
    file.node("Add", {"c", "b"}, {"p"});
    File::info(*file.graph().add_output(), "p", {});
    File::info(*file.graph().add_output(), "c1", {});
    const auto net = parse_onnx(file.model.SerializeAsString(), "net.onnx");
    CHECK(kinds(net) == Kinds{OpKind::input, OpKind::conv2d, OpKind::batch_norm});
    CHECK(net.graph.outputs == std::vector<int>{2, 1});
  }
}

TEST_CASE("relu6 and h_swish from pairs of Relu, Clip, Min and Max") {
  using Step = std::function<void(File&, const char*, const char*)>;
  const Step floor = [](File& file, const char* from, const char* to) { file.node("Clip", {from, "zero"}, {to}); };
  const Step roof = [](File& file, const char* from, const char* to) { file.node("Clip", {from, "", "six"}, {to}); };
  const Step relu = [](File& file, const char* from, const char* to) { file.node("Relu", {from}, {to}); };
  const Step least = [](File& file, const char* from, const char* to) { file.node("Min", {from, "six"}, {to}); };
  const Step most = [](File& file, const char* from, const char* to) { file.node("Max", {"zero", from}, {to}); };
  const std::vector<std::pair<Step, Step>> pairs{{floor, roof}, {roof, floor}, {relu, roof}, {relu, least},
                                                 {most, least}, {least, most}, {roof, relu}};
  for (const auto& [first, second] : pairs) {
    File file(18);
    file.floats("zero", {}, {0});
    file.floats("six", {}, {6});
    first(file, "input", "half");
    second(file, "half", "out");
    CHECK(kinds(file.read("out")) == Kinds{OpKind::input, OpKind::relu6});
    File swish(18);
    swish.floats("zero", {}, {0});
    swish.floats("six", {}, {6});
    swish.floats("three", {}, {3});
    swish.node("Add", {"input", "three"}, {"moved"});
    first(swish, "moved", "half");
    second(swish, "half", "cut");
    swish.node("Mul", {"input", "cut"}, {"times"});
    swish.node("Div", {"times", "six"}, {"out"});
    CHECK(kinds(swish.read("out")) == Kinds{OpKind::input, OpKind::h_swish});
  }
  SUBCASE("what is in between and read elsewhere stays") {
    File file(18);
    file.floats("six", {}, {6});
    file.node("Relu", {"input"}, {"half"});
    file.node("Clip", {"half", "", "six"}, {"cut"});
    file.node("Add", {"half", "cut"}, {"out"});
    CHECK(has(file.refused(Fault::unsupported, "out"), "clips to -inf to 6"));
  }
  SUBCASE("hardtanh as two nodes") {
    File file(18);
    file.floats("low", {}, {-1});
    file.floats("high", {}, {1});
    file.node("Max", {"input", "low"}, {"half"});
    file.node("Min", {"half", "high"}, {"out"});
    CHECK(kinds(file.read("out")) == Kinds{OpKind::input, OpKind::hardtanh});
  }
  SUBCASE("two ops stay two") {
    File file(18);
    file.floats("zero", {}, {0});
    file.floats("six", {}, {6});
    file.node("Relu", {"input"}, {"half"});
    file.node("Clip", {"half", "zero", "six"}, {"out"});
    CHECK(kinds(file.read("out")) == Kinds{OpKind::input, OpKind::relu, OpKind::relu6});
  }
  SUBCASE("other limits, and limits that the network computes") {
    File file(18);
    file.floats("five", {}, {5});
    file.node("Relu", {"input"}, {"half"});
    file.node("Min", {"half", "five"}, {"out"});
    CHECK(has(file.refused(Fault::unsupported, "out"), "clips to -inf to 5"));
    File values(18);
    values.node("Relu", {"input"}, {"half"});
    values.node("Max", {"half", "input"}, {"out"});
    CHECK(has(values.refused(Fault::unsupported, "out"), "values of the network"));
    File moving(18, {1, 1, 1, 1});
    moving.node("Relu", {"input"}, {"half"});
    moving.node("Clip", {"half", "input"}, {"out"});
    CHECK(has(moving.refused(Fault::unsupported, "out"), "bounds are not constant"));
  }
}

TEST_CASE("the ends of today's exporters: parts of a shape, allowzero, axes from the back, means over H x W") {
  File file(22, {1, 4, 8, 8});
  File::set(file.node("Shape", {"input"}, {"batch"}), "end", std::int64_t{1});
  auto& tail = file.node("Shape", {"input"}, {"tail"});
  File::set(tail, "start", std::int64_t{-3});
  File::set(tail, "end", std::int64_t{-2});
  file.integers("rest", {-1});
  file.node("Concat", {"batch", "tail", "rest"}, {"target"});
  File::set(file.graph().mutable_node()->at(2), "axis", std::int64_t{0});
  File::set(file.node("Reshape", {"input", "target"}, {"rows"}), "allowzero", std::int64_t{1});
  auto& mean = file.node("ReduceMean", {"rows", "last"}, {"out"});
  File::set(mean, "keepdims", std::int64_t{0});
  file.integers("last", {-1});
  const auto net = file.read("out");
  CHECK(kinds(net) == Kinds{OpKind::input, OpKind::global_avg_pool});
  CHECK(out_shape(net) == Shape{1, 4, 1, 1});

  File empty(22);
  empty.integers("target", {0, -1});
  File::set(empty.node("Reshape", {"input", "target"}, {"out"}), "allowzero", std::int64_t{1});
  CHECK(has(empty.refused(Fault::unsupported, "out"), "allowzero"));
  for (const std::int64_t axis : {-3, 1, -4, 0}) {
    File flat(13);
    File::set(flat.node("Flatten", {"input"}, {"out"}), "axis", axis);
    CHECK(out_shape(flat.read("out")) == Shape{1, 256, 1, 1});
  }
  for (const std::int64_t axis : {2, 4, -2}) {
    File flat(13);
    File::set(flat.node("Flatten", {"input"}, {"out"}), "axis", axis);
    CHECK(has(flat.refused(Fault::unsupported, "out"), "behind the batch"));
  }
  File two(13, {2, 4, 8, 8});
  File::set(two.node("Flatten", {"input"}, {"out"}), "axis", std::int64_t{0});
  CHECK(has(two.refused(Fault::unsupported, "out"), "behind the batch"));
  for (const std::int64_t opset : {22, 25}) {
    File late(opset);
    late.node("HardSwish", {"input"}, {"out"});
    CHECK(last(late.read("out")).kind == OpKind::h_swish);
  }
  File later(26);
  later.node("Relu", {"input"}, {"out"});
  CHECK(has(later.refused(Fault::unsupported, "out"), "7 to 25"));
}

TEST_CASE("pads as PyTorch computes them: a list turned around and transposed") {
  File file(11, {1, 4, 8, 8});
  file.integers("torch", {1, 2, 3, 0, 0, 0, 0, 0});  // left, right, top, bottom, and none
  file.integers("pairs", {-1, 2});
  file.node("Reshape", {"torch", "pairs"}, {"rows"});
  file.integers("begin", {-1});
  file.integers("end", {-9223372036854775807});
  file.integers("axis", {0});
  file.node("Slice", {"rows", "begin", "end", "axis", "begin"}, {"turned"});
  File::set(file.node("Transpose", {"turned"}, {"columns"}), "perm", Dims{1, 0});
  file.node("Reshape", {"columns", "begin"}, {"pads"});
  file.node("Pad", {"input", "pads"}, {"out"});
  const auto net = file.read("out");
  CHECK(last(net).kind == OpKind::pad);
  CHECK(last(net).pad == std::array<int, 4>{3, 1, 0, 2});  // top left bottom right
  CHECK(out_shape(net) == Shape{1, 4, 11, 11});
}

TEST_CASE("a constant on three dimensions would lie along another axis than the channels, and is refused") {
  for (const char* type : {"Add", "Mul", "Sub", "Div"}) {
    CAPTURE(type);
    File file(13, {1, 4, 4, 1});
    file.conv("input", "c", 4, 4, 1);
    file.integers("axis", {3});
    file.node("Squeeze", {"c", "axis"}, {"three"});
    file.filled("b", {4});  // over the height, as ONNX has it
    file.node(type, {"three", "b"}, {"sum"});
    file.node("Unsqueeze", {"sum", "axis"}, {"out"});
    CHECK(has(file.refused(Fault::unsupported, "out"), "3 dimensions"));
  }
}

TEST_CASE("constants are sliced along any axis, forwards and backwards") {
  // Of 2 3 4 / 5 6 7 / 1 8 1, as Python slices them; the two numbers that are left become channels and height.
  const auto file_of = [](const Dims& starts, const Dims& ends, const Dims& axes, const Dims& steps) {
    File file(13, {1, 1680, 1, 1});
    file.integers("list", {2, 3, 4, 5, 6, 7, 1, 8, 1});
    file.integers("square", {3, 3});
    file.node("Reshape", {"list", "square"}, {"rows"});
    file.integers("starts", starts);
    file.integers("ends", ends);
    file.integers("axes", axes);
    file.integers("steps", steps);
    file.node("Slice", {"rows", "starts", "ends", "axes", "steps"}, {"part"});
    file.integers("flat", {-1});
    file.node("Reshape", {"part", "flat"}, {"middle"});
    file.integers("one", {1});
    File::set(file.node("Concat", {"one", "middle", "flat"}, {"target"}), "axis", std::int64_t{0});
    file.node("Reshape", {"input", "target"}, {"out"});
    return file;
  };
  const auto sliced = [&](const Dims& starts, const Dims& ends, const Dims& axes, const Dims& steps) {
    return out_shape(file_of(starts, ends, axes, steps).read("out"));
  };
  CHECK(sliced({-1, 1}, {-100, 2}, {0, 1}, {-2, 1}) == Shape{1, 8, 3, 70});
  CHECK(sliced({1, 1}, {2, -100}, {0, 1}, {1, -1}) == Shape{1, 6, 5, 56});
  CHECK(sliced({-3, 2}, {-2, 0}, {0, -1}, {1, -1}) == Shape{1, 4, 3, 140});
  CHECK(has(file_of({0, 0}, {1, 2}, {0, 1}, {0, 1}).refused(Fault::input, "out"), "steps must not be 0"));
  CHECK(has(file_of({0, 0}, {1, 2}, {0, 0}, {1, 1}).refused(Fault::input, "out"), "an axis twice"));
}

TEST_CASE("an empty constant whose other dimensions overflow is refused") {
  const auto refused = [](const Dims& dims) {
    File file(13);
    file.floats("none", dims, {});
    file.integers("start", {0});
    file.integers("end", {1});
    file.node("Slice", {"none", "start", "end"}, {"part"});
    file.node("Relu", {"input"}, {"out"});
    return file.refused(Fault::input, "out");
  };
  constexpr std::int64_t huge = std::int64_t{1} << 61;
  CHECK(has(refused({0, huge, huge}), "makes no sense with dimensions 0x"));
  CHECK(has(refused({huge, 0, huge}), "makes no sense"));
  CHECK(has(refused({huge, huge, 0}), "makes no sense"));
  File file(13);
  file.floats("none", {0, 3}, {});
  file.integers("start", {0});
  file.integers("end", {1});
  file.node("Slice", {"none", "start", "end"}, {"part"});
  file.node("Relu", {"input"}, {"out"});
  CHECK(kinds(file.read("out")) == Kinds{OpKind::input, OpKind::relu});
}

TEST_CASE("a shuffle whose shapes are computed behind it") {
  File file(9, {1, 6, 8, 8});
  file.integers("0", {0}, true);
  file.integers("2", {2}, true);
  file.integers("3", {3}, true);
  file.integers("groups", {3});
  file.integers("size", {2});
  file.integers("rest", {-1});
  const auto extent = [&file](const std::string& index) {
    file.node("Gather", {"sh", index}, {"g" + index});
    File::set(file.node("Unsqueeze", {"g" + index}, {"u" + index}), "axes", Dims{0});
  };
  file.node("Shape", {"input"}, {"sh"});
  for (const char* index : {"0", "2", "3"}) extent(index);
  File::set(file.node("Concat", {"u0", "groups", "size", "u2", "u3"}, {"apart"}), "axis", std::int64_t{0});
  file.node("Reshape", {"input", "apart"}, {"five"});
  File::set(file.node("Transpose", {"five"}, {"swapped"}), "perm", Dims{0, 2, 1, 3, 4});
  file.node("Shape", {"input"}, {"again"});
  file.node("Gather", {"again", "2"}, {"height"});
  File::set(file.node("Unsqueeze", {"height"}, {"h"}), "axes", Dims{0});
  File::set(file.node("Concat", {"u0", "rest", "h", "u3"}, {"back"}), "axis", std::int64_t{0});
  file.node("Reshape", {"swapped", "back"}, {"out"});
  const auto net = file.read("out");
  CHECK(kinds(net) == Kinds{OpKind::input, OpKind::channel_shuffle});
  CHECK(last(net).groups == 3);
}

TEST_CASE("pools with wider pads at the end become equal ones, or are refused as what a Graph has not") {
  const auto pool = [](const char* type, int size, const Dims& kernel, const Dims& strides, const Dims& pads,
                       std::int64_t counts) {
    File file(9, {1, 4, size, size});
    auto& node = file.node(type, {"input"}, {"out"});
    File::set(node, "kernel_shape", kernel);
    File::set(node, "strides", strides);
    File::set(node, "pads", pads);
    if (counts != 0) File::set(node, "count_include_pad", counts);
    return file;
  };
  for (const char* type : {"MaxPool", "AveragePool"}) {
    // ceil_mode of the exporter of opset 9: windows from -1, 1, 3, 5 and 7 of 8.
    const auto net = pool(type, 8, {3, 3}, {2, 2}, {1, 1, 2, 2}, 0).read("out");
    CHECK(out_shape(net) == Shape{1, 4, 5, 5});
    CHECK(last(net).pad[0] == 1);
    CHECK(last(net).pad[2] <= 1);
    const auto more = pool(type, 9, {3, 3}, {2, 2}, {0, 0, 2, 2}, 0).read("out");
    CHECK(out_shape(more) == Shape{1, 4, 5, 5});
    // The last window, from 8 of 8, would see padding alone.
    CHECK(has(pool(type, 8, {3, 3}, {2, 2}, {0, 0, 3, 3}, 0).refused(Fault::unsupported, "out"), "half of its window"));
    CHECK(has(pool(type, 8, {3, 3}, {2, 2}, {2, 2, 0, 0}, 0).refused(Fault::unsupported, "out"), "half of its window"));
  }
  const auto counted = pool("AveragePool", 8, {3, 3}, {2, 2}, {0, 0, 3, 3}, 1).read("out");
  CHECK(kinds(counted) == Kinds{OpKind::input, OpKind::pad, OpKind::avg_pool});
  CHECK(counted.graph.ops[1].pad == std::array<int, 4>{0, 0, 3, 3});
  CHECK(out_shape(counted) == Shape{1, 4, 5, 5});
}

TEST_CASE("a BatchNormalization in training mode, and values that would be spread over each other") {
  for (const std::int64_t opset : {9, 14}) {
    File file(opset);
    for (const char* name : {"a", "b", "c", "d"}) file.filled(name, {4});
    file.node("BatchNormalization", {"input", "a", "b", "c", "d"}, {"out", "mean", "var"});
    if (opset < 14)
      CHECK(has(file.refused(Fault::unsupported, "out"), "training mode"));
    else
      CHECK(last(file.read("out")).kind == OpKind::batch_norm);
  }
  File map(13);
  map.conv("input", "c", 4, 1, 1);
  map.node("Mul", {"input", "c"}, {"out"});
  CHECK(has(map.refused(Fault::unsupported, "out"), "would spread one over the other"));
  File wrong(13);
  wrong.conv("input", "c", 4, 3, 1);
  wrong.node("Mul", {"input", "c"}, {"out"});
  CHECK(has(wrong.refused(Fault::input, "out"), "do not match"));
  File odd(13);
  odd.node("GlobalMaxPool", {"input"}, {"out"});
  CHECK_FALSE(has(odd.refused(Fault::unsupported, "out"), "known: )"));
}

TEST_CASE("values in other files are taken from the network's folder and nowhere else") {
  const TempFolder folder;
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 8};
  folder.write("net/w.bin", std::string(64, 'x') + raw(values) + "tail");
  folder.write("net/exact.bin", raw(values));
  folder.write("secret.bin", raw(values));
  fs::create_symlink("../secret.bin", folder.file("net/link.bin"));
  fs::create_symlink("exact.bin", folder.file("net/near.bin"));
  fs::create_directories(folder.file("net/dir"));
  const auto read = [&folder](File file) {
    return read_onnx(folder.write("net/net.onnx", file.model.SerializeAsString()));
  };
  for (const auto& net : {read(outside("w.bin", "64", "32")), read(outside("exact.bin")), read(outside("near.bin"))}) {
    CHECK(*net.graph.ops[1].weights[0] == values);
    CHECK(net.graph.ops[1].out_channels == 2);
  }
  const auto refused = [&](const std::string& location, const std::string& offset = "",
                           const std::string& length = "") {
    const std::string message = error_of(Fault::input, [&] { (void)read(outside(location, offset, length)); });
    CHECK(has(message, "tensor 'w'"));
    return message;
  };
  CHECK(has(refused("../secret.bin"), "leads out"));
  CHECK(has(refused("dir/../../secret.bin"), "leads out"));
  CHECK(has(refused(folder.file("secret.bin")), "relative"));
  CHECK(has(refused("link.bin"), "through a link"));
  CHECK(has(refused("..\\secret.bin"), "backslash"));
  CHECK(has(refused("dir"), "no ordinary file"));
  CHECK(has(refused("absent.bin"), "not there"));
  CHECK(has(refused(""), "another file"));
  CHECK(has(refused("w.bin"), "are not the values"));
  CHECK(has(refused("w.bin", "64", "31"), "are not the values"));
  CHECK(has(refused("w.bin", "64", "9223372036854775807"), "before its values do"));
  CHECK(has(refused("w.bin", "80", "32"), "before its values do"));
  CHECK(has(refused("w.bin", "9999", "32"), "ends before offset"));
  CHECK(has(refused("w.bin", "-1", "32"), "whose offset '-1' is none"));
  CHECK(has(refused("w.bin", "1e3", "32"), "is none"));
  CHECK(
      has(error_of(Fault::input, [] { (void)parse_onnx(outside("exact.bin").model.SerializeAsString(), "net.onnx"); }),
          "found for networks that are read from a file"));
}

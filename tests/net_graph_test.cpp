// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "base/files.hpp"
#include "hwprof/net.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// Every field of Op is unlike its default in some op.
Net sample_net() {
  GraphBuilder builder("branches");
  const int wide = builder.conv(builder.input(), 6, 3, 2, 1, true);
  const int norm = builder.batch_norm(wide, false);
  const int grouped = builder.conv(builder.activation(norm, "leaky_relu"), 6, 3, 1, 3, false, 2);
  Op pool;
  pool.kind = OpKind::avg_pool;
  pool.inputs = {grouped};
  pool.kernel = {2, 3};
  pool.stride = {1, 2};
  pool.ceil_mode = true;
  pool.count_include_pad = false;
  pool.pad = {0, 1, 1, 0};
  const int pooled = builder.op(pool);
  Op part;
  part.kind = OpKind::split;
  part.inputs = {pooled};
  part.first_channel = 2;
  part.out_channels = 3;
  Op reshape;
  reshape.kind = OpKind::reshape;
  reshape.inputs = {builder.op(part)};
  reshape.shape = {0, 1, 3, 18};
  const int flat = builder.op(reshape);
  Net net;
  net.id = "pruned-1";
  net.arch = "branches/random/0.5";
  net.image_size = 12;
  net.image_channels = 4;
  net.batch = 8;
  net.mode = "train";
  net.graph = std::make_shared<const Graph>(std::move(builder).finish(flat));
  return net;
}

void check_equal(const Graph& a, const Graph& b) {
  CHECK(a.name == b.name);
  CHECK(a.outputs == b.outputs);
  REQUIRE(a.ops.size() == b.ops.size());
  for (std::size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = a.ops[i], &y = b.ops[i];
    CHECK(x.kind == y.kind);
    CHECK(x.name == y.name);
    CHECK(x.inputs == y.inputs);
    CHECK(x.out_channels == y.out_channels);
    CHECK(x.first_channel == y.first_channel);
    CHECK(x.kernel == y.kernel);
    CHECK(x.stride == y.stride);
    CHECK(x.dilation == y.dilation);
    CHECK(x.pad == y.pad);
    CHECK(x.groups == y.groups);
    CHECK(x.bias == y.bias);
    CHECK(x.affine == y.affine);
    CHECK(x.ceil_mode == y.ceil_mode);
    CHECK(x.count_include_pad == y.count_include_pad);
    CHECK(x.value == y.value);
    CHECK(x.shape == y.shape);
  }
}

std::string message(const TempFolder& folder, const std::string& own, const std::string& genotypes = "[]") {
  base::write_file(folder.file("n.yaml"), "final_model_cfg:\n  genotypes: " + genotypes + "\nhwprof: " + own + "\n");
  return error_of(Fault::input, [&] { (void)load_net(folder.file("n.yaml")); });
}

}  // namespace

TEST_CASE("a network of ops comes back from its file, and says what it is measured with") {
  const TempFolder folder;
  const Net net = sample_net();
  save_net(folder.file("a.yaml"), net);
  const Net back = load_net(folder.file("a.yaml"));
  CHECK(back.id == net.id);
  CHECK(back.arch == net.arch);
  CHECK(back.batch == 8);
  CHECK(back.mode == "train");
  CHECK(back.layers.empty());
  REQUIRE(back.graph);
  check_equal(*back.graph, *net.graph);
  std::vector<int> layers;
  check_equal(lower(back, &layers), *net.graph);
  CHECK(layers == std::vector<int>(net.graph->ops.size(), -1));
  save_net(folder.file("b.yaml"), back);
  CHECK(base::read_file(folder.file("a.yaml")) == base::read_file(folder.file("b.yaml")));
}

TEST_CASE("what is wrong in a network of ops is named with its place") {
  const TempFolder folder;
  const std::string good = "{op: input, name: image}, {op: conv2d, name: c, inputs: [0], out_channels: 8}";
  CHECK(has(message(folder, "{id: a}"), "at least one primitive"));
  CHECK(has(message(folder, "{mode: training, graph: {outputs: [1], ops: [" + good + "]}}"), "inference or train"));
  CHECK(has(message(folder, "{batch: 0, graph: {outputs: [1], ops: [" + good + "]}}"), "batch"));
  CHECK(has(message(folder, "{graph: {outputs: [2], ops: [" + good + "]}}"), "outputs"));
  CHECK(has(message(folder, "{graph: {outputs: [], ops: [" + good + "]}}"), "needs an output"));
  CHECK(has(message(folder, "{graph: {outputs: [1], ops: [{op: input, name: i}, {op: conv3d, name: c}]}}"), "conv2d"));
  CHECK(has(message(folder, "{graph: {outputs: [1], ops: [{op: input, name: i}, {op: relu, name: r, inputs: [1]}]}}"),
            "inputs"));
  CHECK(has(message(folder, "{graph: {outputs: [1], ops: [{op: input, name: i}, {op: relu, name: r, kernel: [1]}]}}"),
            "2 numbers"));
  CHECK(has(message(folder, "{graph: {outputs: [0], ops: [{op: input, name: i, size: 3}]}}"), "unknown key"));
  CHECK(has(message(folder,
                    "{image_size: 2, graph: {outputs: [1], ops: [{op: input, name: i}, {op: conv2d, name: c, "
                    "inputs: [0], out_channels: 8, kernel: [5, 5]}]}}"),
            "does not fit"));
  CHECK(has(message(folder, "{graph: {outputs: [1], ops: [" + good + "]}}",
                    "[{prim_type: relu, spatial_size: 8, C: 4, C_out: 4, stride: 1, affine: true}]"),
            "found both"));
  CHECK(has(message(folder, "{glue: [], graph: {outputs: [1], ops: [" + good + "]}}"), "glue"));
}

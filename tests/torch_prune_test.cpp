// SPDX-License-Identifier: Apache-2.0
// What is left of a network whose pruned channels were 0 anyway must compute what the whole network does.
#include <doctest/doctest.h>
#include <torch/torch.h>

#include <random>

#include "hwprof/space.hpp"
#include "hwprof/torch.hpp"
#include "prune/cut.hpp"
#include "prune/ties.hpp"

using namespace hwprof;

namespace {

Graph listed(const std::string& name, int size) {
  const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml", {}, size);
  return lower(file.space->network(Arch(file.space->decisions().size(), 0)));
}

/// The graph with zeros where units that go are produced: filters and biases of convolutions, shifts of batch norms.
Graph silenced(Graph graph, const pruning::Ties& ties, const std::vector<bool>& gone) {
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    Op& op = graph.ops[i];
    const bool conv = op.kind == OpKind::conv2d;
    if (!conv && op.kind != OpKind::batch_norm) continue;
    for (std::size_t k = 0; k < op.weights.size(); ++k) {
      if (!conv && k != 1) continue;  // scale, shift, mean, variance; the mean is 0
      auto values = *op.weights[k];
      const std::size_t channels = ties.units[i].size(), each = values.size() / channels;
      for (std::size_t channel = 0; channel < channels; ++channel)
        if (gone[static_cast<std::size_t>(ties.units[i][channel])])
          std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(channel * each), each, 0.0F);
      op.weights[k] = std::make_shared<const std::vector<float>>(std::move(values));
    }
  }
  return graph;
}

/// Batch norms with scales and shifts that are not neutral, so that a wrong channel shows.
Graph varied(Graph graph, std::mt19937_64& rng) {
  for (Op& op : graph.ops) {
    if (op.kind != OpKind::batch_norm || op.weights.size() != 4) continue;
    for (const std::size_t k : {0U, 1U, 3U}) {
      auto values = *op.weights[k];
      for (float& value : values) value = 0.5F + static_cast<float>(rng() % 1000) / 1000;
      op.weights[k] = std::make_shared<const std::vector<float>>(std::move(values));
    }
  }
  return graph;
}

void check_same(const Graph& plain, const Shape& input, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  const Graph graph = varied(with_weights(plain, input, seed), rng);
  const auto shapes = infer_shapes(graph, input);
  const auto ties = pruning::find_ties(graph, shapes);
  std::vector<bool> gone(ties.members.size());
  std::vector<std::int64_t> left;
  for (const Shape& shape : shapes) left.push_back(shape[1]);
  std::size_t count = 0;
  for (std::size_t unit = 0; unit < gone.size(); ++unit) {
    bool fits = !ties.locked[unit] && rng() % 2 == 0;
    for (const auto& [op, n] : ties.members[unit]) fits = fits && left[static_cast<std::size_t>(op)] > n;
    if (!fits) continue;
    gone[unit] = true;
    ++count;
    for (const auto& [op, n] : ties.members[unit]) left[static_cast<std::size_t>(op)] -= n;
  }
  REQUIRE(count > 0);
  GraphModule whole(silenced(graph, ties, gone), input);
  GraphModule cut(pruning::without(graph, shapes, ties, gone), input);
  torch::manual_seed(static_cast<std::int64_t>(seed));
  const auto x = torch::randn({input[0], input[1], input[2], input[3]});
  const torch::NoGradGuard no_gradients;
  const auto expected = whole.forward(x), found = cut.forward(x);
  REQUIRE(found.sizes() == expected.sizes());
  const double scale = expected.abs().max().item<double>();
  CHECK(scale > 0);
  CHECK((found - expected).abs().max().item<double>() < 2e-4 * scale);
}

}  // namespace

TEST_CASE("networks compute the same without channels that were zero") {
  for (const char* name : {"mobilenet_v2", "mnasnet", "resnet18", "squeezenet", "googlenet"}) {
    CAPTURE(name);
    check_same(listed(name, 32), {2, 3, 32, 32}, 3);
  }
}

TEST_CASE("so do squeeze-and-excite, groups, shuffles, splits and flattened maps") {
  check_same(lower(parse_prim("mobilenet_v3_block:14x16x16s1:activation=h_swish:expansion=4:kernel_size=5:use_se=1")),
             {2, 16, 14, 14}, 5);
  GraphBuilder builder("groups");
  int at = builder.conv(builder.input(), 12, 1, 1, 1, false, 1, "a");
  at = builder.activation(builder.conv(at, 18, 3, 1, 3, true, 1, "grouped"), "relu");
  Op shuffle;
  shuffle.kind = OpKind::channel_shuffle;
  shuffle.inputs = {at};
  shuffle.groups = 3;
  at = builder.op(shuffle);
  Op part;
  part.kind = OpKind::split;
  part.inputs = {at};
  part.first_channel = 5;
  part.out_channels = 13;
  const int right = builder.op(part);
  Op concat;
  concat.kind = OpKind::concat;
  concat.inputs = {builder.conv(at, 8, 1, 1, 1, false, 1, "left"), right};
  Op flatten;
  flatten.kind = OpKind::flatten;
  flatten.inputs = {builder.op(concat)};
  Op linear;
  linear.kind = OpKind::linear;
  linear.inputs = {builder.op(flatten)};
  linear.out_channels = 7;
  const Graph graph = std::move(builder).finish(builder.op(linear));
  for (std::uint64_t seed = 0; seed < 8; ++seed) check_same(graph, {2, 3, 6, 6}, seed);
}

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/prune.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hwprof/net.hpp"
#include "hwprof/space.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

Op make(OpKind kind, std::vector<int> inputs) {
  Op op;
  op.kind = kind;
  op.inputs = std::move(inputs);
  return op;
}

/// Pool, flatten, linear with bias.
int head(GraphBuilder& builder, int at, std::int64_t classes) {
  at = builder.op(make(OpKind::flatten, {builder.op(make(OpKind::global_avg_pool, {at}))}));
  Op linear = make(OpKind::linear, {at});
  linear.out_channels = classes;
  linear.bias = true;
  return builder.op(linear);
}

PruneOptions per_layer(double level) {
  PruneOptions options;
  options.level = level;
  options.per_layer = true;
  return options;
}

double params(const Graph& graph, const Shape& input) {
  double sum = 0;
  for (const Work& work : count_work(graph, input)) sum += work.params;
  return sum;
}

const Op& named(const Graph& graph, const std::string& name) {
  for (const Op& op : graph.ops)
    if (op.name == name) return op;
  FAIL("no op is named " << name);
  return graph.ops[0];
}

Graph listed(const std::string& name, int size) {
  const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml", {}, size);
  return lower(file.space->network(Arch(file.space->decisions().size(), 0)));
}

}  // namespace

TEST_CASE("a chain loses its share of every layer, counted by hand") {
  GraphBuilder builder("chain");
  int at = builder.conv(builder.input(), 10, 3, 1, 1, true, 1, "a");
  at = builder.activation(builder.batch_norm(at), "relu");
  at = builder.conv(at, 7, 1, 1, 1, false, 1, "b");
  const Graph graph = std::move(builder).finish(head(builder, at, 5));
  const Shape input{1, 3, 8, 8};
  PruneSummary summary;
  const Graph half = prune(graph, input, per_layer(0.5), &summary);
  CHECK(named(half, "a").out_channels == 5);
  CHECK(named(half, "b").out_channels == 4);  // 3.5 are rounded down
  CHECK(params(half, input) == 3 * 5 * 9 + 5 + 2 * 5 + 5 * 4 + 4 * 5 + 5);
  CHECK(summary.layers == 2);
  CHECK(summary.filters == 17);
  CHECK(summary.prunable == 17);
  CHECK(summary.removed == 8);
  CHECK(named(prune(graph, input, per_layer(0.99)), "b").out_channels == 2);  // as narrow as it gets
  PruneOptions options = per_layer(0.99);
  options.min_channels = 1;
  CHECK(named(prune(graph, input, options), "b").out_channels == 1);
  options.min_channels = 9;
  const Graph kept = prune(graph, input, options);
  CHECK(named(kept, "a").out_channels == 9);
  CHECK(named(kept, "b").out_channels == 7);
}

TEST_CASE("level 0 changes nothing") {
  const Graph graph = with_weights(listed("mobilenet_v2", 32), {1, 3, 32, 32});
  const Graph same = prune(graph, {1, 3, 32, 32}, {});
  REQUIRE(same.ops.size() == graph.ops.size());
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    CHECK(same.ops[i].out_channels == graph.ops[i].out_channels);
    CHECK(same.ops[i].groups == graph.ops[i].groups);
    REQUIRE(same.ops[i].weights.size() == graph.ops[i].weights.size());
    for (std::size_t k = 0; k < graph.ops[i].weights.size(); ++k)
      CHECK(*same.ops[i].weights[k] == *graph.ops[i].weights[k]);
  }
}

TEST_CASE("what is added, multiplied or passed on depthwise stays of one width") {
  GraphBuilder builder("ties");
  const int stem = builder.conv(builder.input(), 16, 3, 1, 1, false, 1, "stem");
  const int mid = builder.conv(stem, 24, 1, 1, 1, false, 1, "expand");
  const int depthwise = builder.conv(mid, 24, 3, 1, 24, false, 1, "depthwise");
  const int squeeze = builder.conv(builder.op(make(OpKind::global_avg_pool, {depthwise})), 6, 1, 1, 1, true, 1, "se1");
  const int gate = builder.activation(builder.conv(squeeze, 24, 1, 1, 1, true, 1, "se2"), "sigmoid");
  const int scaled = builder.op(make(OpKind::mul, {depthwise, gate}));
  const int back = builder.conv(scaled, 16, 1, 1, 1, false, 1, "project");
  const int sum = builder.add(stem, back);
  const Graph graph = std::move(builder).finish(head(builder, sum, 4));
  const Shape input{1, 3, 6, 6};
  PruneSummary summary;
  const Graph cut = prune(graph, input, per_layer(0.25), &summary);
  CHECK(summary.layers == 3);  // stem + project; expand + depthwise + se2; se1
  CHECK(summary.prunable == 16 + 16 + 24 + 24 + 24 + 6);
  CHECK(summary.removed == 2 * 4 + 3 * 6 + 1);
  CHECK(named(cut, "stem").out_channels == 12);
  CHECK(named(cut, "project").out_channels == 12);
  for (const char* name : {"expand", "depthwise", "se2"}) CHECK(named(cut, name).out_channels == 18);
  CHECK(named(cut, "depthwise").groups == 18);
  CHECK(named(cut, "se1").out_channels == 5);
  CHECK(params(cut, input) == 3 * 12 * 9 + 12 * 18 + 18 * 9 + 18 * 5 + 5 + 5 * 18 + 18 + 18 * 12 + 12 * 4 + 4);
}

TEST_CASE("groups, shuffles, splits, concats and flattened maps fit together afterwards") {
  GraphBuilder builder("groups");
  int at = builder.conv(builder.input(), 12, 1, 1, 1, false, 1, "a");
  at = builder.conv(at, 18, 3, 1, 3, true, 1, "grouped");
  Op shuffle = make(OpKind::channel_shuffle, {at});
  shuffle.groups = 3;
  at = builder.op(shuffle);
  Op first = make(OpKind::split, {at}), second = make(OpKind::split, {at});
  first.out_channels = 10;
  second.first_channel = 10;
  second.out_channels = 8;
  const int left = builder.conv(builder.op(first), 8, 1, 1, 1, false, 1, "left");
  const int right = builder.op(second);
  const int joined = builder.op(make(OpKind::concat, {left, right}));
  const int flat = builder.op(make(OpKind::flatten, {joined}));
  Op linear = make(OpKind::linear, {flat});
  linear.out_channels = 3;
  const Graph graph = std::move(builder).finish(builder.op(linear));
  const Shape input{2, 3, 4, 4};
  for (const double level : {0.2, 0.5, 0.8})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      PruneOptions options;
      options.level = level;
      options.seed = seed;
      const Graph cut = prune(with_weights(graph, input), input, options);
      const auto shapes = infer_shapes(cut, input);  // also compares the weights' sizes
      const Op& grouped = named(cut, "grouped");
      CHECK(grouped.groups == 3);
      CHECK(grouped.out_channels % 3 == 0);
      CHECK(named(cut, "a").out_channels % 3 == 0);
      CHECK(named(cut, "split").out_channels + named(cut, "split2").out_channels == grouped.out_channels);
      CHECK(named(cut, "split2").first_channel == named(cut, "split").out_channels);
      CHECK(shapes.back() == Shape{2, 3, 1, 1});
    }
}

TEST_CASE("the weakest filters go, and weights are cut where they belong") {
  GraphBuilder builder("norms");
  const int a = builder.conv(builder.input(), 4, 1, 1, 1, true, 1, "a");
  const int b = builder.conv(builder.batch_norm(a), 3, 1, 1, 1, false, 1, "b");
  Graph graph = std::move(builder).finish(b);
  const auto values = [](std::vector<float> list) {
    return std::make_shared<const std::vector<float>>(std::move(list));
  };
  graph.ops[1].weights = {values({1, -1, 0, 0.5F, 3, 3, -0.2F, 0.1F}), values({10, 20, 30, 40})};
  graph.ops[2].weights = {values({1, 2, 3, 4}), values({5, 6, 7, 8}), values({0, 0, 0, 0}), values({1, 1, 1, 1})};
  graph.ops[3].weights = {values({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})};
  PruneOptions options;
  options.level = 0.5;
  options.strategy = "l1_norm";
  PruneSummary summary;
  const Graph cut = prune(graph, {1, 2, 3, 3}, options, &summary);
  CHECK(summary.prunable == 4);  // the output's channels stay
  CHECK(summary.notes.empty());
  CHECK(*cut.ops[1].weights[0] == std::vector<float>{1, -1, 3, 3});  // norms 2, 0.5, 6, 0.3
  CHECK(*cut.ops[1].weights[1] == std::vector<float>{10, 30});
  CHECK(*cut.ops[2].weights[1] == std::vector<float>{5, 7});
  CHECK(*cut.ops[3].weights[0] == std::vector<float>{1, 3, 5, 7, 9, 11});
  for (Op& op : graph.ops) op.weights.clear();
  const Graph drawn = prune(graph, {1, 2, 3, 3}, options, &summary);
  CHECK(drawn.ops[1].out_channels == 2);
  CHECK(drawn.ops[1].weights.empty());
  CHECK(summary.notes.size() == 1);
}

TEST_CASE("the bundled networks can be pruned at every level") {
  const Shape input{1, 3, 64, 64};
  for (const char* name : {"mobilenet_v2", "mnasnet", "resnet18", "resnet50", "squeezenet", "googlenet"}) {
    CAPTURE(name);
    const Graph graph = listed(name, 64);
    double before = params(graph, input);
    for (const double level : {0.1, 0.3, 0.5, 0.7, 0.9}) {
      CAPTURE(level);
      PruneOptions options;
      options.level = level;
      options.seed = 7;
      PruneSummary summary;
      const Graph cut = prune(graph, input, options, &summary);
      const double share = static_cast<double>(summary.removed) / static_cast<double>(summary.prunable);
      CHECK(share <= level);
      CHECK(share > level - 0.03);
      const double now = params(cut, input);
      CHECK(now < before);
      before = now;
      CHECK(infer_shapes(cut, input).back() == infer_shapes(graph, input).back());
      CHECK(count_work(cut, input).size() == graph.ops.size());
    }
  }
}

TEST_CASE("ResNet-18 keeps one width within each stage") {
  PruneOptions options;
  options.level = 0.4;
  const Shape input{1, 3, 64, 64};
  const Graph cut = prune(listed("resnet18", 64), input, options);
  const auto shapes = infer_shapes(cut, input);
  std::size_t sums = 0;
  for (std::size_t i = 0; i < cut.ops.size(); ++i) {
    if (cut.ops[i].kind != OpKind::add) continue;
    ++sums;
    for (const int from : cut.ops[i].inputs) CHECK(shapes[static_cast<std::size_t>(from)] == shapes[i]);
    CHECK(shapes[i][1] < (shapes[i][2] == 16 ? 64 : shapes[i][2] == 8 ? 128 : shapes[i][2] == 4 ? 256 : 512));
  }
  CHECK(sums == 8);
}

TEST_CASE("the seed decides what goes, and nothing else does") {
  const Graph graph = listed("squeezenet", 64);
  const Shape input{1, 3, 64, 64};
  PruneOptions options;
  options.level = 0.5;
  const auto widths = [&](std::uint64_t seed) {
    options.seed = seed;
    std::vector<std::int64_t> out;
    for (const Op& op : prune(graph, input, options).ops) out.push_back(op.out_channels);
    return out;
  };
  CHECK(widths(1) == widths(1));
  CHECK(widths(1) != widths(2));
}

TEST_CASE("what cannot be pruned is refused") {
  const Graph graph = listed("squeezenet", 64);
  const Shape input{1, 3, 64, 64};
  const auto refused = [&](auto change) {
    PruneOptions options;
    options.level = 0.5;
    change(options);
    return error_of(Fault::usage, [&] { (void)prune(graph, input, options); });
  };
  for (const double level :
       {1.0, 1.5, -0.1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    CHECK(has(refused([&](PruneOptions& o) { o.level = level; }), "level"));
  CHECK(has(refused([](PruneOptions& o) { o.strategy = "l1-norm"; }), "l1_norm"));
  CHECK(has(refused([](PruneOptions& o) { o.min_channels = 0; }), "at least one channel"));
  GraphBuilder builder("wide");
  const int wide = builder.conv(builder.input(), std::int64_t{1} << 40, 1);
  const Graph absurd = std::move(builder).finish(wide);
  CHECK(has(error_of(Fault::input, [&] { (void)prune(absurd, {1, 3, 8, 8}, {}); }), "channels"));
  CHECK(has(error_of(Fault::input, [&] { (void)prune(graph, {1, 4, 0, 64}, {}); }), "positive"));
}

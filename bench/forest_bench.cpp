// SPDX-License-Identifier: Apache-2.0
// Kernels a second through forests of extremely randomised trees, beside the usual way, trees of linked nodes that
// are walked one row after the other. Times are of the thread's own processor time; both ways take turns.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "hwprof/kernel.hpp"
#include "model/forest.hpp"
#include "model/kernel_features.hpp"

namespace {

using namespace hwprof;
using model::Forest;
using model::kernel_features;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Convolutions as mobile networks have them, and a made-up log-ratio of cost to roofline.
struct Kernels {
  std::vector<float> rows;
  std::vector<double> targets;
};

Kernels kernels_of(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  Kernels out;
  while (out.targets.size() < n) {
    const std::int64_t C = 8 * (1 + static_cast<std::int64_t>(rng() % 40));
    const std::int64_t C_out = 8 * (1 + static_cast<std::int64_t>(rng() % 40));
    GraphBuilder builder("conv");
    const int conv =
        builder.conv(builder.input(), C_out, 1 + 2 * static_cast<int>(rng() % 4), 1 + static_cast<int>(rng() % 2));
    const auto size = static_cast<std::int64_t>(7 + rng() % 106);
    const auto kernel = group_kernels(std::move(builder).finish(conv), {1, C, size, size}).at(0);
    const auto row = model::features_of(kernel);
    out.rows.insert(out.rows.end(), row.begin(), row.end());
    const double noise = static_cast<double>(rng() % 1000) * 1e-4;
    out.targets.push_back(std::sin(static_cast<double>(row[0])) + std::cos(static_cast<double>(row[3] * row[4])) +
                          noise);
  }
  return out;
}

/// A tree as textbooks have it.
struct Linked {
  int feature = -1;
  float value = 0;
  std::unique_ptr<Linked> left, right;
};

std::vector<std::unique_ptr<Linked>> linked_of(const Forest& forest) {
  std::vector<std::unique_ptr<Linked>> trees;
  const base::Json json = forest.to_json();
  for (const auto& text : json["trees"]) {
    std::vector<std::unique_ptr<Linked>> nodes;
    std::vector<Linked*> inner;
    std::istringstream in(text.get<std::string>());
    for (std::string word; in >> word;) {
      nodes.push_back(std::make_unique<Linked>());
      const auto colon = word.find(':');
      if (colon != std::string::npos) inner.push_back(nodes.back().get());
      if (colon != std::string::npos) nodes.back()->feature = std::stoi(word);
      nodes.back()->value = std::stof(word.substr(colon == std::string::npos ? 1 : colon + 1));
    }
    for (std::size_t k = 0; k < inner.size(); ++k) {
      inner[k]->left = std::move(nodes[2 * k + 1]);
      inner[k]->right = std::move(nodes[2 * k + 2]);
    }
    trees.push_back(std::move(nodes[0]));
  }
  return trees;
}

double walk(const std::vector<std::unique_ptr<Linked>>& trees, const float* row) {
  double sum = 0;
  for (const auto& tree : trees) {
    const Linked* at = tree.get();
    while (at->feature >= 0) at = (row[at->feature] > at->value ? at->right : at->left).get();
    sum += static_cast<double>(at->value);
  }
  return sum / static_cast<double>(trees.size());
}

/// Trees, training kernels; a thousand other kernels are predicted.
void forest(benchmark::State& state) {
  constexpr std::size_t n = 1024;
  const Kernels train = kernels_of(static_cast<std::size_t>(state.range(1)), 1), test = kernels_of(n, 2);
  model::ForestOptions options;
  options.trees = static_cast<int>(state.range(0));
  options.min_leaf = 2;
  const Forest forest = Forest::fit(train.rows, kernel_features, train.targets, {}, options);
  const auto linked = linked_of(forest);
  std::vector<double> out(n), slow(n);
  double flat = 0, single = 0, naive = 0;
  std::size_t rows = 0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    forest.predict(test.rows.data(), n, out.data());
    benchmark::ClobberMemory();
    const double middle = cpu_seconds();
    for (std::size_t i = 0; i < n; ++i) slow[i] = walk(linked, test.rows.data() + i * kernel_features);
    benchmark::ClobberMemory();
    const double late = cpu_seconds();
    for (std::size_t i = 0; i < n; ++i)
      benchmark::DoNotOptimize(forest.predict(test.rows.data() + i * kernel_features));
    single += cpu_seconds() - late;
    naive += late - middle;
    flat += middle - begin;
    rows += n;
    state.SetIterationTime(middle - begin);
  }
  for (std::size_t i = 0; i < n; ++i)
    if (std::abs(out[i] - slow[i]) > 1e-6) state.SkipWithError("the two ways do not agree");
  state.counters["Mkernels/s"] = static_cast<double>(rows) / flat / 1e6;
  state.counters["ratio_to_linked"] = naive / flat;
  state.counters["linked_Mkernels/s"] = static_cast<double>(rows) / naive / 1e6;
  state.counters["one_by_one_Mkernels/s"] = static_cast<double>(rows) / single / 1e6;
  state.counters["nodes"] = static_cast<double>(forest.nodes());
}
BENCHMARK(forest)
    ->ArgNames({"trees", "trained_on"})
    ->Args({100, 300})
    ->Args({300, 300})
    ->Args({100, 1000})
    ->Args({300, 1000})
    ->UseManualTime()
    ->Repetitions(5)
    ->ReportAggregatesOnly();

}  // namespace

BENCHMARK_MAIN();

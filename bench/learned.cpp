// SPDX-License-Identifier: Apache-2.0
// Kinds of model that are no sum over primitives: batches through precomputed features, beside the general path of
// the same model and run. Processor time of the thread.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "hwprof/graph.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/torch.hpp"

namespace {

using namespace hwprof;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

const MixinProfilingSearchSpace& space() {
  static const SpaceFile file = load_space(HWPROF_SOURCE_DIR "/examples/spaces/ofa_mbv3.yaml");
  return *file.space;
}

std::vector<Arch> sampled(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<Arch> archs;
  for (std::size_t i = 0; i < n; ++i) archs.push_back(space().sample(rng));
  return archs;
}

/// Whole networks without a device: what a machine of 100 GMAC/s and 10 GB/s needs for the primitives, and more on
/// top the more of it is arithmetic.
std::vector<NetRecord> made_up_networks() {
  std::vector<NetRecord> records;
  for (const auto& arch : sampled(300, 1)) {
    NetRecord record;
    record.net_id = std::to_string(records.size());
    record.arch = to_string(arch);
    double sum = 0, macs = 0;
    for (const auto& prim : space().primitives(arch)) {
      const Work work = count_work(prim);
      Measured cost;
      cost.value = std::max(work.macs / 1e11, (work.input_bytes + work.output_bytes + work.weight_bytes) / 1e10);
      sum += cost.value;
      macs += work.macs;
      record.prims.push_back({prim, {{Metric::latency, cost}}, false});
    }
    record.overall[Metric::latency].value = 1e-4 + sum * (1 + 0.05 * macs / 5e8);
    records.push_back(std::move(record));
  }
  return records;
}

/// The kind fitted once; nothing where that cannot be done from such records.
const std::optional<Model>& fitted(const std::string& kind) {
  static std::map<std::string, std::optional<Model>> known;
  const auto [at, is_new] = known.emplace(kind, std::nullopt);
  if (is_new) {
    register_torch_models();
    FitOptions options;
    options.kind = kind;
    try {
      at->second = fit(made_up_networks(), options);
    } catch (const std::exception&) {
    }
  }
  return at->second;
}

void learned(benchmark::State& state, const std::string& kind) {
  const auto& model = fitted(kind);
  if (!model) return state.SkipWithError("not fitted from such records");
  const Predictor predictor(space(), *model);
  if (predictor.is_sum()) return state.SkipWithError("a sum over primitives: see hwprof_bench_predictor_bench");
  constexpr std::size_t n = 1024;
  std::vector<std::uint8_t> rows;
  const auto archs = sampled(n, 2);
  for (const auto& arch : archs)
    for (const auto option : arch) rows.push_back(static_cast<std::uint8_t>(option));
  std::vector<std::vector<Prim>> nets;
  for (std::size_t i = 0; i < 16; ++i) nets.push_back(space().primitives(archs[i]));
  std::vector<float> out(n);
  double batch = 0, one = 0, general = 0;
  std::size_t count = 0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    predictor.predict(rows.data(), n, out.data());
    benchmark::ClobberMemory();
    const double second = cpu_seconds();
    for (const auto& arch : archs) benchmark::DoNotOptimize(predictor.predict(arch.data()));
    const double third = cpu_seconds();
    for (std::size_t i = 0; i < n; ++i) benchmark::DoNotOptimize(model->predict(nets[i % nets.size()]));
    general += cpu_seconds() - third;
    one += third - second;
    batch += second - begin;
    count += n;
    state.SetIterationTime(second - begin);
  }
  const double to_ns = 1e9 / static_cast<double>(count);
  state.counters["batch_ns"] = batch * to_ns;
  state.counters["one_ns"] = one * to_ns;
  state.counters["general_ns"] = general * to_ns;
  state.counters["ratio"] = general / batch;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const auto& kind : list_models())
    benchmark::RegisterBenchmark(("learned/" + kind).c_str(), learned, kind)
        ->UseManualTime()
        ->Repetitions(5)
        ->ReportAggregatesOnly();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// How fast costs are predicted. Times are of the thread's own processor time, so that a busy machine matters
// less; ratios compare what was measured in the same run, in turns.
#include <benchmark/benchmark.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <random>
#include <string>

#include "hwprof/graph.hpp"
#include "hwprof/predictor.hpp"

namespace {

using namespace hwprof;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// A latency per primitive without a device: what a machine of 100 GMAC/s and 10 GB/s needs.
double roofline_s(const Prim& prim) {
  const Work work = count_work(prim);
  return std::max(work.macs / 1e11, (work.input_bytes + work.output_bytes + work.weight_bytes) / 1e10);
}

/// A table model of these primitives.
Model model_of(const std::vector<Prim>& prims) {
  NetRecord record;
  record.net_id = "roofline";
  for (const auto& prim : prims) {
    Measured cost;
    cost.value = roofline_s(prim);
    record.prims.push_back({prim, {{Metric::latency, cost}}, false});
  }
  FitOptions options;
  options.kind = "table";
  return fit({record}, options);
}

struct Ofa {
  SpaceFile file = load_space(HWPROF_SOURCE_DIR "/examples/spaces/ofa_mbv3.yaml");
  Model model = model_of(file.space->generate_profiling_primitives());
  Predictor predictor{*file.space, model};
};

const Ofa& ofa() {
  static const Ofa it;
  return it;
}

std::vector<Arch> sampled(std::size_t n) {
  std::mt19937_64 rng(1);
  std::vector<Arch> archs;
  for (std::size_t i = 0; i < n; ++i) archs.push_back(ofa().file.space->sample(rng));
  return archs;
}

std::vector<std::uint8_t> rows(std::size_t n) {
  std::vector<std::uint8_t> bytes;
  for (const auto& arch : sampled(4096))
    for (const auto option : arch) bytes.push_back(static_cast<std::uint8_t>(option));
  const std::size_t some = bytes.size();
  bytes.resize(n * ofa().predictor.num_decisions());
  for (std::size_t i = some; i < bytes.size(); ++i) bytes[i] = bytes[i - some];
  return bytes;
}

/// The rate of batches beside that at which the same core merely adds up their bytes.
void batch(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto bytes = rows(n);
  std::vector<float> out(n);
  const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{1} << 18) / n);
  double predicting = 0, summing = 0;
  std::size_t archs = 0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    for (std::size_t r = 0; r < repeats; ++r) {
      ofa().predictor.predict(bytes.data(), n, out.data());
      benchmark::ClobberMemory();
    }
    const double middle = cpu_seconds();
    for (std::size_t r = 0; r < repeats; ++r)
      benchmark::DoNotOptimize(std::accumulate(bytes.begin(), bytes.end(), std::uint32_t{0}));
    summing += cpu_seconds() - middle;
    predicting += middle - begin;
    archs += repeats * n;
    state.SetIterationTime(middle - begin);
  }
  state.counters["Marchs/s"] = static_cast<double>(archs) / predicting / 1e6;
  state.counters["byte_sum_Mrows/s"] = static_cast<double>(archs) / summing / 1e6;
  state.counters["ratio"] = summing / predicting;
}
BENCHMARK(batch)->Arg(1024)->Arg(1 << 14)->Arg(1 << 20)->UseManualTime()->Repetitions(5)->ReportAggregatesOnly();

/// One architecture at a time.
void one(benchmark::State& state) {
  const auto archs = sampled(1024);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(ofa().predictor.predict(archs[i++ % archs.size()].data()));
}
BENCHMARK(one)->Repetitions(5)->ReportAggregatesOnly();

/// The general path, from primitives: as many look-ups as the network has blocks.
void general(benchmark::State& state) {
  std::vector<std::vector<Prim>> nets;
  std::size_t prims = 0;
  for (const auto& arch : sampled(16)) {
    nets.push_back(ofa().file.space->primitives(arch));
    prims += nets.back().size();
  }
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(ofa().model.predict(nets[i++ % nets.size()]));
  state.counters["prims"] = static_cast<double>(prims) / static_cast<double>(nets.size());
}
BENCHMARK(general)->Repetitions(5)->ReportAggregatesOnly();

void expect_with_gradient(benchmark::State& state) {
  std::vector<double> probabilities;
  for (const std::size_t options : ofa().predictor.num_options())
    probabilities.insert(probabilities.end(), options, 1.0 / static_cast<double>(options));
  std::vector<double> gradient(probabilities.size());
  for (auto _ : state) benchmark::DoNotOptimize(ofa().predictor.expect(probabilities.data(), gradient.data()));
}
BENCHMARK(expect_with_gradient);

void threads(benchmark::State& state) {
  static const auto bytes = rows(1 << 14);
  std::vector<float> out(1 << 14);
  for (auto _ : state) {
    ofa().predictor.predict(bytes.data(), out.size(), out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK(threads)->ThreadRange(1, 2)->UseRealTime();

/// Three factors of two decisions with so many options each: 108 to 10 million table entries.
class WideSpace : public MixinProfilingSearchSpace {
 public:
  explicit WideSpace(int options) : options_(options) {}
  [[nodiscard]] std::vector<Decision> decisions() const override {
    Decision decision{"any", {}};
    for (int o = 0; o < options_; ++o) decision.options.push_back(std::to_string(o));
    return std::vector<Decision>(6, decision);
  }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    std::vector<Prim> prims;
    for (std::size_t d = 0; d < arch.size(); ++d)
      prims.push_back({"conv_1x1", 7, 8 + static_cast<int>(d), 8 + arch[d], 1, true, {}});
    return prims;
  }
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override { return {{0, 1}, {2, 3}, {4, 5}}; }

 private:
  int options_;
};

void space_size(benchmark::State& state) {
  const WideSpace space(static_cast<int>(state.range(0)));
  const Predictor predictor(space, [](const Prim& prim) { return 1e-6 * prim.C_out; });
  std::mt19937_64 rng(1);
  std::vector<Arch> archs;
  for (int i = 0; i < 1024; ++i) archs.push_back(space.sample(rng));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(predictor.predict(archs[i++ % archs.size()].data()));
  state.counters["entries"] = 3 * static_cast<double>(state.range(0)) * static_cast<double>(state.range(0));
}
BENCHMARK(space_size)->Arg(6)->Arg(58)->Arg(577)->Arg(1826);

void compile_space(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Predictor(*ofa().file.space, ofa().model));
}
BENCHMARK(compile_space)->Unit(benchmark::kMillisecond);

/// A table of so many primitives; 0: that of the space.
void load_model_file(benchmark::State& state) {
  const auto name = "hwprof_predictor_bench_" + std::to_string(getpid()) + ".json";
  const std::string file = (std::filesystem::temp_directory_path() / name).string();
  std::vector<Prim> prims = ofa().file.space->generate_profiling_primitives();
  const auto count = static_cast<std::size_t>(state.range(0));
  for (std::size_t i = 0; prims.size() < count; ++i) {
    prims.push_back(prims[i]);
    prims.back().C_out += 8;
  }
  const Model model = model_of(prims);
  save_model(file, model);
  for (auto _ : state) benchmark::DoNotOptimize(load_model(file));
  std::filesystem::remove(file);
  state.counters["prims"] = static_cast<double>(model.known().size());
}
BENCHMARK(load_model_file)->Arg(0)->Arg(1000)->Unit(benchmark::kMillisecond)->Repetitions(5)->ReportAggregatesOnly();

}  // namespace

BENCHMARK_MAIN();

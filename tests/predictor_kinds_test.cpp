// SPDX-License-Identifier: Apache-2.0
// Every kind that can be fitted here, compiled against a space.
#include <doctest/doctest.h>

#include <random>

#include "hwprof/predictor.hpp"
#include "neural_support.hpp"
#include "temp_folder.hpp"
#include "tiny_space.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

/// Sampled architectures with made-up costs: of each primitive by its hash, of the whole a little more than the sum.
std::vector<NetRecord> measure(const MixinProfilingSearchSpace& space, int nets) {
  std::mt19937_64 rng(5);
  std::vector<NetRecord> records;
  for (int i = 0; i < nets; ++i) {
    NetRecord record;
    record.net_id = std::to_string(i);
    record.from.device = "made up";
    double sum = 0;
    for (const auto& prim : space.primitives(space.sample(rng))) {
      PrimRecord row;
      row.prim = prim;
      const double cost = 1e-4 * static_cast<double>(1 + hash(prim) % 9);
      row.perf[Metric::latency].value = cost;
      sum += cost;
      record.prims.push_back(row);
    }
    record.overall[Metric::latency].value = 1.1 * sum + 1e-4;
    records.push_back(record);
  }
  return records;
}

}  // namespace

TEST_CASE("a compiled model predicts what the model does, for every kind and chain of features") {
  const TempFolder folder;
  const auto file = load_space(folder.write("tiny.yaml", tiny_space));
  const auto& space = *file.space;
  const auto records = measure(space, 120);
  model::register_trainer(draw_net);
  struct Variant {
    std::string kind;
    std::vector<std::string> preprocessors;
    bool sum;
  };
  const std::vector<Variant> variants{
      {"table", {}, true},      {"linear", {}, true},
      {"calibrated", {}, true}, {"kernel", {}, true},
      {"mlp", {}, false},       {"mlp", {"block_sum", "flatten", "extract_sum_features"}, false},
      {"lstm", {}, false},      {"lstm", {"flatten", "padding"}, false}};
  for (const auto& variant : variants) {
    CAPTURE(variant.kind);
    FitOptions options;
    options.kind = variant.kind;
    options.preprocessors = variant.preprocessors;
    const Model model = fit(records, options);
    const Predictor predictor(space, model);
    CHECK(predictor.is_sum() == variant.sum);
    std::mt19937_64 rng(6);
    const std::size_t n = 200;
    std::vector<std::uint8_t> rows;
    std::vector<double> expected;
    for (std::size_t i = 0; i < n; ++i) {
      const Arch arch = space.sample(rng);
      expected.push_back(model.predict(space.primitives(arch)));
      CHECK(expected.back() > 0);
      CHECK(predictor.predict(arch) == Approx(expected.back()).epsilon(1e-9));
      rows.insert(rows.end(), arch.begin(), arch.end());
    }
    std::vector<float> out(n);
    predictor.predict(rows.data(), n, out.data());
    for (std::size_t i = 0; i < n; ++i) CHECK(static_cast<double>(out[i]) == Approx(expected[i]).epsilon(1e-5));
  }
}

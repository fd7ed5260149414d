// SPDX-License-Identifier: Apache-2.0
// Every bundled space: what is compiled agrees with what the model says.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "allocations.hpp"
#include "base/files.hpp"
#include "factor_spaces.hpp"
#include "hwprof/predictor.hpp"
#include "neural_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

void check_agrees(const MixinProfilingSearchSpace& space) {
  model::Line line;
  line.scale = 0.93;
  line.bias = 2e-4;
  line.per_block = 1e-5;
  line.with_blocks = true;
  const auto prims = space.generate_profiling_primitives();
  const Model table = made_up_model(prims), linear = made_up_model(prims, line);
  const Predictor sum(space, table), corrected(space, linear);
  std::mt19937_64 rng(21);
  std::vector<double> exact;
  std::vector<std::uint8_t> rows;
  for (int i = 0; i < 400; ++i) {
    const Arch arch = space.sample(rng);
    const auto used = space.primitives(arch);
    exact.push_back(table.predict(used));
    REQUIRE(sum.predict(arch) == doctest::Approx(exact.back()).epsilon(1e-12));
    REQUIRE(corrected.predict(arch) == doctest::Approx(linear.predict(used)).epsilon(1e-12));
    for (const auto option : arch) rows.push_back(static_cast<std::uint8_t>(option));
  }
  std::vector<float> batch(exact.size());
  sum.predict(rows.data(), exact.size(), batch.data());
  for (std::size_t i = 0; i < exact.size(); ++i) REQUIRE(batch[i] == doctest::Approx(exact[i]).epsilon(2e-6));
}

/// Records of sampled architectures, whose latency is not quite the sum of their primitives.
std::vector<NetRecord> measured(const MixinProfilingSearchSpace& space, int n) {
  std::mt19937_64 rng(3);
  std::vector<NetRecord> records;
  const auto add = [&](const std::vector<Prim>& prims, const std::string& arch) {
    NetRecord record;
    record.net_id = std::to_string(records.size());
    record.arch = arch;
    record.from.device = record.from.compiler = "cpu";
    record.from.mode = "inference";
    double sum = 0;
    for (const auto& prim : prims) {
      PrimRecord part;
      part.prim = prim;
      part.perf[Metric::latency].value = made_up_cost(prim);
      sum += made_up_cost(prim);
      record.prims.push_back(part);
    }
    record.overall[Metric::latency].value = 1e-4 + 0.95 * sum + 1e-6 * static_cast<double>(prims.size());
    records.push_back(record);
  };
  for (int i = 0; i < n; ++i) {
    const Arch arch = space.sample(rng);
    add(space.primitives(arch), to_string(arch));
  }
  auto prims = space.generate_profiling_primitives();
  for (std::size_t begin = 0; begin < prims.size(); begin += 12)
    add({prims.begin() + static_cast<std::ptrdiff_t>(begin),
         prims.begin() + static_cast<std::ptrdiff_t>(std::min(begin + 12, prims.size()))},
        "");
  return records;
}

void check_kind(const MixinProfilingSearchSpace& space, const Model& model) {
  const Predictor predictor(space, model);
  std::mt19937_64 rng(23);
  std::vector<Arch> archs;
  std::vector<double> exact;
  std::vector<std::uint8_t> rows;
  for (int i = 0; i < 200; ++i) {
    archs.push_back(space.sample(rng));
    for (const auto option : archs.back()) rows.push_back(static_cast<std::uint8_t>(option));
    const bool by_prims = model.impl().form() != model::Form::arch;
    exact.push_back(by_prims ? model.predict(space.primitives(archs.back())) : predictor.predict(archs.back()));
  }
  CHECK(*std::max_element(exact.begin(), exact.end()) > 0);
  std::vector<float> batch(archs.size());
  std::vector<double> one(archs.size());
  const std::size_t before = allocations;
  for (std::size_t i = 0; i < archs.size(); ++i) one[i] = predictor.predict(archs[i].data());
  predictor.predict(rows.data(), archs.size(), batch.data());
  CHECK(allocations == before);
  for (std::size_t i = 0; i < archs.size(); ++i) {
    REQUIRE(one[i] == doctest::Approx(exact[i]).epsilon(1e-9));
    REQUIRE(batch[i] == doctest::Approx(exact[i]).epsilon(1e-5));
  }
  if (!predictor.is_sum()) (void)error_of(Fault::unsupported, [&] { (void)predictor.factors(); });
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < archs.size(); ++i) wrong += predictor.predict(archs[i].data()) != one[i];
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("every bundled space") {
  const std::string folder = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/";
  for (const auto& name : base::list_folder(folder)) {
    CAPTURE(name);
    const auto file = load_space(folder + name);
    if (file.kind != "options") check_agrees(*file.space);  // which has no primitives
  }
}

TEST_CASE("every kind of model: compiled, it gives what it gives for the primitives") {
  const StageSpace space(3, 3, {160, 224});
  std::vector<std::size_t> options;
  for (const auto& decision : space.decisions()) options.push_back(decision.options.size());
  const auto records = measured(space, 120);
  model::register_trainer(draw_net);
  std::vector<FitOptions> all;
  for (const auto& kind : list_models()) {
    all.emplace_back();
    all.back().kind = kind;
  }
  for (const char* kind : {"mlp", "lstm"}) {  // the other ways that these see primitives
    all.emplace_back();
    all.back().kind = kind;
    all.back().preprocessors = {"block_sum", "flatten", kind[0] == 'm' ? "extract_sum_features" : "padding"};
  }
  for (const auto& fit_options : all) {
    const std::string& kind = fit_options.kind;
    CAPTURE(kind);
    std::optional<Model> model;
    try {
      model = fit(records, fit_options);
    } catch (const Error& error) {
      // From more than records of primitives: its own tests compile it.
      const bool expected = kind == "transfer" ? error.fault() == Fault::usage
                                               : error.fault() == Fault::unsupported || error.fault() == Fault::missing;
      CHECK_MESSAGE(expected, error.what());
      MESSAGE("not fitted here: " << kind << ": " << error.what());
      continue;
    }
    check_kind(space, *model);
  }
}

TEST_CASE("image sizes as a decision") {
  const TempFolder folder;
  const auto path = folder.write("space.yaml", R"(kind: ofa
name: sizes
image_size_choice: [96, 131, 160]
base_channels: [16, 16, 24, 32, 40]
strides: [1, 2, 2, 1]
)");
  const auto file = load_space(path);
  check_agrees(*file.space);
  const Predictor predictor(*file.space, made_up_cost);
  for (const auto& factor : predictor.factors()) CHECK(factor.decisions.size() <= 4);
}

TEST_CASE("candidates of different channels and strides, skips and depths") {
  const TempFolder folder;
  const auto path = folder.write("space.yaml", R"(kind: chain
name: shapes
image_size: 61
candidates:
  - {name: narrow, prim_type: conv_bn_relu_1x1, C_out: 8}
  - {name: wide, prim_type: conv_bn_relu_3x3, C_out: 24}
  - {name: keep, prim_type: conv_bn_relu_3x3}
  - {name: down, prim_type: conv_bn_relu_3x3, C_out: 16, stride: 2}
  - skip
stages:
  - {blocks: 2}
  - {blocks: 2, depths: [1, 2]}
head:
  - {prim_type: conv_bn_relu_1x1, C_out: 32}
)");
  check_agrees(*load_space(path).space);
}

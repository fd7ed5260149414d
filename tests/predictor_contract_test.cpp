// SPDX-License-Identifier: Apache-2.0
// Every bundled space: what is compiled agrees with what the model says.
#include <doctest/doctest.h>

#include "base/files.hpp"
#include "factor_spaces.hpp"
#include "hwprof/predictor.hpp"
#include "temp_folder.hpp"

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

}  // namespace

TEST_CASE("every bundled space") {
  const std::string folder = std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/";
  for (const auto& name : base::list_folder(folder)) {
    CAPTURE(name);
    check_agrees(*load_space(folder + name).space);
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

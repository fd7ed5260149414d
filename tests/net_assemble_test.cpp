// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "hwprof/net.hpp"
#include "net/glue.hpp"
#include "net_chain_check.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::check_chains;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

Prim block(int size, int C, int C_out, int stride = 1, int kernel = 3) {
  return normalized(
      {"mobilenet_v2_block",
       size,
       C,
       C_out,
       stride,
       true,
       {{"expansion", 3.0}, {"kernel_size", std::int64_t{kernel}}, {"activation", std::string("relu6")}}});
}

Prim plain(const std::string& type, int size, int C, int C_out, int stride = 1) {
  return normalized({type, size, C, C_out, stride, true, {}});
}

AssembleOptions options_of(int image_size, int max_layers = 20) {
  return {image_size, 3, max_layers};
}

}  // namespace

TEST_CASE("a chain of primitives becomes one network without glue") {
  const std::vector<Prim> prims = {
      plain("conv_3x3", 32, 3, 16, 2),     block(16, 16, 24),         block(16, 24, 24), block(16, 24, 32, 2),
      plain("global_avg_pool", 8, 32, 32), plain("linear", 1, 32, 10)};
  AssembleSummary summary;
  const auto nets = assemble(prims, options_of(32), &summary);
  check_chains(nets, prims, 20);
  REQUIRE(nets.size() == 1);
  CHECK(nets[0].id == "prof-000");
  CHECK(nets[0].layers.size() == 6);
  CHECK(summary.nets == 1);
  CHECK(summary.prims == 6);
  CHECK(summary.glue_layers == 0);
  CHECK(summary.glue_macs == 0);
  double macs = 0;
  for (const auto& prim : prims) macs += count_work(prim).macs;
  CHECK(summary.prim_macs == doctest::Approx(macs));
}

TEST_CASE("nothing gives nothing, doubles count once") {
  CHECK(assemble({}, options_of(32)).empty());
  AssembleSummary summary;
  const auto nets = assemble({block(16, 16, 16), block(16, 16, 16)}, options_of(32), &summary);
  CHECK(nets.size() == 1);
  CHECK(summary.prims == 1);
}

TEST_CASE("without a stem in the space, cheap glue leads to the first primitive") {
  for (const int size : {1, 2, 7, 14, 55, 56, 57, 111, 112, 113, 223, 224}) {
    CAPTURE(size);
    const std::vector<Prim> prims = {block(size, 512, 512)};
    AssembleSummary summary;
    const auto nets = assemble(prims, options_of(224), &summary);
    check_chains(nets, prims, 20);
    REQUIRE(nets.size() == 1);
    CHECK(nets[0].image_size == 224);
    CHECK(nets[0].layers[0].glue);
    CHECK(summary.glue_layers == nets[0].layers.size() - 1);
    CHECK(summary.glue_macs < 2e7 + 0.02 * summary.prim_macs);
  }
}

TEST_CASE("a stem of the space is preferred to a glue stem") {
  const auto stem = plain("conv_3x3", 224, 3, 16, 2);
  const std::vector<Prim> prims = {stem, block(7, 160, 320), block(14, 96, 96)};
  AssembleSummary summary;
  const auto nets = assemble(prims, options_of(224), &summary);
  check_chains(nets, prims, 20);
  CHECK(nets.size() == 1);
  for (const auto& net : nets) CHECK(net.layers[0].prim == stem);
  CHECK(summary.glue_macs < 1e7);
}

TEST_CASE("images of several sizes each start their own networks") {
  std::vector<Prim> prims;
  for (const int size : {32, 33, 48}) {
    prims.push_back(plain("conv_3x3", size, 3, 16, 2));
    prims.push_back(block((size + 1) / 2, 16, 24, 2));
  }
  AssembleSummary summary;
  const auto nets = assemble(prims, options_of(48), &summary);
  check_chains(nets, prims, 20);
  CHECK(nets.size() == 3);
  CHECK(summary.glue_layers == 0);
}

TEST_CASE("what passes through one place is not glued, and lengths are balanced") {
  std::vector<Prim> prims = {plain("conv_3x3", 64, 3, 16, 2), block(32, 16, 16)};  // a bottleneck of one primitive
  for (int kernel = 3; kernel <= 11; kernel += 2) {
    prims.push_back(block(32, 16, 24, 2, kernel));
    prims.push_back(block(16, 24, 24, 1, kernel));
    prims.push_back(block(16, 24, 32, 2, kernel));
  }
  AssembleSummary summary;
  const auto nets = assemble(prims, options_of(64), &summary);
  check_chains(nets, prims, 20);
  CHECK(nets.size() == 5);
  CHECK(summary.glue_layers == 0);
  for (const auto& net : nets) CHECK(net.layers.size() <= 5);
}

TEST_CASE("the order of the primitives does not matter") {
  std::vector<Prim> prims;
  std::mt19937 rng(5);
  for (int i = 0; i < 60; ++i)
    prims.push_back(block(static_cast<int>(7 + rng() % 40), 8 * static_cast<int>(1 + rng() % 5),
                          8 * static_cast<int>(1 + rng() % 5), static_cast<int>(1 + rng() % 2)));
  const auto first = assemble(prims, options_of(64, 7));
  for (int round = 0; round < 5; ++round) {
    std::shuffle(prims.begin(), prims.end(), rng);
    const auto again = assemble(prims, options_of(64, 7));
    REQUIRE(again.size() == first.size());
    for (std::size_t n = 0; n < first.size(); ++n) {
      REQUIRE(again[n].layers.size() == first[n].layers.size());
      CHECK(again[n].image_size == first[n].image_size);
      for (std::size_t i = 0; i < first[n].layers.size(); ++i) {
        CHECK(again[n].layers[i].prim == first[n].layers[i].prim);
        CHECK(again[n].layers[i].glue == first[n].layers[i].glue);
      }
    }
  }
}

TEST_CASE("random sets are covered exactly, whatever max_layers is") {
  std::mt19937 rng(11);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    std::vector<Prim> prims;
    const int count = static_cast<int>(1 + rng() % 80);
    for (int i = 0; i < count; ++i) {
      const int C = 8 * static_cast<int>(1 + rng() % 4), size = static_cast<int>(1 + rng() % 97);
      switch (rng() % 5) {
        case 0:
          prims.push_back(plain("conv_3x3", size, 3, C, static_cast<int>(1 + rng() % 3)));
          break;
        case 1:
          prims.push_back(plain("avg_pool_3x3", size, C, C, static_cast<int>(1 + rng() % 2)));
          break;
        case 2:
          prims.push_back(plain("global_avg_pool", size, C, C));
          break;
        case 3:
          prims.push_back(plain("linear", 1, C, 10));
          break;
        default:
          prims.push_back(block(size, C, 8 * static_cast<int>(1 + rng() % 4), static_cast<int>(1 + rng() % 2)));
      }
    }
    const int max_layers = static_cast<int>(1 + rng() % 12);
    AssembleSummary summary;
    const auto nets = assemble(prims, options_of(97, max_layers), &summary);
    check_chains(nets, prims, max_layers);
    for (const auto& net : nets) CHECK_NOTHROW(static_cast<void>(lower(net)));
    std::size_t glue = 0;
    for (const auto& net : nets)
      glue += static_cast<std::size_t>(
          std::count_if(net.layers.begin(), net.layers.end(), [](const Layer& l) { return l.glue; }));
    CHECK(glue == summary.glue_layers);
    CHECK(nets.size() == summary.nets);
  }
}

TEST_CASE("glue leads exactly from every place to every smaller one") {
  using net::Place;
  for (int from = 1; from <= 64; ++from) {
    for (int to = 1; to <= from; ++to) {
      for (const int C : {8, 24}) {
        Place at{from, 16};
        for (const auto& prim : net::bridge(at, {to, C})) {
          REQUIRE(prim.spatial_size == at.size);
          REQUIRE(prim.C == at.C);
          CHECK(prim.stride <= 4);
          at = {hwprof_test::expected_out_size(prim), prim.C_out};
        }
        CHECK(at == Place{to, C});
        at = {from, 3};
        const auto stem = net::glue_stem(at, {to, C});
        CHECK_FALSE(stem.empty());
        for (const auto& prim : stem) {
          REQUIRE(prim.spatial_size == at.size);
          REQUIRE(prim.C == at.C);
          at = {hwprof_test::expected_out_size(prim), prim.C_out};
        }
        CHECK(at == Place{to, C});
      }
    }
  }
  CHECK(net::bridge({14, 96}, {14, 96}).empty());
}

TEST_CASE("what cannot be placed is refused by name") {
  const auto text = error_of(Fault::input, [] {
    static_cast<void>(assemble({block(16, 8, 8), block(33, 8, 8)}, options_of(32)));
  });
  CHECK(has(text, "mobilenet_v2_block:33x8x8s1"));
  CHECK(has(text, "larger than the image"));
  Prim unknown = block(16, 8, 8);
  unknown.prim_type = "mobilenet_v2_blok";
  CHECK(has(error_of(Fault::input, [&] { static_cast<void>(assemble({unknown}, options_of(32))); }),
            "mobilenet_v2_block"));
  CHECK(has(error_of(Fault::usage, [] { static_cast<void>(assemble({block(16, 8, 8)}, options_of(32, 0))); }),
            "max_layers"));
  CHECK(has(error_of(Fault::usage, [] { static_cast<void>(assemble({}, options_of(-1))); }), "image_size"));
}

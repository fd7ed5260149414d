// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

constexpr double bias = 5e-4;

Prim prim(const std::string& type, int size) {
  Prim out;
  out.prim_type = type;
  out.spatial_size = size;
  out.C = out.C_out = 8;
  return out;
}

double alone(const Prim& prim) {
  return 1e-5 * prim.spatial_size * (prim.prim_type == "conv_3x3" ? 3 : 1);
}

/// Inside a network convolutions take 1.3, pools 0.6 times as long, and a head that is in all of them 2 times.
double inside(const Prim& prim) {
  return alone(prim) * (prim.prim_type == "conv_3x3" ? 1.3 : prim.prim_type == "max_pool_3x3" ? 0.6 : 2);
}

NetRecord record(const std::string& id, const std::vector<Prim>& prims, bool whole) {
  NetRecord out;
  out.net_id = id;
  out.purpose = whole ? "calibration" : "coverage";
  double sum = bias;
  for (const auto& one : prims) {
    PrimRecord row;
    row.prim = one;
    if (!whole) row.perf[Metric::latency].value = alone(one);
    out.prims.push_back(row);
    sum += inside(one);
  }
  out.overall[Metric::latency].value = sum;
  return out;
}

std::vector<NetRecord> records(int nets) {
  std::vector<NetRecord> out;
  const auto head = prim("conv_1x1", 7);
  out.push_back(record("head", {head}, false));
  for (int size = 4; size < 12; ++size)
    for (const char* type : {"conv_3x3", "max_pool_3x3"})
      out.push_back(record(type + std::to_string(size), {prim(type, size)}, false));
  std::mt19937_64 rng(1);
  for (int i = 0; i < nets; ++i) {
    std::vector<Prim> prims{head};
    for (int k = 0; k < 6; ++k) {
      const int size = 4 + static_cast<int>(rng() % 8);
      prims.push_back(prim(rng() % 2 == 0 ? "conv_3x3" : "max_pool_3x3", size));
    }
    out.push_back(record("net" + std::to_string(i), prims, true));
  }
  return out;
}

}  // namespace

TEST_CASE("each primitive type has a scale of its own, where the networks tell it") {
  const auto all = records(20);
  FitOptions options;
  const Model one = fit(all, options);
  options.per_class = true;
  const Model each = fit(all, options);
  CHECK(one.summary().fit_mape > 0.02);
  CHECK(each.summary().fit_mape < 1e-9);
  CHECK(each.summary().cv_mape < 1e-9);
  CHECK(each.summary().coefficients.at("scale.conv_3x3") == doctest::Approx(1.3));
  CHECK(each.summary().coefficients.at("scale.max_pool_3x3") == doctest::Approx(0.6));
  CHECK(each.summary().coefficients.count("scale.conv_1x1") == 0);  // in every network: part of the bias
  const std::vector<Prim> prims{prim("conv_1x1", 7), prim("conv_3x3", 11), prim("max_pool_3x3", 5)};
  double expected = bias;
  for (const auto& p : prims) expected += inside(p);
  CHECK(each.predict(prims) == doctest::Approx(expected));
  CHECK(each.entry(prims[1])->value == doctest::Approx(1.3 * alone(prims[1])));
}

TEST_CASE("too few networks for the scales, and kinds without them, are refused") {
  FitOptions options;
  options.per_class = true;
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       options.kind = "table";
                       (void)fit(records(20), options);
                     }),
            "per_class"));
  options.kind = "linear";
  auto few = records(3);
  for (auto& one : few)
    if (one.purpose == "coverage") one.overall.clear();
  error_of(Fault::missing, [&] { (void)fit(few, options); });
}

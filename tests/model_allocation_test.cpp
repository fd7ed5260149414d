// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "allocations.hpp"
#include "model_support.hpp"
#include "neural_support.hpp"

using namespace hwprof;
using namespace hwprof_test;

TEST_CASE("predict allocates nothing") {
  Device device;
  hwprof::model::register_trainer(draw_net);
  for (const char* kind : {"table", "linear", "calibrated", "mlp", "lstm"}) {
    FitOptions options;
    options.kind = kind;
    const Model model = fit(device.measure(40, 1), options);
    const auto prims = prims_of(device.measure(1, 2).front());
    double sum = model.predict(prims);
    const std::size_t before = allocations;
    for (int i = 0; i < 1000; ++i) sum += model.predict(prims);
    CHECK(allocations == before);
    CHECK(sum > 0);
  }
}

TEST_CASE("the counter counts") {
  const std::size_t before = allocations;
  delete new int(1);
  CHECK(allocations >= before);
  const std::vector<int> memory(100);
  CHECK(allocations > before);
  CHECK(memory.size() == 100);
}

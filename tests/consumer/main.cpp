// SPDX-License-Identifier: Apache-2.0
// Uses a little of every room, so that a piece missing from the package fails to link.
#include <cmath>
#include <hwprof/hwprof.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

hwprof::NetRecord measured_once(const hwprof::Prim& prim, double latency_s) {
  hwprof::Measured latency;
  latency.value = latency_s;
  latency.samples = 1;
  hwprof::NetRecord record;
  record.net_id = "one";
  record.overall[hwprof::Metric::latency] = latency;
  record.prims.push_back({prim, {{hwprof::Metric::latency, latency}}, false});
  return record;
}

bool check(bool good, const std::string& what) {
  if (!good) std::cerr << "wrong: " << what << '\n';
  return good;
}

}  // namespace

int main() {
  try {
    const hwprof::Prim prim = hwprof::parse_prim("conv_bn_relu_3x3:16x3x8s2");
    const hwprof::Work work = hwprof::count_work(prim);
    bool good = check(work.macs == 8.0 * 8 * 8 * 3 * 3 * 3, "multiply-accumulates of a convolution");

    hwprof::AssembleSummary summary;
    hwprof::AssembleOptions options;
    options.image_size = 16;
    good = check(hwprof::assemble({prim}, options, &summary).size() == 1, "one network") && good;

    hwprof::FitOptions table;
    table.kind = "table";
    const hwprof::Model model = hwprof::fit({measured_once(prim, 0.002)}, table);
    good = check(std::abs(model.predict({prim, prim}) - 0.004) < 1e-12, "sum of two primitives") && good;
    good = check(!hwprof::list_spaces().empty(), "built-in kinds of spaces") && good;

    const auto space = hwprof::load_space("nasbench201").space;
    const hwprof::Predictor macs(*space, [](const hwprof::Prim& each) { return hwprof::count_work(each).macs; });
    hwprof::SearchOptions search;
    search.evaluations = 10;
    const auto found =
        hwprof::run_search(*space, hwprof::capacity_proxy(*space),
                           {{"macs", "", [&](const hwprof::Arch& arch) { return macs.predict(arch); }, 1e9}}, search);
    good = check(found.evaluated.size() == 10, "ten architectures evaluated") && good;
    good = check(hwprof::count_feasible({macs}, {hwprof::costliest(macs).cost}) == 15625, "the whole space") && good;

    bool refused = false;
    try {
      (void)hwprof::make_compiler("no-such-device");
    } catch (const hwprof::Error& error) {
      refused = error.fault() == hwprof::Fault::usage;
    }
    good = check(refused, "an unknown compiler is an error of use") && good;
    std::cout << "hwprof " << hwprof::version << (good ? ": all right\n" : ": wrong\n");
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

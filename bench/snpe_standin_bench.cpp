// SPDX-License-Identifier: Apache-2.0
// The helper of bench/snpe_standin.sh: what ways of adding up are off by, over the networks of a run with --isolated
// that were kept out of the fit.
//   hwprof_bench_snpe_standin_bench RUN_DIR
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "hwprof/hwprof.hpp"

namespace {

using hwprof::Metric;

struct Errors {
  const char* what;
  std::vector<double> signed_shares;

  void print() const {
    double sum = 0;
    double mean = 0;
    double most = 0;
    for (const double share : signed_shares) {
      sum += std::abs(share);
      mean += share;
      most = std::max(most, std::abs(share));
    }
    const auto n = static_cast<double>(signed_shares.size());
    std::printf("%-68s off by %8.2f %% on average, %8.2f %% at most (mean %+.2f %%)\n", what, 100 * sum / n, 100 * most,
                100 * mean / n);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " RUN_DIR\n";
    return 2;
  }
  try {
    const std::string run = argv[1];
    const auto records = hwprof::load_records(run + "/records.jsonl");
    const auto model = hwprof::load_model(run + "/model.json");
    std::map<std::string, double> totals;
    std::map<std::string, double> layers;
    for (const auto& record : records) {
      if (record.purpose != "coverage" || record.overall.empty()) continue;
      const std::string key = hwprof::to_string(record.prims.at(0).prim);
      totals[key] = record.overall.at(Metric::latency).value;
      layers[key] = record.prims[0].perf.at(Metric::latency).value;
    }
    Errors estimator{"estimator: scale * sum of layers' times + bias", {}};
    Errors by_layers{"sum of the modules' Layers Times", {}};
    Errors by_totals{"sum of the modules' Total Inference Times", {}};
    for (const auto& record : records) {
      if (record.purpose != "validation") continue;
      const double measured = record.overall.at(Metric::latency).value;
      std::vector<hwprof::Prim> prims;
      double layer_sum = 0;
      double total_sum = 0;
      for (const auto& row : record.prims) {
        prims.push_back(row.prim);
        layer_sum += layers.at(hwprof::to_string(row.prim));
        total_sum += totals.at(hwprof::to_string(row.prim));
      }
      estimator.signed_shares.push_back(model.predict(prims) / measured - 1);
      by_layers.signed_shares.push_back(layer_sum / measured - 1);
      by_totals.signed_shares.push_back(total_sum / measured - 1);
    }
    std::printf("%zu networks held out, %zu modules\n", estimator.signed_shares.size(), totals.size());
    for (const auto& errors : {estimator, by_layers, by_totals}) errors.print();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// A search under a latency limit:
//   nas_loop SPACE.yaml MODEL.json [ACCURACY.csv]
// The accuracy comes from a table (arch,accuracy), as training or a supernet leaves it; without one, the
// number of multiply-accumulates stands in. A NAS code base passes its own function instead.
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include "hwprof/exact.hpp"
#include "hwprof/limit.hpp"
#include "hwprof/model.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/search.hpp"
#include "hwprof/space.hpp"

namespace {

using hwprof::Arch;

int run(const std::string& space_file, const std::string& model_file, const std::string& accuracy_file) {
  const auto space = hwprof::load_space(space_file).space;
  const hwprof::Predictor latency(*space, hwprof::load_model(model_file));
  hwprof::AccuracyTable known;  // without architectures: all are
  if (accuracy_file.empty())
    known.accuracy = hwprof::capacity_proxy(*space);
  else
    known = hwprof::load_accuracy_table(*space, accuracy_file);

  // What the space has to offer, exactly: no sampling.
  const auto fastest = hwprof::cheapest(latency), slowest = hwprof::costliest(latency);
  const double limit_s = (fastest.cost + slowest.cost) / 2;
  const auto feasible = std::make_shared<hwprof::FeasibleSet>(latency, limit_s);
  std::cout << "latency " << fastest.cost * 1e3 << " to " << slowest.cost * 1e3 << " ms; limit " << limit_s * 1e3
            << " ms, which " << feasible->at_least() << " to " << feasible->at_most() << " of "
            << hwprof::count_archs(latency) << " architectures keep\n";

  hwprof::SearchOptions options;
  options.evaluations = 500;
  options.population = 50;
  options.threads = 2;
  options.seed = 7;
  options.among = known.archs;
  options.sample = [feasible](std::mt19937_64& rng) { return feasible->sample(rng); };
  const std::vector<hwprof::SearchCost> costs{
      {"latency", "s", [&latency](const Arch& arch) { return latency.predict(arch); }, limit_s}};
  double random = 0;
  for (const std::string& algorithm : hwprof::list_search_algorithms()) {
    options.algorithm = algorithm;
    const auto result = hwprof::run_search(*space, known.accuracy, costs, options);
    std::cout << algorithm << ": best " << result.best.accuracy << " at " << result.best.costs[0] * 1e3 << " ms of "
              << result.evaluated.size() << " evaluated, front of " << result.front.size() << "\n  "
              << hwprof::describe(*space, result.best.arch) << '\n';
    if (!hwprof::keeps_limit(result.best.costs[0], limit_s)) return 1;
    if (algorithm == "random") random = result.best.accuracy;
    if (algorithm == "evolution" && result.best.accuracy < random) std::cout << "  (no better than chance here)\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: nas_loop SPACE.yaml MODEL.json [ACCURACY.csv]\n";
    return 2;
  }
  try {
    return run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

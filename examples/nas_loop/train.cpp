// SPDX-License-Identifier: Apache-2.0
// A search with accuracies that are trained and latencies that are measured, here and now:
//   nas_loop_train [--quick] [--epochs N] [--images N] [--data fashion-mnist:DIR] [--run DIR] [--out FRONT.csv] [--seed
//   N]
//  1. hwprof measures the primitives of the space on this CPU and fits a latency model (kept in --run, and used again)
//  2. a supernet learns Fashion-MNIST, all architectures sharing its weights
//  3. NSGA-II searches accurate architectures under a latency limit; their accuracy is that of the shared weights
//  4. the front is shown with its accuracy on the test set
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>

#include "hwprof/data.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/model.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/run.hpp"
#include "hwprof/search.hpp"
#include "hwprof/torch.hpp"
#include "supernet.hpp"

namespace {

constexpr int skipped = 77;  // what ctest takes for "skipped"

struct Options {
  std::string data = "fashion-mnist", run = "fashion_run", out;
  int epochs = 4;
  std::int64_t images = 20000, validation = 2000, test = 10000;
  double measure_s = 20;
  std::size_t evaluations = 300, population = 40;
  std::uint64_t seed = 1;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--quick") {
      options.epochs = 1;
      options.images = 12000;
      options.validation = options.test = 500;
      options.measure_s = 4;
      options.evaluations = 40;
      options.population = 10;
      continue;
    }
    if (i + 1 == argc) throw std::invalid_argument(key + " is unknown or lacks its value");
    const std::string value = argv[++i];
    if (key == "--data") {
      options.data = value;
    } else if (key == "--run") {
      options.run = value;
    } else if (key == "--out") {
      options.out = value;
    } else if (key == "--epochs") {
      options.epochs = std::stoi(value);
    } else if (key == "--images") {
      options.images = std::stoll(value);
    } else if (key == "--seed") {
      options.seed = std::stoull(value);
    } else {
      throw std::invalid_argument("unknown option " + key);
    }
  }
  const bool sizes = options.epochs >= 1 && options.images >= 1000 && options.images + options.validation <= 60000;
  if (!sizes) throw std::invalid_argument("--epochs of at least 1 and --images of 1000 to 58000 are expected");
  return options;
}

/// The images of these indices as a network takes them.
nas_loop::Images load(const hwprof::DataSet& data, const hwprof::ImageSet& set,
                      const std::vector<std::uint32_t>& rows) {
  const auto n = static_cast<std::int64_t>(rows.size());
  const auto x = torch::empty({n, set.channels, set.size, set.size});
  std::mt19937_64 unused;
  hwprof::fill_batch(data, set, rows.data(), rows.size(), {}, unused, x.data_ptr<float>());
  const auto y = torch::empty({n}, torch::kLong);
  for (std::int64_t i = 0; i < n; ++i) y.data_ptr<std::int64_t>()[i] = set.labels[rows[static_cast<std::size_t>(i)]];
  return {x, y};
}

std::vector<std::uint32_t> first(std::vector<std::uint32_t> rows, std::int64_t n) {
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(n)));
  return rows;
}

/// The latency model of a run folder; measured when there is none yet.
hwprof::Model latency_model(const Options& options) {
  const std::string file = options.run + "/model.json";
  if (std::filesystem::exists(file)) {
    std::cout << "latencies: from " << file << '\n';
    return hwprof::load_model(file);
  }
  hwprof::register_torch_compilers();
  hwprof::ProfileOptions profile;
  profile.generate.space_file = EXAMPLE_DIR "/fashion.yaml";
  profile.generate.dir = options.run;
  profile.generate.calibration_nets = 12;
  profile.generate.validation_nets = 8;
  profile.measure.budget_s = options.measure_s;
  profile.resume = std::filesystem::exists(options.run);
  const auto summary = hwprof::profile(profile);
  std::cout << "latencies: " << summary.generated.prims << " primitives measured in " << summary.seconds
            << " s; error on " << summary.validation.n << " architectures that the model has not seen "
            << 100 * summary.validation.mape << " %\n";
  return summary.model;
}

int run(const Options& options) {
  hwprof::DataSet data;
  try {
    data = hwprof::load_data(options.data, {1, 28});
  } catch (const hwprof::Error& error) {
    if (error.fault() != hwprof::Fault::missing) throw;
    std::cout << "skipped: " << error.what() << '\n';
    return skipped;
  }
  torch::manual_seed(options.seed);
  torch::set_num_threads(1);
  const std::shared_ptr<hwprof::MixinProfilingSearchSpace> space =
      hwprof::load_space(EXAMPLE_DIR "/fashion.yaml").space;
  const hwprof::Predictor latency(*space, latency_model(options));
  const auto fastest = hwprof::cheapest(latency), slowest = hwprof::costliest(latency);
  const double limit_s = (fastest.cost + slowest.cost) / 2;
  const auto feasible = std::make_shared<hwprof::FeasibleSet>(latency, limit_s);
  std::cout << "latency " << fastest.cost * 1e3 << " to " << slowest.cost * 1e3 << " ms; limit " << limit_s * 1e3
            << " ms, which " << feasible->at_least() << " to " << feasible->at_most() << " of "
            << hwprof::count_archs(latency) << " architectures keep\n";

  const auto split = hwprof::split_images(data.train, static_cast<std::size_t>(options.validation), options.seed);
  const auto training = load(data, data.train, first(split.train, options.images));
  const auto validation = load(data, data.train, split.validation);
  nas_loop::Supernet supernet(space, 1);
  const double loss = supernet.learn(training, options.epochs, 50, options.seed);
  std::cout << "supernet: " << options.epochs << " epochs of " << options.images << " images, loss " << loss << '\n';

  hwprof::SearchOptions search;
  search.algorithm = "nsga2";
  search.evaluations = options.evaluations;
  search.population = options.population;
  search.seed = options.seed;
  search.sample = [feasible](std::mt19937_64& rng) { return feasible->sample(rng); };
  const std::vector<hwprof::SearchCost> costs{
      {"latency", "s", [&latency](const hwprof::Arch& arch) { return latency.predict(arch); }, limit_s}};
  // One thread: the batch norms of the supernet keep averages, of which nothing comes here.
  const auto result = hwprof::run_search(
      *space, [&](const hwprof::Arch& arch) { return supernet.accuracy(validation, arch); }, costs, search);

  std::vector<std::uint32_t> all(data.test.count());
  std::iota(all.begin(), all.end(), 0U);
  const auto test = load(data, data.test, first(all, options.test));
  std::cout << result.evaluated.size()
            << " architectures evaluated; front:\n  latency   validation  test     architecture\n";
  for (const auto& candidate : result.front) {
    char line[64];
    std::snprintf(line, sizeof line, "  %.3f ms  %6.2f %%  %6.2f %%  ", candidate.costs[0] * 1e3,
                  100 * candidate.accuracy, 100 * supernet.accuracy(test, candidate.arch));
    std::cout << line << hwprof::describe(*space, candidate.arch) << '\n';
  }
  if (!options.out.empty()) hwprof::save_candidates(options.out, result.front, costs);
  // A guess among ten classes is right once in ten.
  const bool learned = result.best.accuracy > 0.2 && result.best.costs[0] <= limit_s;
  if (!learned) std::cerr << "nothing was learned\n";
  return learned ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

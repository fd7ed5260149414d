// SPDX-License-Identifier: Apache-2.0
// Whether trees on what the linear regression leaves would better a transfer model:
//   hwprof_bench_tree_residual_bench SPACE DIR --sources a,b,c [--samples 10,20,50,100] [--seeds 3]
// DIR holds a CSV of architectures per device, all of the same ones. Each device in turn is the new one, its samples
// drawn at random. Extremely randomised trees are fitted to the errors of leaving one out of the member "transfer",
// over the same columns and the sources' predictions, and are added to it, whole or by half. Printed per device and
// number of samples, means over the seeds: Spearman on all other architectures of the regression, with trees, with half
// of what the trees say; then the same three's mean absolute error of leaving one sample out, over the mean cost, the
// trees without it too.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "hwprof/hwprof.hpp"
#include "model/forest.hpp"
#include "transfer/members.hpp"

namespace {

using namespace hwprof;
using namespace hwprof::transfer;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::array<double, 3> shares{0, 1, .5};

struct Device {
  std::string name;
  std::vector<NetRecord> records;
  VectorXd cost;
};

struct Figures {
  std::array<double, 3> spearman{}, loo{};
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

MatrixXd some_rows(const MatrixXd& all, const std::vector<std::size_t>& rows) {
  MatrixXd out(static_cast<Index>(rows.size()), all.cols());
  for (std::size_t i = 0; i < rows.size(); ++i) out.row(static_cast<Index>(i)) = all.row(static_cast<Index>(rows[i]));
  return out;
}

std::vector<float> flat(const MatrixXd& columns) {
  std::vector<float> out;
  for (Index i = 0; i < columns.rows(); ++i)
    for (Index j = 0; j < columns.cols(); ++j) out.push_back(static_cast<float>(columns(i, j)));
  return out;
}

model::Forest trees_of(const MatrixXd& columns, const VectorXd& residual) {
  model::ForestOptions options;
  options.min_leaf = 2;
  return model::Forest::fit(flat(columns), static_cast<std::size_t>(columns.cols()),
                            {residual.data(), residual.data() + residual.size()}, {}, options);
}

VectorXd say(const model::Forest& trees, const MatrixXd& columns) {
  VectorXd out(columns.rows());
  const auto rows = flat(columns);
  trees.predict(rows.data(), static_cast<std::size_t>(columns.rows()), out.data());
  return out;
}

/// The columns, the sources' predictions among them, of all architectures; and of the samples.
Figures try_once(const Sample& all, const VectorXd& cost, const std::vector<std::size_t>& picked,
                 const std::vector<Group>& groups, bool cells, double sources) {
  // Columns that are the same in all samples tell nothing, and forests take 256 of them at most.
  MatrixXd columns(all.features.rows(), all.features.cols() + all.sources.cols());
  columns << all.sources, all.features;
  const MatrixXd sampled = some_rows(columns, picked);
  std::vector<Index> vary;
  for (Index c = 0; c < sampled.cols() && vary.size() < model::Forest::most_features; ++c)
    if (sampled.col(c).maxCoeff() > sampled.col(c).minCoeff()) vary.push_back(c);
  const MatrixXd seen = sampled(Eigen::all, vary), everywhere = columns(Eigen::all, vary);

  Sample sample;
  sample.features = some_rows(all.features, picked);
  sample.sources = some_rows(all.sources, picked);
  sample.mean = sample.sources.rowwise().mean();
  sample.cost = some_rows(cost, picked).col(0);
  const double mean = sample.cost.mean();
  sample.cost /= mean;
  sample.weight = start_weights(sample.mean, sample.cost);
  const BayesFit fit = fit_regression(sample, priors(cells, sources), groups, 0);
  const VectorXd line = (all.features * fit.line.weights + all.sources * fit.line.source_weights +
                         fit.line.on_mean * all.sources.rowwise().mean())
                            .array() +
                        1 + fit.line.bias;
  const VectorXd residual = sample.cost - fit.loo, added = say(trees_of(seen, residual), everywhere);
  VectorXd added_loo(sample.cost.size());
  for (std::size_t i = 0; i < picked.size(); ++i) {
    std::vector<std::size_t> others;
    for (std::size_t j = 0; j < picked.size(); ++j)
      if (j != i) others.push_back(j);
    added_loo[static_cast<Index>(i)] =
        say(trees_of(some_rows(seen, others), some_rows(residual, others).col(0)), seen.row(static_cast<Index>(i)))[0];
  }
  Figures out;
  const std::set<std::size_t> taken(picked.begin(), picked.end());
  for (std::size_t s = 0; s < shares.size(); ++s) {
    std::vector<double> predicted, measured;
    for (Index i = 0; i < cost.size(); ++i)
      if (taken.count(static_cast<std::size_t>(i)) == 0 && cost[i] > 0) {
        predicted.push_back(mean * (line[i] + shares[s] * added[i]));
        measured.push_back(cost[i]);
      }
    out.spearman[s] = evaluate(predicted, measured).spearman;
    out.loo[s] = (residual - shares[s] * added_loo).cwiseAbs().mean();
  }
  return out;
}

void run(const std::vector<std::string>& words) {
  if (words.size() < 2) throw Error(Fault::usage, "SPACE DIR are expected");
  std::vector<std::string> named;
  std::vector<std::size_t> counts{10, 20, 50, 100};
  int seeds = 3;
  for (std::size_t i = 2; i + 1 < words.size(); i += 2) {
    if (words[i] == "--sources") named = split(words[i + 1]);
    if (words[i] == "--seeds") seeds = std::stoi(words[i + 1]);
    if (words[i] != "--samples") continue;
    counts.clear();
    for (const auto& part : split(words[i + 1])) counts.push_back(std::stoul(part));
  }
  const auto file = load_space(words[0]);
  const Features features(*file.space);
  std::vector<Group> groups;
  for (std::size_t c = 0; c < features.size(); ++c) groups.push_back(features.group(c));
  const bool cells = std::count(groups.begin(), groups.end(), Group::paths) > 0;
  std::vector<Device> devices;
  for (const auto& entry : std::filesystem::directory_iterator(words[1]))
    if (entry.path().extension() == ".csv")
      devices.push_back({entry.path().stem().string(), load_records(entry.path().string()), {}});
  std::sort(devices.begin(), devices.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<Arch> archs;
  for (auto& device : devices) {
    device.cost.resize(static_cast<Index>(device.records.size()));
    for (std::size_t i = 0; i < device.records.size(); ++i)
      device.cost[static_cast<Index>(i)] = device.records[i].overall.at(Metric::latency).value;
    if (&device == devices.data())
      for (const auto& record : device.records) archs.push_back(parse_arch(*file.space, record.arch));
    if (device.records.size() != archs.size())
      throw Error(Fault::input, device.name + ": other architectures than " + devices.front().name);
  }
  std::mt19937_64 around(2);
  std::vector<Arch> reference;
  for (int i = 0; i < 200; ++i) reference.push_back(file.space->sample(around));
  std::printf("%-16s %3s  Spearman: alone, trees, half   error of leaving one out: alone, trees, half\n", "device",
              "N");
  for (const auto& device : devices) {
    std::vector<TransferSource> sources;
    for (const auto& other : devices)
      if (other.name != device.name && (named.empty() || std::count(named.begin(), named.end(), other.name) > 0))
        sources.push_back({other.name, other.records});
    std::vector<Arch> source_archs;
    std::vector<std::string> notes;
    const auto models = fit_sources(*file.space, features, sources, Metric::latency, source_archs, notes);
    const Sample all = describe(features, models, archs);
    const double variance =
        std::pow(spread_of(describe(features, models, reference)), -2) / static_cast<double>(models.size());
    for (const std::size_t count : counts) {
      Figures mean;
      for (int seed = 0; seed < seeds; ++seed) {
        std::mt19937_64 rng(1000 * static_cast<std::uint64_t>(seed) + count);
        std::set<std::size_t> drawn;
        while (drawn.size() < count) drawn.insert(rng() % archs.size());
        const Figures one = try_once(all, device.cost, {drawn.begin(), drawn.end()}, groups, cells, variance);
        for (std::size_t s = 0; s < shares.size(); ++s) {
          mean.spearman[s] += one.spearman[s] / seeds;
          mean.loo[s] += one.loo[s] / seeds;
        }
      }
      std::printf("%-16s %3zu  %.3f %.3f %.3f   %.4f %.4f %.4f\n", device.name.c_str(), count, mean.spearman[0],
                  mean.spearman[1], mean.spearman[2], mean.loo[0], mean.loo[1], mean.loo[2]);
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tree_residual: %s\n", error.what());
    return 1;
  }
}

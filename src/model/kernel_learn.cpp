// SPDX-License-Identifier: Apache-2.0
#include "model/kernel_learn.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/random.hpp"
#include "base/stats.hpp"
#include "model/kernel_roofline.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t most_folds = 5;
constexpr int rounds = 3;            // of sharing out
constexpr int trees_on_the_way = 3;  // a so-many-th of the trees is enough there
constexpr double least_weight = 0.02, most_weight = 4;

using Numbers = std::vector<std::size_t>;
using Shares = std::vector<std::vector<double>>;  ///< by observation, by kernel in it

/// A fold for every primitive of the observations; as many as there are primitives, at most so many.
std::map<std::uint32_t, std::size_t> folds_of(const KernelData& data, const Numbers& observations, std::uint64_t seed,
                                              std::size_t most, std::size_t& folds) {
  std::vector<std::uint32_t> prims;
  for (const std::size_t o : observations) prims.push_back(data.observations[o].prim);
  std::sort(prims.begin(), prims.end());
  prims.erase(std::unique(prims.begin(), prims.end()), prims.end());
  std::mt19937_64 rng(seed);
  for (std::size_t i = prims.size(); i > 1; --i) std::swap(prims[i - 1], prims[base::draw_below(rng, i)]);
  folds = std::min(most, prims.size());
  std::map<std::uint32_t, std::size_t> out;
  for (std::size_t i = 0; i < prims.size(); ++i) out[prims[i]] = i % folds;
  return out;
}

class Learner {
 public:
  Learner(const KernelData& data, const Numbers& observations, const LearnOptions& options)
      : data_(data), observations_(observations), options_(options), rooflines_(fit_rooflines(data, observations)) {
    for (const auto& kernel : data.kernels) {
      const auto found = rooflines_.by_kind.find(kernel.kind);
      const Roofline& roofline = found == rooflines_.by_kind.end() ? rooflines_.general : found->second;
      roof_.push_back(roofline.at(kernel.work));
    }
    for (const std::size_t o : observations) {
      std::vector<double> costs;
      for (const std::uint32_t k : data.observations[o].kernels) costs.push_back(roof_[k]);
      shares_.push_back(std::move(costs));
    }
    for (std::size_t i = 0; i < shares_.size(); ++i) share_out(i);
  }

  KernelEstimator run() {
    std::size_t folds = 0;
    for (int round = 0; round < rounds; ++round) {
      const auto fold_of =
          folds_of(data_, observations_, options_.seed + static_cast<std::uint64_t>(round), most_folds, folds);
      if (folds < 2) break;
      Shares next = shares_;
      for (std::size_t fold = 0; fold < folds; ++fold) {
        const auto held_out = [&](std::size_t i) {
          return fold_of.at(data_.observations[observations_[i]].prim) == fold;
        };
        const auto forests = train(held_out, std::max(1, options_.trees / trees_on_the_way));
        for (std::size_t i = 0; i < observations_.size(); ++i)
          if (held_out(i)) estimate(i, forests, next[i]);
      }
      shares_ = std::move(next);
      for (std::size_t i = 0; i < shares_.size(); ++i) share_out(i);
    }
    KernelEstimator out;
    out.general = rooflines_.general;
    auto forests = train([](std::size_t) { return false; }, options_.trees);
    for (auto& [kind, forest] : forests) {
      KernelClass known;
      known.roofline = rooflines_.by_kind.at(kind);
      known.forest = std::move(forest);
      describe(kind, known);
      out.classes.emplace(kind, std::move(known));
    }
    return out;
  }

 private:
  using Forests = std::map<std::string, Forest>;

  [[nodiscard]] const KernelData::Observation& observation(std::size_t i) const {
    return data_.observations[observations_[i]];
  }

  /// Scales the costs of an observation's kernels to what was measured.
  void share_out(std::size_t i) {
    auto& costs = shares_[i];
    const double factor = observation(i).value / std::accumulate(costs.begin(), costs.end(), 0.0);
    for (double& cost : costs) cost *= factor;
  }

  void estimate(std::size_t i, const Forests& forests, std::vector<double>& costs) const {
    for (std::size_t j = 0; j < costs.size(); ++j) {
      const std::uint32_t k = observation(i).kernels[j];
      const auto forest = forests.find(data_.kernels[k].kind);
      costs[j] =
          roof_[k] * (forest == forests.end() ? 1 : std::exp(forest->second.predict(data_.kernels[k].row.data())));
    }
  }

  /// A forest per kind of the kernels' mean log(cost / roofline), a kernel weighted by what it says: its share in
  /// the primitives that it was measured in.
  template <typename LeftOut>
  Forests train(const LeftOut& left_out, int trees) const {
    std::vector<double> target(data_.kernels.size(), 0.0), weight(data_.kernels.size(), 0.0);
    for (std::size_t i = 0; i < observations_.size(); ++i) {
      if (left_out(i)) continue;
      for (std::size_t j = 0; j < shares_[i].size(); ++j) {
        const std::uint32_t k = observation(i).kernels[j];
        const double share = shares_[i][j] / observation(i).value;
        target[k] += share * std::log(shares_[i][j] / roof_[k]);
        weight[k] += share;
      }
    }
    struct Rows {
      std::vector<float> rows;
      std::vector<double> targets, weights;
    };
    std::map<std::string, Rows> by_kind;
    for (std::size_t k = 0; k < data_.kernels.size(); ++k) {
      if (!(weight[k] > 0)) continue;
      Rows& rows = by_kind[data_.kernels[k].kind];
      rows.rows.insert(rows.rows.end(), data_.kernels[k].row.begin(), data_.kernels[k].row.end());
      rows.targets.push_back(target[k] / weight[k]);
      rows.weights.push_back(std::clamp(weight[k], least_weight, most_weight));
    }
    ForestOptions options;
    options.trees = trees;
    options.min_leaf = options_.min_leaf;
    options.seed = options_.seed;
    Forests out;
    for (const auto& [kind, rows] : by_kind)
      out.emplace(kind, Forest::fit(rows.rows, kernel_features, rows.targets, rows.weights, options));
    return out;
  }

  void describe(const std::string& kind, KernelClass& known) const {
    std::set<std::uint32_t> kernels, prims;
    for (std::size_t i = 0; i < observations_.size(); ++i)
      for (const std::uint32_t k : observation(i).kernels) {
        if (data_.kernels[k].kind != kind) continue;
        const KernelRow& row = data_.kernels[k].row;
        if (kernels.empty()) known.least = known.most = row;
        for (std::size_t f = 0; f < row.size(); ++f) {
          known.least[f] = std::min(known.least[f], row[f]);
          known.most[f] = std::max(known.most[f], row[f]);
        }
        kernels.insert(k);
        prims.insert(observation(i).prim);
      }
    known.kernels = kernels.size();
    known.prims = prims.size();
  }

  const KernelData& data_;
  const Numbers& observations_;
  const LearnOptions& options_;
  Rooflines rooflines_;
  std::vector<double> roof_;  ///< by kernel
  Shares shares_;             ///< by place in observations_
};

/// Sums that become means.
struct Mean {
  double sum = 0, weight = 0;
  void add(double value, double by = 1) {
    sum += by * value;
    weight += by;
  }
  [[nodiscard]] double value() const { return weight > 0 ? sum / weight : 0; }
};

}  // namespace

std::uint32_t KernelData::number_of(const Kernel& kernel) {
  const KernelRow row = features_of(kernel);
  const auto [at, is_new] =
      numbers_.emplace(std::make_pair(kernel.kind, row), static_cast<std::uint32_t>(kernels.size()));
  if (is_new) kernels.push_back({kernel.kind, row, kernel.work});
  return at->second;
}

KernelEstimator learn(const KernelData& data, const Numbers& observations, const LearnOptions& options) {
  return Learner(data, observations, options).run();
}

std::pair<KernelEstimator, KernelErrors> learn_with_errors(const KernelData& data, const LearnOptions& options,
                                                           bool assess) {
  Numbers all(data.observations.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  KernelEstimator out = learn(data, all, options);
  KernelErrors errors;
  std::size_t folds = 0;
  const std::size_t most = options.leave_one_out ? all.size() : most_folds;
  LearnOptions held_out = options;
  if (options.leave_one_out)
    held_out.trees = std::max(1, options.trees / trees_on_the_way);  // as many fits as primitives
  const auto fold_of = folds_of(data, all, options.seed, most, folds);

  Mean absolute, roofline_absolute, roofline_squares, within;
  std::map<std::string, Mean> class_absolute, class_squares;
  struct Held {
    double log_error = 0;
    std::vector<std::pair<std::string, double>> shares;  // kind, cost over the estimated whole
  };
  std::vector<Held> held;
  std::vector<double> all_errors;
  for (std::size_t fold = 0; assess && folds > 1 && fold < folds; ++fold) {
    Numbers train, test;
    for (const std::size_t o : all) (fold_of.at(data.observations[o].prim) == fold ? test : train).push_back(o);
    const KernelEstimator part = learn(data, train, held_out);
    for (const std::size_t o : test) {
      const auto& observation = data.observations[o];
      double sum = 0, roofline = 0;
      Held one;
      for (const std::uint32_t k : observation.kernels) {
        const auto& kernel = data.kernels[k];
        const auto known = part.classes.find(kernel.kind);
        const double cost = known == part.classes.end() ? part.general.at(kernel.work)
                                                        : known->second.roofline.at(kernel.work) *
                                                              std::exp(known->second.forest.predict(kernel.row.data()));
        one.shares.emplace_back(kernel.kind, cost);
        sum += cost;
        roofline += part.general.at(kernel.work);
      }
      for (auto& share : one.shares) share.second /= sum;
      one.log_error = std::log(sum / observation.value);
      const double error = std::abs(sum / observation.value - 1);
      absolute.add(error);
      all_errors.push_back(error);
      within.add(error <= 0.10 ? 1 : 0);
      roofline_absolute.add(std::abs(roofline / observation.value - 1));
      roofline_squares.add(std::pow(std::log(roofline / observation.value), 2));
      for (const auto& [kind, share] : one.shares) {
        class_absolute[kind].add(error, share);
        class_squares[kind].add(one.log_error * one.log_error, share);
      }
      held.push_back(std::move(one));
    }
  }
  for (auto& [kind, known] : out.classes) {
    const auto found = class_squares.find(kind);
    known.error = found == class_squares.end() ? 1 : std::sqrt(found->second.value());
  }
  if (held.empty()) return {std::move(out), errors};
  out.general_error = std::sqrt(roofline_squares.value());
  // Standard errors, as they would be given, against the errors that were made.
  Mean ratio;
  for (const Held& one : held) {
    double variance = 0;
    for (const auto& [kind, share] : one.shares) {
      const auto known = out.classes.find(kind);
      variance += std::pow(share * (known == out.classes.end() ? out.general_error : known->second.error), 2);
    }
    if (variance > 0) ratio.add(one.log_error * one.log_error / variance);
  }
  out.calibration = ratio.value() > 0 ? std::sqrt(ratio.value()) : 1;
  errors.mape = absolute.value();
  errors.median = base::median(std::move(all_errors));
  errors.folds = folds;
  errors.roofline_mape = roofline_absolute.value();
  errors.within_10 = within.value();
  for (const auto& [kind, mean] : class_absolute) errors.class_mape[kind] = mean.value();
  return {std::move(out), errors};
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/forest.hpp"

namespace hwprof::model {
namespace {

/// Samples by column, so that a feature of all of them is one stretch of memory.
struct Samples {
  std::vector<std::vector<float>> columns;
  std::vector<double> targets, weights;
};

void check(const std::vector<float>& rows, std::size_t features, const std::vector<double>& targets,
           const std::vector<double>& weights, const ForestOptions& options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw Error(Fault::usage, "forest: " + what);
  };
  require(options.trees >= 1 && options.trees <= Forest::most_trees,
          "1 to " + std::to_string(Forest::most_trees) + " trees are expected, found " + std::to_string(options.trees));
  require(options.min_leaf >= 1, "min_leaf must be at least 1, found " + std::to_string(options.min_leaf));
  require(options.max_depth >= 0 && options.max_depth <= Forest::most_depth,
          "max_depth must be within 0 to " + std::to_string(Forest::most_depth) + ", found " +
              std::to_string(options.max_depth));
  require(
      features >= 1 && features <= Forest::most_features,
      "1 to " + std::to_string(Forest::most_features) + " features are expected, found " + std::to_string(features));
  require(options.split_features >= 0, "split_features must not be negative");
  require(!targets.empty() && rows.size() == targets.size() * features,
          std::to_string(rows.size()) + " values are not " + std::to_string(targets.size()) + " rows of " +
              std::to_string(features));
  require(weights.empty() || weights.size() == targets.size(),
          std::to_string(weights.size()) + " weights for " + std::to_string(targets.size()) + " rows");
  const auto finite = [](auto value) { return std::isfinite(value); };
  require(std::all_of(rows.begin(), rows.end(), finite), "a feature is not finite");
  // Float is what leaves are kept in; its root is what squares may be summed of.
  require(std::all_of(targets.begin(), targets.end(), [](double y) { return std::abs(y) <= 1e18; }),
          "a target is not within -1e18 to 1e18");
  require(std::all_of(weights.begin(), weights.end(), [](double w) { return w > 0 && w <= 1e18; }),
          "a weight is not within 0 (excluded) to 1e18");
}

/// Grows one tree, level by level.
class Grower {
 public:
  Grower(const Samples& samples, const ForestOptions& options, std::mt19937_64& rng)
      : samples_(samples), options_(options), rng_(rng), order_(samples.targets.size()), by_chance_(columns()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::iota(by_chance_.begin(), by_chance_.end(), std::size_t{0});
  }

  std::vector<Forest::Split> run() {
    std::vector<Forest::Split> tree(1);
    std::vector<Part> parts{{0, order_.size(), 0}};
    for (std::size_t node = 0; node < tree.size(); ++node) {
      const Part part = parts[node];
      const Choice choice = choose(part);
      if (choice.feature < 0) {
        tree[node].value = static_cast<float>(mean(part));
        continue;
      }
      const auto& column = samples_.columns[static_cast<std::size_t>(choice.feature)];
      const auto begin = order_.begin();
      const auto middle =
          std::partition(begin + static_cast<std::ptrdiff_t>(part.begin), begin + static_cast<std::ptrdiff_t>(part.end),
                         [&](std::size_t i) { return !(column[i] > choice.threshold); });
      const auto split = static_cast<std::size_t>(middle - begin);
      tree[node] = {choice.feature, choice.threshold, tree.size()};
      tree.resize(tree.size() + 2);
      parts.push_back({part.begin, split, part.depth + 1});
      parts.push_back({split, part.end, part.depth + 1});
    }
    return tree;
  }

 private:
  /// The samples of a node: a stretch of order_.
  struct Part {
    std::size_t begin = 0, end = 0;
    int depth = 0;
  };
  struct Choice {
    int feature = -1;
    float threshold = 0;
    double gain = -1;
  };

  [[nodiscard]] std::size_t columns() const { return samples_.columns.size(); }

  [[nodiscard]] double mean(const Part& part) const {
    double sum = 0, weight = 0;
    for (std::size_t i = part.begin; i < part.end; ++i) {
      sum += samples_.weights[order_[i]] * samples_.targets[order_[i]];
      weight += samples_.weights[order_[i]];
    }
    return sum / weight;
  }

  [[nodiscard]] bool all_equal(const Part& part) const {
    const double first = samples_.targets[order_[part.begin]];
    return std::all_of(order_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                       order_.begin() + static_cast<std::ptrdiff_t>(part.end),
                       [&](std::size_t i) { return samples_.targets[i] == first; });
  }

  Choice choose(const Part& part) {
    Choice chosen;
    if (part.depth >= options_.max_depth || all_equal(part)) return chosen;
    const double centre = mean(part);
    const std::size_t wanted =
        options_.split_features == 0 ? columns() : static_cast<std::size_t>(options_.split_features);
    std::size_t tried = 0;
    for (std::size_t drawn = 0; drawn < columns() && tried < wanted; ++drawn) {
      if (wanted < columns())
        std::swap(by_chance_[drawn], by_chance_[drawn + base::draw_below(rng_, columns() - drawn)]);
      const std::size_t feature = by_chance_[drawn];
      const Choice choice = options_.best_thresholds ? best(part, feature, centre) : draw(part, feature, centre);
      if (choice.feature < 0) continue;  // constant here: does not count as tried
      ++tried;
      if (choice.gain > chosen.gain) chosen = choice;
    }
    return chosen.gain < 0 ? Choice() : chosen;
  }

  /// One threshold for the feature; feature -1 where it is constant, gain -1 where a leaf would be too small.
  Choice draw(const Part& part, std::size_t feature, double centre) {
    const auto& column = samples_.columns[feature];
    float least = column[order_[part.begin]], most = least;
    for (std::size_t i = part.begin + 1; i < part.end; ++i) {
      least = std::min(least, column[order_[i]]);
      most = std::max(most, column[order_[i]]);
    }
    Choice out;
    if (!(least < most)) return out;
    out.feature = static_cast<int>(feature);
    const double range = static_cast<double>(most) - static_cast<double>(least);
    out.threshold = static_cast<float>(static_cast<double>(least) + base::draw_unit(rng_) * range);
    if (!(out.threshold >= least && out.threshold < most)) out.threshold = least;  // rounding
    // Targets are centred, so that the gain is the sums' squares over the weights.
    double left = 0, left_weight = 0, right = 0, right_weight = 0;
    std::size_t on_left = 0;
    for (std::size_t i = part.begin; i < part.end; ++i) {
      const std::size_t sample = order_[i];
      const double weight = samples_.weights[sample], target = weight * (samples_.targets[sample] - centre);
      const bool goes_right = column[sample] > out.threshold;
      (goes_right ? right : left) += target;
      (goes_right ? right_weight : left_weight) += weight;
      on_left += goes_right ? 0 : 1;
    }
    const auto least_leaf = static_cast<std::size_t>(options_.min_leaf);
    if (on_left < least_leaf || part.end - part.begin - on_left < least_leaf) return out;
    out.gain = left * left / left_weight + right * right / right_weight;
    return out;
  }

  /// The threshold that takes most off the variance, in the middle between two values.
  Choice best(const Part& part, std::size_t feature, double centre) {
    const auto& column = samples_.columns[feature];
    std::vector<std::size_t> sorted(order_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                                    order_.begin() + static_cast<std::ptrdiff_t>(part.end));
    std::sort(sorted.begin(), sorted.end(),
              [&column](std::size_t a, std::size_t b) { return std::tie(column[a], a) < std::tie(column[b], b); });
    Choice out;
    if (!(column[sorted.front()] < column[sorted.back()])) return out;
    out.feature = static_cast<int>(feature);
    double right = 0, right_weight = 0, left = 0, left_weight = 0;
    for (const std::size_t i : sorted) {
      right += samples_.weights[i] * (samples_.targets[i] - centre);
      right_weight += samples_.weights[i];
    }
    const auto least_leaf = static_cast<std::size_t>(options_.min_leaf);
    for (std::size_t cut = 1; cut < sorted.size(); ++cut) {
      const std::size_t i = sorted[cut - 1];
      const double weight = samples_.weights[i], target = weight * (samples_.targets[i] - centre);
      left += target;
      left_weight += weight;
      right -= target;
      right_weight -= weight;
      const float below = column[i], above = column[sorted[cut]];
      if (!(below < above) || cut < least_leaf || sorted.size() - cut < least_leaf) continue;
      const double gain = left * left / left_weight + right * right / right_weight;
      if (gain <= out.gain) continue;
      out.gain = gain;
      out.threshold = static_cast<float>((static_cast<double>(below) + static_cast<double>(above)) / 2);
      if (!(out.threshold < above)) out.threshold = below;  // rounding
    }
    return out;
  }

  const Samples& samples_;
  const ForestOptions& options_;
  std::mt19937_64& rng_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> by_chance_;  ///< features; the first so many are those that were drawn
};

}  // namespace

Forest Forest::fit(const std::vector<float>& rows, std::size_t features, const std::vector<double>& targets,
                   const std::vector<double>& weights, const ForestOptions& options) {
  check(rows, features, targets, weights, options);
  Samples samples{std::vector<std::vector<float>>(features, std::vector<float>(targets.size())), targets, weights};
  for (std::size_t i = 0; i < rows.size(); ++i) samples.columns[i % features][i / features] = rows[i];
  if (samples.weights.empty()) samples.weights.assign(targets.size(), 1.0);
  Forest forest;
  forest.features_ = features;
  std::mt19937_64 rng(options.seed);
  for (int tree = 0; tree < options.trees; ++tree) forest.add(Grower(samples, options, rng).run());
  forest.plan();
  return forest;
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
// How well primitives are predicted that were not measured:
//   hwprof_bench_kernel_accuracy_bench RECORDS [SPLITS [PERCENT]]
// Random PERCENT (70) of the primitives of the records are known to the fit, the others are predicted. Baselines
// see the same split.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/model.hpp"

namespace {

using namespace hwprof;

struct Known {
  Prim prim;
  double seconds = 0;
};

/// Least squares of the relative error without constraints, by the normal equations.
std::vector<double> fit_relative(const std::vector<std::vector<double>>& x, const std::vector<double>& y) {
  const std::size_t n = x[0].size();
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1, 0.0));
  for (std::size_t r = 0; r < x.size(); ++r)
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) a[i][j] += x[r][i] * x[r][j] / y[r] / y[r];
      a[i][n] += x[r][i] / y[r];
    }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t r = i + 1; r < n; ++r)
      if (std::abs(a[r][i]) > std::abs(a[i][i])) std::swap(a[r], a[i]);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (std::size_t j = i; j <= n; ++j) a[r][j] -= factor * a[i][j];
    }
  }
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i][n] / a[i][i];
  return out;
}

/// A random forest as nn-Meter has it: raw latency, bootstrap samples, the best split of all features.
class RandomForest {
 public:
  RandomForest(const std::vector<std::vector<double>>& x, const std::vector<double>& y, std::uint64_t seed)
      : x_(x), y_(y) {
    std::mt19937_64 rng(seed);
    for (int tree = 0; tree < 100; ++tree) {
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < x.size(); ++i) rows.push_back(rng() % x.size());
      roots_.push_back(grow(std::move(rows)));
    }
  }

  [[nodiscard]] double predict(const std::vector<double>& row) const {
    double sum = 0;
    for (std::size_t at : roots_) {
      while (nodes_[at].left != 0)
        at = row[nodes_[at].feature] > nodes_[at].value ? nodes_[at].left + 1 : nodes_[at].left;
      sum += nodes_[at].value;
    }
    return sum / static_cast<double>(roots_.size());
  }

 private:
  struct Node {
    std::size_t feature = 0, left = 0;  // right = left + 1; 0: a leaf
    double value = 0;
  };

  std::size_t grow(std::vector<std::size_t> rows) {
    nodes_.emplace_back();
    const std::size_t root = nodes_.size() - 1;
    fill(root, std::move(rows));
    return root;
  }

  void fill(std::size_t at, std::vector<std::size_t> rows) {
    double sum = 0;
    for (const std::size_t r : rows) sum += y_[r];
    nodes_[at].value = sum / static_cast<double>(rows.size());
    double best = sum * sum / static_cast<double>(rows.size()) * (1 + 1e-12);
    std::size_t feature = 0;
    double threshold = 0;
    bool found = false;
    for (std::size_t f = 0; f < x_[0].size(); ++f) {
      std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return x_[a][f] < x_[b][f]; });
      double left = 0;
      for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
        left += y_[rows[i]];
        if (!(x_[rows[i]][f] < x_[rows[i + 1]][f])) continue;
        const auto n = static_cast<double>(i + 1);
        const double gain = left * left / n + (sum - left) * (sum - left) / (static_cast<double>(rows.size()) - n);
        if (gain <= best) continue;
        best = gain;
        feature = f;
        threshold = (x_[rows[i]][f] + x_[rows[i + 1]][f]) / 2;
        found = true;
      }
    }
    if (!found) return;
    std::vector<std::size_t> sides[2];
    for (const std::size_t r : rows) sides[x_[r][feature] > threshold ? 1 : 0].push_back(r);
    if (sides[0].empty() || sides[1].empty()) return;
    const std::size_t left = nodes_.size();
    nodes_.resize(left + 2);
    nodes_[at] = {feature, left, threshold};
    fill(left, std::move(sides[0]));
    fill(left + 1, std::move(sides[1]));
  }

  const std::vector<std::vector<double>>& x_;
  const std::vector<double>& y_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> roots_;
};

/// What nn-Meter gives its forests, of a whole primitive: shape, MACs, parameters; and the type and attributes.
std::vector<double> raw_features(const Prim& prim) {
  static std::map<std::string, double> words;
  const Work work = count_work(prim);
  std::vector<double> row{words.emplace(prim.prim_type, words.size()).first->second,
                          static_cast<double>(prim.spatial_size),
                          static_cast<double>(prim.C),
                          static_cast<double>(prim.C_out),
                          static_cast<double>(prim.stride),
                          work.macs,
                          work.params};
  for (const char* name : {"kernel_size", "expansion", "use_se", "activation"}) {
    const auto found = prim.attrs.find(name);
    double value = -1;
    if (found != prim.attrs.end()) {
      if (const auto* real = std::get_if<double>(&found->second)) value = *real;
      if (const auto* whole = std::get_if<std::int64_t>(&found->second)) value = static_cast<double>(*whole);
      if (const auto* flag = std::get_if<bool>(&found->second)) value = *flag ? 1 : 0;
      if (const auto* text = std::get_if<std::string>(&found->second))
        value = words.emplace(*text, words.size()).first->second;
    }
    row.push_back(value);
  }
  return row;
}

void report(const std::string& name, const std::vector<Evaluation>& splits) {
  const auto show = [&](auto field) {
    double mean = 0, least = 1e9, most = 0;
    for (const auto& split : splits) {
      const double value = 100 * field(split);
      mean += value / static_cast<double>(splits.size());
      least = std::min(least, value);
      most = std::max(most, value);
    }
    std::printf("  %6.2f [%6.2f %6.2f]", mean, least, most);
  };
  std::printf("%-34s", name.c_str());
  show([](const Evaluation& e) { return e.mape; });
  show([](const Evaluation& e) { return e.median_ape; });
  show([](const Evaluation& e) { return e.within_10; });
  std::printf("\n");
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " RECORDS [SPLITS [PERCENT]]\n";
    return 2;
  }
  const auto records = load_records(argv[1]);
  const int splits = argc > 2 ? std::atoi(argv[2]) : 10;
  const auto percent = static_cast<std::size_t>(argc > 3 ? std::clamp(std::atoi(argv[3]), 1, 99) : 70);
  FitOptions table;
  table.kind = "table";
  const Model measured = fit(records, table);
  std::vector<Known> all;
  for (const auto& prim : measured.known()) all.push_back({prim, measured.entry(prim)->value});

  std::map<std::string, std::vector<Evaluation>> results;
  std::size_t test_size = 0, z_within = 0, z_all = 0;
  double nets_mape = 0, nets_most = 0;
  for (int split = 0; split < splits; ++split) {
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937_64 rng(static_cast<std::uint64_t>(split) + 1);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng() % i]);
    const std::size_t cut = all.size() * percent / 100;
    std::set<Prim> hidden;
    for (std::size_t i = cut; i < order.size(); ++i) hidden.insert(all[order[i]].prim);
    test_size = order.size() - cut;

    std::vector<std::vector<double>> macs, roofline, raw;
    std::vector<double> y;
    for (std::size_t i = 0; i < cut; ++i) {
      const Known& one = all[order[i]];
      const Work work = count_work(one.prim);
      macs.push_back({work.macs, 1});
      roofline.push_back({work.macs, work.input_bytes + work.output_bytes + work.weight_bytes, 1});
      raw.push_back(raw_features(one.prim));
      y.push_back(one.seconds);
    }
    const auto by_macs = fit_relative(macs, y), by_roofline = fit_relative(roofline, y);
    const RandomForest forest(raw, y, static_cast<std::uint64_t>(split));

    // What was measured of the hidden primitives is taken away; the networks' overall times stay, which only the
    // line over sums may use.
    std::vector<NetRecord> seen = records;
    for (auto& record : seen)
      for (auto& prim : record.prims)
        if (hidden.count(prim.prim) != 0) prim.perf.clear();
    std::map<std::string, std::vector<double>> predicted;
    std::vector<double> truth;
    FitOptions options;
    options.kind = "kernel";
    const Model apart = fit(seen, options);
    const Evaluation nets = evaluate(apart, records);
    nets_mape += nets.mape / splits;
    nets_most = std::max(nets_most, nets.mape);
    options.fusion = usual_fusion();
    const Model fused = fit(seen, options);
    for (std::size_t i = cut; i < order.size(); ++i) {
      const Known& one = all[order[i]];
      const Work work = count_work(one.prim);
      truth.push_back(one.seconds);
      predicted["1 MACs and a constant"].push_back(by_macs[0] * work.macs + by_macs[1]);
      predicted["2 roofline (MACs, bytes, constant)"].push_back(
          by_roofline[0] * work.macs + by_roofline[1] * (work.input_bytes + work.output_bytes + work.weight_bytes) +
          by_roofline[2]);
      predicted["3 random forest on raw latency"].push_back(forest.predict(raw_features(one.prim)));
      const auto estimate = apart.entry(one.prim);
      predicted["4 kernel, ops apart"].push_back(estimate->value);
      predicted["5 kernel, usual fusion"].push_back(fused.entry(one.prim)->value);
      ++z_all;
      z_within += std::abs(estimate->value - one.seconds) <= estimate->spread ? 1 : 0;
    }
    for (const auto& [name, values] : predicted) results[name].push_back(evaluate(values, truth));
  }
  std::printf("%zu primitives, %zu of them hidden, %d random splits; mean [least most] over splits\n", all.size(),
              test_size, splits);
  std::printf("%-34s  %-23s  %-23s  %-23s\n", "", "MAPE %", "median error %", "within 10 %, %");
  for (const auto& [name, evaluations] : results) report(name, evaluations);
  std::printf("within the 95 %% interval of \"kernel, ops apart\": %.1f %%\n",
              100 * static_cast<double>(z_within) / static_cast<double>(z_all));
  std::printf("validation networks with so many primitives estimated: MAPE %.2f %%, at most %.2f %% in a split\n",
              100 * nets_mape, 100 * nets_most);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const hwprof::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.fault());
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "fingerprint/assess.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.hpp"
#include "fingerprint/names.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr int most_trees_held_out = 100;
constexpr std::array<std::size_t, 3> few_rows{3, 5, 10};
constexpr std::size_t draws = 5;
constexpr std::array deviations{0.05, 0.15, 0.4};
constexpr std::array noises{0.03, 0.1};

void shuffle(Picks& picks, std::mt19937_64& rng) {
  for (std::size_t i = picks.size(); i > 1; --i) std::swap(picks[i - 1], picks[base::draw_below(rng, i)]);
}

double mean_of(const std::vector<double>& values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// One drawn update of a fold: rows that are told, rows that are asked.
struct Trial {
  std::size_t fold = 0, rows = 0;
  Picks told, asked;
};

std::vector<Trial> trials_of(const std::vector<Fold>& folds, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<Trial> out;
  for (std::size_t f = 0; f < folds.size(); ++f)
    for (const std::size_t rows : few_rows)
      for (std::size_t draw = 0; draw < draws; ++draw) {
        Picks picks = folds[f].test;
        if (picks.size() < rows + 3) continue;
        shuffle(picks, rng);
        const auto cut = picks.begin() + static_cast<std::ptrdiff_t>(rows);
        out.push_back({f, rows, {picks.begin(), cut}, {cut, picks.end()}});
      }
  return out;
}

/// What each trial's rows have as columns, so that they are made once for all settings.
std::map<std::size_t, std::vector<double>> errors_of(const Rows& rows, const std::vector<Trial>& trials,
                                                     const std::vector<Parts>& parts, const std::string& kind,
                                                     const UpdateRule& rule) {
  std::map<std::size_t, std::vector<double>> out;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> columns;  // by fold and row
  for (const auto& trial : trials) {
    const auto update = learn_update(parts[trial.fold], kind, rule, rows, trial.told);
    for (const std::size_t row : trial.asked) {
      auto& kept = columns[{trial.fold, row}];
      if (kept.empty()) kept = update_columns(parts[trial.fold], kind, rule, rows.features[row]);
      const double base = parts[trial.fold].predict(kind, rows.features[row]);
      out[trial.rows].push_back(std::abs(updated(update, rule, kept, base).value / rows.y[row] - 1));
    }
  }
  return out;
}

}  // namespace

HeldOut hold_out(const Rows& rows, const std::vector<Fold>& folds, const std::vector<std::string>& kinds,
                 const FingerprintOptions& options, std::vector<Parts>* parts) {
  HeldOut out;
  for (const auto& fold : folds) {
    auto fitted = fit_parts(rows, fold.train, kinds, std::min(options.trees, most_trees_held_out), options.seed);
    for (const std::size_t row : fold.test) {
      out.rows.push_back(row);
      for (const auto& kind : kinds)
        out.errors[kind].push_back(fitted.predict(kind, rows.features[row]) / rows.y[row] - 1);
    }
    if (parts != nullptr) parts->push_back(std::move(fitted));
  }
  return out;
}

std::vector<FewRows> choose_rule(const Rows& rows, const std::vector<Fold>& folds, const std::vector<Parts>& parts,
                                 const std::string& kind, std::uint64_t seed, UpdateRule& rule) {
  const auto trials = trials_of(folds, seed);
  if (trials.empty()) return {};
  double least = 0;
  std::map<std::size_t, std::vector<double>> best;
  for (const char* columns : {"scale", "simple", "physical", "residual"}) {
    if (columns == std::string("residual") && parts.front().residual.trees() == 0) continue;
    for (const double deviation : deviations)
      for (const double noise : noises) {
        const UpdateRule tried{columns, deviation, noise};
        auto errors = errors_of(rows, trials, parts, kind, tried);
        double mean = 0;
        for (const auto& [count, list] : errors) mean += mean_of(list) / static_cast<double>(errors.size());
        if (!best.empty() && mean >= least) continue;
        least = mean;
        rule = tried;
        best = std::move(errors);
      }
  }
  std::vector<FewRows> out;
  for (const auto& [count, list] : best) {
    FewRows few;
    few.rows = count;
    few.mean = mean_of(list);
    few.most = *std::max_element(list.begin(), list.end());
    std::vector<double> without;
    for (const auto& trial : trials)
      if (trial.rows == count)
        for (const std::size_t row : trial.asked)
          without.push_back(std::abs(parts[trial.fold].predict(kind, rows.features[row]) / rows.y[row] - 1));
    few.without = mean_of(without);
    out.push_back(few);
  }
  return out;
}

std::vector<std::pair<std::string, double>> importance(const Rows& rows, const Picks& picks, const Parts& parts,
                                                       const std::string& kind, std::uint64_t seed) {
  constexpr std::size_t most_rows = 200;
  std::mt19937_64 rng(seed);
  Picks used = picks;
  shuffle(used, rng);
  if (used.size() > most_rows) used.resize(most_rows);
  const auto error = [&](const std::vector<std::vector<double>>& features) {
    double sum = 0;
    for (std::size_t i = 0; i < used.size(); ++i)
      sum += std::abs(parts.predict(kind, features[i]) / rows.y[used[i]] - 1);
    return sum / static_cast<double>(used.size());
  };
  std::vector<std::vector<double>> features;
  for (const std::size_t row : used) features.push_back(rows.features[row]);
  const double before = error(features);
  const auto names = names_of(rows.stage);
  std::vector<std::pair<std::string, double>> out;
  for (std::size_t f = 0; f < names.size(); ++f) {
    Picks order(used.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle(order, rng);
    auto changed = features;
    for (std::size_t i = 0; i < order.size(); ++i) changed[i][f] = features[order[i]][f];
    const double rise = error(changed) - before;
    if (rise > 0) out.emplace_back(names[f], rise);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

}  // namespace hwprof::fingerprint

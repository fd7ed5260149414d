// SPDX-License-Identifier: Apache-2.0
#include "fingerprint/parts.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "fingerprint/features.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr double least_share = 1e-6;  // a sum below this share of the least cost that was seen is no sum to divide by
constexpr int residual_leaf = 2;
constexpr int ratio_share = 3;     // so many times fewer trees are enough where a sum has done most
constexpr double largest_log = 4;  // a forest of ratios changes no sum by more than this

model::Forest fit_forest(const std::vector<std::vector<float>>& rows, const std::vector<double>& targets,
                         const model::ForestOptions& options) {
  std::vector<float> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return model::Forest::fit(flat, rows.front().size(), targets, {}, options);
}

double ratio_of(const model::Forest& forest, const std::vector<float>& row) {
  return std::exp(std::clamp(forest.predict(row.data()), -largest_log, largest_log));
}

}  // namespace

std::vector<float> plain_row(Stage stage, const std::vector<double>& features) {
  const auto end = features.begin() + static_cast<std::ptrdiff_t>(perf4sight_count(stage));
  std::vector<float> out;
  for (auto at = features.begin(); at != end; ++at) out.push_back(static_cast<float>(*at));
  return out;
}

std::vector<std::size_t> seen_by_ratios(const std::vector<std::string>& names) {
  std::vector<std::size_t> out;
  for (std::size_t f = 0; f < names.size(); ++f)
    if (base::starts_with(names[f], "own.")) out.push_back(f);
  return out;
}

std::vector<float> scaled_row(Stage stage, Metric quantity, const std::vector<std::size_t>& seen,
                              const std::vector<double>& features) {
  static const std::size_t training_total = index_of("own.macs", Stage::training);
  static const std::size_t inference_total = index_of("own.macs", Stage::inference);
  static const std::size_t training_peak = index_of("own.peak_bytes", Stage::training);
  static const std::size_t inference_peak = index_of("own.peak_bytes", Stage::inference);
  const bool training = stage == Stage::training;
  const std::size_t total = quantity == Metric::memory ? (training ? training_peak : inference_peak)
                                                       : (training ? training_total : inference_total);
  const double reference = std::log2(1 + features[total]);
  std::vector<float> out;
  for (const std::size_t f : seen) {
    const double size = std::log2(1 + features[f]);
    out.push_back(static_cast<float>(size));
    out.push_back(static_cast<float>(size - reference));
  }
  return out;
}

double Parts::factor(const std::vector<double>& features) const {
  return residual.trees() == 0 ? 1 : ratio_of(residual, scaled_row(stage, quantity, seen, features));
}

double Parts::predict(const std::string& kind, const std::vector<double>& features) const {
  const auto need = [&kind](const model::Forest& part) {
    if (part.trees() == 0) throw Error(Fault::internal, "fingerprint: kind " + kind + " was not fitted");
  };
  if (kind == "physical") return physical.at(features);
  if (kind == "simple") return simple.at(features);
  if (kind == "tree" || kind == "forest") {
    const auto& trees = kind == "tree" ? tree : forest;
    need(trees);
    return std::max(0.0, trees.predict(plain_row(stage, features).data()));
  }
  if (kind == "ratio") {
    need(ratio);
    return simple.at(features) * ratio_of(ratio, scaled_row(stage, quantity, seen, features));
  }
  if (kind == "residual") {
    need(residual);
    return physical.at(features) * factor(features);
  }
  double logs = 0;
  for (const char* part : {"forest", "ratio", "residual"}) logs += std::log(std::max(predict(part, features), 1e-300));
  return std::exp(logs / 3);
}

Parts fit_parts(const Rows& rows, const Picks& picks, const std::vector<std::string>& kinds, int trees,
                std::uint64_t seed) {
  const auto wanted = [&kinds](std::initializer_list<const char*> any) {
    return std::any_of(any.begin(), any.end(), [&kinds](const char* kind) {
      return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    });
  };
  Parts parts;
  parts.stage = rows.stage;
  parts.quantity = rows.quantity;
  parts.seen = seen_by_ratios(names_of(rows.stage));
  parts.simple = fit_simple(rows, picks);
  parts.physical = fit_physical(rows, picks);

  double least = rows.y[picks.front()];
  std::vector<double> y;
  std::vector<std::vector<float>> plain, scaled;
  for (const std::size_t row : picks) {
    y.push_back(rows.y[row]);
    least = std::min(least, rows.y[row]);
    plain.push_back(plain_row(rows.stage, rows.features[row]));
    scaled.push_back(scaled_row(rows.stage, rows.quantity, parts.seen, rows.features[row]));
  }
  model::ForestOptions options;
  options.trees = trees;
  options.max_depth = model::Forest::most_depth;
  options.seed = seed;
  // Forests keep floats, whose range bytes and seconds stay within.
  if (wanted({"forest", "blend"})) parts.forest = fit_forest(plain, y, options);
  if (wanted({"tree"})) {
    model::ForestOptions one = options;
    one.trees = 1;
    one.best_thresholds = true;
    parts.tree = fit_forest(plain, y, one);
  }
  const auto log_ratios = [&](const Linear& base) {
    std::vector<double> out;
    for (const std::size_t row : picks)
      out.push_back(std::clamp(std::log(rows.y[row] / std::max(base.at(rows.features[row]), least_share * least)),
                               -largest_log, largest_log));
    return out;
  };
  options.trees = std::max(1, trees / ratio_share);
  options.min_leaf = std::min<int>(residual_leaf, static_cast<int>(picks.size()));
  if (wanted({"ratio", "blend"})) parts.ratio = fit_forest(scaled, log_ratios(parts.simple), options);
  if (wanted({"residual", "blend"})) parts.residual = fit_forest(scaled, log_ratios(parts.physical), options);
  return parts;
}

}  // namespace hwprof::fingerprint

// SPDX-License-Identifier: Apache-2.0
#include "fingerprint/parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "fingerprint/features.hpp"
#include "fingerprint/names.hpp"
#include "fingerprint/nonnegative.hpp"
#include "hwprof/error.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr double ridge = 3e-4;  // of columns of length 1; coefficients are shares of the cost then
/// MACs of a matrix product that one of a grouped convolution may cost.
constexpr std::array grouped_weights{1.0, 4.0, 16.0, 64.0, 256.0};
constexpr double least_share = 1e-6;  // a sum below this share of the least cost that was seen is no sum to divide by
constexpr int residual_leaf = 2;
constexpr int ratio_share = 3;     // so many times fewer trees are enough where a sum has done most
constexpr double largest_log = 4;  // a forest of ratios changes no sum by more than this

std::size_t index_of(const std::string& name, Stage stage) {
  const auto names = names_of(stage);
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) throw Error(Fault::internal, "no feature " + name);
  return static_cast<std::size_t>(at - names.begin());
}

/// Least squares of the relative error, so that a small network counts as much as a large one. One coefficient a term.
Linear fit_linear(const Rows& rows, const Picks& picks, const std::vector<Term>& terms) {
  const auto n = static_cast<Eigen::Index>(picks.size());
  const auto width = static_cast<Eigen::Index>(terms.size());
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n, width + 1);
  for (Eigen::Index j = 0; j < width; ++j)
    for (const auto& [name, weight] : terms[static_cast<std::size_t>(j)]) {
      const std::size_t f = index_of(name, rows.stage);
      for (Eigen::Index i = 0; i < n; ++i) {
        const std::size_t row = picks[static_cast<std::size_t>(i)];
        a(i, j) += weight * rows.features[row][f] / rows.y[row];
      }
    }
  for (Eigen::Index i = 0; i < n; ++i) a(i, width) = 1 / rows.y[picks[static_cast<std::size_t>(i)]];
  const Eigen::VectorXd c = solve_nonnegative(a, Eigen::VectorXd::Ones(n), ridge * static_cast<double>(n));
  Linear out;
  for (Eigen::Index j = 0; j < width; ++j)
    for (const auto& [name, weight] : terms[static_cast<std::size_t>(j)]) {
      out.columns.push_back(index_of(name, rows.stage));
      out.coefficients.push_back(weight * c[j]);
    }
  out.constant = c[width];
  return out;
}

/// With the weight of grouped MACs that leaves least of the relative error's squares.
Linear fit_simple(const Rows& rows, const Picks& picks) {
  if (rows.quantity == Metric::memory) return fit_linear(rows, picks, simple_terms(rows.quantity, 1));
  Linear best;
  double least = 0;
  for (const double weight : grouped_weights) {
    Linear tried = fit_linear(rows, picks, simple_terms(rows.quantity, weight));
    double squares = 0;
    for (const std::size_t row : picks) squares += std::pow(tried.at(rows.features[row]) / rows.y[row] - 1, 2);
    if (!best.columns.empty() && squares >= least) continue;
    least = squares;
    best = std::move(tried);
  }
  return best;
}

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

std::vector<Term> physical_terms(Stage stage, Metric quantity) {
  const bool training = stage == Stage::training;
  std::vector<std::string> names{"own.bytes_norm",
                                 "own.bytes_activation",
                                 "own.bytes_pool",
                                 "own.bytes_join",
                                 "own.param_bytes",
                                 "own.param_tensors",
                                 "own.image_bytes",
                                 "own.macs_tiled",
                                 training ? "gemm.im2col_all" : "gemm.im2col_forward",
                                 training ? "winograd43.operations" : "winograd43.operations_forward"};
  for (const auto& name : names_of(stage))
    if (base::starts_with(name, "kernel.")) names.push_back(name);
  if (quantity == Metric::memory)
    names = {"own.step_bytes",
             "own.param_bytes",
             "own.peak_bytes",
             "own.saved_bytes",
             "own.largest_bytes",
             "own.im2col_bytes",
             "own.im2col_image_bytes",
             "own.image_bytes",
             "own.param_tensors",
             "tensors.all",
             training ? "gemm.im2col_all" : "gemm.im2col_forward",
             training ? "winograd43.memory" : "winograd43.memory_forward",
             training ? "fft.memory" : "fft.memory_forward"};
  std::vector<Term> terms;
  for (const auto& name : names) terms.push_back({{name, 1.0}});
  return terms;
}

std::vector<Term> simple_terms(Metric quantity, double grouped_weight) {
  if (quantity == Metric::memory) return {{{"own.step_bytes", 1}}, {{"own.param_bytes", 1}}, {{"own.peak_bytes", 1}}};
  return {{{"own.macs_pointwise", 1}, {"own.macs_window", 1}, {"own.macs_grouped", grouped_weight}},
          {{"own.bytes_product", 1},
           {"own.bytes_norm", 1},
           {"own.bytes_activation", 1},
           {"own.bytes_pool", 1},
           {"own.bytes_join", 1}},
          {{"own.macs_root", 1}},
          {{"own.launches", 1}},
          {{"own.param_bytes", 1}},
          {{"own.param_tensors", 1}}};
}

double Linear::at(const std::vector<double>& features) const {
  double sum = constant;
  for (std::size_t j = 0; j < columns.size(); ++j) sum += coefficients[j] * features[columns[j]];
  return sum;
}

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
  parts.physical = fit_linear(rows, picks, physical_terms(rows.stage, rows.quantity));

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

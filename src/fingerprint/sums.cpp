// SPDX-License-Identifier: Apache-2.0
// Sums of features and how their coefficients are found.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/text.hpp"
#include "fingerprint/names.hpp"
#include "fingerprint/parts.hpp"
#include "hwprof/error.hpp"
#include "model/nonnegative.hpp"

namespace hwprof::fingerprint {
namespace {

constexpr double ridge = 3e-4;  // of columns of length 1; coefficients are shares of the cost then
/// MACs of a matrix product that one of a grouped convolution may cost.
constexpr std::array grouped_weights{1.0, 4.0, 16.0, 64.0, 256.0};
constexpr std::size_t most_splits = 16;  // batches that are tried as the first of other coefficients
constexpr std::size_t most_groups = 10;  // of families that are left out at a time

/// Whether a term is of products, which libraries have several algorithms for.
bool is_of_products(const Term& term) {
  return std::all_of(term.begin(), term.end(), [](const auto& part) {
    return base::ends_with(part.first, "_pointwise") || base::ends_with(part.first, "_window") ||
           base::ends_with(part.first, "_grouped");
  });
}

/// Least squares of the relative error, so that a small network counts as much as a large one. One coefficient a term,
/// those of products another one from some batch on, unless that is 0.
Linear fit_linear(const Rows& rows, const Picks& picks, const std::vector<Term>& terms, double from_batch = 0) {
  const auto n = static_cast<Eigen::Index>(picks.size());
  const auto width = static_cast<Eigen::Index>(terms.size());
  std::vector<Eigen::Index> later(terms.size());  // the term's column from that batch on
  Eigen::Index columns = width;
  for (std::size_t j = 0; j < terms.size(); ++j)
    later[j] = from_batch > 0 && is_of_products(terms[j]) ? columns++ : static_cast<Eigen::Index>(j);
  Linear out;
  out.batch = index_of("own.batch", rows.stage);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n, columns + 1);
  for (std::size_t j = 0; j < terms.size(); ++j)
    for (const auto& [name, weight] : terms[j]) {
      const std::size_t f = index_of(name, rows.stage);
      for (Eigen::Index i = 0; i < n; ++i) {
        const std::size_t row = picks[static_cast<std::size_t>(i)];
        const bool large = rows.features[row][out.batch] >= from_batch;
        a(i, large ? later[j] : static_cast<Eigen::Index>(j)) += weight * rows.features[row][f] / rows.y[row];
      }
    }
  for (Eigen::Index i = 0; i < n; ++i) a(i, columns) = 1 / rows.y[picks[static_cast<std::size_t>(i)]];
  const Eigen::VectorXd c = model::solve_nonnegative(a, Eigen::VectorXd::Ones(n), ridge * static_cast<double>(n));
  for (std::size_t j = 0; j < terms.size(); ++j)
    for (const auto& [name, weight] : terms[j]) {
      out.columns.push_back(index_of(name, rows.stage));
      out.coefficients.push_back(weight * c[static_cast<Eigen::Index>(j)]);
      if (from_batch > 0) out.later.push_back(weight * c[later[j]]);
    }
  out.constant = c[columns];
  out.from_batch = from_batch;
  return out;
}

double squares_of(const Linear& sum, const Rows& rows, const Picks& picks) {
  double squares = 0;
  for (const std::size_t row : picks) squares += std::pow(sum.at(rows.features[row]) / rows.y[row] - 1, 2);
  return squares;
}

/// With the batch from which products cost otherwise, if that is worth its coefficients.
Linear fit_with_split(const Rows& rows, const Picks& picks, const std::vector<Term>& terms) {
  Linear best = fit_linear(rows, picks, terms);
  const auto n = static_cast<double>(picks.size());
  const auto criterion = [&](const Linear& sum) {
    std::size_t used = 0;
    for (const auto* list : {&sum.coefficients, &sum.later})
      used += static_cast<std::size_t>(std::count_if(list->begin(), list->end(), [](double c) { return c > 0; }));
    return n * std::log(squares_of(sum, rows, picks) / n + 1e-12) + 2 * static_cast<double>(used);
  };
  std::set<double> batches;
  for (const std::size_t row : picks) batches.insert(rows.features[row][best.batch]);
  double least = criterion(best);
  std::size_t number = 0;
  for (const double batch : batches) {
    // Not before the first; of many batches some, as far apart.
    if (number++ == 0 || (number - 1) % (1 + batches.size() / most_splits) != 0) continue;
    Linear tried = fit_linear(rows, picks, terms, batch);
    const double value = criterion(tried);
    if (value >= least) continue;
    least = value;
    best = std::move(tried);
  }
  return best;
}

/// Rows by family, of one family by network; more than most_groups share so many. Those for calibration are in none.
std::vector<Picks> groups_of(const Rows& rows, const Picks& picks) {
  for (const auto* of : {&rows.family, &rows.net}) {
    std::map<std::size_t, std::size_t> number;
    std::vector<Picks> groups;
    for (const std::size_t row : picks) {
      if (rows.family[row] == no_family) continue;
      const std::size_t group = number.emplace((*of)[row], number.size() % most_groups).first->second;
      if (group == groups.size()) groups.emplace_back();
      groups[group].push_back(row);
    }
    if (groups.size() > 1) return groups;
  }
  return {};
}

/// Mean relative error on groups that are left out in turn.
double error_left_out(const Rows& rows, const Picks& picks, const std::vector<Picks>& groups,
                      const std::vector<Term>& terms, double from_batch) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& group : groups) {
    const std::set<std::size_t> left_out(group.begin(), group.end());
    Picks seen;
    for (const std::size_t row : picks)
      if (left_out.count(row) == 0) seen.push_back(row);
    const Linear fitted = fit_linear(rows, seen, terms, from_batch);
    for (const std::size_t row : group) sum += std::abs(fitted.at(rows.features[row]) / rows.y[row] - 1);
    count += group.size();
  }
  return sum / static_cast<double>(count);
}

}  // namespace

std::size_t index_of(const std::string& name, Stage stage) {
  const auto names = names_of(stage);
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) throw Error(Fault::internal, "no feature " + name);
  return static_cast<std::size_t>(at - names.begin());
}

std::vector<Term> physical_terms(Stage stage, Metric quantity, bool by_kernel) {
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
  if (by_kernel) {
    for (const auto& name : names_of(stage))
      if (base::starts_with(name, "kernel.")) names.push_back(name);
  } else {
    for (const char* name : {"own.macs_pointwise", "own.macs_window", "own.macs_grouped", "own.macs_root",
                             "own.bytes_product", "own.launches"})
      names.emplace_back(name);
  }
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

const std::vector<double>& Linear::coefficients_for(const std::vector<double>& features) const {
  return from_batch > 0 && features[batch] >= from_batch ? later : coefficients;
}

bool Linear::uses(std::size_t column) const {
  return coefficients[column] > 0 || (from_batch > 0 && later[column] > 0);
}

double Linear::at(const std::vector<double>& features) const {
  const auto& factors = coefficients_for(features);
  double sum = constant;
  for (std::size_t j = 0; j < columns.size(); ++j) sum += factors[j] * features[columns[j]];
  return sum;
}

Linear fit_physical(const Rows& rows, const Picks& picks) {
  const auto few = physical_terms(rows.stage, rows.quantity, false),
             all = physical_terms(rows.stage, rows.quantity, true);
  if (rows.quantity == Metric::memory) return fit_linear(rows, picks, few);
  if (rows.drawn >= all.size()) return fit_with_split(rows, picks, all);
  Linear by_few = fit_with_split(rows, picks, few);
  const auto groups = groups_of(rows, picks);
  if (groups.size() < 2) return by_few;
  Linear by_all = fit_with_split(rows, picks, all);
  const double few_error = error_left_out(rows, picks, groups, few, by_few.from_batch);
  const double all_error = error_left_out(rows, picks, groups, all, by_all.from_batch);
  return all_error < few_error ? by_all : by_few;
}

Linear fit_simple(const Rows& rows, const Picks& picks) {
  if (rows.quantity == Metric::memory) return fit_linear(rows, picks, simple_terms(rows.quantity, 1));
  Linear best;
  double least = 0;
  for (const double weight : grouped_weights) {
    Linear tried = fit_linear(rows, picks, simple_terms(rows.quantity, weight));
    const double squares = squares_of(tried, rows, picks);
    if (!best.columns.empty() && squares >= least) continue;
    least = squares;
    best = std::move(tried);
  }
  return best;
}

}  // namespace hwprof::fingerprint

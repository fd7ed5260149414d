// SPDX-License-Identifier: Apache-2.0
#include "transfer/sources.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <map>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "transfer/exact.hpp"

namespace hwprof::transfer {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t least_archs = 10;  ///< of a source

/// The cost that a record counts with, or a number below 0.
double cost_of(const NetRecord& record, Metric metric) {
  if (record.arch.empty() || record.purpose == "validation" || record.purpose == "repeat") return -1;
  if (record.state != RunState::measured && record.state != RunState::unsteady) return -1;
  const auto found = record.overall.find(metric);
  if (found == record.overall.end()) return -1;
  if (!record::is_cost(found->second.value))
    throw Error(Fault::input,
                "architecture " + base::in_quotes(record.arch) + ": " + record::not_a_cost(found->second.value));
  return found->second.value;
}

Arch arch_at(const MixinProfilingSearchSpace& space, const NetRecord& record, std::size_t place) {
  try {
    return parse_arch(space, record.arch);
  } catch (const Error& error) {
    throw Error(error.fault(), "record " + std::to_string(place + 1) + ": " + error.what());
  }
}

/// Values beyond so many robust deviations from centre, drawn in.
VectorXd drawn_in(const VectorXd& values, const VectorXd& centre, double deviations) {
  const VectorXd residual = values - centre;
  const std::vector<double> all(residual.data(), residual.data() + residual.size());
  const double middle = base::median(all), reach = deviations * base::robust_deviation(all, middle);
  if (!(reach > 0)) return values;
  return centre.array() + residual.array().max(middle - reach).min(middle + reach);
}

}  // namespace

Labels labels_of(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options,
                 const std::vector<NetRecord>& records, Metric metric) {
  Labels out;
  std::map<Arch, std::size_t> numbers;
  for (const auto& record : records) {
    const double cost = cost_of(record, metric);
    if (cost < 0) {
      ++out.left_out;
      continue;
    }
    Arch arch = model::arch_of(record.arch, options);
    if (arch.empty()) arch = arch_at(space, record, static_cast<std::size_t>(&record - records.data()));
    const auto [at, fresh] = numbers.emplace(std::move(arch), out.archs.size());
    if (fresh) {
      out.archs.push_back(at->first);
      out.costs.push_back(0);
      out.counts.push_back(0);
    }
    out.costs[at->second] += cost;
    ++out.counts[at->second];
  }
  for (std::size_t i = 0; i < out.costs.size(); ++i) out.costs[i] /= static_cast<double>(out.counts[i]);
  return out;
}

Regression::Regression(const Features& features, const std::vector<Arch>& archs) {
  const std::size_t count = std::min(archs.size(), most_rows);
  std::vector<Arch> used;
  for (std::size_t i = 0; i < count; ++i) {
    used_.push_back(i * archs.size() / count);
    used.push_back(archs[used_.back()]);
  }
  const auto n = static_cast<Index>(count);
  const auto p = static_cast<Index>(features.size());
  rows_.resize(n, p + 1);
  rows_.col(0).setOnes();
  rows_.rightCols(p) = features.rows(used);
  // A ridge of 3 on columns of deviation 1; those at hand are smaller where their group has many.
  constexpr double ridge = 3;
  std::array<double, num_groups> sizes{};
  for (std::size_t c = 0; c < features.size(); ++c) sizes[static_cast<std::size_t>(features.group(c))] += 1;
  penalty_ = VectorXd::Zero(p + 1);
  for (std::size_t c = 0; c < features.size(); ++c)
    penalty_[static_cast<Index>(c) + 1] = ridge / sizes[static_cast<std::size_t>(features.group(c))];
  const auto gram = [](const auto& rows) {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows.cols(), rows.cols());
    out.template selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose());
    return out;
  };
  half_gram_ = gram(rows_.topRows(n / 2));
  gram_ = half_gram_ + gram(rows_.bottomRows(n - n / 2));
}

VectorXd Regression::pick(const std::vector<double>& costs) const {
  VectorXd out(static_cast<Index>(used_.size()));
  for (std::size_t i = 0; i < used_.size(); ++i) out[static_cast<Index>(i)] = costs[used_[i]];
  return out;
}

VectorXd Regression::fit(const std::vector<double>& costs) const {
  constexpr double far = 6, near = 4;
  const VectorXd y = pick(costs);
  Eigen::MatrixXd system = gram_;
  system.diagonal() += penalty_;
  const auto solver = system.selfadjointView<Eigen::Lower>().llt();
  const VectorXd centre = VectorXd::Constant(y.size(), base::median({y.data(), y.data() + y.size()}));
  VectorXd line = solver.solve(rows_.transpose() * drawn_in(y, centre, far));
  line = solver.solve(rows_.transpose() * drawn_in(y, rows_ * line, near));
  return line;
}

Eigen::MatrixXd Regression::plain(const Eigen::MatrixXd& gram, Index rows) const {
  constexpr double tiny = 1e-9;
  Eigen::MatrixXd system = gram;
  system.diagonal().array() += tiny * static_cast<double>(rows);
  return system;
}

std::optional<VectorXd> Regression::exact_sum(const std::vector<double>& costs) const {
  constexpr double rounding = 1e-4, enough = 1.3;
  const Index n = rows_.rows(), half = n / 2;
  if (static_cast<double>(half) < enough * static_cast<double>(rows_.cols())) return {};
  const VectorXd y = pick(costs);
  if (!(y.maxCoeff() > y.minCoeff())) return {};
  const auto solve = [&](const Eigen::MatrixXd& gram, Index rows) {
    const Eigen::MatrixXd system = plain(gram, rows);
    return VectorXd(system.selfadjointView<Eigen::Lower>().llt().solve(rows_.topRows(rows).transpose() * y.head(rows)));
  };
  const VectorXd line = solve(half_gram_, half);
  const VectorXd error = rows_.bottomRows(n - half) * line - y.tail(n - half);
  if (!(error.cwiseAbs().maxCoeff() <= rounding * y.cwiseAbs().mean())) return {};
  return solve(gram_, n);
}

VectorXd Regression::left_out(const std::vector<double>& costs, const VectorXd& fitted) const {
  constexpr double least = 1e-6;
  const auto solver = plain(gram_, rows_.rows()).selfadjointView<Eigen::Lower>().llt();
  const VectorXd leverage = solver.matrixL().solve(rows_.transpose()).colwise().squaredNorm();
  VectorXd out = fitted;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    double& cost = out[static_cast<Index>(used_[i])];
    cost = costs[used_[i]] - (costs[used_[i]] - cost) / std::max(1 - leverage[static_cast<Index>(i)], least);
  }
  return out;
}

std::vector<SourceModel> fit_sources(const MixinProfilingSearchSpace& space, const Features& features,
                                     const std::vector<TransferSource>& sources, Metric metric,
                                     std::vector<Arch>& archs, std::vector<std::string>& notes) {
  std::vector<SourceModel> out;
  std::optional<Regression> regression;
  std::optional<ExactSums> sums;
  std::vector<Arch> last;  // of regression
  archs.clear();
  for (const auto& source : sources) {
    Metric used = metric;
    const auto has = [&](Metric wanted) {
      return std::any_of(source.records.begin(), source.records.end(),
                         [wanted](const NetRecord& record) { return record.overall.count(wanted) != 0; });
    };
    std::vector<Metric> others{Metric::latency, Metric::energy};  // the likest first
    others.insert(others.end(), list_metrics().begin(), list_metrics().end());
    for (const Metric other : others)
      if (!has(used) && has(other)) used = other;
    Labels labels;
    try {
      labels = labels_of(space, features.options(), source.records, used);
    } catch (const Error& error) {
      throw Error(error.fault(), "source " + base::in_quotes(source.name) + ": " + error.what());
    }
    double mean = 0;
    for (const double cost : labels.costs) mean += cost / static_cast<double>(labels.costs.size());
    if (labels.archs.size() < least_archs || !(mean > 0)) {
      notes.push_back("source " + source.name + " left out: " + std::to_string(labels.archs.size()) +
                      " architectures with a cost, and at least " + std::to_string(least_archs) +
                      " with a mean above 0 are needed");
      continue;
    }
    if (!regression || last != labels.archs) {
      last = labels.archs;
      regression.emplace(features, last);
      sums.emplace(features, last);
      archs.insert(archs.end(), last.begin(), last.end());
    }
    SourceModel model;
    model.name = source.name;
    model.archs = labels.archs.size();
    const auto exact = regression->exact_sum(labels.costs);
    model.exact = exact.has_value() || sums->find(labels.costs).has_value();
    const VectorXd line = exact ? *exact : regression->fit(labels.costs);
    model.level = line[0] / mean - 1;
    model.weights = line.tail(line.size() - 1) / mean;
    if (model.exact)
      notes.push_back("source " + source.name + ": the labels are exact sums over decisions, derived and not measured");
    out.push_back(std::move(model));
  }
  std::sort(archs.begin(), archs.end());
  archs.erase(std::unique(archs.begin(), archs.end()), archs.end());
  return out;
}

}  // namespace hwprof::transfer

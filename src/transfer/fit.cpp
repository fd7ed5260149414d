// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/correlation.hpp"
#include "transfer/base.hpp"
#include "transfer/exact.hpp"
#include "transfer/members.hpp"

namespace hwprof {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using namespace transfer;

constexpr std::size_t least_samples = 3, references = 200;
constexpr Index directions = 6;     ///< in which the variance differs between architectures
constexpr double least_share = .3;  ///< of the cheapest sample: nothing is predicted below

std::vector<double> list(const VectorXd& values) {
  return {values.data(), values.data() + values.size()};
}

/// FNV-1a over decisions and options, with the primitives' hashes.
std::string fingerprint(const MixinProfilingSearchSpace& space) {
  std::uint64_t hash = 14695981039346656037U;
  const auto add = [&hash](const std::string& text) {
    for (const char c : text + '\n') hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  for (const auto& decision : space.decisions()) {
    add(decision.name);
    for (const auto& option : decision.options) add(option);
  }
  for (const auto& prim : space.generate_profiling_primitives()) add(to_string(prim));
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

/// Lines in the columns whose squares add up to the variance of the regression, largest first, over that of the
/// scale; and what they leave out, on average.
struct Spread {
  MatrixXd weights;  ///< columns x directions
  VectorXd level;
  double rest = 0;
};

Spread spread_lines(const BayesFit& fit, const Sample& sample, const Sample& reference,
                    const std::vector<SourceModel>& sources, const std::vector<Group>& groups) {
  const Sample& known = fit.rows.cost.size() > 0 ? fit.rows : sample;
  const Index p = known.features.cols(), k = known.sources.cols();
  VectorXd deviation(1 + p + k);
  deviation[0] = std::sqrt(bias_variance);
  deviation.segment(1, p) = column_variances(fit.prior, groups).cwiseSqrt();
  deviation.tail(k).setConstant(std::sqrt(fit.prior.sources));
  const auto rows_of = [&](const Sample& s) {
    MatrixXd rows(s.features.rows(), 1 + p + k);
    rows << VectorXd::Ones(rows.rows()), s.features, s.sources;
    return MatrixXd(rows * deviation.asDiagonal());
  };
  const MatrixXd at = rows_of(known), around = rows_of(reference);
  const MatrixXd posterior = around.transpose() - at.transpose() * (fit.inverse * (at * around.transpose()));
  const MatrixXd covariance = around * posterior;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver((covariance + covariance.transpose()) / 2);
  const Index n = covariance.rows(), kept = std::min(directions, n);
  Spread out;
  out.weights = MatrixXd::Zero(p, kept);
  out.level = VectorXd::Zero(kept);
  double explained = 0;
  for (Index j = 0; j < kept; ++j) {
    const double value = solver.eigenvalues()[n - 1 - j];
    if (!(value > 1e-12)) continue;
    explained += value;
    const VectorXd line = deviation.cwiseProduct(posterior * solver.eigenvectors().col(n - 1 - j)) / std::sqrt(value);
    out.level[j] = line[0];
    out.weights.col(j) = line.segment(1, p);
    for (Index s = 0; s < k; ++s) {
      const auto& source = sources[static_cast<std::size_t>(s)];
      out.level[j] += line[1 + p + s] * source.level;
      out.weights.col(j) += line[1 + p + s] * source.weights;
    }
  }
  out.rest = std::max(0.0, (covariance.trace() - explained) / static_cast<double>(n));
  return out;
}

/// How much wider the errors of leaving one out are than they should be, and whether they grow with the cost.
struct Calibration {
  double factor = 1;
  bool relative = false;
};

Calibration calibrate(const VectorXd& loo, const VectorXd& spread, const VectorXd& cost) {
  constexpr double prior = 4, cut = 9;  // pseudo-samples; largest square that counts
  const auto n = static_cast<double>(cost.size());
  const auto scale = [&](const VectorXd& deviation) {
    const Eigen::ArrayXd squares = ((cost - loo).array() / deviation.array()).square().min(cut);
    return std::sqrt((prior + squares.sum()) / (prior + n));
  };
  const VectorXd grown = spread.cwiseProduct(loo.cwiseMax(1e-3));
  const auto fit_of = [&](const VectorXd& deviation) {
    const double factor = scale(deviation);
    const Eigen::ArrayXd squares = ((cost - loo).array() / deviation.array() / factor).square().min(cut);
    return -(deviation.array() * factor).log().sum() - squares.sum() / 2;
  };
  Calibration out;
  out.relative = fit_of(grown) > fit_of(spread);
  // Student's t instead of the normal distribution, at its 95 % point (first term of the Cornish-Fisher expansion,
  // (z² + 1) / 4ν). The degrees of freedom, a fifth of the samples, are what made intervals of devices with known
  // labels hold.
  out.factor = scale(out.relative ? grown : spread) * (1 + 4.6 / n);
  return out;
}

void report(const std::vector<Member>& members, const VectorXd& cost, FitSummary& summary) {
  const auto add = [&](const std::string& name, const VectorXd& loo, double share) {
    summary.coefficients["weight." + name] = share;
    summary.coefficients["loo_median_ape." + name] =
        base::median(list(((loo - cost).array() / cost.array().max(1e-9)).abs().matrix()));
    summary.coefficients["loo_spearman." + name] = model::spearman(list(loo), list(cost));
  };
  for (const auto& member : members) add(member.name, member.loo, member.share);
}

/// Takes the costs from look-ups, and leaves the errors as they are.
void look_up(const std::vector<model::ArchTable>& costs, model::TransferParts& parts) {
  const std::size_t width = parts.constant.size();
  parts.constant[0] = 0;
  for (std::size_t t = 0; t < costs.size(); ++t)
    for (std::size_t i = 0; i < costs[t].rows.size(); ++i) parts.tables[t].rows[i * width] = costs[t].rows[i];
}

void keep_only(const std::string& name, std::vector<Member>& members) {
  std::vector<std::string> names;
  for (auto& member : members) {
    names.push_back(member.name);
    member.share = member.name == name ? 1 : 0;
  }
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error(Fault::usage,
                "these samples and sources give no member " + base::in_quotes(name) + base::suggest(name, names));
}

}  // namespace

Model TransferBase::fit(const std::vector<NetRecord>& samples, const TransferOptions& options) const {
  const auto& [space, features, groups, cells, source_notes, source_archs, models] = *contents_;
  const Labels labels = labels_of(space, features.options(), samples, options.metric);
  const std::size_t count = labels.archs.size();
  if (count < least_samples)
    throw Error(Fault::missing, "a transfer model needs " + std::to_string(least_samples) +
                                    " different architectures with their " + to_string(options.metric) + ", found " +
                                    std::to_string(count) + " in " + std::to_string(samples.size()) + " records");
  model::Info info;
  info.metric = options.metric;
  for (const auto& record : samples)
    if (!record.arch.empty()) {
      info.from = record.from;
      info.batch = record.batch;
      break;
    }
  FitSummary& summary = info.summary;
  summary.kind = "transfer";
  summary.nets_used = count;
  summary.nets_dropped = labels.left_out;
  for (const auto n : labels.counts) summary.samples_used += static_cast<std::size_t>(n);
  if (summary.samples_used > count)
    summary.notes.push_back(std::to_string(summary.samples_used - count) +
                            " further records of the same architectures; their mean counts");
  if (labels.left_out > 0)
    summary.notes.push_back(std::to_string(labels.left_out) + " records without a usable " + to_string(options.metric) +
                            " of an architecture left out");

  summary.notes.insert(summary.notes.end(), source_notes.begin(), source_notes.end());
  Sample sample = describe(features, models, labels.archs);
  const VectorXd cost = Eigen::Map<const VectorXd>(labels.costs.data(), static_cast<Index>(count));
  const double mean = cost.mean();
  if (!(mean > 0)) throw Error(Fault::missing, "every sample costs 0");
  sample.cost = cost / mean;

  std::mt19937_64 rng(2);
  std::vector<Arch> around;
  for (std::size_t i = 0; i < references; ++i) around.push_back(space.sample(rng));
  const Sample reference = describe(features, models, around);

  std::vector<Member> members;
  const auto add = [&](const std::string& name, const BayesFit& fit, const std::vector<SourceModel>& used) {
    members.push_back(fold(name, fit.line, used));
    members.back().loo = fit.loo;
  };
  Sample alone = sample;
  alone.sources.resize(alone.sources.rows(), 0);
  alone.mean.setZero();
  BayesFit fit = fit_regression(alone, priors(cells, 0), groups, options.seed);
  add("analytic", fit, {});
  Sample reference_alone = reference;
  reference_alone.sources.resize(reference.sources.rows(), 0);
  Spread spread;
  if (models.empty()) {
    spread = spread_lines(fit, alone, reference_alone, {}, groups);
  } else {
    fit = fit_regression(sample, priors(cells, std::pow(spread_of(reference), -2) / static_cast<double>(models.size())),
                         groups, options.seed);
    add("transfer", fit, models);
    members.push_back(fit_stacking(models, sample, fit.weight_of));
    spread = spread_lines(fit, sample, reference, models, groups);
  }
  if (auto scaling = fit_scaling(features, sample, fit.weight_of)) members.push_back(std::move(*scaling));
  weigh(members, sample.cost);

  // Labels that are sums need no other model.
  const auto exact = Regression(features, labels.archs).exact_sum(labels.costs);
  const auto parts_cost = exact ? std::nullopt : ExactSums(features, labels.archs).find(labels.costs);
  if (exact || parts_cost) {
    for (auto& member : members) member.share = 0;
    Member additive;
    additive.name = "additive";
    additive.weights = VectorXd::Zero(static_cast<Index>(features.size()));
    additive.loo = sample.cost;
    if (exact) {
      additive.level = (*exact)[0] / mean;
      additive.weights = exact->tail(exact->size() - 1) / mean;
    }
    additive.share = 1;
    members.push_back(std::move(additive));
    info.from.derived = true;
    summary.notes.push_back(
        "the labels are exact sums over decisions: derived, not measured; least squares alone predicts them");
  }
  if (!options.member.empty()) keep_only(options.member, members);

  Member combined;
  combined.weights = VectorXd::Zero(static_cast<Index>(features.size()));
  combined.loo = VectorXd::Zero(static_cast<Index>(count));
  for (const auto& member : members) {
    combined.level += member.share * member.level;
    combined.weights += member.share * member.weights;
    combined.loo += member.share * member.loo;
  }
  combined.name = "combined";
  combined.share = 1;
  report(members, sample.cost, summary);
  report({combined}, sample.cost, summary);
  const auto relative_error = [&](const VectorXd& predicted) {
    return ((predicted - sample.cost).array() / sample.cost.array().max(1e-9)).abs().mean();
  };
  summary.cv_mape = relative_error(combined.loo);
  summary.fit_mape = relative_error(((sample.features * combined.weights).array() + combined.level).matrix());

  const Calibration calibration = calibrate(combined.loo, fit.loo_spread, sample.cost);
  const double unit = mean * calibration.factor * std::sqrt(fit.variance);
  model::TransferParts parts;
  parts.space = options.space_name;
  parts.fingerprint = fingerprint(space);
  parts.options = features.options();
  parts.centre = mean;
  parts.relative = calibration.relative;
  parts.noise = unit * unit * (fit.noise + spread.rest);
  parts.least = least_share * *std::min_element(labels.costs.begin(), labels.costs.end());
  MatrixXd weights(static_cast<Index>(features.size()), 1 + spread.weights.cols());
  weights.col(0) = mean * combined.weights;
  weights.rightCols(spread.weights.cols()) = unit * spread.weights;
  parts.constant.push_back(mean * combined.level);
  for (Index j = 0; j < spread.level.size(); ++j) parts.constant.push_back(unit * spread.level[j]);
  parts.tables = features.fold(weights, parts.constant);
  if (parts_cost && options.member.empty()) look_up(features.part_tables(*parts_cost), parts);
  if (parts.tables.size() == 1) {
    // Of one table the variance can stand there itself.
    auto& rows = parts.tables[0].rows;
    const std::size_t width = parts.constant.size(), entries = rows.size() / width;
    std::vector<double> narrow;
    for (std::size_t i = 0; i < entries; ++i) {
      double variance = 0;
      for (std::size_t j = 1; j < width; ++j) variance += std::pow(rows[i * width + j] + parts.constant[j], 2);
      narrow.push_back(rows[i * width]);
      narrow.push_back(std::sqrt(variance));
    }
    rows = std::move(narrow);
    parts.constant = {parts.constant[0], 0};
  }
  return Model(std::make_shared<model::Transfer>(std::move(info), std::move(parts)));
}

}  // namespace hwprof

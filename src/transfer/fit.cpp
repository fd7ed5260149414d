// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/correlation.hpp"
#include "space/fingerprint.hpp"
#include "transfer/base.hpp"
#include "transfer/exact.hpp"
#include "transfer/interval.hpp"
#include "transfer/members.hpp"

namespace hwprof {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using namespace transfer;

constexpr std::size_t least_samples = 3, references = 200;
constexpr double least_share = .3;  ///< of the cheapest sample: nothing is predicted below

std::vector<double> list(const VectorXd& values) {
  return {values.data(), values.data() + values.size()};
}

/// What the samples cost, roughly and to some scale: as the sources do on average, else as all totals together.
VectorXd guess_of(const Sample& sample, const Features& features) {
  if (sample.sources.cols() > 0) return sample.mean;
  VectorXd guess = VectorXd::Zero(sample.features.rows());
  for (const auto& total : features.totals()) guess += sample.features.col(static_cast<Index>(total.column));
  return guess;
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

/// Labels that are sums, which need no other model: least squares on the columns, or a cost per part.
struct Sums {
  Member member;
  std::optional<VectorXd> parts;  ///< where these say more than the member's weights, which then are 0
};

std::optional<Sums> find_sums(const Features& features, const Labels& labels, const Sample& sample, double mean) {
  Sums out;
  out.member.name = "additive";
  out.member.weights = VectorXd::Zero(static_cast<Index>(features.size()));
  const Regression regression(features, labels.archs);
  if (const auto line = regression.exact_sum(labels.costs)) {
    out.member.level = (*line)[0] / mean;
    out.member.weights = line->tail(line->size() - 1) / mean;
    const VectorXd fitted = (sample.features * out.member.weights).array() + out.member.level;
    out.member.loo = regression.left_out(labels.costs, fitted * mean) / mean;
    return out;
  }
  const ExactSums sums(features, labels.archs);
  out.parts = sums.find(labels.costs);
  if (!out.parts) return {};
  VectorXd fitted = VectorXd::Zero(sample.cost.size());
  for (std::size_t i = 0; i < labels.archs.size(); ++i)
    for (const auto part : features.parts(labels.archs[i]))
      fitted[static_cast<Index>(i)] += (*out.parts)[static_cast<Index>(part)];
  out.member.loo = sums.left_out(labels.costs, fitted) / mean;
  return out;
}

/// Gives all the share to one member, and returns its predictions of left-out samples.
VectorXd keep_only(const std::string& name, std::vector<Member>& members) {
  std::vector<std::string> names;
  VectorXd loo;
  for (auto& member : members) {
    names.push_back(member.name);
    member.share = member.name == name ? 1 : 0;
    if (member.name == name) loo = member.loo;
  }
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error(Fault::usage,
                "these samples and sources give no member " + base::in_quotes(name) + base::suggest(name, names));
  return loo;
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
  sample.weight = start_weights(guess_of(sample, features), sample.cost);

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
    members.push_back(fit_stacking(models, {}, sample, fit.weight_of));
    std::vector<Features::Total> totals;
    for (const auto& total : features.totals())
      if (total.mean > 0) totals.push_back(total);
    if (!totals.empty()) members.push_back(fit_stacking(models, totals, sample, fit.weight_of));
    spread = spread_lines(fit, sample, reference, models, groups);
  }
  if (auto scaling = fit_scaling(features, sample, fit.weight_of)) members.push_back(std::move(*scaling));
  Member combined;
  combined.loo = weigh(members, sample.cost, fit.weight_of);

  const auto sums = find_sums(features, labels, sample, mean);
  const bool additive = sums && (options.member.empty() || options.member == sums->member.name);
  if (sums) {
    members.push_back(sums->member);
    combined.loo = keep_only(sums->member.name, members);
    info.from.derived = true;
    summary.notes.push_back(std::string("the labels are exact sums over decisions: derived, not measured") +
                            (additive ? "; least squares alone predicts them" : ""));
  }
  if (!options.member.empty()) combined.loo = keep_only(options.member, members);

  combined.weights = VectorXd::Zero(static_cast<Index>(features.size()));
  for (const auto& member : members) {
    combined.level += member.share * member.level;
    combined.weights += member.share * member.weights;
  }
  combined.name = "combined";
  combined.share = 1;
  report(members, sample.cost, summary);
  report({combined}, sample.cost, summary);
  const auto relative_error = [&](const VectorXd& predicted) {
    return ((predicted - sample.cost).array() / sample.cost.array().max(1e-9)).abs().mean();
  };
  summary.cv_mape = relative_error(combined.loo);

  const Disagreement between = disagreement(members, combined);
  const Calibration calibration =
      calibrate(combined.loo, (fit.loo_spread.cwiseAbs2() + between.loo.cwiseAbs2()).cwiseSqrt(), sample.cost);
  const double scale = mean * calibration.factor, unit = scale * std::sqrt(fit.variance);
  model::TransferParts parts;
  parts.space = options.space_name;
  parts.fingerprint = space::fingerprint(space);
  parts.options = features.options();
  parts.centre = mean;
  parts.relative = calibration.relative;
  parts.noise = unit * unit * (fit.noise + spread.rest);
  parts.least = least_share * *std::min_element(labels.costs.begin(), labels.costs.end());
  MatrixXd weights(static_cast<Index>(features.size()), 1 + spread.weights.cols() + between.weights.cols());
  weights << mean * combined.weights, unit * spread.weights, scale * between.weights;
  parts.constant.push_back(mean * combined.level);
  for (const double level : spread.level) parts.constant.push_back(unit * level);
  for (const double level : between.level) parts.constant.push_back(scale * level);
  parts.tables = features.fold(weights, parts.constant);
  if (additive && sums->parts) look_up(features.part_tables(*sums->parts), parts);
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
  const model::Transfer tables(info, parts);
  VectorXd predicted(static_cast<Index>(count));
  for (std::size_t i = 0; i < count; ++i)
    tables.predict_arch(labels.archs[i].data(), 1, predicted.data() + static_cast<Index>(i));
  summary.fit_mape = relative_error(predicted / mean);
  return Model(std::make_shared<model::Transfer>(std::move(info), std::move(parts)));
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "model/cross_validate.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::model {
namespace {

/// Fisher-Yates by hand: std::shuffle and the standard's distributions differ between libraries.
NetList shuffled(NetList nets, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  for (std::size_t i = nets.size(); i > 1; --i) std::swap(nets[i - 1], nets[rng() % i]);
  return nets;
}

std::size_t kept_own(const FitData& data, const std::vector<bool>& left_out) {
  const auto only_held_out = [&left_out](const std::vector<Sample>& samples) {
    return !samples.empty() &&
           std::all_of(samples.begin(), samples.end(), [&left_out](const Sample& s) { return left_out[s.net]; });
  };
  return static_cast<std::size_t>(std::count_if(data.samples.begin(), data.samples.end(), only_held_out));
}

}  // namespace

std::vector<double> relative_errors(const FitData& data, const NetList& nets, const NetPredictor& model) {
  std::vector<double> errors;
  for (const std::size_t i : nets) {
    const FitNet& net = data.nets[i];
    errors.push_back(model(net) / net.measured - 1);
    if (!std::isfinite(errors.back()))
      throw Error(Fault::input, "net " + base::in_quotes(net.record->net_id) + ": an overall cost of " +
                                    base::format_number(net.measured) + " is too small for a relative error");
  }
  return errors;
}

double CrossValidation::mean() const {
  return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
}

double CrossValidation::standard_error() const {
  if (errors.size() < 2) return 0;
  const double middle = mean();
  double squares = 0;
  for (const double error : errors) squares += (error - middle) * (error - middle);
  const auto n = static_cast<double>(errors.size());
  return std::sqrt(squares / (n - 1) / n);
}

CrossValidation cross_validate(const FitData& data, const NetList& nets, std::uint64_t seed, const NetFitter& fit,
                               std::vector<std::string>& notes, std::size_t folds) {
  const NetList order = shuffled(nets, seed);
  const auto network = network_of(data, order);
  folds = std::min(folds, count_networks(data, order));
  std::size_t own = 0;
  CrossValidation out;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    NetList train;
    NetList test;
    std::vector<bool> left_out(data.nets.size(), false);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool held_out = network[i] % folds == fold;
      (held_out ? test : train).push_back(order[i]);
      if (held_out) left_out[order[i]] = true;
    }
    const auto model = fit(without(data, left_out), train);
    if (!model) {
      ++out.failed;
      continue;
    }
    own += kept_own(data, left_out);
    const auto errors = relative_errors(data, test, *model);
    const auto tested = network_of(data, test);
    std::vector<double> sums(count_networks(data, test)), records(sums.size());
    for (std::size_t i = 0; i < test.size(); ++i) {
      sums[tested[i]] += std::abs(errors[i]);
      ++records[tested[i]];
    }
    for (std::size_t n = 0; n < sums.size(); ++n) out.errors.push_back(sums[n] / records[n]);
  }
  if (own > 0)
    notes.push_back("cross-validation: " + std::to_string(own) +
                    " primitives occur in held-out networks only and kept their own measurement");
  if (out.failed > 0)
    notes.push_back("cross-validation: " + std::to_string(out.failed) + " of " + std::to_string(folds) +
                    " folds leave too few networks to fit");
  return out;
}

}  // namespace hwprof::model

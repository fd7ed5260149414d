// SPDX-License-Identifier: Apache-2.0
#include "model/cross_validate.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t most_folds = 10;

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

double sum_of(const FitNet& net, const std::vector<Measured>& costs) {
  double sum = 0;
  for (const std::uint32_t prim : net.prims) sum += costs[prim].value;
  return sum;
}

std::vector<double> relative_errors(const FitData& data, const std::vector<Measured>& costs, const NetList& nets,
                                    const Line& line) {
  std::vector<double> errors;
  for (const std::size_t i : nets) {
    const FitNet& net = data.nets[i];
    errors.push_back(line.at(sum_of(net, costs), net.prims.size()) / net.measured - 1);
    if (!std::isfinite(errors.back()))
      throw Error(Fault::input, "net " + base::in_quotes(net.record->net_id) + ": an overall cost of " +
                                    base::format_number(net.measured) + " is too small for a relative error");
  }
  return errors;
}

std::optional<double> cross_validate(const FitData& data, const NetList& nets, std::uint64_t seed,
                                     const LineFitter& fit, std::vector<std::string>& notes) {
  const NetList order = shuffled(nets, seed);
  const std::size_t folds = std::min(most_folds, order.size());
  std::size_t failed = 0;
  std::size_t own = 0;
  std::size_t n = 0;
  double sum = 0;
  for (std::size_t fold = 0; fold < folds; ++fold) {
    NetList train;
    NetList test;
    std::vector<bool> left_out(data.nets.size(), false);
    for (std::size_t i = 0; i < order.size(); ++i) {
      (i % folds == fold ? test : train).push_back(order[i]);
      if (i % folds == fold) left_out[order[i]] = true;
    }
    const auto costs = build_table(data, left_out);
    const auto line = fit(costs, train);
    if (!line) {
      ++failed;
      continue;
    }
    own += kept_own(data, left_out);
    for (const double error : relative_errors(data, costs, test, *line)) {
      sum += std::abs(error);
      ++n;
    }
  }
  if (own > 0)
    notes.push_back("cross-validation: " + std::to_string(own) +
                    " primitives occur in held-out networks only and kept their own measurement");
  if (failed > 0)
    notes.push_back("cross-validation: " + std::to_string(failed) + " of " + std::to_string(folds) +
                    " folds leave too few networks to fit");
  if (n == 0) return {};
  return sum / static_cast<double>(n);
}

}  // namespace hwprof::model

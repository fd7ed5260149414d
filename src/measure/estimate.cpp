// SPDX-License-Identifier: Apache-2.0
#include "measure/estimate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/stats.hpp"
#include "measure/drift.hpp"

namespace hwprof::measuring {
namespace {

/// Fewer visits than this have no 95 % interval.
constexpr std::size_t fewest_visits = 6;

const std::vector<Sample>& values_of(const Visit& visit) {
  return visit.samples.empty() ? visit.disturbed : visit.samples;
}

double middle(const std::vector<Sample>& samples, std::size_t index) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(sample[index]);
  return base::median(std::move(values));
}

Estimate over_visits(const std::vector<const std::vector<Sample>*>& visits, const std::vector<double>& factors,
                     std::size_t index) {
  std::vector<double> values;
  values.reserve(visits.size());
  for (std::size_t i = 0; i < visits.size(); ++i) values.push_back(middle(*visits[i], index) / factors[i]);
  return {base::median(values), base::median_half_width(values)};
}

}  // namespace

Factors drift_factors(const std::vector<const std::vector<Visit>*>& networks) {
  std::vector<int> stretches;
  for (const auto* visits : networks)
    for (const Visit& visit : *visits)
      if (!values_of(visit).empty()) stretches.push_back(visit.stretch);
  std::sort(stretches.begin(), stretches.end());
  stretches.erase(std::unique(stretches.begin(), stretches.end()), stretches.end());
  std::vector<Cell> cells;
  for (std::size_t row = 0; row < networks.size(); ++row)
    for (const Visit& visit : *networks[row])
      if (!values_of(visit).empty()) {
        const auto column = std::lower_bound(stretches.begin(), stretches.end(), visit.stretch) - stretches.begin();
        cells.push_back({row, static_cast<std::size_t>(column), std::log(middle(values_of(visit), 0))});
      }
  const Polish fit = median_polish(cells, networks.size(), stretches.size());
  Factors factors;
  for (std::size_t i = 0; i < stretches.size(); ++i) factors[stretches[i]] = std::exp(fit.columns[i]);
  return factors;
}

double drift_spread(const Factors& factors) {
  if (factors.size() < 2) return 0;
  const auto n = static_cast<double>(factors.size());
  double mean = 0;
  for (const auto& [stretch, factor] : factors) mean += factor / n;
  double squares = 0;
  for (const auto& [stretch, factor] : factors) squares += (factor - mean) * (factor - mean);
  return std::sqrt(squares / (n - 1));
}

NetEstimate estimate(const std::vector<Visit>& visits, std::size_t parts, const Factors& factors) {
  NetEstimate out;
  out.parts.resize(parts);
  const auto clean = std::count_if(visits.begin(), visits.end(), [](const Visit& v) { return !v.samples.empty(); });
  const bool clean_only = static_cast<std::size_t>(clean) >= fewest_visits;
  std::vector<const std::vector<Sample>*> used;
  std::vector<double> used_factors;
  for (const Visit& visit : visits) {
    out.dropped += visit.dropped;
    const auto& samples = values_of(visit);
    if (samples.empty()) continue;
    const bool counts = !clean_only || !visit.samples.empty();
    if (!counts || !visit.samples.empty()) out.dropped += static_cast<std::int64_t>(visit.disturbed.size());
    if (!counts) continue;
    const auto factor = factors.find(visit.stretch);
    used.push_back(&samples);
    used_factors.push_back(factor == factors.end() ? 1 : factor->second);
    out.samples += static_cast<std::int64_t>(samples.size());
    out.disturbed += visit.samples.empty() ? 1 : 0;
  }
  out.visits = used.size();
  if (used.empty()) return out;
  out.whole = over_visits(used, used_factors, 0);
  double sum = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    out.parts[i] = over_visits(used, used_factors, i + 1);
    sum += out.parts[i].value_s;
  }
  // Parts of one forward sum to its whole, but their medians are those of different forwards.
  const double scale = sum > 0 ? out.whole.value_s / sum : 0;
  for (Estimate& part : out.parts) {
    part.value_s *= scale;
    part.half_width_s *= scale;
  }
  return out;
}

double relative_half_width(const NetEstimate& estimate) {
  if (estimate.visits < fewest_visits || !(estimate.whole.value_s > 0)) return std::numeric_limits<double>::infinity();
  return estimate.whole.half_width_s / estimate.whole.value_s;
}

bool is_steady(const NetEstimate& estimate, double max_rel_ci) {
  return estimate.disturbed == 0 && relative_half_width(estimate) <= max_rel_ci;
}

}  // namespace hwprof::measuring

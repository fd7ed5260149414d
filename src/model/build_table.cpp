// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/stats.hpp"
#include "model/fit_data.hpp"

namespace hwprof::model {
namespace {

constexpr double cut = 5;                 ///< robust deviations
constexpr double least_deviation = 0.05;  ///< of the median: contexts differ by that much without being wrong
constexpr std::size_t least_samples = 4;  ///< below, no sample can be told to be the outlier
constexpr double prior_samples = 4;       ///< what the scatter of all primitives counts in that of one

/// One primitive's samples on their way into the table.
struct Cell {
  double weight = 0, mean = 0;
  double scatter = 0;  ///< weighted sum of squares around the mean, over the mean's square
  double own = 0;      ///< least relative standard error that a sample itself reports
  std::int64_t kept = 0, dropped = 0;

  [[nodiscard]] double effective() const { return static_cast<double>(kept) - 1; }
};

Cell summarize(const std::vector<const Sample*>& samples) {
  Cell cell;
  std::vector<double> values;
  values.reserve(samples.size());
  for (const auto* sample : samples) values.push_back(sample->value);
  const double middle = base::median(values);
  const double deviation = std::max(base::robust_deviation(values, middle), least_deviation * middle);
  std::vector<const Sample*> kept;
  for (const auto* sample : samples)
    if (samples.size() < least_samples || std::abs(sample->value - middle) <= cut * deviation) kept.push_back(sample);
  cell.kept = static_cast<std::int64_t>(kept.size());
  cell.dropped = static_cast<std::int64_t>(samples.size() - kept.size());
  for (const auto* sample : kept) {
    cell.weight += sample->weight;
    cell.mean += sample->weight * sample->value;
  }
  cell.mean /= cell.weight;
  if (!(cell.mean > 0)) return cell;
  const auto count = static_cast<double>(kept.size());
  for (const auto* sample : kept) {
    cell.scatter += sample->weight / cell.weight * count * std::pow(sample->value / cell.mean - 1, 2);
    const double own = sample->spread / interval_factor / cell.mean;
    if (own > 0 && (cell.own == 0 || own < cell.own)) cell.own = own;
  }
  return cell;
}

}  // namespace

std::vector<Measured> build_table(const FitData& data) {
  std::vector<Cell> cells(data.index.size());
  double scatter = 0;
  double degrees = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::vector<const Sample*> samples;
    for (const auto& sample : data.samples[i]) samples.push_back(&sample);
    if (samples.empty()) continue;
    cells[i] = summarize(samples);
    if (cells[i].kept > 1) {
      scatter += cells[i].scatter;
      degrees += cells[i].effective();
    }
  }
  const double common = degrees > 0 ? scatter / degrees : 0;  // variance of a sample, relative
  std::vector<Measured> costs(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (cell.kept == 0) continue;
    const double variance = (prior_samples * common + cell.scatter) / (prior_samples + cell.effective());
    const double error = std::sqrt(std::max(variance, cell.own * cell.own) / static_cast<double>(cell.kept));
    costs[i].value = cell.mean;
    costs[i].spread = interval_factor * error * cell.mean;
    costs[i].samples = cell.kept;
    costs[i].dropped = cell.dropped;
  }
  return costs;
}

}  // namespace hwprof::model

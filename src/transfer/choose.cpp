// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.hpp"
#include "hwprof/error.hpp"
#include "transfer/base.hpp"
#include "transfer/members.hpp"

namespace hwprof {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using namespace transfer;

constexpr double noise = .1;  ///< variance of a measurement over that of the scale

/// Different architectures to choose among: those of the sources, else of the space.
std::vector<Arch> gather(const MixinProfilingSearchSpace& space, const std::vector<Arch>& archs, std::size_t most,
                         std::mt19937_64& rng) {
  std::vector<Arch> out = archs;
  if (out.empty()) {
    constexpr std::size_t tries = 20;
    std::set<Arch> found;
    for (std::size_t i = 0; i < tries * most && found.size() < most; ++i) found.insert(space.sample(rng));
    out.assign(found.begin(), found.end());
  }
  if (out.size() <= most) return out;
  for (std::size_t i = 0; i < most; ++i) std::swap(out[i], out[i + base::draw_below(rng, out.size() - i)]);
  out.resize(most);
  return out;
}

/// Rows whose products are the prior covariance of costs, over the variance of the scale.
MatrixXd covariance_rows(const Features& features, const std::vector<SourceModel>& sources,
                         const std::vector<Group>& groups, bool cells, const std::vector<Arch>& archs) {
  const Sample sample = describe(features, sources, archs);
  VectorXd variances = VectorXd::Zero(static_cast<Index>(features.size()));
  double wide = 0;
  for (const auto& prior : priors(cells, 0)) {
    if (prior.narrow) continue;  // a design has to tell whether these hold, so it cannot go by them
    variances += column_variances(prior, groups);
    wide += 1;
  }
  variances /= wide;
  const Index p = sample.features.cols(), k = sample.sources.cols();
  MatrixXd rows(sample.features.rows(), 1 + p + k);
  const double scale = k > 0 ? spread_of(sample) * std::sqrt(static_cast<double>(k)) : 1;
  rows << VectorXd::Constant(rows.rows(), std::sqrt(bias_variance)),
      sample.features * variances.cwiseSqrt().asDiagonal(), sample.sources / scale;
  return rows;
}

/// A growing design: the variance of every candidate given those chosen. The posterior is kept in the rows' columns, of
/// which there are some hundreds, whatever the number of architectures: O(columns · candidates) a change.
class Design {
 public:
  Design(MatrixXd rows, const std::vector<Index>& chosen)
      : rows_(std::move(rows)), posterior_(MatrixXd::Identity(rows_.cols(), rows_.cols())) {
    variance_ = rows_.rowwise().squaredNorm();
    for (const Index candidate : chosen) add(candidate);
  }

  [[nodiscard]] const std::vector<Index>& chosen() const noexcept { return chosen_; }
  [[nodiscard]] const VectorXd& variance() const noexcept { return variance_; }

  void add(Index candidate) {
    chosen_.push_back(candidate);
    change(candidate, 1);
  }

  /// Replaces the one at place by the candidate that adds most to the determinant, if that is another.
  bool exchange(std::size_t place, const std::vector<bool>& barred) {
    const Index old = chosen_[place];
    const VectorXd told = posterior_ * rows_.row(old).transpose();
    const VectorXd without = variance_.array() + (rows_ * told).array().square() / (noise - rows_.row(old).dot(told));
    Index best = old;
    double most = without[best] * (1 + 1e-9) + 1e-12;
    for (Index c = 0; c < without.size(); ++c)
      if (without[c] > most && !barred[static_cast<std::size_t>(c)]) {
        most = without[c];
        best = c;
      }
    if (best == old) return false;
    chosen_[place] = best;
    change(old, -1);
    change(best, 1);
    return true;
  }

 private:
  /// A measurement of a candidate comes (sign 1) or goes (-1): Sherman and Morrison.
  void change(Index candidate, double sign) {
    const VectorXd told = posterior_ * rows_.row(candidate).transpose();
    const double scale = sign / (noise + sign * rows_.row(candidate).dot(told));
    variance_.array() -= scale * (rows_ * told).array().square();
    posterior_ -= scale * told * told.transpose();
  }

  MatrixXd rows_, posterior_;
  std::vector<Index> chosen_;
  VectorXd variance_;
};

}  // namespace

std::vector<Arch> TransferBase::choose(const ChooseOptions& options) const {
  const auto& [space, features, groups, cells, notes, source_archs, models] = *contents_;
  constexpr std::size_t most_count = 2000, most_candidates = 100000;
  if (options.count < 1 || options.count > most_count)
    throw Error(Fault::usage, "1 to " + std::to_string(most_count) + " architectures can be chosen, not " +
                                  std::to_string(options.count));
  for (const auto& arch : options.measured) check_arch(space, arch);
  std::mt19937_64 rng(options.seed);
  auto archs = gather(space, source_archs, std::min(std::max(options.candidates, options.count), most_candidates), rng);
  const std::set<Arch> measured(options.measured.begin(), options.measured.end());
  archs.erase(std::remove_if(archs.begin(), archs.end(), [&](const Arch& arch) { return measured.count(arch) != 0; }),
              archs.end());
  if (archs.size() < options.count)
    throw Error(Fault::missing, std::to_string(options.count) + " architectures are asked for, and there are only " +
                                    std::to_string(archs.size()) + " to choose among");
  const std::size_t fresh = archs.size();
  archs.insert(archs.end(), measured.begin(), measured.end());
  std::vector<Index> chosen;
  std::vector<bool> barred(archs.size(), false);
  for (std::size_t i = fresh; i < archs.size(); ++i) {
    chosen.push_back(static_cast<Index>(i));
    barred[i] = true;
  }
  const MatrixXd rows = covariance_rows(features, models, groups, cells, archs);
  // A pass looks at every choice once; large designs, which need it least, are not exchanged for hours.
  constexpr double most_work = 2e10;
  const double work = static_cast<double>(rows.size()) * static_cast<double>(options.count);
  const int passes = static_cast<int>(std::clamp(most_work / work, 0.0, 10.0));
  Design design(rows, chosen);
  for (std::size_t i = 0; i < options.count; ++i) {
    Index best = -1;
    for (Index c = 0; c < design.variance().size(); ++c)
      if (!barred[static_cast<std::size_t>(c)] && (best < 0 || design.variance()[c] > design.variance()[best]))
        best = c;
    barred[static_cast<std::size_t>(best)] = true;
    design.add(best);
  }
  std::size_t exchanges = 0;
  bool better = true;
  for (int pass = 0; pass < passes && better && exchanges < options.count * 4; ++pass) {
    better = false;
    for (std::size_t place = measured.size(); place < design.chosen().size(); ++place) {
      const Index before = design.chosen()[place];
      if (!design.exchange(place, barred)) continue;
      barred[static_cast<std::size_t>(before)] = false;
      barred[static_cast<std::size_t>(design.chosen()[place])] = true;
      better = true;
      ++exchanges;
    }
  }
  std::vector<Arch> out;
  for (std::size_t place = measured.size(); place < design.chosen().size(); ++place)
    out.push_back(archs[static_cast<std::size_t>(design.chosen()[place])]);
  return out;
}

}  // namespace hwprof

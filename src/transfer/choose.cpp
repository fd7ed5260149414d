// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Cholesky>
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
  const auto all = priors(cells, 0);
  VectorXd variances = VectorXd::Zero(static_cast<Index>(features.size()));
  for (const auto& prior : all) variances += column_variances(prior, groups) / static_cast<double>(all.size());
  const Index p = sample.features.cols(), k = sample.sources.cols();
  MatrixXd rows(sample.features.rows(), 1 + p + k);
  const double scale = k > 0 ? spread_of(sample) * std::sqrt(static_cast<double>(k)) : 1;
  rows << VectorXd::Constant(rows.rows(), std::sqrt(bias_variance)),
      sample.features * variances.cwiseSqrt().asDiagonal(), sample.sources / scale;
  return rows;
}

/// A growing design: the variance of every candidate given those chosen, and what each chosen one
/// tells about it.
class Design {
 public:
  Design(MatrixXd rows, std::vector<Index> chosen) : rows_(std::move(rows)), chosen_(std::move(chosen)) {
    prior_ = rows_.rowwise().squaredNorm();
    update();
  }

  [[nodiscard]] const std::vector<Index>& chosen() const noexcept { return chosen_; }
  [[nodiscard]] const VectorXd& variance() const noexcept { return variance_; }

  void add(Index candidate) {
    chosen_.push_back(candidate);
    update();
  }

  /// Replaces the one at place by the candidate that adds most to the determinant, if that is another.
  bool exchange(std::size_t place, const std::vector<bool>& barred) {
    const auto i = static_cast<Index>(place);
    const VectorXd without = variance_.array() + told_.row(i).transpose().array().square() / inverse_(i, i);
    Index best = chosen_[place];
    double most = without[best] * (1 + 1e-9) + 1e-12;
    for (Index c = 0; c < without.size(); ++c)
      if (without[c] > most && !barred[static_cast<std::size_t>(c)]) {
        most = without[c];
        best = c;
      }
    if (best == chosen_[place]) return false;
    chosen_[place] = best;
    update();
    return true;
  }

 private:
  void update() {
    const auto n = static_cast<Index>(chosen_.size());
    variance_ = prior_;
    if (n == 0) return;
    MatrixXd design(n, rows_.cols());
    for (Index i = 0; i < n; ++i) design.row(i) = rows_.row(chosen_[static_cast<std::size_t>(i)]);
    MatrixXd covariance = design * design.transpose();
    covariance.diagonal().array() += noise;
    inverse_ = covariance.llt().solve(MatrixXd::Identity(n, n));
    const MatrixXd shared = design * rows_.transpose();
    told_ = inverse_ * shared;
    variance_ -= told_.cwiseProduct(shared).colwise().sum().transpose();
  }

  MatrixXd rows_;
  std::vector<Index> chosen_;
  VectorXd prior_, variance_;
  MatrixXd inverse_, told_;
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
  Design design(covariance_rows(features, models, groups, cells, archs), std::move(chosen));
  for (std::size_t i = 0; i < options.count; ++i) {
    Index best = -1;
    for (Index c = 0; c < design.variance().size(); ++c)
      if (!barred[static_cast<std::size_t>(c)] && (best < 0 || design.variance()[c] > design.variance()[best]))
        best = c;
    barred[static_cast<std::size_t>(best)] = true;
    design.add(best);
  }
  constexpr int most_passes = 10;
  std::size_t exchanges = 0;
  bool better = true;
  for (int pass = 0; pass < most_passes && better && exchanges < options.count * 4; ++pass) {
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

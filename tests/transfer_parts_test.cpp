// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <iterator>
#include <set>

#include "temp_folder.hpp"
#include "throws.hpp"
#include "transfer/bayes.hpp"
#include "transfer/exact.hpp"
#include "transfer/features.hpp"
#include "transfer/members.hpp"
#include "transfer/sources.hpp"
#include "transfer_support.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using transfer::Group;

namespace {

SpaceFile small_space(const TempFolder& folder) {
  return load_space(folder.write("ofa.yaml", small_ofa));
}

double table_sum(const std::vector<model::ArchTable>& tables, const std::vector<std::size_t>& options, double constant,
                 const Arch& arch) {
  for (const auto& table : tables) {
    std::size_t index = 0, stride = 1;
    for (const std::size_t decision : table.decisions) {
      index += arch[decision] * stride;
      stride *= options[decision];
    }
    constant += table.rows[index];
  }
  return constant;
}

transfer::Sample random_sample(Eigen::Index n, std::vector<Group>& groups, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> normal;
  const auto draw = [&](Eigen::Index rows, Eigen::Index columns) {
    return MatrixXd(MatrixXd::NullaryExpr(rows, columns, [&] { return normal(rng); }));
  };
  groups = {Group::counts, Group::work, Group::classes, Group::decisions};
  transfer::Sample sample;
  sample.features = draw(n, 4);
  sample.sources = draw(n, 2) * .2;
  sample.mean = sample.sources.rowwise().mean();
  sample.cost =
      (1 + .2 * sample.features.col(0).array() + .1 * sample.sources.col(1).array() + .05 * draw(n, 1).col(0).array());
  return sample;
}

}  // namespace

TEST_CASE("a line over the columns is a sum of tables") {
  const TempFolder folder;
  std::mt19937_64 rng(5);
  for (const std::string& name : {small_space(folder).name, std::string("fbnet"), std::string("nasbench201")}) {
    CAPTURE(name);
    const auto file = name == "small_ofa" ? small_space(folder) : load_space(name);
    const transfer::Features features(*file.space);
    CHECK(features.size() > 20);
    MatrixXd weights(static_cast<Eigen::Index>(features.size()), 1);
    std::normal_distribution<double> normal;
    for (Eigen::Index i = 0; i < weights.rows(); ++i) weights(i, 0) = normal(rng);
    std::vector<double> constant{0.5};
    const auto tables = features.fold(weights, constant);
    for (int i = 0; i < 100; ++i) {
      const Arch arch = file.space->sample(rng);
      const double direct = 0.5 + features.rows({arch}).row(0).dot(weights.col(0));
      CHECK(table_sum(tables, features.options(), constant[0], arch) == Approx(direct).epsilon(1e-9).scale(1));
    }
  }
}

TEST_CASE("totals are what the primitives' graphs say") {
  const TempFolder folder;
  for (const bool cells : {false, true}) {
    const auto file = cells ? load_space("nasbench201") : small_space(folder);
    const transfer::Features features(*file.space);
    std::mt19937_64 rng(6);
    REQUIRE(features.totals().size() == 3);
    const auto& macs = features.totals()[0];
    const auto macs_of = [&](const Arch& arch) {
      double sum = 0;
      for (const auto& prim : file.space->primitives(arch)) sum += count_work(prim).macs;
      return sum;
    };
    for (int i = 0; i < 50; ++i) {
      const Arch arch = file.space->sample(rng);
      const double column = features.rows({arch})(0, static_cast<Eigen::Index>(macs.column));
      CHECK(macs.mean + column / macs.scale == Approx(macs_of(arch)).epsilon(1e-9));
    }
  }
}

TEST_CASE("options that do not matter leave the columns alone") {
  const TempFolder folder;
  const auto file = small_space(folder);
  const transfer::Features features(*file.space);
  // Depth 2 of 3: the last block's width and kernel mean nothing.
  const auto decisions = file.space->decisions();
  Arch arch(decisions.size(), 0), other = arch;
  for (std::size_t d = 0; d < decisions.size(); ++d)
    if (decisions[d].name == "stage2.block2.width" || decisions[d].name == "stage2.block2.kernel") other[d] = 2;
  CHECK(arch != other);
  CHECK((features.rows({arch}) - features.rows({other})).norm() == Approx(0));
  for (std::size_t d = 0; d < decisions.size(); ++d)
    if (decisions[d].name == "stage2.depth") arch[d] = other[d] = 1;
  CHECK((features.rows({arch}) - features.rows({other})).norm() > 0.01);
}

TEST_CASE("leave-one-out in closed form is what refitting gives, priors weighed anew") {
  std::vector<Group> groups;
  const auto sample = random_sample(9, groups, 8);
  transfer::Prior strong, weak;
  strong.groups.fill(1);
  strong.sources = 2;
  weak.groups.fill(.01);
  weak.groups[0] = .5;
  weak.sources = .1;
  weak.mean = true;
  const std::vector<transfer::Prior> both{strong, weak};
  const auto fit = fit_bayes(sample, both, groups, 0);
  for (Eigen::Index out = 0; out < 9; ++out) {
    transfer::Sample rest;
    rest.features.resize(8, 4);
    rest.sources.resize(8, 2);
    rest.mean.resize(8);
    rest.cost.resize(8);
    for (Eigen::Index i = 0, j = 0; i < 9; ++i) {
      if (i == out) continue;
      rest.features.row(j) = sample.features.row(i);
      rest.sources.row(j) = sample.sources.row(i);
      rest.mean[j] = sample.mean[i];
      rest.cost[j++] = sample.cost[i];
    }
    const auto line = fit_bayes(rest, both, groups, 0).line;
    const double predicted = 1 + line.bias + sample.features.row(out).dot(line.weights) +
                             sample.sources.row(out).dot(line.source_weights) + line.on_mean * sample.mean[out];
    // Priors with less than a thousandth of the weight are left out of the line, but not of the closed form.
    CHECK(fit.loo[out] == Approx(predicted).epsilon(2e-3));
  }
}

TEST_CASE("priors of one total alone, and near the sources, help where that is what a device is") {
  const auto wide_of = [](const std::vector<transfer::Prior>& all) {
    std::vector<transfer::Prior> wide;
    std::copy_if(all.begin(), all.end(), std::back_inserter(wide), [](const auto& prior) { return !prior.narrow; });
    return wide;
  };
  std::mt19937_64 rng(31);
  std::normal_distribution<double> normal;
  for (const bool sources : {false, true}) {
    const auto all = transfer::priors(false, sources ? 25 : 0), wide = wide_of(all);
    double shares = 0;
    for (const auto& prior : all) shares += prior.share;
    CHECK(shares == Approx(1));
    REQUIRE(wide.size() < all.size());
    double error = 0, wide_error = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      std::vector<Group> groups;
      auto sample = random_sample(8, groups, seed);
      if (!sources) {
        sample.sources.resize(8, 0);
        sample.mean.setZero();
      }
      const VectorXd truth = sources ? sample.mean : VectorXd(.2 * sample.features.col(1));
      sample.cost = 1 + truth.array() + .1 * VectorXd::NullaryExpr(8, [&] { return normal(rng); }).array();
      const auto square_of = [&](const std::vector<transfer::Prior>& priors) {
        const auto line = fit_bayes(sample, priors, groups, 0).line;
        const VectorXd others = line.weights - VectorXd::Unit(4, 1) * (sources ? 0 : .2);
        return sources
                   ? line.weights.squaredNorm() + (line.source_weights.array() + .5 * line.on_mean - .5).square().sum()
                   : others.squaredNorm();
      };
      error += square_of(all);
      wide_error += square_of(wide);
    }
    CAPTURE(error);
    CAPTURE(wide_error);
    CHECK(error < (sources ? .8 : .95) * wide_error);
  }
}

TEST_CASE("one prior and one noise: the posterior mean by the normal equations") {
  std::vector<Group> groups;
  auto sample = random_sample(12, groups, 9);
  sample.sources.resize(12, 0);
  sample.mean.setZero();
  transfer::Prior prior;
  prior.groups.fill(.7);
  const auto fit = fit_bayes(sample, {prior}, groups, 0);
  // The deviations are those of the likeliest noise; redo that one in the space of weights.
  MatrixXd rows(12, 5);
  rows << VectorXd::Ones(12), sample.features;
  VectorXd variance(5);
  variance << transfer::bias_variance, VectorXd::Constant(4, .7);
  const MatrixXd covariance = rows * variance.asDiagonal() * rows.transpose() + fit.noise * MatrixXd::Identity(12, 12);
  CHECK((fit.inverse * covariance - MatrixXd::Identity(12, 12)).norm() < 1e-8);
  CHECK(fit.line.weights[0] == Approx(.2).epsilon(.2));
}

TEST_CASE("outliers weigh less") {
  VectorXd residuals(8);
  residuals << .01, -.01, .02, -.02, .01, -.015, 1, .005;
  const VectorXd weights = transfer::robust_weights(residuals);
  CHECK(weights[6] < .01);
  CHECK(weights[0] == Approx(1));
}

TEST_CASE("two outliers of ten do not turn the line that weights begin from") {
  // By least squares the first two, high at the cheap end, would make it level, and themselves no outliers.
  VectorXd guess(10), cost(10);
  for (Eigen::Index i = 0; i < 10; ++i) {
    guess[i] = .1 * static_cast<double>(i);
    cost[i] = .6 + .8 * guess[i] + (i % 2 == 0 ? .004 : -.004);
  }
  cost[0] += .9;
  cost[1] += .7;
  const VectorXd weights = transfer::start_weights(guess, cost);
  CHECK(weights.head(2).maxCoeff() < .01);
  CHECK(weights.tail(8).minCoeff() == Approx(1));
  const VectorXd even = transfer::start_weights(guess.tail(8), cost.tail(8));
  CHECK(even.minCoeff() == Approx(1));
  CHECK(transfer::start_weights(guess.head(4), cost.head(4)).minCoeff() == 1);
  CHECK(transfer::start_weights(VectorXd::Zero(10), VectorXd::Ones(10)).minCoeff() == Approx(1));
}

TEST_CASE("members are weighed by their errors of leaving one out, those that know sources six times") {
  const VectorXd cost = VectorXd::Ones(8);
  VectorXd weight = VectorXd::Ones(8);
  std::vector<transfer::Member> members(2);
  members[0].of_sources = true;
  members[0].loo = members[1].loo = cost;
  for (Eigen::Index i = 0; i < 8; ++i) {
    members[0].loo[i] += i % 2 == 0 ? .1 : -.1;
    members[1].loo[i] += i % 2 == 0 ? .2 : -.2;
  }
  const auto odds = [](double first, double second, double n) { return 6 * std::pow(second / first, n / 4); };
  VectorXd together = transfer::weigh(members, cost, weight);
  CHECK(members[0].share / members[1].share == Approx(odds(.01, .04, 8)).epsilon(1e-3));
  CHECK(members[0].share + members[1].share == Approx(1));
  const double of_others = odds(.01, .04, 7);
  for (Eigen::Index i = 0; i < 8; ++i)
    CHECK(together[i] == Approx((of_others * members[0].loo[i] + members[1].loo[i]) / (of_others + 1)).epsilon(1e-3));

  // A sample that the regression takes for an outlier counts as little here, and its own error not at all for itself.
  members[0].loo[3] = 3;
  weight[3] = .01;
  together = transfer::weigh(members, cost, weight);
  CHECK(members[0].share / members[1].share == Approx(odds((7 * .01 + .01 * 4) / 7.01, .04, 8)).epsilon(1e-3));
  CHECK(together[3] == Approx((of_others * 3 + .8) / (of_others + 1)).epsilon(1e-3));

  // Two that leave nothing over differ by what they know alone.
  members[0].loo = members[1].loo = cost;
  transfer::weigh(members, cost, weight);
  CHECK(members[0].share == Approx(6. / 7));
}

TEST_CASE("chosen architectures tell more than random ones") {
  const TempFolder folder;
  const auto file = small_space(folder);
  const auto source = measure(*file.space, PaperDevice{}, 800, 1);
  const TransferBase base(*file.space, {{"paper", source}});
  const transfer::Features features(*file.space);
  // Volume of the design in the described architectures, with all columns alike: not what choose() maximises.
  const auto volume = [&](const std::vector<Arch>& archs) {
    const MatrixXd rows = features.rows(archs);
    MatrixXd gram = rows * rows.transpose();
    gram.diagonal().array() += .1;
    return std::log(gram.determinant());
  };
  ChooseOptions options;
  options.count = 12;
  options.seed = 1;
  const auto chosen = base.choose(options);
  CHECK(chosen.size() == 12);
  CHECK(std::set<Arch>(chosen.begin(), chosen.end()).size() == 12);
  std::mt19937_64 rng(2);
  double best = -1e9;
  for (int i = 0; i < 200; ++i) {
    std::vector<Arch> random;
    for (int j = 0; j < 12; ++j) random.push_back(parse_arch(*file.space, source[rng() % source.size()].arch));
    best = std::max(best, volume(random));
  }
  CHECK(volume(chosen) > best);

  CHECK(base.choose(options) == chosen);
  std::set<std::string> known;
  for (const auto& record : source) known.insert(record.arch);
  for (const auto& arch : chosen) CHECK(known.count(to_string(arch)) == 1);

  // Going on after these: no repetition, and together better than two designs that do not know of each other.
  options.measured = chosen;
  auto more = base.choose(options);
  for (const auto& arch : more) CHECK(std::count(chosen.begin(), chosen.end(), arch) == 0);
  more.insert(more.end(), chosen.begin(), chosen.end());
  CHECK(more.size() == 24);
  double random_pair = -1e9;
  for (int i = 0; i < 50; ++i) {
    std::vector<Arch> pair = chosen;
    for (int j = 0; j < 12; ++j) pair.push_back(parse_arch(*file.space, source[rng() % source.size()].arch));
    random_pair = std::max(random_pair, volume(pair));
  }
  CHECK(volume(more) > random_pair);

  options.count = 0;
  CHECK(has(error_of(Fault::usage, [&] { (void)base.choose(options); }), "not 0"));
  options.count = 1000;
  CHECK(has(error_of(Fault::missing, [&] { (void)base.choose(options); }), "1000"));
}

TEST_CASE("without sources architectures are drawn from the space") {
  const TempFolder folder;
  const auto file = small_space(folder);
  ChooseOptions options;
  options.count = 5;
  options.candidates = 200;
  const TransferBase base(*file.space, {});
  const auto chosen = base.choose(options);
  CHECK(chosen.size() == 5);
  for (const auto& arch : chosen) CHECK_NOTHROW(check_arch(*file.space, arch));
  options.seed = 1;
  CHECK(base.choose(options) != chosen);
}

TEST_CASE("sums predict a label from the others as a fit without it does") {
  const TempFolder folder;
  const SpaceFile file = small_space(folder);
  const transfer::Features features(*file.space);
  std::mt19937_64 rng(6);
  std::normal_distribution<double> normal;
  std::vector<Arch> archs;
  VectorXd blocks(1000), line(1000);
  for (Eigen::Index i = 0; i < blocks.size(); ++i) {
    archs.push_back(file.space->sample(rng));
    double sum = 0, work = 0;
    for (const auto& prim : file.space->primitives(archs.back())) {
      sum += 1 + static_cast<double>(hash(prim) % 1009) / 300;
      work += count_work(prim).macs;
    }
    blocks[i] = sum * (1 + 1e-5 * normal(rng));
    line[i] = work * (1 + 1e-5 * normal(rng));
  }
  const auto row_of = [&](const Arch& arch) {
    VectorXd row(1 + static_cast<Eigen::Index>(features.size()));
    row[0] = 1;
    features.fill(arch, row.data() + 1);
    return row;
  };
  const auto sum_of = [&](const VectorXd& parts, const Arch& arch) {
    double sum = 0;
    for (const auto part : features.parts(arch)) sum += parts[static_cast<Eigen::Index>(part)];
    return sum;
  };
  const auto without = [](auto all, std::size_t place) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(place));
    return all;
  };
  const std::vector<double> block_costs(blocks.data(), blocks.data() + blocks.size()),
      line_costs(line.data(), line.data() + line.size());
  const transfer::ExactSums sums(features, archs);
  const transfer::Regression regression(features, archs);
  const auto parts = sums.find(block_costs);
  const auto weights = regression.exact_sum(line_costs);
  REQUIRE(parts);
  REQUIRE(weights);
  CHECK_FALSE(regression.exact_sum(block_costs));
  VectorXd block_fit(blocks.size()), line_fit(line.size());
  for (std::size_t i = 0; i < archs.size(); ++i) {
    block_fit[static_cast<Eigen::Index>(i)] = sum_of(*parts, archs[i]);
    line_fit[static_cast<Eigen::Index>(i)] = weights->dot(row_of(archs[i]));
  }
  const VectorXd block_out = sums.left_out(block_costs, block_fit),
                 line_out = regression.left_out(line_costs, line_fit);
  for (const std::size_t place : {0U, 17U, 503U, 999U}) {
    const auto i = static_cast<Eigen::Index>(place);
    const auto others = without(archs, place);
    const auto parts_without = transfer::ExactSums(features, others).find(without(block_costs, place));
    const auto line_without = transfer::Regression(features, others).exact_sum(without(line_costs, place));
    REQUIRE(parts_without);
    REQUIRE(line_without);
    CHECK(block_out[i] - blocks[i] == Approx(sum_of(*parts_without, archs[place]) - blocks[i]).epsilon(.02));
    CHECK(line_out[i] - line[i] == Approx(line_without->dot(row_of(archs[place])) - line[i]).epsilon(.02));
    CHECK(std::abs(block_out[i] - blocks[i]) > 1.1 * std::abs(block_fit[i] - blocks[i]));
  }
}

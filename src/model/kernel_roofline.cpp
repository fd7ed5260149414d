// SPDX-License-Identifier: Apache-2.0
#include "model/kernel_roofline.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "base/stats.hpp"
#include "model/least_squares.hpp"
#include "model/nonnegative.hpp"

namespace hwprof::model {
namespace {

constexpr Eigen::Index parts = 3;     // MACs, bytes, kernels
constexpr double prior = 0.02;        // of a multiple 1, beside squared relative errors of primitives
constexpr double least_share = 1e-3;  // of an average kernel's cost, that even the smallest one has
constexpr double weak = 0.1;          // of what a part alone would explain, where the general fit gave it nothing
constexpr int reweightings = 8;
constexpr double huber = 1.345;

double bytes_of(const Work& work) {
  return work.weight_bytes + work.input_bytes + work.output_bytes;
}

/// Sums of the three parts over the kernels of each observation.
Eigen::MatrixXd sums(const KernelData& data, const std::vector<std::size_t>& observations) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(observations.size()), parts);
  for (std::size_t i = 0; i < observations.size(); ++i)
    for (const std::uint32_t k : data.observations[observations[i]].kernels) {
      const Work& work = data.kernels[k].work;
      x.row(static_cast<Eigen::Index>(i)) += Eigen::RowVector3d(work.macs, bytes_of(work), 1);
    }
  return x;
}

/// Robust least squares of 1 = a·z with z drawn towards 1.
Eigen::VectorXd solve_near_one(const Eigen::MatrixXd& a) {
  Eigen::VectorXd z;
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(a.rows());
  for (int round = 0; round < reweightings; ++round) {
    Eigen::MatrixXd gram = a.transpose() * weights.asDiagonal() * a;
    gram.diagonal().array() += prior;
    const Eigen::VectorXd right = a.transpose() * weights + Eigen::VectorXd::Constant(a.cols(), prior);
    z = solve_nonnegative(gram, right);
    const Eigen::VectorXd residuals = (Eigen::VectorXd::Ones(a.rows()) - a * z).cwiseAbs();
    const double deviation = base::robust_deviation({residuals.data(), residuals.data() + residuals.size()}, 0) * huber;
    for (Eigen::Index i = 0; i < weights.size(); ++i)
      weights[i] = residuals[i] > deviation && residuals[i] > 0 ? deviation / residuals[i] : 1;
  }
  return z;
}

}  // namespace

Rooflines fit_rooflines(const KernelData& data, const std::vector<std::size_t>& observations) {
  const auto rows = static_cast<Eigen::Index>(observations.size());
  const Eigen::MatrixXd x = sums(data, observations);
  Eigen::VectorXd y(rows);
  for (Eigen::Index i = 0; i < rows; ++i) y[i] = data.observations[observations[static_cast<std::size_t>(i)]].value;

  LeastSquaresOptions options;
  options.huber = true;
  options.nonnegative = true;
  const Eigen::VectorXd c = solve_relative(x, y, Eigen::VectorXd::Ones(rows), options).coefficients;
  // What a part would have to cost, were it alone: the median over observations.
  Eigen::Vector3d start;
  for (Eigen::Index j = 0; j < parts; ++j) {
    std::vector<double> alone;
    for (Eigen::Index i = 0; i < rows; ++i)
      if (x(i, j) > 0) alone.push_back(y[i] / x(i, j));
    const double typical = base::median(alone);
    start[j] = std::max(c[j], weak * typical);
  }
  Rooflines out;
  std::vector<double> per_kernel;
  for (Eigen::Index i = 0; i < rows; ++i) per_kernel.push_back(y[i] / x(i, 2));
  const double least = least_share * base::median(per_kernel);
  out.general = {std::max(c[2], least), c[0], c[1]};

  std::map<std::string, Eigen::Index> kinds;
  for (const std::size_t o : observations)
    for (const std::uint32_t k : data.observations[o].kernels) kinds.emplace(data.kernels[k].kind, 0);
  Eigen::Index number = 0;
  for (auto& [kind, at] : kinds) at = parts * number++;
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(rows, parts * number);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (const std::uint32_t k : data.observations[observations[static_cast<std::size_t>(i)]].kernels) {
      const auto& kernel = data.kernels[k];
      const Eigen::Index at = kinds[kernel.kind];
      a(i, at) += start[0] * kernel.work.macs / y[i];
      a(i, at + 1) += start[1] * bytes_of(kernel.work) / y[i];
      a(i, at + 2) += start[2] / y[i];
    }
  const Eigen::VectorXd z = solve_near_one(a);
  for (const auto& [kind, at] : kinds)
    out.by_kind[kind] = {std::max(start[2] * z[at + 2], least), start[0] * z[at], start[1] * z[at + 1]};
  return out;
}

}  // namespace hwprof::model

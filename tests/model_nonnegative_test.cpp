// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <Eigen/QR>
#include <algorithm>
#include <random>
#include <vector>

#include "base/random.hpp"
#include "model/nonnegative.hpp"

using namespace hwprof;

TEST_CASE("non-negative least squares against every set of free columns") {
  std::mt19937_64 rng(3);
  for (int round = 0; round < 30; ++round) {
    const Eigen::Index rows = 12, columns = 6;
    Eigen::MatrixXd a(rows, columns);
    Eigen::VectorXd b(rows);
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < columns; ++j) a(i, j) = base::draw_unit(rng) - 0.3;
      b[i] = base::draw_unit(rng) * 2 - 0.5;
    }
    double least = b.squaredNorm();
    for (unsigned set = 1; set < 1U << columns; ++set) {
      std::vector<Eigen::Index> free;
      for (Eigen::Index j = 0; j < columns; ++j)
        if ((set >> j & 1U) != 0) free.push_back(j);
      Eigen::MatrixXd part(rows, static_cast<Eigen::Index>(free.size()));
      for (std::size_t j = 0; j < free.size(); ++j) part.col(static_cast<Eigen::Index>(j)) = a.col(free[j]);
      const Eigen::VectorXd c = part.colPivHouseholderQr().solve(b);
      if ((c.array() >= 0).all()) least = std::min(least, (part * c - b).squaredNorm());
    }
    const Eigen::VectorXd found = model::solve_nonnegative(a, b, 0);
    CHECK((found.array() >= 0).all());
    CHECK((a * found - b).squaredNorm() == doctest::Approx(least).epsilon(1e-8));
  }
  // Columns that agree, and one of zeros, are no trouble.
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(5, 3);
  a.col(0) = a.col(1) = Eigen::VectorXd::LinSpaced(5, 1, 5);
  const Eigen::VectorXd c = model::solve_nonnegative(a, 3 * a.col(0), 1e-9);
  CHECK(c[0] + c[1] == doctest::Approx(3));
  CHECK(c[2] == 0);
  // The same by the normal equations, an unknown of which they say nothing beside.
  const Eigen::VectorXd again = model::solve_nonnegative(a.transpose() * a, 3 * a.transpose() * a.col(0));
  CHECK(again[0] + again[1] == doctest::Approx(3));
  CHECK(again[2] == 0);
}

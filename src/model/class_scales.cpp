// SPDX-License-Identifier: Apache-2.0
#include "model/class_scales.hpp"

#include <algorithm>
#include <cmath>

#include "hwprof/error.hpp"
#include "model/fit_steps.hpp"
#include "model/least_squares.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t most_classes = 6;
constexpr double least_variation = 1e-6;  ///< of the networks' mean cost

struct Class {
  std::string name;
  std::vector<double> sums;  ///< by network of the list
  double variation = 0;
};

std::vector<Class> varying_classes(const FitData& data, const std::vector<Measured>& costs, const NetList& nets) {
  std::map<std::string, std::vector<double>> sums;
  double whole = 0;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    const FitNet& net = data.nets[nets[i]];
    whole += net.measured / static_cast<double>(nets.size());
    for (const auto prim : net.prims) {
      auto& row = sums[data.index.prims()[prim].prim_type];
      row.resize(nets.size());
      row[i] += costs[prim].value;
    }
  }
  std::vector<Class> classes;
  for (auto& [name, row] : sums) {
    const auto [least, most] = std::minmax_element(row.begin(), row.end());
    const double variation = *most - *least;
    if (variation > least_variation * whole) classes.push_back({name, std::move(row), variation});
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [](const Class& a, const Class& b) { return a.variation > b.variation; });
  if (classes.size() > most_classes) classes.resize(most_classes);
  return classes;
}

}  // namespace

std::map<std::string, double> fit_class_scales(const FitData& data, const std::vector<Measured>& costs,
                                               const NetList& nets) {
  const auto classes = varying_classes(data, costs, nets);
  const auto rows = static_cast<Eigen::Index>(nets.size());
  const auto columns = static_cast<Eigen::Index>(classes.size()) + 1;
  if (classes.empty() || rows <= columns)
    throw Error(Fault::missing, "a scale for each primitive type needs more than " +
                                    counted(classes.size() + 1, "network") + " that differ, found " +
                                    std::to_string(nets.size()));
  Eigen::MatrixXd x(rows, columns);
  Eigen::VectorXd y(rows);
  Eigen::VectorXd weights(rows);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    double rest = sum_of(data.nets[nets[row]], costs);  // of types that keep their measured costs
    for (Eigen::Index k = 0; k + 1 < columns; ++k) {
      x(i, k) = classes[static_cast<std::size_t>(k)].sums[row];
      rest -= x(i, k);
    }
    x(i, columns - 1) = 1;
    y[i] = std::max(data.nets[nets[row]].measured - rest, 0.01 * data.nets[nets[row]].measured);
    weights[i] = data.nets[nets[row]].weight;
  }
  const auto solution = solve_relative(x, y, weights, {0, false, true});
  if (!solution.determined)
    throw Error(Fault::missing, "the " + counted(nets.size(), "network") +
                                    " are too much alike to tell the scales of the primitive types apart");
  std::map<std::string, double> scales;
  for (std::size_t k = 0; k < classes.size(); ++k)
    scales[classes[k].name] = solution.coefficients[static_cast<Eigen::Index>(k)];
  return scales;
}

void apply_class_scales(FitData& data, const std::map<std::string, double>& scales) {
  for (std::size_t i = 0; i < data.samples.size(); ++i) {
    const auto scale = scales.find(data.index.prims()[i].prim_type);
    if (scale == scales.end()) continue;
    for (auto& sample : data.samples[i]) {
      sample.value *= scale->second;
      sample.spread *= scale->second;
    }
  }
}

}  // namespace hwprof::model

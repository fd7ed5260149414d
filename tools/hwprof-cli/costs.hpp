// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "hwprof/model.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"

namespace hwprof_cli {

/// What the verbs that look at a whole space take: the space, models, limits.
struct CostChoice {
  std::string space, hardware;
  int image_size = 0;
  std::vector<std::string> models;  ///< FILE or NAME=FILE
  std::vector<std::string> limits;  ///< NAME=VALUE with a unit
  std::size_t threads = 1;
};
/// SPACE, --model, --limit, --hardware, …; returns --model, which is required.
CLI::Option* add_cost_options(CLI::App* verb, CostChoice& choice);
void add_threads_option(CLI::App* verb, CostChoice& choice);  ///< --threads

/// A model by the name that limits and output use: the metric's, or a given one.
struct Cost {
  std::string name;
  hwprof::Model model;
  double limit = std::numeric_limits<double>::infinity();
};

/// @throws Error(Fault::usage) for two costs of one name, names that a CSV header cannot hold, and limits of none.
[[nodiscard]] std::vector<Cost> load_costs(const CostChoice& choice);
[[nodiscard]] hwprof::SpaceFile load_space(const CostChoice& choice);

/// "5ms", "0.005", "3 MiB", "20mJ" in the metric's unit. @throws Error(Fault::usage) with the units known.
[[nodiscard]] double parse_quantity(hwprof::Metric metric, const std::string& text);

/// What of the space's primitives the model estimates and did not measure: nothing but of models of kernels.
struct Estimated {
  std::size_t prims = 0, of = 0;             ///< of all primitives of the space
  std::size_t extrapolated = 0, unseen = 0;  ///< as in Prediction
};
[[nodiscard]] Estimated estimated_in(const hwprof::MixinProfilingSearchSpace& space, const hwprof::Model& model);
/// The same as keys of a JSON document, and as a line of a report; nothing is added and said when all is measured.
void add_estimated(Json& json, const std::string& name, const Estimated& estimated);
void print_estimated(const std::string& name, const Estimated& estimated);

[[nodiscard]] std::string limit_text(const Cost& cost);  ///< "latency <= 5 ms"
[[nodiscard]] std::string number_text(double count);     ///< "12345", "2.95e+21"

}  // namespace hwprof_cli

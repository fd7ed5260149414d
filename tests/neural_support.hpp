// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>

#include "model/trainer.hpp"

namespace hwprof_test {

/// Numbers that are neither small nor all of one sign.
inline std::vector<double> some_numbers(std::mt19937_64& rng, std::size_t count, double size) {
  std::vector<double> out(count);
  for (double& number : out) number = size * (static_cast<double>(rng() % 2001) / 1000.0 - 1);
  return out;
}

/// A trainer that does not train: the network of the asked-for shape, its weights drawn.
inline hwprof::model::Trained draw_net(const hwprof::model::TrainingSet& set) {
  std::mt19937_64 rng(set.seed + 1);
  hwprof::model::Trained out;
  std::size_t inputs = set.inputs;
  if (set.recurrent) {
    const std::size_t h = set.hidden.front();
    out.net.lstm = hwprof::model::Lstm{inputs, h, some_numbers(rng, 4 * h * inputs, 0.5),
                                       some_numbers(rng, 4 * h * h, 0.5), some_numbers(rng, 4 * h, 0.5)};
    inputs = h;
  }
  std::vector<std::size_t> outputs = set.recurrent ? std::vector<std::size_t>{} : set.hidden;
  outputs.push_back(1);
  for (const std::size_t n : outputs) {
    out.net.dense.push_back({inputs, n, some_numbers(rng, n * inputs, 0.2), some_numbers(rng, n, 0.2)});
    inputs = n;
  }
  out.epochs = 3;
  return out;
}

}  // namespace hwprof_test

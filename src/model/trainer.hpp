// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/neural_net.hpp"

namespace hwprof::model {

/// What a network is trained on; inputs and targets are standardised.
struct TrainingSet {
  bool recurrent = false;                 ///< an LSTM with one output layer; else dense layers alone
  std::size_t inputs = 0;                 ///< of a row; recurrent: of a step
  std::vector<std::size_t> hidden;        ///< outputs of the layers before the last; recurrent: the LSTM's
  std::vector<std::vector<double>> rows;  ///< one per example; recurrent: its steps one after the other
  std::vector<double> targets, weights;   ///< one per example
  std::vector<std::size_t> networks;  ///< per example: those of one network are held out together; empty: each alone
  std::uint64_t seed = 0;
};

struct Trained {
  NeuralNet net;
  std::size_t epochs = 0;     ///< after which the held-out part was best, or all
  std::size_t held_out = 0;   ///< examples that decided when to stop
  double held_out_error = 0;  ///< weighted mean square of theirs; targets have variance 1
};

/// The same set gives the same network, whatever else runs.
using Trainer = std::function<Trained(const TrainingSet& set)>;

/// Who can train: the component that has the library for it. Not thread-safe; call it before the rest.
void register_trainer(Trainer trainer);
/// @throws Error(Fault::unsupported) when there is none, saying what the kind needs.
[[nodiscard]] const Trainer& trainer_for(const std::string& kind);

}  // namespace hwprof::model

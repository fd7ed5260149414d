// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/additive.hpp"
#include "model/neural_net.hpp"
#include "model/preprocess.hpp"

namespace hwprof::model {

/// Brings numbers to mean 0 and deviation 1.
struct Scaling {
  std::vector<double> mean, deviation;
};

/// What stands between the table and the neural network: cost = sum · max(0, target_mean + target_deviation · output).
struct NeuralSetup {
  Features features = Features::padding;
  Scaling inputs;  ///< of the network's inputs; padding of dense layers: by position
  double target_mean = 1, target_deviation = 1;
  NeuralNet net;
};

inline constexpr std::size_t block_features = 7;
/// C, C_out, expansion (1 where there is none), kernel size (3), cost, size, stride.
[[nodiscard]] std::array<double, block_features> features_of(const Prim& prim, double cost);

/// Kinds "mlp" and "lstm": the sum over the table times a correction by a neural network.
class Neural final : public Model::Impl {
 public:
  /// residual: standard deviation of the relative error of whole networks.
  Neural(Info info, PrimTable table, NeuralSetup setup, double residual);
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::optional<Measured> entry(const Prim& prim) const override;
  [[nodiscard]] std::vector<Prim> known() const override;
  void write(base::Json& json) const override;

  [[nodiscard]] Form form() const noexcept override;
  [[nodiscard]] std::size_t num_features() const noexcept override { return stride_; }
  [[nodiscard]] bool features(const Prim& prim, double* out) const override;
  void predict_pooled(const double* sums, std::size_t n, double* out) const noexcept override;
  void predict_ordered(const double* const* rows, const std::size_t* blocks, std::size_t n,
                       double* out) const noexcept override;

  [[nodiscard]] static std::shared_ptr<const Model::Impl> read(Info info, const base::JsonReader& json);

  [[nodiscard]] const NeuralSetup& setup() const noexcept { return setup_; }

 private:
  template <typename RowOf>
  [[nodiscard]] double run(const RowOf& row, std::size_t blocks) const noexcept;
  [[nodiscard]] double corrected(double sum, double output) const noexcept;
  [[nodiscard]] bool too_long(std::size_t blocks) const noexcept;

  PrimTable table_;
  NeuralSetup setup_;
  double residual_;
  std::size_t stride_;        ///< numbers of a row: the cost; of an LSTM also the inputs of its step
  std::vector<double> rows_;  ///< by number in the table
};

/// The network sees the costs of the averaged table, as in prediction, and learns what their sum is to be multiplied
/// with. Inputs and target are standardised. Networks are chosen and outliers dropped as for "linear".
/// @throws Error(Fault::unsupported) without a trainer; Error(Fault::missing) for fewer than ten networks.
[[nodiscard]] std::shared_ptr<const Model::Impl> fit_neural(FitData data, const FitOptions& options);

}  // namespace hwprof::model

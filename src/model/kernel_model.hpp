// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <shared_mutex>
#include <vector>

#include "model/additive.hpp"
#include "model/fit_data.hpp"
#include "model/kernel_estimator.hpp"

namespace hwprof::model {

/// Kind "kernel": a table of what was measured, estimates for the rest, a line over their sum.
class KernelModel final : public Model::Impl {
 public:
  KernelModel(Info info, PrimTable table, Line line, KernelEstimator estimator);
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::optional<Prediction> predict_graph(const Graph& graph, const Shape& input) const override;
  /// Those that cannot be lowered.
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::optional<Measured> entry(const Prim& prim) const override;
  [[nodiscard]] std::vector<Prim> known() const override;
  void write(base::Json& json) const override;
  [[nodiscard]] Form form() const noexcept override { return Form::additive; }
  [[nodiscard]] bool features(const Prim& prim, double* out) const override;
  [[nodiscard]] double offset() const noexcept override { return line_.bias; }

  [[nodiscard]] static std::shared_ptr<const Model::Impl> read(Info info, const base::JsonReader& json);

  [[nodiscard]] const KernelEstimator& estimator() const noexcept { return estimator_; }

 private:
  /// Of a primitive that is not in the table. @throws as lower.
  [[nodiscard]] Estimate estimate(const Prim& prim) const;
  [[nodiscard]] double cost(const Prim& prim) const;

  PrimTable table_;
  Line line_;
  KernelEstimator estimator_;

  mutable std::shared_mutex mutex_;  ///< of the two below: what was estimated so far
  mutable PrimIndex met_;
  mutable std::vector<Estimate> estimates_;  ///< by number in met_
};

/// @throws Error(Fault::missing) when no primitive has a cost, Error(Fault::unsupported) for memory,
/// Error(Fault::usage) for num_blocks.
[[nodiscard]] std::shared_ptr<const Model::Impl> fit_kernel(FitData data, const FitOptions& options);

}  // namespace hwprof::model

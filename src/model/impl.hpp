// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/json.hpp"
#include "hwprof/model.hpp"

namespace hwprof {

namespace model {

/// What every kind of model carries.
struct Info {
  Metric metric = Metric::latency;
  int batch = 1;
  Provenance from;
  FitSummary summary;
};

}  // namespace model

/// One kind of cost model: implementations are immutable. predict() is on the hot path of a search.
class Model::Impl {
 public:
  explicit Impl(model::Info info) : info_(std::move(info)) {}
  virtual ~Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] const model::Info& info() const noexcept { return info_; }
  [[nodiscard]] virtual double predict(const std::vector<Prim>& prims) const = 0;
  [[nodiscard]] virtual Prediction predict_with_error(const std::vector<Prim>& prims) const = 0;
  [[nodiscard]] virtual std::vector<Prim> missing(const std::vector<Prim>& prims) const = 0;
  [[nodiscard]] virtual std::optional<Measured> entry(const Prim& prim) const = 0;
  [[nodiscard]] virtual std::vector<Prim> known() const = 0;

  /// Adds the kind's own members to what save_model() writes; the kind's reader takes them back.
  virtual void write(base::Json& json) const = 0;

 private:
  model::Info info_;
};

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
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

/// What a Predictor makes of a kind of model: which of the hooks below it calls.
enum class Form {
  none,      ///< none; the kind cannot be compiled against a space
  additive,  ///< cost = max(0, offset() + sum of features()), one number a primitive
  pooled,    ///< predict_pooled() of the sum of features() over the primitives
  ordered,   ///< predict_ordered() of the features() of the primitives, one after the other
  arch       ///< predict_arch() of the architecture itself; primitives do not enter
};

}  // namespace model

/// One kind of cost model: implementations are immutable. predict() is on the hot path of a search, and so are the
/// predict_…() hooks: they allocate nothing, throw nothing and may be called from any thread. Where a kind has a
/// form, predict(prims) and the hooks give the same cost.
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

  /// Nothing for kinds that know primitives only.
  [[nodiscard]] virtual std::optional<Prediction> predict_graph(const Graph& graph, const Shape& input) const;

  /// Adds the kind's own members to what save_model() writes; the kind's reader takes them back.
  virtual void write(base::Json& json) const = 0;

  [[nodiscard]] virtual model::Form form() const noexcept { return model::Form::none; }

  /// additive, pooled, ordered: numbers that stand for one primitive, up to max_features of them.
  [[nodiscard]] virtual std::size_t num_features() const noexcept { return 1; }
  /// Writes num_features() numbers; called once for each primitive of a space. False: the primitive is not known.
  /// @throws Error for a primitive that cannot be, as predict() does.
  [[nodiscard]] virtual bool features(const Prim& prim, double* out) const;

  /// additive: what every network costs beside its primitives.
  [[nodiscard]] virtual double offset() const noexcept { return 0; }

  /// pooled: n rows of num_features() sums to n costs. The number of primitives is a feature that is always 1.
  virtual void predict_pooled(const double* sums, std::size_t n, double* out) const noexcept;

  /// ordered: network i is made of blocks[i] primitives, each a row of num_features() numbers; the rows of all n
  /// networks stand one after the other.
  virtual void predict_ordered(const double* const* rows, const std::size_t* blocks, std::size_t n,
                               double* out) const noexcept;

  /// arch: options per decision of the space that the model was fitted on.
  [[nodiscard]] virtual std::vector<std::size_t> arch_options() const { return {}; }
  /// arch: n rows of arch_options().size() option indices to n costs; the indices are options of the space.
  virtual void predict_arch(const std::uint16_t* archs, std::size_t n, double* out) const noexcept;

  static constexpr std::size_t max_features = 1024;

 private:
  model::Info info_;
};

}  // namespace hwprof

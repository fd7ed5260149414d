// SPDX-License-Identifier: Apache-2.0
#include "hwprof/model.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/calibrated.hpp"
#include "model/choose.hpp"
#include "model/fit_additive.hpp"
#include "model/kernel_model.hpp"
#include "model/kinds.hpp"
#include "model/neural.hpp"
#include "model/preprocess.hpp"

namespace hwprof {

const std::vector<model::Kind>& model::kinds() {
  static const std::vector<Kind> all{
      {"table", fit_table, Additive::read, {"residual", "table"}},
      {"linear", fit_linear, Additive::read, {"coefficients", "residual", "table"}},
      {"calibrated", fit_calibrated, Calibrated::read, {"coefficients", "residual", "table", "errors"}},
      {"kernel", fit_kernel, KernelModel::read, {"coefficients", "residual", "table", "kernels"}},
      {"mlp", fit_neural, Neural::read, {"features", "inputs", "target", "residual", "network", "table"}},
      {"lstm", fit_neural, Neural::read, {"features", "inputs", "target", "residual", "network", "table"}},
  };
  return all;
}

const model::Kind* model::find_kind(const std::string& name) {
  const auto found =
      std::find_if(kinds().begin(), kinds().end(), [&name](const Kind& kind) { return kind.name == name; });
  return found == kinds().end() ? nullptr : &*found;
}

// The hooks that a kind has not.
std::optional<Prediction> Model::Impl::predict_graph(const Graph& /*graph*/, const Shape& /*input*/) const {
  return {};
}
bool Model::Impl::features(const Prim& /*prim*/, double* /*out*/) const {
  return false;
}
void Model::Impl::predict_pooled(const double* /*sums*/, std::size_t n, double* out) const noexcept {
  std::fill(out, out + n, std::nan(""));
}
void Model::Impl::predict_ordered(const double* const* /*rows*/, const std::size_t* /*blocks*/, std::size_t n,
                                  double* out) const noexcept {
  std::fill(out, out + n, std::nan(""));
}
void Model::Impl::predict_arch(const std::uint16_t* /*archs*/, std::size_t n, double* out) const noexcept {
  std::fill(out, out + n, std::nan(""));
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {
  if (!impl_) throw Error(Fault::internal, "a model without contents");
}

const std::string& Model::kind() const noexcept {
  return impl_->info().summary.kind;
}
Metric Model::metric() const noexcept {
  return impl_->info().metric;
}
const FitSummary& Model::summary() const noexcept {
  return impl_->info().summary;
}
const Provenance& Model::from() const noexcept {
  return impl_->info().from;
}
double Model::predict(const std::vector<Prim>& prims) const {
  return impl_->predict(prims);
}
Prediction Model::predict_with_error(const std::vector<Prim>& prims) const {
  return impl_->predict_with_error(prims);
}
std::vector<Prim> Model::missing(const std::vector<Prim>& prims) const {
  return impl_->missing(prims);
}
std::optional<Measured> Model::entry(const Prim& prim) const {
  return impl_->entry(prim);
}
std::vector<Prim> Model::known() const {
  return impl_->known();
}

Prediction predict_graph(const Model& model, const Graph& graph, const Shape& input) {
  const auto prediction = model.impl().predict_graph(graph, input);
  if (!prediction)
    throw Error(Fault::unsupported, "a model of kind " + base::in_quotes(model.kind()) +
                                        " knows primitives only; kind 'kernel' predicts any graph");
  return *prediction;
}

std::vector<std::string> list_models() {
  std::vector<std::string> names;
  for (const auto& kind : model::kinds()) names.push_back(kind.name);
  return names;
}

Model fit(const std::vector<NetRecord>& records, const FitOptions& options) {
  const model::Kind* kind = model::find_kind(options.kind);
  if (kind == nullptr && options.kind != model::automatic) {
    auto known = list_models();
    known.emplace_back(model::automatic);
    throw Error(Fault::usage,
                "unknown kind of model " + base::in_quotes(options.kind) + base::suggest(options.kind, known));
  }
  if (!std::isfinite(options.ridge) || options.ridge < 0)
    throw Error(Fault::usage, "ridge must be a number of at least 0, found " + base::format_number(options.ridge));
  if (kind == nullptr && !options.preprocessors.empty())
    throw Error(Fault::usage, "preprocessors belong to one kind of model; 'auto' takes none");
  const bool clean = model::make_pipeline(options.preprocessors, options.kind).remove_anomaly;
  model::FitData data = model::collect(records, options);
  if (clean) model::remove_anomaly(data);
  return Model(kind == nullptr ? model::choose(data, options) : kind->fit(std::move(data), options));
}

}  // namespace hwprof

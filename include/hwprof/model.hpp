// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hwprof/kernel.hpp"
#include "hwprof/record.hpp"

namespace hwprof {

struct FitOptions {
  std::string kind = "linear";  ///< one of list_models(), or "auto"
  Metric metric = Metric::latency;
  std::uint64_t seed = 0;  ///< of the cross-validation folds
  // linear: cost = scale * sum of primitives + bias, by least squares of the relative error
  bool num_blocks = false;   ///< a second variable, the number of blocks (aw_nas' 2-variant)
  double ridge = 0;          ///< penalty on the standardised coefficients, bias excepted; >= 0
  bool huber = false;        ///< weigh outlying networks down (Huber, k = 1.345 robust deviations)
  bool nonnegative = false;  ///< no coefficient below 0, bias included
  bool per_class = false;    ///< a scale for each primitive type, 0 or more, multiplied into the table
  /// aw_nas' preprocessors by name, in order; empty: what suits the kind (docs/models.md)
  std::vector<std::string> preprocessors;
  // kernel; ridge and huber go to its line over sums of primitives
  FusionRules fusion;  ///< what is learned as one kernel; empty: every op by itself
};

/// One kind in the comparison that "auto" makes.
struct Compared {
  std::string kind;
  double cv_mape = 0, cv_error = 0;  ///< mean error of held-out networks, and the standard error of that mean
  bool chosen = false;
  std::string reason;  ///< why the kind could not be fitted, or why it was chosen; else empty
};

/// What a fit of kind "kernel" says of one kind of kernel.
struct KernelFit {
  std::string kind;                    ///< see kernel_kind()
  std::size_t kernels = 0, prims = 0;  ///< distinct ones, and the measured primitives that have them
  double cv_mape = 0;                  ///< of held-out primitives, shared out by the kind's share in their cost
};

/// How a fit went; nothing is dropped without being counted here.
struct FitSummary {
  std::string kind;
  /// scale, bias (metric's unit), per_block; calibrated: prior_deviation, noise (shares)
  std::map<std::string, double> coefficients;
  std::size_t nets_used = 0, nets_dropped = 0;                         ///< whole networks; dropped: failed or outlying
  std::size_t prims_known = 0, samples_used = 0, samples_dropped = 0;  ///< table rows; measurements behind them
  /// Whole networks against their prediction, in-sample and held out in up to ten folds (neither the line nor,
  /// where others cover its primitives, the table has seen the network); 0.05 is 5 %. 0 with a note in
  /// notes where there were no networks to compare.
  double fit_mape = 0, cv_mape = 0;
  /// kernel: mean relative error of primitives that were not measured, in up to five folds of primitives (of a table of
  /// up to 200 of them without networks: one at a time, with their median in notes), and of the roofline alone.
  double prim_cv_mape = 0, roofline_cv_mape = 0;
  std::vector<KernelFit> kernels;  ///< kernel: by kind
  std::vector<std::string> notes;  ///< what was dropped, and why
  std::vector<Compared> compared;  ///< what "auto" chose from, the simplest first; empty for a fit of one kind
};

struct Prediction {
  double value = 0;           ///< in the metric's unit
  double standard_error = 0;  ///< of value, from the spread of the table and of the fit
  int estimated = 0;          ///< primitives (of a graph: kernels) not measured but estimated by a learned model
  int extrapolated = 0;       ///< of these: outside the range of what was measured, or of a kind measured too seldom
  int unseen = 0;             ///< of these: with a kind of kernel that was never measured; the roofline of the others
};

/// A fitted cost model. Cheap to copy (shared, immutable); safe to use from any thread.
class Model {
 public:
  [[nodiscard]] const std::string& kind() const noexcept;
  [[nodiscard]] Metric metric() const noexcept;
  [[nodiscard]] const FitSummary& summary() const noexcept;
  [[nodiscard]] const Provenance& from() const noexcept;

  /// Cost of the network made of these primitives, in the metric's unit; never below 0.
  /// O(n) look-ups, allocates nothing unless it throws; kind "kernel" does for a primitive that it meets first.
  /// @throws Error(Fault::missing) naming every primitive that the model knows nothing of.
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const;

  /// The members of prims that predict() would refuse, each once.
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const;

  /// Options per decision of the space whose architectures the model predicts (kind "transfer"); empty for
  /// models that go by primitives.
  [[nodiscard]] std::vector<std::size_t> arch_options() const;
  /// Cost of an architecture, an option index per decision, for models that have arch_options(); the standard
  /// error is that of a measurement around the prediction. O(decisions), some hundred nanoseconds.
  /// @throws Error(Fault::unsupported) for other models, Error(Fault::usage) for an architecture of another space.
  [[nodiscard]] Prediction predict_arch(const std::vector<std::uint16_t>& arch) const;

  /// What the primitive adds to the model's sum, if it is known. Estimates have 0 samples.
  [[nodiscard]] std::optional<Measured> entry(const Prim& prim) const;
  [[nodiscard]] std::vector<Prim> known() const;  ///< sorted

  class Impl;
  explicit Model(std::shared_ptr<const Impl> impl);
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Fits to records of purpose "coverage", "calibration" or none; "validation" and "repeat" are left out.
/// @throws Error(Fault::missing) when the records cannot support the kind, with what is lacking;
/// Error(Fault::usage) for records that differ in device, compiler, mode, batch, threads, memory layout or
/// precision, naming the difference, and for options that the kind does not have; Error(Fault::unsupported) for a kind
/// that this program cannot fit.
///
/// "table": per primitive the mean over all places it was measured in, without those further than 5 robust
/// deviations (MAD; at least 5 %) from the median; unsteady networks weigh a quarter. "linear": scale and bias
/// over the sum of that table; eight or more "calibration" networks decide alone; networks more than 5
/// robust deviations (at least 5 %) off are dropped, unless Huber's weights are asked for. "calibrated": the costs of
/// that table re-estimated from the networks. "mlp", "lstm": a neural network over the primitives' costs corrects their
/// sum; fitting needs the component torch (register_torch_models()), predicting does not. docs/models.md says when to
/// take which.
///
/// "kernel": measured primitives as in "table"; those that were not are estimated as a sum over their kernels
/// (group_kernels), each of roofline time times what extremely randomised trees learned of its kind from the
/// measured primitives; on top scale and bias as in "linear", neither below 0, where the networks determine them. Only
/// latency and energy. Allocates for a primitive that it meets the first time; remembers up to 65536 of them.
///
/// "auto": cross-validates every kind on the same folds (five) of the same networks, and fits the simplest whose mean
/// error is within one standard error of the least (L. Breiman et al., Classification and Regression Trees, 1984,
/// section 3.4.3). Options of "linear" are used for that kind. Seconds, or as long as the slowest kind takes five
/// times.
[[nodiscard]] Model fit(const std::vector<NetRecord>& records, const FitOptions& options = {});
[[nodiscard]] std::vector<std::string> list_models();

/// A network that need not be made of primitives, for instance an imported one, by a model of kernels: a sum
/// over its kernels, with the scale and bias of networks on top. `estimated` and the other counts are of kernels.
/// @throws Error(Fault::unsupported) for a kind of model other than "kernel"; otherwise as infer_shapes.
[[nodiscard]] Prediction predict_graph(const Model& model, const Graph& graph, const Shape& input);

/// Of a model of kind "calibrated": what the whole networks said about each primitive.
struct Identified {
  Prim prim;
  double isolated = 0;     ///< the cost measured of it alone, in the metric's unit
  double information = 0;  ///< share of the prior variance that the networks took away; near 0: they say nothing
  bool separate = false;   ///< the networks tell it from all others; else only together with others, or not at all
};
/// All its primitives, the least known first. @throws Error(Fault::usage) for a model of another kind.
[[nodiscard]] std::vector<Identified> identified(const Model& model);

/// Versioned JSON: units, device, fit statistics inside. Old versions load for ever. Also takes what
/// scripts/export_awnas_pickle.py makes of aw_nas' pickled tables and regressions.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] Model load_model(const std::string& file);
void save_model(const std::string& file, const Model& model);

/// What an export to a latency table of ProxylessNAS and Once-for-all could take.
struct OfaTable {
  std::size_t rows = 0;
  std::vector<Prim> left_out;  ///< primitives that the format has no key for
  double bias_s = 0;           ///< what the model adds to the sum of a network's rows, which no row can hold
};

/// YAML in the layout of those tables, in ms (docs/formats.md); a sum over its rows plus bias_s is the model's
/// prediction.
/// @throws Error(Fault::unsupported) for a model that is no sum over primitives, for another metric than latency, and
/// when no primitive can be expressed.
OfaTable save_ofa_table(const std::string& file, const Model& model);

/// Predictions against measurements; 1.0 is 100 %. Errors are relative to the measurement.
struct Evaluation {
  std::size_t n = 0;
  double mape = 0, median_ape = 0, rrmse = 0, max_ape = 0, within_5 = 0, within_10 = 0;
  double pearson = 0, spearman = 0, kendall = 0;  ///< tau-b; 0 when undefined (constant input)
  std::optional<double> repeatability_mape;       ///< the same networks measured twice, where they were
  std::size_t left_out = 0;                       ///< not measured, missing primitives, or not what the model takes
};

/// @throws Error(Fault::usage) for lengths that differ or are 0, and for measurements that are not positive.
[[nodiscard]] Evaluation evaluate(const std::vector<double>& predicted, const std::vector<double>& measured);

/// The model against whole networks. Only records of purpose "validation" count where there are any;
/// "repeat" records of the same arch give the repeatability.
[[nodiscard]] Evaluation evaluate(const Model& model, const std::vector<NetRecord>& records);

/// The same as a JSON text with schema and units (validation.json).
[[nodiscard]] std::string to_json(const Evaluation& evaluation, const Model& model);

}  // namespace hwprof

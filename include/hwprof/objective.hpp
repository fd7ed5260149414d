// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hwprof/model.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/space.hpp"

namespace hwprof {

/// What a cost does to a reward and to a loss: task · factor + term for each. As it stands, nothing.
struct Effect {
  double reward_factor = 1, reward_term = 0;
  double loss_factor = 1, loss_term = 0;
};

/// One term of what a search optimises (aw_nas' BaseObjective): costs of an architecture, and what they
/// add to its reward and to its loss. Implementations are const and thread-safe.
class Objective {
 public:
  virtual ~Objective();
  [[nodiscard]] virtual std::vector<std::string> perf_names() const = 0;
  [[nodiscard]] virtual std::vector<double> get_perfs(const Arch& arch) const = 0;  ///< one per name, SI units
  [[nodiscard]] virtual double get_reward(const Arch& arch) const = 0;              ///< higher is better
  [[nodiscard]] virtual double get_loss(const Arch& arch) const = 0;                ///< lower is better
  /// What is better of each perf; every one is a cost unless a class says otherwise.
  [[nodiscard]] virtual std::vector<Direction> directions() const;
  /// Of an objective that acts on the others of its container: what it does to them. Nothing (the default): it is one
  /// of the others, a task's.
  [[nodiscard]] virtual std::optional<Effect> effect(const Arch& arch) const;
};

/// Costs are in SI units. Numbers published for milliseconds are kept by `unit` = 1e-3, in which the
/// formula then counts. Every maker throws Error(Fault::usage) for parameters that are not finite, and for
/// a target, bound, budget, limit or unit that is not positive.
using CostForm = std::function<Effect(double cost)>;

/// Over the limit: reward -∞, loss +∞.
[[nodiscard]] CostForm hard_limit(double limit);

/// reward = accuracy · (cost / target)^w, w = alpha up to the target and beta beyond. Soft: both -0.07; hard: 0 and -1
/// (Tan et al., MnasNet, CVPR 2019, eq. 2 and 3).
[[nodiscard]] CostForm mnasnet_form(double target, double alpha = -0.07, double beta = -0.07);

/// reward = accuracy · min(1, bound / cost)^weight, the product over several costs (nnabla-nas, ProxylessNasSearcher).
[[nodiscard]] CostForm bounded_form(double bound, double weight = 0.1);

/// loss = task loss + alpha · (cost / unit)^beta (aw_nas' FBNet plug-in, whose defaults these are).
[[nodiscard]] CostForm fbnet_sum_form(double alpha = 0.2, double beta = 0.6, double unit = 1e-3);

/// loss = task loss · alpha · (cost / unit)^beta (aw_nas' BBSSP plug-in; FBNet, Wu et al., CVPR 2019, eq. 2, has
/// log(cost) in place of the cost).
[[nodiscard]] CostForm fbnet_product_form(double alpha = 0.2, double beta = 0.6, double unit = 1e-3);

/// reward = accuracy + lambda · (unit / cost - unit / most): most is the cost of the costliest architecture (BBSSP,
/// Zeng et al., ASP-DAC 2020, as in aw_nas' plug-in, lamb 0.1).
[[nodiscard]] CostForm inverse_form(double most, double lambda = 0.1, double unit = 1e-3);

/// loss = task loss · (cost / budget)^w, w = a below the budget and b from it on (aw_nas' classification with
/// FLOPs regularisation; its defaults 0 and 1).
[[nodiscard]] CostForm budget_form(double budget, double a = 0, double b = 1);

/// loss = task loss - weight · ln(1 - cost / limit), ∞ from the limit on (logarithmic barrier; Boyd and Vandenberghe,
/// Convex Optimization, 11.2.1).
[[nodiscard]] CostForm log_barrier_form(double limit, double weight);

/// A cost of whole architectures, e.g. from a table by layer. Const and thread-safe.
using ArchCost = std::function<double(const Arch& arch)>;

/// One cost of a HardwareObjective.
struct HardwarePerf {
  std::string name;  ///< "latency"; with several devices e.g. "phone.latency"
  /// Or what a primitive costs on paper, e.g. [](const Prim& prim) { … macs; }, or what an architecture does.
  std::variant<Model, PrimCost, ArchCost> model;
  CostForm form;  ///< empty: the cost is only reported
};

/// Plugs measured hardware cost into a NAS loop (aw_nas' objective of this name): one model per perf. As
/// in aw_nas it reports costs, and reward and loss are 0, unless forms say what a cost does to them.
/// Costs of an architecture are computed once and remembered, up to a million architectures. @throws
/// Error(Fault::usage), of every question, for a cost that is not a number, and for one whose form makes no number or
/// an endless reward of it, as most do of 0 and less.
class HardwareObjective : public Objective {
 public:
  /// Perfs by metric, without forms. @throws Error(Fault::usage) for no model or two models of one metric.
  HardwareObjective(std::shared_ptr<const MixinProfilingSearchSpace> space, std::vector<Model> models);

  /// Several devices and metrics. @throws Error(Fault::usage) for no perf, one without a model, two of one name, and
  /// one that is called like a metric which its model does not predict.
  HardwareObjective(std::shared_ptr<const MixinProfilingSearchSpace> space, std::vector<HardwarePerf> perfs);

  [[nodiscard]] std::vector<std::string> perf_names() const override;  ///< "latency", "energy", …
  [[nodiscard]] std::vector<double> get_perfs(const Arch& arch) const override;
  [[nodiscard]] double get_reward(const Arch& arch) const override;  ///< sum of the reward terms
  [[nodiscard]] double get_loss(const Arch& arch) const override;    ///< sum of the loss terms
  /// The product of all factors and the sum of all terms. In a container the factors reach the task.
  [[nodiscard]] std::optional<Effect> effect(const Arch& arch) const override;

  /// The accuracy, multiplied by every reward factor, and the reward terms.
  [[nodiscard]] double shaped_reward(const Arch& arch, double accuracy) const;
  /// The task's loss (cross entropy), multiplied by every loss factor, and the loss terms.
  [[nodiscard]] double shaped_loss(const Arch& arch, double task_loss) const;

 private:
  class Memo;
  [[nodiscard]] Effect acts(const Arch& arch) const;

  std::shared_ptr<const MixinProfilingSearchSpace> space_;
  std::vector<HardwarePerf> perfs_;
  std::vector<std::optional<Predictor>> by_arch_;  // per perf: for models of architectures, not primitives
  std::shared_ptr<Memo> memo_;
};

/// Sum of objectives (aw_nas' ContainerObjective): perfs are joined, reward = F · Σ reward_coefs[i] · reward_i over the
/// task's objectives + Σ reward_coefs[j] · term_j over those with an effect(); loss likewise. F is the product of
/// their factors (1 without forms, which is aw_nas' sum). Coefficients do not weigh factors; an objective whose
/// coefficient is 0 is left out whole. A container that holds effects alone acts on the container around it.
class ContainerObjective : public Objective {
 public:
  /// Empty coefficients mean 1 for each. @throws Error(Fault::usage) for lengths that differ.
  explicit ContainerObjective(std::vector<std::shared_ptr<const Objective>> objectives,
                              std::vector<double> loss_coefs = {}, std::vector<double> reward_coefs = {});
  [[nodiscard]] std::vector<std::string> perf_names() const override;
  [[nodiscard]] std::vector<double> get_perfs(const Arch& arch) const override;
  [[nodiscard]] double get_reward(const Arch& arch) const override;
  [[nodiscard]] double get_loss(const Arch& arch) const override;
  [[nodiscard]] std::vector<Direction> directions() const override;
  [[nodiscard]] std::optional<Effect> effect(const Arch& arch) const override;

 private:
  struct Parts;
  [[nodiscard]] Parts parts(const Arch& arch, bool of_loss) const;

  std::vector<std::shared_ptr<const Objective>> objectives_;
  std::vector<double> loss_coefs_, reward_coefs_;
};

/// The objective of an aw_nas configuration, in any generation: `objective_type` container or hardware with
/// its `objective_cfg`, or the bare keys of a hardware objective (hardware_perfmodel_type or
/// hardware_obj_type, hardware_model_paths or hardware_model_path, perf_names). Models are hwprof's JSON, relative to
/// the file; where a path is null, the model of that metric among `models`. hwprof's own key beside perf_names:
/// `forms`, one per perf or null, e.g. {type: mnasnet, target: 0.005} (docs/formats.md). others: the task's objectives
/// by type (classification, detection, …), which hwprof cannot build. aw_nas' other types with a cost in them are built
/// around the task's: `latency` (FBNet's and BBSSP's plug-ins, with their table by layer), `flops`,
/// `classification-with-flops-reg`; an objective of that type among others comes first.
/// @throws Error(Fault::input) with file:line; Error(Fault::missing) for a model or type that is not given;
/// Error(Fault::unsupported) for a pickle.
[[nodiscard]] std::shared_ptr<const Objective> load_objective(
    const std::string& file, const std::shared_ptr<const MixinProfilingSearchSpace>& space,
    const std::vector<Model>& models = {}, const std::map<std::string, std::shared_ptr<const Objective>>& others = {});

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/objective.hpp"
#include "model/impl.hpp"
#include "objective/effect.hpp"

namespace hwprof {
namespace {

struct ArchHash {
  std::size_t operator()(const Arch& arch) const noexcept {
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (const auto option : arch) hash = (hash ^ option) * 1099511628211U;
    return static_cast<std::size_t>(hash);
  }
};

}  // namespace

/// Costs by architecture.
class HardwareObjective::Memo {
 public:
  template <typename Compute>
  std::vector<double> get(const Arch& arch, Compute compute) {
    {
      const std::shared_lock lock(mutex_);
      const auto found = known_.find(arch);
      if (found != known_.end()) return found->second;
    }
    std::vector<double> costs = compute();
    const std::unique_lock lock(mutex_);
    if (known_.size() >= most) known_.clear();
    known_.emplace(arch, costs);
    return costs;
  }

 private:
  static constexpr std::size_t most = 1000000;
  std::shared_mutex mutex_;
  std::unordered_map<Arch, std::vector<double>, ArchHash> known_;
};

namespace {

std::vector<HardwarePerf> by_metric(std::vector<Model> models) {
  std::vector<HardwarePerf> perfs;
  for (auto& model : models) {
    std::string name = to_string(model.metric());
    perfs.push_back({std::move(name), std::move(model), {}});
  }
  return perfs;
}

bool is_metric(const std::string& name) {
  const auto& all = list_metrics();
  return std::any_of(all.begin(), all.end(), [&](Metric metric) { return name == to_string(metric); });
}

/// Whether a search can go by it: worse than anything for what is over a limit, but never better than anything.
bool makes_sense(const Effect& effect) {
  const auto below_infinity = [](double value) { return value < std::numeric_limits<double>::infinity(); };
  return below_infinity(effect.reward_factor) && below_infinity(effect.reward_term) &&
         !std::isnan(effect.loss_factor) && below_infinity(-effect.loss_term);
}

double cost_of(const HardwarePerf& perf, const Arch& arch, const std::vector<Prim>& prims) {
  if (const auto* model = std::get_if<Model>(&perf.model)) return model->predict(prims);
  if (const auto* of_arch = std::get_if<ArchCost>(&perf.model)) return (*of_arch)(arch);
  double sum = 0;
  for (const auto& prim : prims) sum += std::get<PrimCost>(perf.model)(prim);
  return sum;
}

}  // namespace

HardwareObjective::HardwareObjective(std::shared_ptr<const MixinProfilingSearchSpace> space, std::vector<Model> models)
    : HardwareObjective(std::move(space), by_metric(std::move(models))) {}

HardwareObjective::HardwareObjective(std::shared_ptr<const MixinProfilingSearchSpace> space,
                                     std::vector<HardwarePerf> perfs)
    : space_(std::move(space)), perfs_(std::move(perfs)), memo_(std::make_shared<Memo>()) {
  if (!space_) throw Error(Fault::usage, "a hardware objective needs a search space");
  if (perfs_.empty()) throw Error(Fault::usage, "a hardware objective needs at least one model");
  auto names = perf_names();
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw Error(Fault::usage, "a hardware objective takes one model per perf, found two of " + base::in_quotes(*twice) +
                                  "; give the perfs names of their own");
  for (const auto& perf : perfs_) {
    const auto* model = std::get_if<Model>(&perf.model);
    const auto* of_prims = std::get_if<PrimCost>(&perf.model);
    const auto* of_archs = std::get_if<ArchCost>(&perf.model);
    if ((of_prims != nullptr && !*of_prims) || (of_archs != nullptr && !*of_archs))
      throw Error(Fault::usage, "perf " + base::in_quotes(perf.name) + " has no model");
    // The others tell a primitive that they do not know when it comes; these do not see primitives.
    if (model != nullptr && is_metric(perf.name) && perf.name != to_string(model->metric()))
      throw Error(Fault::usage, "perf " + base::in_quotes(perf.name) +
                                    " is called like a metric, but its model is of " +
                                    base::in_quotes(to_string(model->metric())));
    const bool by_arch = model != nullptr && model->impl().form() == model::Form::arch;
    by_arch_.push_back(by_arch ? std::make_optional<Predictor>(*space_, *model) : std::nullopt);
  }
}

std::vector<std::string> HardwareObjective::perf_names() const {
  std::vector<std::string> names;
  for (const auto& perf : perfs_) names.push_back(perf.name);
  return names;
}

std::vector<double> HardwareObjective::get_perfs(const Arch& arch) const {
  return memo_->get(arch, [&] {
    bool of_prims = false;  // which a space of options alone has none of
    for (std::size_t i = 0; i < perfs_.size(); ++i)
      of_prims = of_prims || !(by_arch_[i] || std::holds_alternative<ArchCost>(perfs_[i].model));
    const auto prims = of_prims ? space_->primitives(arch) : std::vector<Prim>{};
    std::vector<double> costs;
    for (std::size_t i = 0; i < perfs_.size(); ++i)
      costs.push_back(by_arch_[i] ? by_arch_[i]->predict(arch) : cost_of(perfs_[i], arch, prims));
    for (std::size_t i = 0; i < perfs_.size(); ++i)
      if (std::isnan(costs[i]))
        throw Error(Fault::usage, "perf " + base::in_quotes(perfs_[i].name) + " of architecture " + to_string(arch) +
                                      " is not a number");
    return costs;
  });
}

Effect HardwareObjective::acts(const Arch& arch) const {
  Effect all;
  const bool shapes = std::any_of(perfs_.begin(), perfs_.end(), [](const auto& perf) { return bool(perf.form); });
  if (!shapes) return all;
  const auto costs = get_perfs(arch);
  for (std::size_t i = 0; i < perfs_.size(); ++i) {
    if (!perfs_[i].form) continue;
    const Effect effect = perfs_[i].form(costs[i]);
    if (!makes_sense(effect))
      throw Error(Fault::usage, "perf " + base::in_quotes(perfs_[i].name) + " of architecture " + to_string(arch) +
                                    " is " + base::format_number(costs[i]) + ", which its form makes no number of");
    all = objective::combined(all, effect);
  }
  return all;
}

std::optional<Effect> HardwareObjective::effect(const Arch& arch) const {
  return acts(arch);
}

double HardwareObjective::get_reward(const Arch& arch) const {
  return acts(arch).reward_term;
}

double HardwareObjective::get_loss(const Arch& arch) const {
  return acts(arch).loss_term;
}

double HardwareObjective::shaped_reward(const Arch& arch, double accuracy) const {
  const Effect all = acts(arch);
  return accuracy * all.reward_factor + all.reward_term;
}

double HardwareObjective::shaped_loss(const Arch& arch, double task_loss) const {
  const Effect all = acts(arch);
  return task_loss * all.loss_factor + all.loss_term;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/objective.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

std::vector<double> checked(const char* name, std::vector<double> coefs, std::size_t objectives) {
  if (coefs.empty()) coefs.assign(objectives, 1.0);
  if (coefs.size() != objectives)
    throw Error(Fault::usage, std::string(name) + ": " + std::to_string(objectives) +
                                  " coefficients are expected, one per objective, found " +
                                  std::to_string(coefs.size()));
  for (const double coef : coefs)
    if (!std::isfinite(coef)) throw Error(Fault::usage, std::string(name) + ": a coefficient is not finite");
  return coefs;
}

}  // namespace

Objective::~Objective() = default;

std::vector<Direction> Objective::directions() const {
  return std::vector<Direction>(perf_names().size(), Direction::minimize);
}

std::optional<Effect> Objective::effect(const Arch&) const {
  return {};
}

ContainerObjective::ContainerObjective(std::vector<std::shared_ptr<const Objective>> objectives,
                                       std::vector<double> loss_coefs, std::vector<double> reward_coefs)
    : objectives_(std::move(objectives)),
      loss_coefs_(checked("loss_coefs", std::move(loss_coefs), objectives_.size())),
      reward_coefs_(checked("reward_coefs", std::move(reward_coefs), objectives_.size())) {
  if (std::find(objectives_.begin(), objectives_.end(), nullptr) != objectives_.end())
    throw Error(Fault::usage, "a container objective got an empty objective");
}

std::vector<std::string> ContainerObjective::perf_names() const {
  std::vector<std::string> names;
  for (const auto& objective : objectives_)
    for (auto& name : objective->perf_names()) names.push_back(std::move(name));
  return names;
}

std::vector<double> ContainerObjective::get_perfs(const Arch& arch) const {
  std::vector<double> perfs;
  for (const auto& objective : objectives_) {
    const auto more = objective->get_perfs(arch);
    perfs.insert(perfs.end(), more.begin(), more.end());
  }
  return perfs;
}

std::vector<Direction> ContainerObjective::directions() const {
  std::vector<Direction> all;
  for (const auto& objective : objectives_) {
    const auto more = objective->directions();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

/// Of the rewards, or of the losses: what the task says, and what acts on it.
struct ContainerObjective::Parts {
  double task = 0, factor = 1, term = 0;
  bool has_task = false;
};

ContainerObjective::Parts ContainerObjective::parts(const Arch& arch, bool of_loss) const {
  Parts parts;
  const auto& coefs = of_loss ? loss_coefs_ : reward_coefs_;
  for (std::size_t i = 0; i < objectives_.size(); ++i) {
    const auto acts = objectives_[i]->effect(arch);
    parts.has_task = parts.has_task || !acts;
    if (coefs[i] == 0) continue;
    if (acts) {
      parts.factor *= of_loss ? acts->loss_factor : acts->reward_factor;
      parts.term += coefs[i] * (of_loss ? acts->loss_term : acts->reward_term);
    } else {
      parts.task += coefs[i] * (of_loss ? objectives_[i]->get_loss(arch) : objectives_[i]->get_reward(arch));
    }
  }
  return parts;
}

std::optional<Effect> ContainerObjective::effect(const Arch& arch) const {
  const Parts reward = parts(arch, false);
  if (reward.has_task) return {};
  const Parts loss = parts(arch, true);
  return Effect{reward.factor, reward.term, loss.factor, loss.term};
}

double ContainerObjective::get_reward(const Arch& arch) const {
  const Parts all = parts(arch, false);
  return all.task * all.factor + all.term;
}

double ContainerObjective::get_loss(const Arch& arch) const {
  const Parts all = parts(arch, true);
  return all.task * all.factor + all.term;
}

}  // namespace hwprof

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

double ContainerObjective::get_reward(const Arch& arch) const {
  double reward = 0;
  for (std::size_t i = 0; i < objectives_.size(); ++i) reward += reward_coefs_[i] * objectives_[i]->get_reward(arch);
  return reward;
}

double ContainerObjective::get_loss(const Arch& arch) const {
  double loss = 0;
  for (std::size_t i = 0; i < objectives_.size(); ++i) loss += loss_coefs_[i] * objectives_[i]->get_loss(arch);
  return loss;
}

}  // namespace hwprof

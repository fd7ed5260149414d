// SPDX-License-Identifier: Apache-2.0
#include "exact/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "hwprof/error.hpp"

namespace hwprof::exact {
namespace {

constexpr std::size_t max_transitions = std::size_t{1} << 22, max_all_transitions = std::size_t{1} << 23;

/// A scope with the tables of all predictors that have a factor on it; null for the others.
struct Joint {
  std::vector<std::size_t> scope;
  std::vector<const Predictor::Factor*> parts;
};

std::vector<Joint> join(const std::vector<const Predictor*>& costs) {
  std::vector<Joint> joints;
  std::map<std::vector<std::size_t>, std::size_t> known;
  for (std::size_t c = 0; c < costs.size(); ++c)
    for (const auto& factor : costs[c]->factors()) {
      const auto [at, added] = known.emplace(factor.decisions, joints.size());
      if (added) joints.push_back({factor.decisions, std::vector<const Predictor::Factor*>(costs.size())});
      joints[at->second].parts[c] = &factor;
    }
  return joints;
}

/// Takes the factor next that leaves the fewest states, of the first some in the given order.
class Order {
 public:
  Order(const std::vector<Joint>& joints, const std::vector<std::size_t>& options)
      : joints_(joints), options_(options), uses_(options.size(), 0), open_(options.size(), false) {
    for (const auto& joint : joints)
      for (const std::size_t decision : joint.scope) ++uses_[decision];
    for (std::size_t j = 0; j < joints.size(); ++j) waiting_.push_back(j);
  }

  [[nodiscard]] bool done() const { return waiting_.empty(); }

  std::size_t next() {
    constexpr std::size_t window = 64;
    std::size_t best = 0;
    double least = INFINITY;
    for (std::size_t w = 0; w < std::min(window, waiting_.size()); ++w) {
      const double growth = growth_of(joints_[waiting_[w]]);
      if (growth < least - 1e-9) {
        least = growth;
        best = w;
      }
    }
    const std::size_t joint = waiting_[best];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(best));
    for (const std::size_t decision : joints_[joint].scope) open_[decision] = --uses_[decision] > 0;
    return joint;
  }

  [[nodiscard]] const std::vector<bool>& open() const { return open_; }

 private:
  /// Logarithm of the number of states after over before.
  [[nodiscard]] double growth_of(const Joint& joint) const {
    double growth = 0;
    for (const std::size_t decision : joint.scope) {
      const double size = std::log2(static_cast<double>(options_[decision]));
      if (open_[decision] && uses_[decision] == 1) growth -= size;
      if (!open_[decision] && uses_[decision] > 1) growth += size;
    }
    return growth;
  }

  const std::vector<Joint>& joints_;
  const std::vector<std::size_t>& options_;
  std::vector<std::size_t> uses_;  // by factors still waiting
  std::vector<bool> open_;
  std::vector<std::size_t> waiting_;
};

std::size_t combinations(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options) {
  std::size_t product = 1;
  for (const std::size_t decision : decisions) {
    product *= options[decision];
    if (product > max_transitions)
      throw Error(Fault::unsupported, "the factors of the space hang together too much: a step would have more than " +
                                          std::to_string(max_transitions) + " combinations of options");
  }
  return product;
}

/// Distance in the number of a combination from one option to the next; 0 for decisions not in it.
std::vector<std::size_t> strides_of(const std::vector<std::size_t>& decisions,
                                    const std::vector<std::size_t>& options) {
  std::vector<std::size_t> strides(options.size(), 0);
  std::size_t stride = 1;
  for (const std::size_t decision : decisions) {
    strides[decision] = stride;
    stride *= options[decision];
  }
  return strides;
}

Step make_step(const Joint& joint, const std::vector<std::size_t>& before, const std::vector<std::size_t>& after,
               const std::vector<std::size_t>& options) {
  Step step;
  std::set_difference(joint.scope.begin(), joint.scope.end(), before.begin(), before.end(),
                      std::back_inserter(step.fresh));
  std::vector<std::size_t> all = before;  // fastest first: the choice, then the state
  all.insert(all.begin(), step.fresh.begin(), step.fresh.end());
  const std::size_t transitions = combinations(all, options);
  step.choices = combinations(step.fresh, options);
  step.states = transitions / step.choices;
  step.to.resize(transitions);
  step.cost.assign(joint.parts.size(), std::vector<double>(transitions, 0));
  const auto to_strides = strides_of(after, options), factor_strides = strides_of(joint.scope, options);

  // The transitions in order are the combinations of all, counted up like the digits of a number.
  std::vector<std::size_t> digits(all.size(), 0);
  std::size_t to = 0, entry = 0;
  for (std::size_t t = 0; t < transitions; ++t) {
    step.to[t] = static_cast<std::uint32_t>(to);
    for (std::size_t c = 0; c < joint.parts.size(); ++c)
      if (joint.parts[c] != nullptr) step.cost[c][t] = joint.parts[c]->cost[entry];
    for (std::size_t i = 0; i < all.size(); ++i) {
      to += to_strides[all[i]];
      entry += factor_strides[all[i]];
      if (++digits[i] < options[all[i]]) break;
      to -= digits[i] * to_strides[all[i]];
      entry -= digits[i] * factor_strides[all[i]];
      digits[i] = 0;
    }
  }
  return step;
}

}  // namespace

Plan make_plan(const std::vector<const Predictor*>& costs) {
  Plan plan;
  plan.options = costs.at(0)->num_options();
  for (const auto* cost : costs) {
    if (cost->num_options() != plan.options)
      throw Error(Fault::usage, "the costs belong to different spaces: their decisions differ");
    plan.constant.push_back(cost->constant());
  }
  const auto joints = join(costs);
  std::vector<bool> seen(plan.options.size(), false);
  std::vector<std::size_t> before;
  std::size_t transitions = 0;
  Order order(joints, plan.options);
  while (!order.done()) {
    const Joint& joint = joints[order.next()];
    std::vector<std::size_t> after;
    std::set_union(before.begin(), before.end(), joint.scope.begin(), joint.scope.end(), std::back_inserter(after));
    after.erase(
        std::remove_if(after.begin(), after.end(), [&](std::size_t decision) { return !order.open()[decision]; }),
        after.end());
    for (const std::size_t decision : joint.scope) seen[decision] = true;
    plan.steps.push_back(make_step(joint, before, after, plan.options));
    transitions += plan.steps.back().to.size();
    if (transitions > max_all_transitions)
      throw Error(Fault::unsupported,
                  "the factors of the space hang together too much: all steps would have more than " +
                      std::to_string(max_all_transitions) + " combinations of options");
    before = std::move(after);
  }
  for (std::size_t d = 0; d < plan.options.size(); ++d)
    if (!seen[d] && plan.options[d] > 1) plan.free.push_back(d);
  return plan;
}

void take_choice(const Step& step, const std::vector<std::size_t>& options, std::size_t choice, Arch& arch) {
  for (const std::size_t decision : step.fresh) {
    arch[decision] = static_cast<std::uint16_t>(choice % options[decision]);
    choice /= options[decision];
  }
}

}  // namespace hwprof::exact

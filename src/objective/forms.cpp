// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/limit.hpp"
#include "hwprof/objective.hpp"

namespace hwprof {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value))
    throw Error(Fault::usage,
                std::string(name) + " of a form must be a number above 0, found " + base::format_number(value));
}

void finite(const char* name, double value) {
  if (!std::isfinite(value))
    throw Error(Fault::usage, std::string(name) + " of a form must be finite, found " + base::format_number(value));
}

}  // namespace

CostForm hard_limit(double limit) {
  positive("limit", limit);
  return [limit](double cost) {
    Effect effect;
    if (!keeps_limit(cost, limit)) {
      effect.reward_term = -infinity;
      effect.loss_term = infinity;
    }
    return effect;
  };
}

CostForm mnasnet_form(double target, double alpha, double beta) {
  positive("target", target);
  finite("alpha", alpha);
  finite("beta", beta);
  return [=](double cost) {
    Effect effect;
    effect.reward_factor = std::pow(cost / target, cost <= target ? alpha : beta);
    return effect;
  };
}

CostForm bounded_form(double bound, double weight) {
  positive("bound", bound);
  finite("weight", weight);
  return [=](double cost) {
    Effect effect;
    // Not by min(), which takes what is no number for 1.
    if (!(cost <= bound)) effect.reward_factor = std::pow(bound / cost, weight);
    return effect;
  };
}

CostForm fbnet_sum_form(double alpha, double beta, double unit) {
  finite("alpha", alpha);
  finite("beta", beta);
  positive("unit", unit);
  return [=](double cost) {
    Effect effect;
    effect.loss_term = alpha * std::pow(cost / unit, beta);
    return effect;
  };
}

CostForm fbnet_product_form(double alpha, double beta, double unit) {
  finite("alpha", alpha);
  finite("beta", beta);
  positive("unit", unit);
  return [=](double cost) {
    Effect effect;
    effect.loss_factor = alpha * std::pow(cost / unit, beta);
    return effect;
  };
}

CostForm inverse_form(double most, double lambda, double unit) {
  positive("most", most);
  finite("lambda", lambda);
  positive("unit", unit);
  return [=](double cost) {
    Effect effect;
    effect.reward_term = lambda * (unit / cost - unit / most);
    return effect;
  };
}

CostForm budget_form(double budget, double a, double b) {
  positive("budget", budget);
  finite("a", a);
  finite("b", b);
  return [=](double cost) {
    Effect effect;
    effect.loss_factor = std::pow(cost / budget, cost < budget ? a : b);
    return effect;
  };
}

CostForm log_barrier_form(double limit, double weight) {
  positive("limit", limit);
  positive("weight", weight);
  return [=](double cost) {
    Effect effect;
    effect.loss_term = cost < limit && !keeps_limit(limit, cost) ? -weight * std::log1p(-cost / limit) : infinity;
    return effect;
  };
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/predictor.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/additive.hpp"
#include "predictor/compile.hpp"
#include "predictor/tables.hpp"

namespace hwprof {
namespace {

constexpr std::size_t max_options = 65535;

std::vector<std::size_t> count_options(const MixinProfilingSearchSpace& space) {
  std::vector<std::size_t> options;
  for (const auto& decision : space.decisions()) {
    if (decision.options.empty() || decision.options.size() > max_options)
      throw Error(Fault::usage, "decision " + base::in_quotes(decision.name) + " has " +
                                    std::to_string(decision.options.size()) + " options, which are not 1 to 65535");
    options.push_back(decision.options.size());
  }
  return options;
}

/// Sum of factor tables over the options from level downwards: Σ_o p[o] · (the same one level below). The
/// weight is what the levels above multiply with; gradients are added on the way.
struct Expectation {
  const Predictor::Factor& factor;
  const std::vector<std::size_t>& options;
  const std::vector<std::size_t>& first_option;
  const double* probabilities;
  double* gradient;

  [[nodiscard]] double over(std::size_t level, const double* cost, std::size_t size, double weight) const noexcept {
    const std::size_t decision = factor.decisions[level - 1];
    const std::size_t count = options[decision], stride = size / count;
    const double* const p = probabilities + first_option[decision];
    double* const g = gradient == nullptr ? nullptr : gradient + first_option[decision];
    double sum = 0;
    for (std::size_t o = 0; o < count; ++o) {
      const double below = level == 1 ? cost[o] : over(level - 1, cost + o * stride, stride, weight * p[o]);
      sum += p[o] * below;
      if (g != nullptr) g[o] += weight * below;
    }
    return sum;
  }
};

}  // namespace

std::shared_ptr<const Predictor::Tables> Predictor::Tables::compile(const MixinProfilingSearchSpace& space,
                                                                    predictor::ArchCost& cost, double bias) {
  auto tables = std::make_shared<Tables>();
  tables->options = count_options(space);
  std::size_t first = 0;
  for (const std::size_t options : tables->options) {
    tables->first_option.push_back(first);
    first += options;
    tables->fits_bytes = tables->fits_bytes && options <= 256;
  }
  tables->factors = predictor::decompose(space, tables->options, cost, tables->constant);
  cost.refuse_missing();
  predictor::verify(tables->factors, tables->constant, space, tables->options, cost);
  tables->constant += bias;
  tables->slots = predictor::merge(tables->factors, tables->options);
  tables->predict_batch = predictor::batch_ways(tables->slots).front();
  return tables;
}

Predictor::Predictor(const MixinProfilingSearchSpace& space, const Model& model) {
  const auto* const additive = dynamic_cast<const model::Additive*>(&model.impl());
  if (additive == nullptr)
    throw Error(Fault::unsupported, "a model of kind " + base::in_quotes(model.kind()) +
                                        " is not a sum over primitives and cannot be compiled against a space");
  const model::Line& line = additive->line();
  predictor::ArchCost cost(space, [&](const Prim& prim) -> std::optional<double> {
    const Measured* known = additive->table().find(prim);
    if (known == nullptr) return {};
    return line.scale * known->value + line.per_block;
  });
  tables_ = Tables::compile(space, cost, line.bias);
}

Predictor::Predictor(const MixinProfilingSearchSpace& space, const PrimCost& prim_cost) {
  predictor::ArchCost cost(space, [&](const Prim& prim) -> std::optional<double> {
    const double value = prim_cost(prim);
    if (!std::isfinite(value)) throw Error(Fault::usage, "the cost of " + to_string(prim) + " is not a finite number");
    return value;
  });
  tables_ = Tables::compile(space, cost, 0);
}

std::size_t Predictor::num_decisions() const noexcept {
  return tables_->options.size();
}
const std::vector<std::size_t>& Predictor::num_options() const noexcept {
  return tables_->options;
}
const std::vector<Predictor::Factor>& Predictor::factors() const noexcept {
  return tables_->factors;
}
double Predictor::constant() const noexcept {
  return tables_->constant;
}

double Predictor::predict(const std::uint16_t* arch) const noexcept {
  const predictor::Slots& slots = tables_->slots;
  const predictor::Field* field = slots.fields.data();
  double sum = tables_->constant;
  for (const auto& slot : slots.slots) {
    std::size_t index = slot.offset;
    for (const auto* const end = slots.fields.data() + slot.last_field; field != end; ++field)
      index += std::size_t{arch[field->decision] & field->mask} << field->shift;
    sum += slots.exact[index];
  }
  return sum < 0 ? 0 : sum;
}

double Predictor::predict(const Arch& arch) const {
  const auto& options = tables_->options;
  if (arch.size() != options.size())
    throw Error(Fault::usage, "architecture " + to_string(arch) + " has " + std::to_string(arch.size()) +
                                  " decisions, and the space " + std::to_string(options.size()));
  for (std::size_t d = 0; d < options.size(); ++d)
    if (arch[d] >= options[d])
      throw Error(Fault::usage, "architecture " + to_string(arch) + " takes option " + std::to_string(arch[d]) +
                                    " of decision " + std::to_string(d) + ", which has " + std::to_string(options[d]));
  return predict(arch.data());
}

void Predictor::predict(const std::uint8_t* archs, std::size_t n, float* out) const {
  if (!tables_->fits_bytes)
    throw Error(Fault::unsupported, "a decision with more than 256 options does not fit into a byte");
  tables_->predict_batch(tables_->slots, static_cast<float>(tables_->constant), tables_->options.size(), archs, n, out);
}

double Predictor::expect(const double* probabilities, double* gradient) const noexcept {
  const auto& options = tables_->options;
  if (gradient != nullptr && !options.empty())
    std::fill(gradient, gradient + tables_->first_option.back() + options.back(), 0.0);
  double total = tables_->constant;
  for (const auto& factor : tables_->factors)
    total += Expectation{factor, options, tables_->first_option, probabilities, gradient}.over(
        factor.decisions.size(), factor.cost.data(), factor.cost.size(), 1);
  return total;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "hwprof/predictor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/impl.hpp"
#include "predictor/compile.hpp"
#include "predictor/tables.hpp"

namespace hwprof {
namespace {

constexpr std::size_t max_options = 65535;
constexpr const char* no_exact =
    "nothing exact can be said of all architectures at once; a search takes it all the same";

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

Predictor::Tables::Tables(const MixinProfilingSearchSpace& space) : options(count_options(space)) {
  std::size_t first = 0;
  for (const std::size_t count : options) {
    first_option.push_back(first);
    first += count;
    fits_bytes = fits_bytes && count <= 256;
  }
}

void Predictor::Tables::add(const MixinProfilingSearchSpace& space, predictor::PrimNumbers costs, double bias) {
  predictor::ArchSum sum(space, costs);
  std::vector<double> beside;
  factors = predictor::decompose(space, options, sum, beside);
  costs.refuse_missing();
  predictor::verify(factors, beside, space, options, sum);
  constant = beside.front() + bias;
  compile();
}

void Predictor::Tables::compile() {
  slots = predictor::merge(factors, options);
  predict_batch = predictor::batch_ways(slots).front();
}

bool Predictor::Tables::fits(const std::uint16_t* arch) const noexcept {
  bool all = true;
  for (std::size_t d = 0; d < options.size(); ++d) all = all && arch[d] < options[d];
  return all;
}

double Predictor::Tables::predict_learned(const std::uint16_t* arch) const noexcept {
  double cost = std::numeric_limits<double>::quiet_NaN();
  if (fits(arch)) learned->predict(arch, 1, &cost);
  return cost < 0 ? 0 : cost;
}

void Predictor::Tables::predict_learned(const std::uint8_t* archs, std::size_t n, float* out) const noexcept {
  using predictor::Learned;
  std::array<std::uint16_t, Learned::most_decisions> wide;  // NOLINT: written before they are read
  std::array<double, Learned::most_rows> costs;             // NOLINT
  const std::size_t width = options.size();
  const std::size_t block = width == 0 ? 1 : std::min(Learned::most_rows, wide.size() / width);
  for (std::size_t begin = 0; begin < n; begin += block, archs += block * width) {
    const std::size_t count = std::min(block, n - begin);
    std::copy(archs, archs + count * width, wide.begin());
    float* const rows = out + begin;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t* const arch = wide.data() + i * width;
      rows[i] = fits(arch) ? 0 : std::numeric_limits<float>::quiet_NaN();
      if (std::isnan(rows[i])) std::fill(arch, arch + width, std::uint16_t{0});
    }
    learned->predict(wide.data(), count, costs.data());
    for (std::size_t i = 0; i < count; ++i) rows[i] += static_cast<float>(costs[i] < 0 ? 0 : costs[i]);
  }
}

void Predictor::Tables::refuse_learned(const char* why) const {
  if (learned)
    throw Error(Fault::unsupported,
                "a model of kind " + base::in_quotes(learned->model().kind()) +
                    (learned->model().impl().form() == model::Form::arch
                         ? " whose sums over decisions fall below the least that it predicts is no sum, so that "
                         : " is no sum over primitives, so that ") +
                    why);
}

Predictor::Predictor(const MixinProfilingSearchSpace& space, const Model& model) {
  auto tables = std::make_shared<Tables>(space);
  const Model::Impl& impl = model.impl();
  if (impl.form() == model::Form::additive)
    tables->add(space, {1, [&impl](const Prim& prim, double* out) { return impl.features(prim, out); }}, impl.offset());
  else
    tables->learned = predictor::compile_learned(space, tables->options, model);
  if (auto sums = predictor::arch_sums(model)) {
    tables->learned.reset();
    tables->factors = std::move(sums->factors);
    tables->constant = sums->constant;
    tables->compile();
  }
  tables_ = std::move(tables);
}

Predictor::Predictor(const MixinProfilingSearchSpace& space, const PrimCost& cost) {
  auto tables = std::make_shared<Tables>(space);
  const auto checked = [&cost](const Prim& prim, double* out) {
    *out = cost(prim);
    if (!std::isfinite(*out)) throw Error(Fault::usage, "the cost of " + to_string(prim) + " is not a finite number");
    return true;
  };
  tables->add(space, {1, checked}, 0);
  tables_ = std::move(tables);
}

std::size_t Predictor::num_decisions() const noexcept {
  return tables_->options.size();
}
const std::vector<std::size_t>& Predictor::num_options() const noexcept {
  return tables_->options;
}
bool Predictor::is_sum() const noexcept {
  return tables_->learned == nullptr;
}
const std::vector<Predictor::Factor>& Predictor::factors() const {
  tables_->refuse_learned(no_exact);
  return tables_->factors;
}
double Predictor::constant() const {
  tables_->refuse_learned(no_exact);
  return tables_->constant;
}

double Predictor::predict(const std::uint16_t* arch) const noexcept {
  if (tables_->learned) return tables_->predict_learned(arch);
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
  if (tables_->learned) return tables_->predict_learned(archs, n, out);
  tables_->predict_batch(tables_->slots, static_cast<float>(tables_->constant), tables_->options.size(), archs, n, out);
}

double Predictor::expect(const double* probabilities, double* gradient) const {
  tables_->refuse_learned("there is no exact expectation");
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

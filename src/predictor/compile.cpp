// SPDX-License-Identifier: Apache-2.0
// From a cost and a space to additive factors.
#include "predictor/compile.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::predictor {

std::vector<std::vector<std::size_t>> scopes_of(const MixinProfilingSearchSpace& space,
                                                const std::vector<std::size_t>& options) {
  std::vector<std::vector<std::size_t>> scopes;
  for (auto scope : space.factors()) {
    std::sort(scope.begin(), scope.end());
    scope.erase(std::unique(scope.begin(), scope.end()), scope.end());
    if (!scope.empty() && scope.back() >= options.size())
      throw Error(Fault::usage, "the space names decision " + std::to_string(scope.back()) +
                                    " in a factor, but has only " + std::to_string(options.size()));
    scope.erase(
        std::remove_if(scope.begin(), scope.end(), [&](std::size_t decision) { return options[decision] == 1; }),
        scope.end());
    const int bits = bits_for(scope, options);
    if (bits > max_factor_bits)
      throw Error(Fault::unsupported, "a factor of " + std::to_string(scope.size()) + " decisions needs a table of 2^" +
                                          std::to_string(bits) + " entries, and at most 2^" +
                                          std::to_string(max_factor_bits) +
                                          " are possible; the space must say how its decisions fall into smaller "
                                          "groups (MixinProfilingSearchSpace::factors)");
    scopes.push_back(std::move(scope));
  }
  // What lies within another group adds nothing of its own.
  std::vector<std::vector<std::size_t>> kept;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    bool within = scopes[i].empty();
    for (std::size_t j = 0; j < scopes.size() && !within; ++j)
      within = j != i && (scopes[j].size() > scopes[i].size() || j < i) &&
               std::includes(scopes[j].begin(), scopes[j].end(), scopes[i].begin(), scopes[i].end());
    if (!within) kept.push_back(scopes[i]);
  }
  return kept;
}

std::size_t combinations(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options) {
  return std::accumulate(decisions.begin(), decisions.end(), std::size_t{1},
                         [&](std::size_t product, std::size_t decision) { return product * options[decision]; });
}

std::uint32_t PrimNumbers::insert(const Prim& prim) {
  const std::uint32_t number = index_.insert(prim);
  if (number * width_ == rows_.size()) {
    rows_.resize(rows_.size() + width_);
    double* const row = &rows_[number * width_];
    if (!numbers_(prim, row)) {
      missing_.push_back(to_string(prim));
      std::fill(row, row + width_, 0.0);
    }
    for (std::size_t i = 0; i < width_; ++i)
      if (!std::isfinite(row[i])) throw Error(Fault::internal, "a feature of " + to_string(prim) + " is not finite");
  }
  return number;
}

const std::vector<double>& ArchSum::operator()(const Arch& arch) {
  std::fill(sums_.begin(), sums_.end(), 0.0);
  for (const auto& prim : space_.primitives(arch)) {
    const double* const row = prims_.row(prims_.insert(prim));
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += row[i];
  }
  return sums_;
}

void PrimNumbers::refuse_missing() const {
  if (missing_.empty()) return;
  throw Error(Fault::missing, "the model does not know " + std::to_string(missing_.size()) + " primitive" +
                                  (missing_.size() > 1 ? "s" : "") + " of the space: " + base::join(missing_, ", "));
}

void set_combination(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options,
                     std::size_t index, Arch& arch) {
  for (const std::size_t decision : decisions) {
    arch[decision] = static_cast<std::uint16_t>(index % options[decision]);
    index /= options[decision];
  }
}

std::size_t combination_of(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options,
                           const Arch& arch) {
  std::size_t index = 0;
  for (std::size_t i = decisions.size(); i-- > 0;) index = index * options[decisions[i]] + arch[decisions[i]];
  return index;
}

int bits_for(std::size_t options) {
  int bits = 0;
  while ((std::size_t{1} << bits) < options) ++bits;
  return bits;
}

int bits_for(const std::vector<std::size_t>& decisions, const std::vector<std::size_t>& options) {
  return std::accumulate(decisions.begin(), decisions.end(), 0,
                         [&](int sum, std::size_t decision) { return sum + bits_for(options[decision]); });
}

namespace {

/// The row of numbers that a factor adds to an architecture.
const double* row_of(const Predictor::Factor& factor, const std::vector<std::size_t>& options, const Arch& arch,
                     std::size_t width) {
  return &factor.cost[combination_of(factor.decisions, options, arch) * width];
}

}  // namespace

std::vector<Predictor::Factor> decompose(const MixinProfilingSearchSpace& space,
                                         const std::vector<std::size_t>& options, ArchSum& sum,
                                         std::vector<double>& constant) {
  const auto scopes = scopes_of(space, options);
  Arch arch(options.size(), 0);
  constant = sum(arch);
  const std::size_t width = constant.size();
  std::size_t entries = 0;
  for (const auto& scope : scopes) entries += width << bits_for(scope, options);
  if (entries > max_table_entries)
    throw Error(Fault::unsupported, "the factors of the space need tables of " + std::to_string(entries) +
                                        " entries, and at most " + std::to_string(max_table_entries) + " are possible");

  // With f = sum of f_g(options of group g), fixing all decisions outside a group at option 0 and
  // subtracting what earlier groups have taken leaves a function of the later groups only; so each
  // group is settled by one sweep over its own combinations, and the sum is exact.
  std::vector<std::vector<std::size_t>> touching(options.size());  // earlier factors, by decision
  std::vector<Predictor::Factor> factors;
  for (const auto& scope : scopes) {
    // An earlier factor without a decision of this one is at its anchor, where it is 0.
    std::vector<std::size_t> earlier;
    for (const std::size_t decision : scope)
      earlier.insert(earlier.end(), touching[decision].begin(), touching[decision].end());
    std::sort(earlier.begin(), earlier.end());
    earlier.erase(std::unique(earlier.begin(), earlier.end()), earlier.end());

    Predictor::Factor factor{scope, std::vector<double>(combinations(scope, options) * width)};
    for (std::size_t index = 0; index * width < factor.cost.size(); ++index) {
      set_combination(scope, options, index, arch);
      const std::vector<double>& all = sum(arch);
      double* const rest = &factor.cost[index * width];
      for (std::size_t i = 0; i < width; ++i) rest[i] = all[i] - constant[i];
      for (const std::size_t f : earlier) {
        const double* const taken = row_of(factors[f], options, arch, width);
        for (std::size_t i = 0; i < width; ++i) rest[i] -= taken[i];
      }
    }
    for (const std::size_t decision : scope) {
      arch[decision] = 0;
      touching[decision].push_back(factors.size());
    }
    factors.push_back(std::move(factor));
  }
  return factors;
}

void verify(const std::vector<Predictor::Factor>& factors, const std::vector<double>& constant,
            const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options, ArchSum& sum) {
  constexpr int trials = 64;
  constexpr double tolerance = 1e-9;
  std::mt19937_64 rng(1);
  for (int trial = 0; trial < trials; ++trial) {
    const Arch arch = space.sample(rng);
    check_arch(space, arch);
    std::vector<double> parts = constant, sizes(constant.size());
    for (const auto& factor : factors) {
      const double* const row = row_of(factor, options, arch, parts.size());
      for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i] += row[i];
        sizes[i] += std::abs(row[i]);
      }
    }
    const std::vector<double>& exact = sum(arch);
    sum.refuse_missing();
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (!(std::abs(parts[i] - exact[i]) <= tolerance * (std::abs(exact[i]) + std::abs(constant[i]) + sizes[i])))
        throw Error(Fault::unsupported, "architecture " + to_string(arch) + " costs " + base::format_number(exact[i]) +
                                            ", but " + base::format_number(parts[i]) +
                                            " as a sum over the factors of the space, which therefore do not say how "
                                            "its primitives depend on its decisions");
  }
}

}  // namespace hwprof::predictor

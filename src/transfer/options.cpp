// SPDX-License-Identifier: Apache-2.0
#include "transfer/options.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "predictor/compile.hpp"

namespace hwprof::transfer {
namespace {

/// The options as numbers; nothing where they are names, or 0, 1, 2, …, which only count them.
std::vector<double> numbers_of(const std::vector<std::string>& options) {
  constexpr double largest = 1e9;
  std::vector<double> out;
  bool counted = true;
  for (const auto& option : options) {
    const auto number = base::to_double(option);
    if (!number || !(std::abs(*number) <= largest)) return {};
    counted = counted && *number == static_cast<double>(out.size());
    out.push_back(*number);
  }
  return counted ? std::vector<double>{} : out;
}

/// Decisions that are alike: where their numbers stand in a row.
struct Alike {
  std::size_t first = 0;  ///< one for each option
  std::vector<double> numbers;
  std::size_t sum = 0;     ///< where there are numbers
  std::size_t scaled = 0;  ///< those of first, times the scale; 0: none
  std::size_t decisions = 0;
};

void add(const Alike& alike, std::uint16_t option, double scale, double* row) {
  row[alike.first + option] += 1;
  if (!alike.numbers.empty()) row[alike.sum] += alike.numbers[option];
  if (alike.scaled > 0) row[alike.scaled + option] += scale;
}

/// The space with one more decision in every factor.
class Joined final : public OptionSpace {
 public:
  Joined(const OptionSpace& space, std::size_t decision) : OptionSpace(space), decision_(decision) {}

  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    auto out = OptionSpace::factors();
    for (auto& factor : out) factor.push_back(decision_);
    return out;
  }

 private:
  std::size_t decision_;
};

/// Numbers with mean 0 and deviation 1.
std::vector<double> standardised(const std::vector<double>& numbers) {
  const auto n = static_cast<double>(numbers.size());
  double mean = 0, squares = 0;
  for (const double number : numbers) mean += number / n;
  for (const double number : numbers) squares += (number - mean) * (number - mean) / n;
  std::vector<double> out;
  for (const double number : numbers) out.push_back(squares > 0 ? (number - mean) / std::sqrt(squares) : 0);
  return out;
}

}  // namespace

OptionFactors option_factors(const OptionSpace& space) {
  OptionFactors out;
  const auto decisions = space.decisions();
  const auto needed = space.factors();
  std::map<std::vector<std::string>, Alike> kinds;
  std::vector<Alike*> alike;
  std::vector<std::size_t> options;
  for (const auto& decision : decisions) {
    const auto [at, fresh] = kinds.try_emplace(decision.options);
    if (fresh) {
      at->second.first = out.groups.size();
      at->second.numbers = numbers_of(decision.options);
      out.groups.resize(out.groups.size() + decision.options.size(), Group::classes);
      if (!at->second.numbers.empty()) {
        at->second.sum = out.groups.size();
        out.sums.push_back(out.groups.size());
        out.groups.push_back(Group::work);
      }
    }
    ++at->second.decisions;
    alike.push_back(&at->second);
    options.push_back(decision.options.size());
  }
  // What may scale all others, as an image size does, where their factors remain small.
  constexpr std::size_t most_scales = 16;
  int largest = 0;
  for (const auto& factor : needed) largest = std::max(largest, predictor::bits_for(factor, options));
  std::optional<std::size_t> scaling;
  for (std::size_t d = 0; d < decisions.size() && !scaling; ++d)
    if (alike[d]->decisions == 1 && alike[d]->numbers.size() > 1 && options[d] <= most_scales &&
        needed[d].size() == 1 && largest + predictor::bits_for(options[d]) <= predictor::max_factor_bits)
      scaling = d;
  std::vector<double> scales;
  if (scaling) {
    scales = standardised(alike[*scaling]->numbers);
    for (auto& [names, kind] : kinds) {
      if (&kind == alike[*scaling]) continue;
      kind.scaled = out.groups.size();
      out.groups.resize(out.groups.size() + names.size(), Group::stages);
    }
  }
  const std::size_t width = out.groups.size();
  std::size_t entries = 0;
  const auto scopes =
      scaling ? predictor::scopes_of(Joined(space, *scaling), options) : predictor::scopes_of(space, options);
  for (const auto& scope : scopes) entries += width * predictor::combinations(scope, options);
  if (entries > predictor::max_table_entries)
    throw Error(Fault::unsupported, "the options of the space need tables of " + std::to_string(entries) +
                                        " entries, and at most " + std::to_string(predictor::max_table_entries) +
                                        " are possible");
  // A decision is described in the first factor that tells whether it means anything.
  std::vector<bool> done(decisions.size(), false);
  Arch arch(decisions.size(), 0);
  for (const auto& scope : scopes) {
    std::vector<std::size_t> here;
    for (const std::size_t decision : scope) {
      const bool told = std::all_of(needed[decision].begin(), needed[decision].end(), [&](std::size_t other) {
        return options[other] == 1 || std::binary_search(scope.begin(), scope.end(), other);
      });
      if (!told || done[decision]) continue;
      done[decision] = true;
      here.push_back(decision);
    }
    Predictor::Factor factor{scope, std::vector<double>(predictor::combinations(scope, options) * width, 0.0)};
    for (std::size_t index = 0; index * width < factor.cost.size(); ++index) {
      predictor::set_combination(scope, options, index, arch);
      for (const std::size_t decision : here)
        if (space.means(arch, decision))
          add(*alike[decision], arch[decision], scaling ? scales[arch[*scaling]] : 0, &factor.cost[index * width]);
    }
    for (const std::size_t decision : scope) arch[decision] = 0;
    out.factors.push_back(std::move(factor));
  }
  return out;
}

}  // namespace hwprof::transfer

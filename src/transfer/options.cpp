// SPDX-License-Identifier: Apache-2.0
#include "transfer/options.hpp"

#include <algorithm>
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
  std::vector<double> out;
  bool counted = true;
  for (const auto& option : options) {
    const auto number = base::to_double(option);
    if (!number) return {};
    counted = counted && *number == static_cast<double>(out.size());
    out.push_back(*number);
  }
  return counted ? std::vector<double>{} : out;
}

/// Decisions that are alike: where their numbers stand in a row.
struct Alike {
  std::size_t first = 0;  ///< one for each option
  std::vector<double> numbers;
  std::size_t sum = 0;  ///< where there are numbers
};

void add(const Alike& alike, std::uint16_t option, double* row) {
  row[alike.first + option] += 1;
  if (!alike.numbers.empty()) row[alike.sum] += alike.numbers[option];
}

}  // namespace

OptionFactors option_factors(const OptionSpace& space) {
  OptionFactors out;
  const auto decisions = space.decisions();
  std::map<std::vector<std::string>, Alike> kinds;
  std::vector<const Alike*> alike;
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
    alike.push_back(&at->second);
    options.push_back(decision.options.size());
  }
  const std::size_t width = out.groups.size();
  std::size_t entries = 0;
  const auto scopes = predictor::scopes_of(space, options);
  for (const auto& scope : scopes) entries += width * predictor::combinations(scope, options);
  if (entries > predictor::max_table_entries)
    throw Error(Fault::unsupported, "the options of the space need tables of " + std::to_string(entries) +
                                        " entries, and at most " + std::to_string(predictor::max_table_entries) +
                                        " are possible");
  // A decision is described in the first factor that tells whether it means anything.
  std::vector<bool> done(decisions.size(), false);
  const auto needed = space.factors();
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
        if (space.means(arch, decision)) add(*alike[decision], arch[decision], &factor.cost[index * width]);
    }
    for (const std::size_t decision : scope) arch[decision] = 0;
    out.factors.push_back(std::move(factor));
  }
  return out;
}

}  // namespace hwprof::transfer

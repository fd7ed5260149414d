// SPDX-License-Identifier: Apache-2.0
// The kind of which nothing but decisions is known: options.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "space/read.hpp"

namespace hwprof {
namespace {

constexpr std::size_t most_needs = 32;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::usage, "search space: " + what);
}

[[noreturn]] void refuse_prims() {
  throw Error(Fault::unsupported,
              "the search space (kind options) says which options there are and not what they are made of: it has no "
              "primitives, and only models of kind 'transfer' predict it");
}

void check_decisions(const std::vector<Decision>& decisions) {
  std::set<std::string> names;
  for (const auto& decision : decisions) {
    if (!names.insert(decision.name).second) refuse("two decisions are called " + base::in_quotes(decision.name));
    const std::set<std::string> options(decision.options.begin(), decision.options.end());
    if (options.empty() || options.size() != decision.options.size() || options.size() > 65535)
      refuse("decision " + base::in_quotes(decision.name) + " has " + std::to_string(decision.options.size()) +
             " options, " + std::to_string(options.size()) +
             " of them different; 1 to 65535, none twice, are possible");
  }
}

bool holds(const OptionSpace::Need& need, std::uint16_t option) {
  return std::find(need.options.begin(), need.options.end(), option) != need.options.end();
}

void check_need(const std::vector<Decision>& decisions, std::size_t of, const OptionSpace::Need& need) {
  if (need.decision >= of)
    refuse("decision " + base::in_quotes(decisions[of].name) + " needs one that is not before it");
  const auto& [name, options] = decisions[need.decision];
  for (const auto option : need.options)
    if (option >= options.size())
      refuse("decision " + base::in_quotes(decisions[of].name) + " needs option " + std::to_string(option) + " of " +
             base::in_quotes(name) + ", which has " + std::to_string(options.size()));
}

}  // namespace

OptionSpace::OptionSpace(std::vector<Decision> decisions, std::vector<std::vector<Need>> needs)
    : decisions_(std::move(decisions)), needs_(std::move(needs)) {
  check_decisions(decisions_);
  if (!needs_.empty() && needs_.size() != decisions_.size())
    refuse("there are needs of " + std::to_string(needs_.size()) + " decisions, and " +
           std::to_string(decisions_.size()) + " decisions");
  needs_.resize(decisions_.size());
  for (std::size_t d = 0; d < decisions_.size(); ++d) {
    std::map<std::size_t, std::vector<std::uint16_t>> all;  // what its needs need, too
    const auto require = [&all](const Need& need) {
      const auto [at, fresh] = all.emplace(need.decision, need.options);
      if (fresh) return;
      auto& both = at->second;
      both.erase(std::remove_if(both.begin(), both.end(), [&](std::uint16_t option) { return !holds(need, option); }),
                 both.end());
    };
    for (const auto& need : needs_[d]) {
      check_need(decisions_, d, need);
      require(need);
      for (const auto& further : needs_[need.decision]) require(further);
      if (all.size() > most_needs)
        refuse("decision " + base::in_quotes(decisions_[d].name) + " needs more than " + std::to_string(most_needs) +
               " others");
    }
    needs_[d].clear();
    factors_.emplace_back();
    for (auto& [decision, options] : all) {
      factors_.back().push_back(decision);
      needs_[d].push_back({decision, std::move(options)});
    }
    factors_.back().push_back(d);
  }
}

std::vector<Prim> OptionSpace::primitives(const Arch& /*arch*/) const {
  refuse_prims();
}

std::vector<Prim> OptionSpace::generate_profiling_primitives() const {
  refuse_prims();
}

bool OptionSpace::means(const Arch& arch, std::size_t decision) const {
  return std::all_of(needs_[decision].begin(), needs_[decision].end(),
                     [&arch](const Need& need) { return holds(need, arch[need.decision]); });
}

namespace space {
namespace {

using base::Yaml;

constexpr std::size_t most_options = 4096;  // of all decisions: regressions have a column for each

/// Names in a list, or how many there are.
std::vector<std::string> read_option_names(const Yaml& node) {
  std::vector<std::string> names;
  if (!node.is_list()) {
    const int count = node.integer(1, static_cast<int>(max_choices));
    for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
    return names;
  }
  names = node.texts();
  if (names.empty()) node.fail("at least one option is expected, found none");
  for (auto at = names.begin(); at != names.end(); ++at) {
    check_name(node, *at);
    if (std::find(names.begin(), at, *at) != at) node.fail("the option " + base::in_quotes(*at) + " is there twice");
  }
  return names;
}

std::vector<OptionSpace::Need> read_needs(const Yaml& node, const std::vector<Decision>& before) {
  std::vector<OptionSpace::Need> needs;
  for (const auto& entry : node.items()) {
    const std::string& name = entry.first;
    const Yaml& value = entry.second;
    const auto at =
        std::find_if(before.begin(), before.end(), [&](const Decision& decision) { return decision.name == name; });
    if (at == before.end()) {
      std::vector<std::string> names;
      for (const auto& decision : before) names.push_back(decision.name);
      value.fail("no decision before this one is called so" + base::suggest(name, names));
    }
    OptionSpace::Need need{static_cast<std::size_t>(at - before.begin()), {}};
    for (const auto& text : value.is_list() ? value.texts() : std::vector<std::string>{value.text()}) {
      const auto option = std::find(at->options.begin(), at->options.end(), text);
      if (option == at->options.end())
        value.fail("the decision has no option " + base::in_quotes(text) + base::suggest(text, at->options));
      need.options.push_back(static_cast<std::uint16_t>(option - at->options.begin()));
    }
    if (need.options.empty()) value.fail("at least one option is expected, found none");
    needs.push_back(std::move(need));
  }
  return needs;
}

}  // namespace

Space read_options(const Yaml& node, Common& common) {
  node.only({"kind", "name", "decisions"});
  if (common.resized)
    throw Error(Fault::usage, node.source() + ": a space of kind options has no image, and takes no image size");
  std::vector<Decision> decisions;
  std::vector<std::vector<OptionSpace::Need>> needs;
  std::set<std::string> taken;
  std::size_t options = 0;
  for (const auto& element : node["decisions"].list()) {
    Decision decision;
    std::vector<OptionSpace::Need> own;
    int times = 1;
    if (element.is_map()) {
      element.only({"name", "options", "times", "needs"});
      if (const auto name = element.find("name")) {
        decision.name = name->text();
        check_name(*name, decision.name);
      }
      decision.options = read_option_names(element["options"]);
      if (const auto count = element.find("times")) times = count->integer(1, static_cast<int>(most_options));
      if (const auto given = element.find("needs")) own = read_needs(*given, decisions);
    } else {
      decision.options = read_option_names(element);
    }
    options += decision.options.size() * static_cast<std::size_t>(times);
    if (options > most_options)
      element.fail("the space has more than " + std::to_string(most_options) + " options in all its decisions");
    const std::string name = decision.name;
    for (int i = 0; i < times; ++i) {
      if (name.empty())
        decision.name = "decision" + std::to_string(decisions.size());
      else if (times > 1)
        decision.name = name + std::to_string(i);
      if (!taken.insert(decision.name).second)
        element.fail("two decisions are called " + base::in_quotes(decision.name));
      decisions.push_back(decision);
      needs.push_back(own);
    }
  }
  if (decisions.empty()) node["decisions"].fail("at least one decision is expected, found none");
  try {
    return std::make_unique<OptionSpace>(std::move(decisions), std::move(needs));
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

}  // namespace space
}  // namespace hwprof

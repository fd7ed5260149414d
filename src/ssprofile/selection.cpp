// SPDX-License-Identifier: Apache-2.0
#include "hwprof/selection.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml_text.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

bool positive(double value) {
  return std::isfinite(value) && value > 0;
}

void check(const std::vector<SsbnResult>& results, const SelectOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, what); };
  const auto rules = list_select_rules();
  if (std::find(rules.begin(), rules.end(), options.rule) == rules.end())
    refuse("unknown rule " + base::in_quotes(options.rule) + base::suggest(options.rule, rules));
  if (!std::isfinite(options.accuracy_cost_scale) || !(options.accuracy_cost_scale >= least_accuracy_cost_scale))
    refuse("accuracy_cost_scale must be " + base::format_number(least_accuracy_cost_scale) + " or more");
  if (!positive(options.latency_unit_s)) refuse("the unit of latency must be positive");
  if (!(options.latency_cost_coeff >= 0) || !std::isfinite(options.latency_cost_coeff))
    refuse("latency_cost_coeff must be 0 or more");
  if (!(options.accuracy_threshold >= 0 && options.accuracy_threshold <= 1))
    refuse("accuracy_threshold must be within 0 to 1");
  if (options.networks < 1) refuse("select_ss_threshold must be 1 or more");
  if (!(options.latency_limit_s > 0)) refuse("the limit of latency must be positive");
  if (options.rule == "budget" && !std::isfinite(options.latency_limit_s))
    refuse("the rule budget needs a limit of latency");
  if (results.empty()) throw Error(Fault::missing, "there are no networks to choose from");
  const std::size_t groups = results.front().net.blocks.size();
  for (const auto& result : results)
    if (result.net.blocks.size() != groups)
      refuse("network " + base::in_quotes(result.net.id) + " has another number of cell groups than " +
             base::in_quotes(results.front().net.id));
}

using Chosen = std::vector<std::set<std::pair<std::string, int>>>;  ///< by group: family and number

std::vector<std::vector<std::string>> names_of(const Chosen& chosen) {
  std::vector<std::vector<std::string>> out;
  for (const auto& group : chosen) {
    out.emplace_back();
    for (const auto& [family, index] : group) out.back().push_back(to_string(SsbnBlock{family, index}));
  }
  return out;
}

void put(Chosen& chosen, const std::string& family, const std::vector<int>& blocks) {
  for (std::size_t group = 0; group < blocks.size(); ++group) chosen[group].emplace(family, blocks[group]);
}

void choose_as_ssprofile(const std::vector<SsbnResult>& results, const SelectOptions& options, Selection& out,
                         Chosen& chosen) {
  std::map<std::string, std::size_t> counts;
  for (const auto& ranked : out.ranking) {
    const SsbnNet& net = results[ranked.index].net;
    if (++counts[net.family] < options.networks) continue;
    out.family = net.family;
    break;
  }
  if (out.family.empty()) {
    std::string text;
    for (const auto& [family, count] : counts)
      text += (text.empty() ? "" : ", ") + family + " has " + std::to_string(count);
    throw Error(Fault::missing, "no family has the " + std::to_string(options.networks) +
                                    " networks that select_ss_threshold asks for: " + text);
  }
  std::size_t open = options.networks;
  for (auto& ranked : out.ranking) {
    const SsbnNet& net = results[ranked.index].net;
    if (net.family != out.family || open == 0) continue;
    --open;
    ranked.chosen = true;
    put(chosen, net.family, net.blocks);
  }
}

void choose_pareto(const std::vector<SsbnResult>& results, Selection& out, Chosen& chosen) {
  for (std::size_t group = 0; group < chosen.size(); ++group) {
    const auto competes = [&](const SsbnResult& result) {
      return result.net.group < 0 || result.net.group == static_cast<int>(group);
    };
    for (auto& ranked : out.ranking) {
      const SsbnResult& one = results[ranked.index];
      if (!competes(one)) continue;
      const bool beaten = std::any_of(results.begin(), results.end(), [&](const SsbnResult& other) {
        return competes(other) && surely_beats(other, one);
      });
      if (beaten) continue;
      ranked.chosen = true;
      chosen[group].emplace(one.net.family, one.net.blocks[group]);
    }
  }
}

const SsbnResult* base_of(const std::vector<SsbnResult>& results, const std::string& family) {
  for (const auto& result : results)
    if (result.net.family == family && result.net.group < 0) return &result;
  return nullptr;
}

void choose_in_budget(const std::vector<SsbnResult>& results, const SelectOptions& options, Selection& out,
                      Chosen& chosen) {
  std::set<std::string> families;
  for (const auto& result : results) families.insert(result.net.family);
  double best = -1;
  for (const auto& family : families) {
    if (base_of(results, family) == nullptr) {  // as when it alone could not be compiled
      out.notes.push_back("family " + family + " takes no part: its base network has no result");
      continue;
    }
    auto front = additive_front(results, family);
    front.erase(std::remove_if(front.begin(), front.end(),
                               [&](const AdditiveArch& arch) {
                                 return arch.latency.value + arch.latency.spread > options.latency_limit_s;
                               }),
                front.end());
    if (front.empty() || front.back().accuracy.value <= best) continue;
    best = front.back().accuracy.value;
    out.family = family;
    out.front = std::move(front);
  }
  if (out.family.empty())
    throw Error(Fault::missing, "no architecture keeps the limit of " + base::format_seconds(options.latency_limit_s));
  for (const auto& arch : out.front) put(chosen, arch.family, arch.blocks);
  for (auto& ranked : out.ranking) {
    const SsbnNet& net = results[ranked.index].net;
    bool all = net.family == out.family;
    for (std::size_t group = 0; all && group < chosen.size(); ++group)
      all = chosen[group].count({net.family, net.blocks[group]}) != 0;
    ranked.chosen = all;
  }
  out.notes.emplace_back("accuracies and latencies of the front are sums of differences from the base network");
}

}  // namespace

std::vector<std::string> list_select_rules() {
  return {"ssprofile", "pareto", "budget"};
}

double ssprofile_cost(double accuracy, double latency_s, const SelectOptions& options) {
  if (!(accuracy >= 0 && accuracy <= 1))
    throw Error(Fault::usage, "an accuracy within 0 to 1 is expected, found " + base::format_number(accuracy));
  if (!positive(latency_s))
    throw Error(Fault::usage, "a positive latency is expected, found " + base::format_number(latency_s) + " s");
  return std::exp(-(accuracy - options.accuracy_threshold) / options.accuracy_cost_scale) -
         options.latency_cost_coeff * options.latency_unit_s / latency_s;
}

bool surely_beats(const SsbnResult& b, const SsbnResult& a) {
  const double more = b.accuracy.value - a.accuracy.value, faster = a.latency.value - b.latency.value;
  if (more < 0 || faster < 0) return false;
  return more > std::hypot(a.accuracy.spread, b.accuracy.spread) ||
         faster > std::hypot(a.latency.spread, b.latency.spread);
}

std::vector<AdditiveArch> additive_front(const std::vector<SsbnResult>& results, const std::string& family) {
  const SsbnResult* base = base_of(results, family);
  if (base == nullptr)
    throw Error(Fault::missing, "family " + base::in_quotes(family) + " has no result of its base network");
  constexpr std::size_t most = 1000000;
  std::vector<AdditiveArch> front{{family, base->net.blocks, base->accuracy, base->latency}};
  for (std::size_t group = 0; group < base->net.blocks.size(); ++group) {
    std::vector<AdditiveArch> all = front;  // the base network's own block
    for (const auto& result : results) {
      if (result.net.family != family || result.net.group != static_cast<int>(group)) continue;
      for (const auto& before : front) {
        AdditiveArch arch = before;
        arch.blocks[group] = result.net.blocks[group];
        arch.accuracy.value += result.accuracy.value - base->accuracy.value;
        arch.latency.value += result.latency.value - base->latency.value;
        arch.accuracy.spread = std::hypot(before.accuracy.spread, result.accuracy.spread, base->accuracy.spread);
        arch.latency.spread = std::hypot(before.latency.spread, result.latency.spread, base->latency.spread);
        all.push_back(std::move(arch));
        if (all.size() > 20 * most)
          throw Error(Fault::unsupported, "family " + base::in_quotes(family) + " has too large a front");
      }
    }
    std::sort(all.begin(), all.end(), [](const AdditiveArch& a, const AdditiveArch& b) {
      if (a.latency.value != b.latency.value) return a.latency.value < b.latency.value;
      if (a.accuracy.value != b.accuracy.value) return a.accuracy.value > b.accuracy.value;
      return a.blocks < b.blocks;
    });
    front.clear();
    for (auto& arch : all)
      if (front.empty() || arch.accuracy.value > front.back().accuracy.value) front.push_back(std::move(arch));
    if (front.size() > most)
      throw Error(Fault::unsupported, "family " + base::in_quotes(family) + " has a front of more than " +
                                          std::to_string(most) + " architectures");
  }
  return front;
}

Selection select_blocks(const std::vector<SsbnResult>& results, const SelectOptions& options) {
  check(results, options);
  Selection out;
  out.rule = options.rule;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& result = results[i];
    try {
      out.ranking.push_back({i, ssprofile_cost(result.accuracy.value, result.latency.value, options), false});
    } catch (const Error& error) {
      throw Error(error.fault(), "network " + base::in_quotes(result.net.id) + ": " + error.what());
    }
  }
  // Of a small scale the first term can be so large that the second has no digit in the sum.
  std::sort(out.ranking.begin(), out.ranking.end(), [&](const RankedNet& a, const RankedNet& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    const SsbnResult &one = results[a.index], &two = results[b.index];
    if (one.accuracy.value != two.accuracy.value) return one.accuracy.value > two.accuracy.value;
    return one.latency.value != two.latency.value ? one.latency.value < two.latency.value : one.net.id < two.net.id;
  });
  Chosen chosen(results.front().net.blocks.size());
  if (options.rule == "ssprofile")
    choose_as_ssprofile(results, options, out, chosen);
  else if (options.rule == "pareto")
    choose_pareto(results, out, chosen);
  else
    choose_in_budget(results, options, out, chosen);
  out.cell_shared_primitives = names_of(chosen);
  return out;
}

void save_selected_config(const std::string& config_file, const std::string& file, const Selection& selection,
                          const std::string& comment) {
  const std::string text = base::read_file(config_file);
  std::string out;
  try {
    YAML::Node root = YAML::Load(text);
    YAML::Node space = root["search_space_cfg"];
    if (!space || !space.IsMap()) throw Error(Fault::input, config_file + ": key 'search_space_cfg' is missing");
    YAML::Node groups(YAML::NodeType::Sequence);
    for (const auto& names : selection.cell_shared_primitives) {
      YAML::Node group(YAML::NodeType::Sequence);
      group.SetStyle(YAML::EmitterStyle::Flow);
      for (const auto& name : names) group.push_back(name);
      groups.push_back(group);
    }
    space["shared_primitives"] = YAML::Node(YAML::NodeType::Null);
    space["cell_shared_primitives"] = groups;
    // Lists within braces would be written in braces as well, in one long line.
    space.SetStyle(YAML::EmitterStyle::Block);
    out = base::yaml_text(root) + "\n";
  } catch (const YAML::Exception& error) {
    throw Error(Fault::input, config_file + ": " + error.what());
  }
  base::write_file(file, (comment.empty() ? "" : "# " + comment + "\n") + out);
}

}  // namespace hwprof

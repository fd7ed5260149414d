// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/space.hpp"
#include "space/fingerprint.hpp"

namespace hwprof {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::usage, "architecture: " + what);
}

/// "0 (2), 1 (3), 2 (4)", cut where there are many.
std::string list_options(const Decision& decision) {
  constexpr std::size_t most = 12;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < decision.options.size() && i < most; ++i)
    parts.push_back(std::to_string(i) + " (" + decision.options[i] + ")");
  if (decision.options.size() > most) parts.push_back("… " + std::to_string(decision.options.size()) + " in all");
  return base::join(parts, ", ");
}

std::string name_of(std::size_t index, const Decision& decision) {
  return "decision " + std::to_string(index) + " " + base::in_quotes(decision.name);
}

void check_against(const std::vector<Decision>& decisions, const Arch& arch) {
  if (arch.size() != decisions.size())
    refuse("the space has " + std::to_string(decisions.size()) + " decisions, found " + std::to_string(arch.size()));
  for (std::size_t i = 0; i < arch.size(); ++i)
    if (arch[i] >= decisions[i].options.size())
      refuse(name_of(i, decisions[i]) + " has the options " + list_options(decisions[i]) + ", found " +
             std::to_string(arch[i]));
}

Arch parse_numbers(const std::vector<Decision>& decisions, const std::string& text) {
  Arch arch;
  if (text.empty() && decisions.empty()) return arch;
  const auto parts = base::split(text, '.');
  if (parts.size() != decisions.size())
    refuse("the space has " + std::to_string(decisions.size()) + " decisions, found " + std::to_string(parts.size()) +
           " in " + base::in_quotes(text));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto value = base::to_int(parts[i]);
    if (!value || *value < 0 || *value >= static_cast<std::int64_t>(decisions[i].options.size()))
      refuse(name_of(i, decisions[i]) + " has the options " + list_options(decisions[i]) + ", found " +
             base::in_quotes(parts[i]));
    arch.push_back(static_cast<std::uint16_t>(*value));
  }
  return arch;
}

Arch parse_named(const std::vector<Decision>& decisions, const std::string& text) {
  std::vector<std::string> names;
  for (const auto& decision : decisions) names.push_back(decision.name);
  std::vector<bool> given(decisions.size(), false);
  Arch arch(decisions.size(), 0);
  for (const auto& part : base::split(text, ',')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) refuse("name=option is expected, found " + base::in_quotes(part));
    const std::string name(base::trim(part.substr(0, equals)));
    const std::string option(base::trim(part.substr(equals + 1)));
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) refuse("unknown decision " + base::in_quotes(name) + base::suggest(name, names));
    const auto index = static_cast<std::size_t>(at - names.begin());
    if (given[index]) refuse(name_of(index, decisions[index]) + " is given twice");
    const auto& options = decisions[index].options;
    const auto chosen = std::find(options.begin(), options.end(), option);
    if (chosen == options.end())
      refuse(name_of(index, decisions[index]) + " has no option " + base::in_quotes(option) +
             base::suggest(option, options));
    given[index] = true;
    arch[index] = static_cast<std::uint16_t>(chosen - options.begin());
  }
  const auto missing = std::find(given.begin(), given.end(), false);
  if (missing != given.end()) {
    const auto index = static_cast<std::size_t>(missing - given.begin());
    refuse(name_of(index, decisions[index]) + " is not given");
  }
  return arch;
}

/// FNV-1a: short, the same everywhere.
std::uint64_t text_hash(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

}  // namespace

MixinProfilingSearchSpace::~MixinProfilingSearchSpace() = default;

Net MixinProfilingSearchSpace::network(const Arch& arch) const {
  Net net;
  net.arch = to_string(arch);
  char id[32];
  std::snprintf(id, sizeof id, "arch-%016llx", static_cast<unsigned long long>(text_hash(net.arch)));
  net.id = id;
  for (auto& prim : primitives(arch)) net.layers.push_back({std::move(prim), false, {}});
  if (net.layers.empty()) refuse(base::in_quotes(net.arch) + " has no primitives");
  net.image_size = net.layers.front().prim.spatial_size;
  net.image_channels = net.layers.front().prim.C;
  return net;
}

std::vector<Prim> MixinProfilingSearchSpace::generate_profiling_primitives() const {
  constexpr int quiet_rounds = 4, max_rounds = 256;
  const auto choices = decisions();
  std::set<Prim> found;
  const auto visit = [&](const Arch& arch) {
    const std::size_t before = found.size();
    for (auto& prim : primitives(arch)) found.insert(std::move(prim));
    return found.size() > before;
  };
  std::mt19937_64 rng(0);
  for (int quiet = 0, round = 0; quiet < quiet_rounds && round < max_rounds; ++round) {
    Arch arch = sample(rng);
    bool fresh = visit(arch);
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const auto kept = arch[i];
      for (std::size_t option = 0; option < choices[i].options.size(); ++option) {
        arch[i] = static_cast<std::uint16_t>(option);
        fresh = visit(arch) || fresh;
      }
      arch[i] = kept;
    }
    quiet = fresh ? 0 : quiet + 1;
  }
  return {found.begin(), found.end()};
}

Model MixinProfilingSearchSpace::parse_profiling_primitives(const std::vector<NetRecord>& records,
                                                            const FitOptions& options) const {
  return fit(space::stamped(records, *this), options);
}

std::vector<std::vector<std::size_t>> MixinProfilingSearchSpace::factors() const {
  std::vector<std::size_t> all(decisions().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {std::move(all)};
}

Arch MixinProfilingSearchSpace::sample(std::mt19937_64& rng) const {
  Arch arch;
  for (const auto& decision : decisions()) {
    // Rejection instead of std::uniform_int_distribution, whose numbers differ between standard libraries.
    const std::uint64_t count = std::max<std::size_t>(1, decision.options.size());
    const std::uint64_t limit = std::mt19937_64::max() - std::mt19937_64::max() % count;
    std::uint64_t drawn = rng();
    while (drawn >= limit) drawn = rng();
    arch.push_back(static_cast<std::uint16_t>(drawn % count));
  }
  return arch;
}

std::string to_string(const Arch& arch) {
  std::vector<std::string> parts;
  for (const auto index : arch) parts.push_back(std::to_string(index));
  return base::join(parts, ".");
}

std::string describe(const MixinProfilingSearchSpace& space, const Arch& arch) {
  const auto decisions = space.decisions();
  check_against(decisions, arch);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < arch.size(); ++i)
    parts.push_back(decisions[i].name + "=" + decisions[i].options[arch[i]]);
  return base::join(parts, ",");
}

Arch parse_arch(const MixinProfilingSearchSpace& space, const std::string& text) {
  const auto decisions = space.decisions();
  const std::string trimmed(base::trim(text));
  return trimmed.find('=') == std::string::npos ? parse_numbers(decisions, trimmed) : parse_named(decisions, trimmed);
}

void check_arch(const MixinProfilingSearchSpace& space, const Arch& arch) {
  check_against(space.decisions(), arch);
}

}  // namespace hwprof

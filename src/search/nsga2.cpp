// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/random.hpp"
#include "search/run.hpp"

namespace hwprof::search {
namespace {

struct Member {
  Candidate candidate;
  std::size_t rank = 0;  ///< 0: beaten by none
  double crowding = 0;   ///< distance to the neighbours of the same rank
};

/// To be small: minus the accuracy, then the costs.
double goal(const Member& member, std::size_t index) {
  return index == 0 ? -member.candidate.accuracy : member.candidate.costs[index - 1];
}

std::size_t num_goals(const Member& member) {
  return 1 + member.candidate.costs.size();
}

bool beats(const Member& a, const Member& b) {
  bool better = false;
  for (std::size_t g = 0; g < num_goals(a); ++g) {
    if (goal(a, g) > goal(b, g)) return false;
    better = better || goal(a, g) < goal(b, g);
  }
  return better;
}

/// Deb's fast non-dominated sort: sets the ranks, returns the members by rank.
std::vector<std::vector<std::size_t>> sort_by_rank(std::vector<Member>& members) {
  std::vector<std::vector<std::size_t>> beaten(members.size()), fronts(1);
  std::vector<std::size_t> beaten_by(members.size(), 0);
  for (std::size_t a = 0; a < members.size(); ++a)
    for (std::size_t b = 0; b < members.size(); ++b)
      if (beats(members[a], members[b])) {
        beaten[a].push_back(b);
        ++beaten_by[b];
      }
  for (std::size_t m = 0; m < members.size(); ++m)
    if (beaten_by[m] == 0) fronts[0].push_back(m);
  while (!fronts.back().empty()) {
    std::vector<std::size_t> next;
    for (const std::size_t m : fronts.back()) {
      members[m].rank = fronts.size() - 1;
      for (const std::size_t b : beaten[m])
        if (--beaten_by[b] == 0) next.push_back(b);
    }
    fronts.push_back(std::move(next));
  }
  fronts.pop_back();
  return fronts;
}

void set_crowding(std::vector<Member>& members, std::vector<std::size_t> front) {
  for (const std::size_t m : front) members[m].crowding = 0;
  for (std::size_t g = 0; g < num_goals(members[front[0]]); ++g) {
    std::stable_sort(front.begin(), front.end(),
                     [&](std::size_t a, std::size_t b) { return goal(members[a], g) < goal(members[b], g); });
    const double range = goal(members[front.back()], g) - goal(members[front.front()], g);
    members[front.front()].crowding = members[front.back()].crowding = std::numeric_limits<double>::infinity();
    if (!(range > 0)) continue;
    for (std::size_t i = 1; i + 1 < front.size(); ++i)
      members[front[i]].crowding += (goal(members[front[i + 1]], g) - goal(members[front[i - 1]], g)) / range;
  }
}

bool ahead(const Member& a, const Member& b) {
  return a.rank != b.rank ? a.rank < b.rank : a.crowding > b.crowding;
}

/// The members that survive, ranked.
std::vector<Member> select(std::vector<Member> members, std::size_t population) {
  for (const auto& front : sort_by_rank(members)) set_crowding(members, front);
  std::stable_sort(members.begin(), members.end(), ahead);
  if (members.size() > population)
    members.erase(members.begin() + static_cast<std::ptrdiff_t>(population), members.end());
  return members;
}

const Member& binary_tournament(Run& run, const std::vector<Member>& members) {
  const Member& a = members[base::draw_below(run.rng, members.size())];
  const Member& b = members[base::draw_below(run.rng, members.size())];
  return ahead(b, a) ? b : a;
}

Candidate child(Run& run, const std::vector<Member>& members) {
  constexpr int most_tries = 100;
  if (run.stale()) return run.sample();
  const auto& options = run.num_options();
  for (int i = 0; i < most_tries; ++i) {
    Arch arch = binary_tournament(run, members).candidate.arch;
    const Arch& other = binary_tournament(run, members).candidate.arch;
    if (base::draw_unit(run.rng) < run.options().crossover)
      for (std::size_t d = 0; d < arch.size(); ++d)
        if (base::draw_below(run.rng, 2) == 1) arch[d] = other[d];
    for (std::size_t d = 0; d < arch.size(); ++d)  // one decision changes on average
      if (base::draw_below(run.rng, arch.size()) == 0)
        arch[d] = static_cast<std::uint16_t>(base::draw_below(run.rng, options[d]));
    if (auto found = run.within_limits(std::move(arch))) return std::move(*found);
  }
  return run.sample();
}

}  // namespace

void nsga2(Run& run) {
  std::vector<Member> population;
  for (std::size_t left = run.left(); left > 0; left = run.left()) {
    std::vector<Candidate> batch;
    const bool first = population.empty();
    for (std::size_t i = 0; i < std::min(left, run.options().population); ++i)
      batch.push_back(first ? run.sample() : child(run, population));
    run.evaluate(batch);
    std::set<Arch> members;  // of equal architectures one stays, lest they crowd out the others
    for (const auto& member : population) members.insert(member.candidate.arch);
    for (auto& candidate : batch)
      if (members.insert(candidate.arch).second) population.push_back({std::move(candidate), 0, 0});
    population = select(std::move(population), run.options().population);
  }
}

}  // namespace hwprof::search

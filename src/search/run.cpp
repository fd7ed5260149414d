// SPDX-License-Identifier: Apache-2.0
#include "search/run.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "hwprof/error.hpp"

namespace hwprof::search {

Run::Run(const MixinProfilingSearchSpace& space, const Accuracy& accuracy, const std::vector<SearchCost>& costs,
         const SearchOptions& options)
    : rng(options.seed), space_(space), accuracy_(accuracy), costs_(costs), options_(options) {
  for (const auto& decision : space.decisions()) num_options_.push_back(decision.options.size());
}

std::size_t Run::left() {
  // A space, or what the limits leave of it, may be smaller than the evaluations asked for.
  constexpr std::size_t patience = 100;
  if (options_.stop && options_.stop()) result_.stopped = true;
  const std::size_t done = result_.evaluated.size() + result_.unknown;
  if (result_.repeated > patience * (done + options_.population + 1)) result_.exhausted = true;
  if (result_.stopped || result_.exhausted || done >= options_.evaluations) return 0;
  return options_.evaluations - done;
}

std::optional<Candidate> Run::within_limits(Arch arch) {
  Candidate candidate{std::move(arch), 0, {}};
  bool within = true;
  for (const auto& cost : costs_) {
    candidate.costs.push_back(cost.of(candidate.arch));
    within = within && candidate.costs.back() <= cost.limit;
  }
  if (within) return candidate;
  ++result_.infeasible;
  return {};
}

Candidate Run::sample() {
  constexpr int most = 10000;
  std::vector<double> least(costs_.size(), std::numeric_limits<double>::infinity());
  for (int i = 0; i < most; ++i) {
    Arch arch = options_.sample ? options_.sample(rng) : space_.sample(rng);
    check_arch(space_, arch);
    for (std::size_t c = 0; c < costs_.size(); ++c) least[c] = std::min(least[c], costs_[c].of(arch));
    if (auto candidate = within_limits(std::move(arch))) return std::move(*candidate);
  }
  std::vector<std::string> seen;
  for (std::size_t c = 0; c < costs_.size(); ++c)
    seen.push_back(costs_[c].name + " " + base::format_number(least[c]) + " " + costs_[c].unit + " (limit " +
                   base::format_number(costs_[c].limit) + ")");
  throw Error(Fault::usage, "none of " + std::to_string(most) +
                                " sampled architectures keeps the limits; the least seen: " + base::join(seen, ", "));
}

void Run::evaluate(std::vector<Candidate>& candidates) {
  std::vector<Candidate> fresh;
  for (const auto& candidate : candidates) {
    if (known_.emplace(candidate.arch, std::numeric_limits<double>::quiet_NaN()).second)
      fresh.push_back(candidate);
    else
      ++result_.repeated;
  }
  ask(fresh);
  for (auto& candidate : fresh) {
    known_[candidate.arch] = candidate.accuracy;
    if (std::isnan(candidate.accuracy))
      ++result_.unknown;
    else
      result_.evaluated.push_back(std::move(candidate));
  }
  for (auto& candidate : candidates) candidate.accuracy = known_[candidate.arch];
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [](const Candidate& candidate) { return std::isnan(candidate.accuracy); }),
                   candidates.end());
  if (options_.progress) options_.progress(result_.evaluated.size() + result_.unknown, options_.evaluations);
}

void Run::ask(std::vector<Candidate>& fresh) const {
  std::atomic<std::size_t> next{0};
  std::vector<std::exception_ptr> failures(fresh.size());
  const auto work = [&](int) {
    for (std::size_t i = next++; i < fresh.size(); i = next++) {
      try {
        fresh[i].accuracy = accuracy_(fresh[i].arch);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  base::in_threads(static_cast<int>(std::min(static_cast<std::size_t>(options_.threads), fresh.size())), work);
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

SearchResult Run::finish() && {
  if (result_.evaluated.empty()) {
    if (result_.stopped) throw Error(Fault::interrupted, "the search was stopped before anything was evaluated");
    throw Error(Fault::missing,
                "the accuracy of none of " + std::to_string(result_.unknown) + " proposed architectures is known");
  }
  result_.best = *std::max_element(result_.evaluated.begin(), result_.evaluated.end(),
                                   [](const Candidate& a, const Candidate& b) { return a.accuracy < b.accuracy; });
  result_.front = non_dominated(result_.evaluated);
  return std::move(result_);
}

}  // namespace hwprof::search

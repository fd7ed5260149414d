// SPDX-License-Identifier: Apache-2.0
#include "search/run.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>
#include <mutex>

#include "base/random.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "hwprof/error.hpp"
#include "hwprof/limit.hpp"

namespace hwprof::search {

Run::Run(const MixinProfilingSearchSpace& space, const Accuracy& accuracy, const std::vector<SearchCost>& costs,
         const SearchOptions& options)
    : rng(options.seed), space_(space), accuracy_(accuracy), costs_(costs), options_(options) {
  for (const auto& decision : space.decisions()) {
    num_options_.push_back(decision.options.size());
    num_archs_ *= static_cast<double>(decision.options.size());
  }
  if (!options.among.empty()) choose_pool();
}

namespace {

/// What was least of each cost among architectures that do not keep all limits.
class Least {
 public:
  explicit Least(const std::vector<SearchCost>& costs)
      : costs_(costs), least_(costs.size(), std::numeric_limits<double>::infinity()) {}
  void see(const Arch& arch) {
    for (std::size_t c = 0; c < costs_.size(); ++c) least_[c] = std::min(least_[c], costs_[c].of(arch));
  }
  [[nodiscard]] std::string text() const {
    std::vector<std::string> seen;
    for (std::size_t c = 0; c < costs_.size(); ++c)
      seen.push_back(costs_[c].name + " " + base::format_number(least_[c]) + " " + costs_[c].unit + " (limit " +
                     base::format_number(costs_[c].limit) + ")");
    return "the least seen: " + base::join(seen, ", ");
  }

 private:
  const std::vector<SearchCost>& costs_;
  std::vector<double> least_;
};

}  // namespace

void Run::choose_pool() {
  for (const auto& arch : options_.among) {
    check_arch(space_, arch);
    if (among_.insert(arch).second) pool_.push_back(arch);
  }
  Least least(costs_);
  const auto over = [&](const Arch& arch) {
    least.see(arch);
    return !within_limits(arch);
  };
  pool_.erase(std::remove_if(pool_.begin(), pool_.end(), over), pool_.end());
  if (pool_.empty())
    throw Error(Fault::missing, "of " + std::to_string(among_.size()) +
                                    " architectures of known accuracy none keeps the limits; " + least.text() +
                                    unpriced_text());
  for (std::size_t left = pool_.size(); left > 1; --left)
    std::swap(pool_[left - 1], pool_[base::draw_below(rng, left)]);
}

void Run::look_at_stop() const {
  if (options_.stop && options_.stop()) throw Stopped();
}

std::size_t Run::left() {
  // A space, or what the limits leave of it, may be smaller than the evaluations asked for.
  constexpr std::size_t patience = 100;
  if (options_.stop && options_.stop()) result_.stopped = true;
  const std::size_t done = result_.evaluated.size() + result_.unknown;
  const bool used_up = !pool_.empty() ? done >= pool_.size()
                                      : static_cast<double>(done) >= num_archs_ ||
                                            result_.repeated > patience * (done + options_.population + 1);
  if (used_up && done < options_.evaluations) result_.exhausted = true;
  if (result_.stopped || result_.exhausted || done >= options_.evaluations) return 0;
  return options_.evaluations - done;
}

std::string Run::unpriced_text() const {
  return result_.unpriced == 0 ? "" : "; of " + std::to_string(result_.unpriced) + " a cost is not known";
}

std::optional<Candidate> Run::within_limits(Arch arch) {
  if (!among_.empty() && among_.count(arch) == 0) {
    ++result_.outside;
    return {};
  }
  Candidate candidate{std::move(arch), 0, {}};
  bool within = true, known = true;
  for (const auto& cost : costs_) {
    candidate.costs.push_back(cost.of(candidate.arch));
    known = known && !std::isnan(candidate.costs.back());
    within = within && keeps_limit(candidate.costs.back(), cost.limit);
  }
  if (within) return candidate;
  ++(known ? result_.infeasible : result_.unpriced);
  return {};
}

Candidate Run::sample() {
  constexpr int most = 10000;
  look_at_stop();
  if (!pool_.empty()) {
    while (next_in_pool_ < pool_.size() && known_.count(pool_[next_in_pool_]) != 0) ++next_in_pool_;
    const Arch& arch =
        next_in_pool_ < pool_.size() ? pool_[next_in_pool_++] : pool_[base::draw_below(rng, pool_.size())];
    return within_limits(arch).value();
  }
  Least least(costs_);
  for (int i = 0; i < most; ++i) {
    Arch arch = options_.sample ? options_.sample(rng) : space_.sample(rng);
    check_arch(space_, arch);
    least.see(arch);
    if (auto candidate = within_limits(std::move(arch))) return std::move(*candidate);
    look_at_stop();
  }
  throw Error(Fault::missing, "none of " + std::to_string(most) + " sampled architectures keeps the limits; " +
                                  least.text() + unpriced_text() + "; that there is none is not proven");
}

void Run::evaluate(std::vector<Candidate>& candidates) {
  std::vector<Candidate> fresh;
  for (const auto& candidate : candidates) {
    if (known_.emplace(candidate.arch, std::numeric_limits<double>::quiet_NaN()).second) {
      fresh.push_back(candidate);
      repeated_in_a_row_ = 0;
    } else {
      ++result_.repeated;
      ++repeated_in_a_row_;
    }
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

void Run::ask(std::vector<Candidate>& fresh) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex asking;
  std::vector<char> asked(fresh.size(), 0);
  std::vector<std::exception_ptr> failures(fresh.size());
  const auto stop = [&] {
    if (!options_.stop) return false;
    const std::lock_guard lock(asking);
    if (!stopped && options_.stop()) stopped = true;
    return stopped.load();
  };
  const auto work = [&](int) {
    for (std::size_t i = next++; i < fresh.size() && !stop(); i = next++) {
      try {
        fresh[i].accuracy = accuracy_(fresh[i].arch);
        asked[i] = 1;
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  base::in_threads(static_cast<int>(std::min(static_cast<std::size_t>(options_.threads), fresh.size())), work);
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  if (!stopped) return;
  result_.stopped = true;
  std::vector<Candidate> done;
  for (std::size_t i = 0; i < fresh.size(); ++i)
    if (asked[i] != 0) done.push_back(std::move(fresh[i]));
  fresh = std::move(done);
}

SearchResult Run::finish() && {
  if (result_.evaluated.empty()) {
    if (result_.stopped) throw Error(Fault::interrupted, "the search was stopped before anything was evaluated");
    throw Error(Fault::missing,
                "the accuracy of none of " + std::to_string(result_.unknown) + " proposed architectures is known");
  }
  result_.best =
      *std::min_element(result_.evaluated.begin(), result_.evaluated.end(), [](const Candidate& a, const Candidate& b) {
        return a.accuracy != b.accuracy ? a.accuracy > b.accuracy : a.costs < b.costs;
      });
  result_.front = non_dominated(result_.evaluated);
  return std::move(result_);
}

}  // namespace hwprof::search

// SPDX-License-Identifier: Apache-2.0
#include "measure/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <random>
#include <set>

#include "hwprof/error.hpp"
#include "measure/estimate.hpp"

namespace hwprof::measuring {
namespace {

class Run {
 public:
  Run(const std::vector<Entry>& entries, Host& host, const SamplerOptions& options)
      : entries_(entries), host_(host), options_(options), steady_(entries.size()), met_(entries.size()) {
    spent_before_ = spent_seconds(entries);
    began_ = host.now();
    for (const Entry& entry : entries)
      if (!entry.journal->content().visits.empty()) {
        round_ = std::max(round_, entry.journal->content().visits.back().round + 1);
        stretch_ = std::max(stretch_, entry.journal->content().visits.back().stretch + 1);
      }
  }

  void go() {
    for (;; ++round_) {
      find_steady();
      const auto order = plan_round();
      if (order.empty() || spent() >= options_.budget_s) return;
      forwards_ = plan_forwards(order);
      const std::size_t stretches = std::max<std::size_t>(1, order.size() / options_.stretch);
      const int first_stretch = stretch_;
      for (std::size_t at = 0; at < order.size(); ++at) {
        stretch_ = first_stretch + static_cast<int>(at * stretches / order.size());
        if (options_.stop && options_.stop())
          throw Error(Fault::interrupted, "measuring was stopped on request in round " + std::to_string(round_) +
                                              "; what was measured is kept");
        if (spent() >= options_.budget_s) return;
        visit(order[at]);
        if (options_.progress) options_.progress(spent(), static_cast<std::size_t>(round_), count_steady());
      }
      ++stretch_;
    }
  }

 private:
  [[nodiscard]] double spent() { return spent_before_ + (host_.now() - began_); }

  [[nodiscard]] bool alive(std::size_t i) const {
    return entries_[i].subject != nullptr && entries_[i].journal->content().failures.empty();
  }

  [[nodiscard]] std::size_t count_steady() const {
    return static_cast<std::size_t>(std::count(steady_.begin(), steady_.end(), true));
  }

  void find_steady() {
    std::vector<const std::vector<Visit>*> visits;
    for (const Entry& entry : entries_) visits.push_back(&entry.journal->content().visits);
    const Factors factors = drift_factors(visits);
    for (std::size_t i = 0; i < entries_.size(); ++i)
      steady_[i] = !entries_[i].reference && is_steady(estimate(*visits[i], 0, factors), options_.max_rel_ci);
  }

  /// Shuffled: what is not steady, with references and as many steady ones as the drift needs.
  [[nodiscard]] std::vector<std::size_t> plan_round() {
    std::mt19937_64 rng(options_.seed + 0x9E3779B97F4A7C15U * static_cast<std::uint64_t>(round_ + 1));
    const auto shuffle = [&rng](std::vector<std::size_t>& list) {
      for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[rng() % i]);
    };
    std::vector<std::size_t> order;
    std::vector<std::size_t> helpers;
    bool wanted = false;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!alive(i)) continue;
      wanted = wanted || (!entries_[i].reference && !steady_[i]);
      (steady_[i] ? helpers : order).push_back(i);
    }
    if (!wanted) return {};
    shuffle(helpers);
    for (std::size_t i = 0; i < helpers.size() && order.size() < options_.fewest; ++i) order.push_back(helpers[i]);
    shuffle(order);
    return order;
  }

  /// As many as the budget allows beside the rounds that are wanted; one in the first round, which tells
  /// how long they take.
  [[nodiscard]] std::size_t plan_forwards(const std::vector<std::size_t>& order) {
    double once = 0;
    for (const std::size_t i : order) {
      const auto& visits = entries_[i].journal->content().visits;
      if (visits.empty()) return 1;
      const Visit& last = visits.back();
      once += (last.samples.empty() ? last.disturbed : last.samples).at(0)[0];
    }
    const auto done = static_cast<std::size_t>(round_);
    const auto left = static_cast<double>(done < options_.rounds ? options_.rounds - done : 1);
    std::size_t forwards = options_.forwards;
    // One more forward in each visit is not timed.
    while (forwards > 1 && left * once * static_cast<double>(forwards + 1) > options_.budget_s - spent()) --forwards;
    return forwards;
  }

  /// Forwards that are not timed, until one is not faster than the best before it.
  void warm_up(Subject& subject, double* seconds) {
    constexpr double better = 0.97;
    constexpr double first_s = 0.3;  // the process' own start: clocks, caches, the allocator's pools
    constexpr int most = 50;
    const bool first = std::none_of(met_.begin(), met_.end(), [](bool met) { return met; });
    const double start = host_.now();
    double best = 0;
    for (int turn = 0; turn < most; ++turn) {
      subject.forward(seconds, false);
      const bool settled = turn > 0 && seconds[0] >= better * best;
      best = turn == 0 ? seconds[0] : std::min(best, seconds[0]);
      if (settled && (!first || host_.now() - start >= first_s)) return;
    }
  }

  void visit(std::size_t i) {
    const Entry& entry = entries_[i];
    Visit visit;
    visit.round = round_;
    visit.stretch = stretch_;
    Sample sample(entry.journal->content().head.parts + 1);
    const auto failed = failure_of([&] {
      if (met_[i])
        entry.subject->forward(sample.data(), false);
      else
        warm_up(*entry.subject, sample.data());
      met_[i] = true;
      take(*entry.subject, sample, visit);
    });
    entry.subject->rest();
    visit.at_s = spent();
    if (failed.empty())
      entry.journal->append(visit);
    else
      entry.journal->append(failed.front());
  }

  void take(Subject& subject, Sample& sample, Visit& visit) {
    const double fit = sample[0] > 0 ? std::ceil(options_.visit_s / sample[0]) : 1;
    const auto short_ones = static_cast<std::size_t>(std::min(fit, static_cast<double>(options_.most_forwards)));
    const std::size_t wanted = std::max(forwards_, short_ones);
    const std::size_t most = 2 * wanted + 1;
    const auto enough = [&] { return visit.samples.size() + visit.disturbed.size() >= wanted; };
    for (std::size_t turn = 0; !crowded_ && turn < most && !enough(); ++turn) take_one(subject, sample, false, visit);
    // Where others want the processor all the time, the next visit need not find out again.
    crowded_ = crowded_ || visit.samples.empty();
    while (crowded_ && !enough()) take_one(subject, sample, true, visit);
    if (!visit.samples.empty()) crowded_ = false;
  }

  void take_one(Subject& subject, Sample& sample, bool processor_time, Visit& visit) {
    const Usage before = host_.usage();
    subject.forward(sample.data(), processor_time);
    const Usage after = host_.usage();
    if (!(sample[0] > 0) || !std::isfinite(sample[0]))
      throw Error(Fault::device, "a forward took no time that the clock can show");
    if (!interrupted(before, after, options_.threads))
      visit.samples.push_back(sample);
    else if (processor_time)
      visit.disturbed.push_back(sample);
    else
      ++visit.dropped;
  }

  const std::vector<Entry>& entries_;
  Host& host_;
  const SamplerOptions& options_;
  std::vector<bool> steady_, met_;
  double spent_before_ = 0, began_ = 0;
  int round_ = 0, stretch_ = 0;
  std::size_t forwards_ = 1;
  bool crowded_ = false;  // the last visit met nothing but interruptions
};

}  // namespace

Subject::~Subject() = default;
void Subject::rest() {}

void sample(const std::vector<Entry>& entries, Host& host, const SamplerOptions& options) {
  Run(entries, host, options).go();
}

std::vector<Failure> failure_of(const std::function<void()>& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    if (error.fault() == Fault::interrupted) throw;
    return {{error.fault() == Fault::unsupported ? "unsupported" : "failed", error.what()}};
  } catch (const std::bad_alloc&) {
    return {{"out_of_memory", "the memory of this machine did not suffice"}};
  } catch (const std::exception& error) {
    return {{"failed", error.what()}};
  }
}

double spent_seconds(const std::vector<Entry>& entries) {
  double spent = 0;
  for (const Entry& entry : entries)
    for (const Visit& visit : entry.journal->content().visits) spent = std::max(spent, visit.at_s);
  return spent;
}

}  // namespace hwprof::measuring

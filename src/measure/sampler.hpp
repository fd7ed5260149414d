// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "measure/host.hpp"
#include "measure/journal.hpp"

namespace hwprof::measuring {

/// Something that can be run again and again and knows how long its parts took.
class Subject {
 public:
  virtual ~Subject();
  /// Runs once; seconds has room for 1 + parts numbers: the whole, then each part [s]. With processor_time
  /// they are taken by the clock of the calling thread, which stands still while others have the
  /// processor; a subject for which this makes no sense ignores the wish.
  virtual void forward(double* seconds, bool processor_time) = 0;
  /// Called behind every visit: gives back what only running takes.
  virtual void rest();
};

/// A subject and the journal that its samples go to. One whose journal notes a failure is not run.
struct Entry {
  std::string name;
  Subject* subject = nullptr;
  Journal* journal = nullptr;
  bool reference = false;  ///< only there to show the machine's drift: visited in every round, never finished
};

struct SamplerOptions {
  int threads = 1;
  double max_rel_ci = 0.01;  ///< an entry is steady when relative_half_width() is not above it
  double budget_s = 60;      ///< over all calls that share the journals
  std::uint64_t seed = 0;
  std::size_t forwards = 3;  ///< timed ones in a visit, fewer while the budget would not do for `rounds` with them
  std::size_t rounds = 8;
  double visit_s = 0.01;           ///< short entries are run more often, for this time in a visit,
  std::size_t most_forwards = 25;  ///< up to this often
  std::size_t fewest = 8;          ///< entries that a round needs at least to show the drift
  std::size_t stretch = 20;        ///< visits that share a drift factor, about; a round has at least one stretch
  std::function<void(double done_s, std::size_t round, std::size_t steady)> progress;  ///< after every visit
  std::function<bool()> stop;                                                          ///< before every visit
};

/// Visits all entries in shuffled rounds, which are cut into stretches for the sake of drift removal, and notes every
/// visit in its journal at once, until each is steady or the budget is spent. A visit begins with forwards that are not
/// timed: one, or at an entry's first visit as many as make it faster still. An interrupted forward is dropped and
/// repeated; when nothing but interrupted ones come, they are taken by processor time and marked. An entry that is
/// steady is left out of later rounds as long as enough others are in them. An entry that throws is noted as failed and
/// left out.
/// @throws Error(Fault::interrupted) when stop() says so; the journals hold everything up to there.
void sample(const std::vector<Entry>& entries, Host& host, const SamplerOptions& options);

/// Runs an action that may fail and puts the failure into words; nothing when it did not. A request to
/// stop (Fault::interrupted) is passed on.
[[nodiscard]] std::vector<Failure> failure_of(const std::function<void()>& action);

/// Measuring time that the journals have seen [s].
[[nodiscard]] double spent_seconds(const std::vector<Entry>& entries);

}  // namespace hwprof::measuring

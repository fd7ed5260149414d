// SPDX-License-Identifier: Apache-2.0
#include "compiler/sampled.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "compiler/run_state.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

int batch_of(const measuring::JournalContent& journal, const std::string& file) {
  const auto batch = journal.head.settings.find("batch");
  const auto images = batch == journal.head.settings.end() ? std::nullopt : base::to_int(batch->second);
  if (!images || *images < 1 || *images > std::numeric_limits<int>::max())
    throw Error(Fault::input, file + ": its settings have no batch");
  return static_cast<int>(*images);
}

}  // namespace

measuring::SamplerOptions sampler_options(const MeasureOptions& options, std::size_t networks) {
  measuring::SamplerOptions sampling;
  sampling.threads = options.threads;
  sampling.max_rel_ci = options.max_rel_ci;
  sampling.budget_s = options.budget_s;
  sampling.seed = options.seed;
  sampling.stop = options.stop;
  if (options.progress)
    sampling.progress = [progress = options.progress, budget_s = options.budget_s, networks](
                            double done_s, std::size_t round, std::size_t steady) {
      progress({done_s, budget_s, std::max(0.0, budget_s - done_s),
                "round " + std::to_string(round + 1) + ", " + std::to_string(steady) + " of " +
                    std::to_string(networks) + " networks steady"});
    };
  return sampling;
}

NetRecord not_measured(NetRecord record, const std::string& reason) {
  record.state = RunState::failed;
  record.reason = reason;
  return record;
}

Sampled read_sampled(NetRecord& record, const std::string& journal, const std::string& outcome) {
  Sampled out;
  out.journal = measuring::load_journal(journal);
  if (!out.journal.begun) {
    record = not_measured(std::move(record), "was not measured");
    return out;
  }
  record.batch = batch_of(out.journal, journal);
  auto found = measuring::find_outcome(outcome);
  if (!found) {
    record = not_measured(std::move(record), "measuring was not finished; it can be resumed");
    return out;
  }
  out.outcome = std::move(*found);
  record.state = parse_state(out.outcome.state, outcome);
  record.reason = out.outcome.reason;
  record.from.environment = out.outcome.environment;
  record.from.environment.insert({{"measuring_rounds", std::to_string(out.outcome.session.rounds)},
                                  {"measuring_seconds", base::format_number(out.outcome.session.seconds)},
                                  {"drift_spread", base::format_number(out.outcome.session.drift_spread)}});
  if (record.state != RunState::measured && record.state != RunState::unsteady) return out;
  auto& visits = out.journal.visits;
  if (visits.size() < out.outcome.visits) {
    record = not_measured(std::move(record), "the journal is damaged: " + std::to_string(visits.size()) + " of " +
                                                 std::to_string(out.outcome.visits) + " visits");
    return out;
  }
  visits.resize(out.outcome.visits);  // a later call that was killed may have added some
  out.has_times = true;
  return out;
}

}  // namespace hwprof::compiling

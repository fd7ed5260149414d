// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "measure/estimate.hpp"
#include "measure/sampler.hpp"

namespace hwprof::measuring {

/// Names of the files in an artifact's raw folder.
inline constexpr const char* journal_name = "samples.jsonl";
inline constexpr const char* outcome_name = "outcome.json";

/// All networks that were measured together.
struct Session {
  std::size_t nets = 0, rounds = 0, stretches = 0;
  double seconds = 0;       ///< of measuring, over all calls
  double drift_spread = 0;  ///< standard deviation of the factors
};

/// How measuring one network ended, and what is needed to make sense of its journal alone.
struct Outcome {
  std::string state;       ///< "measured", "unsteady", or a Failure's kind
  std::string reason;      ///< empty when measured
  std::size_t visits = 0;  ///< that the journal had
  Factors factors;         ///< of every stretch of the session
  Session session;
  std::map<std::string, std::string> environment;
  std::vector<std::string> notes;  ///< journal lines that were not believed
};

/// Sets an outcome for every entry from what the journals hold; environment is left empty.
[[nodiscard]] std::vector<Outcome> conclude(const std::vector<Entry>& entries, double max_rel_ci);

/// Whether more visits would help: it is not steady, and nothing failed.
[[nodiscard]] bool wants_visits(const Outcome& outcome, const Entry& entry);

/// Whether an earlier call already drew from the journals what would be drawn now, into files (one for each entry that
/// is no reference, in their order; these come first), and this call would add nothing: nobody wants more, or the
/// budget is spent. wants: by number, what a network lacks beside visits; none is nothing.
[[nodiscard]] bool is_concluded(const std::vector<Entry>& entries, const std::vector<std::string>& files,
                                double max_rel_ci, double budget_s, const std::function<bool(std::size_t)>& wants = {});

/// raw/outcome.json, written by atomic rename.
void save_outcome(const std::string& file, const Outcome& outcome);
/// @throws Error(Fault::input) for a file that is not one.
[[nodiscard]] Outcome load_outcome(const std::string& file);
/// Nothing when there is no such file.
[[nodiscard]] std::optional<Outcome> find_outcome(const std::string& file);

}  // namespace hwprof::measuring

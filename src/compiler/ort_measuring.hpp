// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "hwprof/compiler.hpp"
#include "measure/outcome.hpp"
#include "measure/sampler.hpp"
#include "measure/settings.hpp"

namespace hwprof::compiling {

/// Files of a compiled network.
struct OrtFiles {
  explicit OrtFiles(const std::string& dir);
  std::string model, map, journal, outcome, profile;
};

/// Forwards at the front of a profile that are not counted.
inline constexpr std::size_t profile_skip = 3;

/// Key of the outcome's environment: seconds that a network of one trivial op takes.
inline constexpr const char* launch_key = "launch_overhead_s";

/// Options that only this device has; the text values of MeasureOptions::device_options.
struct OrtOptions {
  std::string node = "node";         ///< the program
  std::string package;               ///< folder below which onnxruntime-node lies
  std::string runner;                ///< another runner than the one inside hwprof
  std::string optimization = "all";  ///< disabled, basic, extended or all
  /// @throws Error(Fault::usage) for an unknown name or value.
  explicit OrtOptions(const std::map<std::string, std::string>& given);
};

/// One call of measure(): starts the runner and takes what it writes into the networks' journals, until every network
/// is steady or the budget is spent. A network at which the runner dies or stalls is noted as failed, and the runner
/// is started again without it.
class OrtMeasuring {
 public:
  OrtMeasuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options);
  void run();

 private:
  void open_journals();
  void write_models();
  [[nodiscard]] bool has_profile(std::size_t entry) const;
  [[nodiscard]] bool lacks_profile(std::size_t entry) const;
  [[nodiscard]] bool wants_more(const std::vector<measuring::Outcome>& outcomes, std::size_t entry) const;
  [[nodiscard]] std::vector<std::string> outcome_files() const;
  [[nodiscard]] base::Json job() const;
  void run_session();
  void take_lines();
  void take(const base::JsonReader& line);
  void take_visit(const base::JsonReader& line, measuring::Journal& journal) const;
  [[nodiscard]] bool should_stop();
  void save_outcomes();

  const std::vector<Artifact>& artifacts_;
  const MeasureOptions& options_;
  OrtOptions own_;
  std::string folder_, output_;
  std::vector<std::unique_ptr<measuring::Journal>> journals_;
  std::vector<measuring::Entry> entries_;  // the artifacts in their order, then the launch network
  std::map<std::string, std::size_t> entry_of_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<measuring::Affinity> affinity_;
  std::string pending_;   // bytes of a line that has not ended
  std::size_t read_ = 0;  // bytes of the output that were taken
  std::string current_;   // net that the runner works on
  double heard_s_ = 0;    // when it last wrote a line
  double checked_s_ = 0;  // when it was last looked at who is steady
  std::size_t lines_ = 0;
  bool interrupted_ = false, stalled_ = false, steady_ = false;
};

}  // namespace hwprof::compiling

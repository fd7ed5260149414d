// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/compiler.hpp"
#include "measure/outcome.hpp"
#include "measure/sampler.hpp"

namespace hwprof::opencv {

/// Files of a compiled network.
struct Files {
  explicit Files(const std::string& dir);
  std::string stem, prototxt, caffemodel, layers, journal, outcome;
};

/// Names of the layers of a compiled network, the input apart, in the order of the prototxt.
/// @throws Error(Fault::input) for a file that does not hold them.
[[nodiscard]] std::vector<std::string> load_layers(const std::string& file);

/// One call of measure(): journals, networks, sampler, outcomes. The parts of a sample are the layers, and last what is
/// left of the whole.
class Measuring {
 public:
  Measuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options);
  void run();

 private:
  void open_journals();
  void open_references();
  [[nodiscard]] measuring::JournalHead head_of(const std::string& subject, std::size_t layers) const;
  [[nodiscard]] std::vector<std::string> outcome_files() const;
  void build_subjects();
  void sample();
  void save_outcomes(const std::map<std::string, std::string>& environment) const;

  const std::vector<Artifact>& artifacts_;
  const MeasureOptions& options_;
  std::vector<std::unique_ptr<measuring::Journal>> journals_;
  std::vector<std::unique_ptr<measuring::Subject>> subjects_;
  std::vector<std::vector<std::string>> layers_;  // per entry
  std::vector<measuring::Entry> entries_;         // the artifacts in their order, then references
};

}  // namespace hwprof::opencv

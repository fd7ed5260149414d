// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/compiler.hpp"
#include "hwprof/torch.hpp"
#include "measure/energy.hpp"
#include "measure/outcome.hpp"
#include "measure/sampler.hpp"
#include "torch/options.hpp"
#include "torch/subject.hpp"

namespace hwprof {

struct RawFiles {
  std::string journal, outcome;
};
[[nodiscard]] RawFiles raw_files(const Artifact& artifact);

/// One call of measure(): journals, modules, sampler, outcomes.
class Measuring {
 public:
  Measuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options, torch::Device device);
  void run();

 private:
  [[nodiscard]] measuring::JournalHead head_of(const Artifact& artifact) const;
  [[nodiscard]] std::vector<std::string> outcome_files() const;
  void set_limit();
  void open_journals();
  void open_references();
  void build_subjects();
  void build(std::size_t entry);
  void read(std::size_t entry, measuring::EnergyCounter& counter);
  [[nodiscard]] std::string earlier_failure(const Net& net) const;
  void note(std::size_t entry, measuring::Failure failure);
  void sample();
  void save_outcomes(const std::map<std::string, std::string>& environment) const;
  [[nodiscard]] std::map<std::string, std::string> environment_of(const Net& net) const;
  [[nodiscard]] torch::Tensor input_of(const Shape& shape);

  const std::vector<Artifact>& artifacts_;
  const MeasureOptions& options_;
  torch::Device device_;
  TorchOptions torch_;
  std::string limit_text_;
  std::vector<std::unique_ptr<measuring::Journal>> journals_;
  std::vector<std::unique_ptr<TorchSubject>> subjects_;
  std::vector<measuring::Entry> entries_;  // the artifacts in their order, then references
  std::map<Shape, torch::Tensor> inputs_;
  WeightPool pool_;
  std::map<std::string, int> failed_;  // batch at which a network ran out of memory
};

}  // namespace hwprof

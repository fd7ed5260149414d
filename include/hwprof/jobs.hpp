// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hwprof/run.hpp"

// Networks times pruning levels times batch sizes times modes, as a run folder that can be carried to the device and
// back: what the training cost of networks is learned from. docs/training.md walks through it.
namespace hwprof {

/// What is to be measured; every list is multiplied out.
struct JobPlan {
  std::vector<std::string> networks;  ///< files, see load_network()
  std::vector<double> levels{0};      ///< of prune(): 0.3 takes 30 % of the filters; level 0 occurs once a network
  std::vector<std::string> strategies{"random"};  ///< of prune()
  int repeats = 1;                                ///< random prunings of each level, with other seeds
  bool per_layer = false;                         ///< PruneOptions::per_layer
  std::vector<std::string> modes{"train"};        ///< "inference", "train"
  std::vector<int> batches{1};
  int image_size = 0;  ///< > 0 replaces the files' own
  std::uint64_t seed = 0;
  /// So many small networks more, drawn by number and seed: what a device's costs are told apart by. Each has one of
  /// the batches, in turn, and every mode.
  int calibration = 0;
  bool till_first_fail = false;  ///< what a config.ini asks for; `measure` takes it as an option
  Notes notes;                   ///< what a config.ini says that is not known, each with its place
};

/// A plan in YAML, with the keys networks (paths from the file's folder), levels, strategies, repeats, per_layer,
/// modes, batches, image_size, seed, calibration, till_first_fail; or perf4sight's config.ini (any file named .ini),
/// whose networks are looked for as <network>.yaml or .onnx in model_desc_dir and beside the file, whatever their case,
/// dashes and underscores.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] JobPlan load_job_plan(const std::string& file);

/// One network of a file: an ONNX file, a network file (load_net), or a space with a single architecture (`kind:
/// listed`). Its id is the file's name; image_size > 0 replaces the file's own.
/// @throws as those readers, and Error(Fault::input) for a space with choices or an input that is not square.
[[nodiscard]] Net load_network(const std::string& file, int image_size = 0);

/// The networks of a plan, pruned and multiplied out, smallest batch first. Ids count from 0; arch is
/// <network>/<strategy>/<level>/<repeat>, and <network> alone for level 0; calibration/<number> of those that are
/// drawn, for images of the plan's size, or of its networks' in turn. Pruned ones are graphs without weights.
/// @throws as load_network and prune; Error(Fault::usage) for lists that are empty, name a thing twice or make more
/// than 100 000 jobs, and for two networks of one name or one called calibration.
[[nodiscard]] std::vector<Net> make_jobs(const JobPlan& plan, Notes* notes = nullptr);

/// Writes the jobs as a run folder, compiled for options.compilers; of the other options dir and force count. The
/// folder's config.yaml is the plan. A killed call is completed by the same call. @throws as make_jobs and generate.
GenerateSummary generate_jobs(const JobPlan& plan, const GenerateOptions& options);

}  // namespace hwprof

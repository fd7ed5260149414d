// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hwprof/block_lut.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/selection.hpp"
#include "hwprof/ssbn.hpp"
#include "hwprof/training.hpp"

// The whole job of ssprofile: base networks are trained and measured, and the blocks worth searching over chosen.
namespace hwprof {

/// A configuration of ssprofile or aw_nas with what hwprof adds to ss_profiler_cfg; docs/ssprofile.md names all keys.
struct SsprofileConfig {
  SsbnSpec space;
  TrainSettings train;
  SelectOptions select;
  std::string data = "fashion-mnist";
  double budget_s = 60;  ///< of measuring
  /// What arch_file, dpu_url and calib_data say, as options of the device dpu: arch, server, images.
  std::map<std::string, std::string> dpu_options;
  bool isolated = false;           ///< measure every block alone as well, to compare
  std::vector<std::string> notes;  ///< keys that were read over
};
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] SsprofileConfig load_ssprofile_config(const std::string& file);

struct SsprofileOptions {
  std::string config;  ///< YAML file
  std::string dir;     ///< profile folder, created; nothing in it is ever erased
  std::string data;    ///< in place of the file's
  std::string train_device = "cpu";
  int jobs = 1;                ///< networks that are trained at once; the result does not depend on it
  std::string device = "cpu";  ///< compiler that measures
  MeasureOptions measure;      ///< budget_s 0: the file's
  /// What stands for accuracy: "accuracy", by training; or without any data the rank of "macs", "params", "naswot" or
  /// "grad_norm" among all networks, from 0 to 1.
  std::string objective = "accuracy";
  bool dry_accuracy = false, dry_latency = false;  ///< random numbers instead, marked in every file
  bool only_accuracy = false;                      ///< stop before anything is measured
  bool resume = false;  ///< go on in a folder that an earlier call with the same options left
  std::uint64_t seed = 0;
  std::function<void(const Progress&)> progress;  ///< one thread at a time
  std::function<bool()> stop;  ///< true ends the call with Error(Fault::interrupted); what was done is kept
};

/// How one network did.
struct AccuracyRow {
  std::string id;
  std::size_t right = 0, images = 0;            ///< validation images
  std::size_t test_right = 0, test_images = 0;  ///< base networks alone; nothing is chosen by it
  std::vector<Epoch> curve;
  std::string failure;  ///< why there is no accuracy; empty when there is one
  bool reused = false;  ///< by an earlier call
  double params = 0, macs = 0;
  ProxyScores scores;
};

struct SsprofileSummary {
  std::vector<AccuracyRow> accuracies;  ///< in the order of list_ssbn
  std::vector<SsbnResult> results;      ///< networks with both numbers; empty with only_accuracy
  Selection selection;
  BlockLut in_context, isolated;      ///< no layers: not known, and the notes say why
  LutRatio isolated_over_in_context;  ///< n is 0 where there are not both
  std::vector<LutConflict> conflicts;
  std::vector<std::string> dry_run;  ///< of "accuracy", "latency"
  std::vector<std::string> notes, files;
  double seconds = 0;
};

/// Killed at any moment, it is completed by the same call with resume, and ends in the same tables: networks that are
/// trained are not trained again, one that was being trained goes on behind its last whole epoch, measured ones are not
/// measured again. A network that cannot be trained or measured is left out and noted.
/// Writes to dir: input.yaml output.yaml run.json accuracy/<id>.json checkpoints/<id>.state_dict.pth and .repr.txt
/// accuracy_table.yaml proxy_table.csv hardwares/ records.jsonl latency_table.yaml speed.txt speed.json
/// speed_isolated.json networks.csv ssprofile.json ssprofile.svg; see docs/formats.md.
/// @throws Error(Fault::usage) for a folder that holds anything else, or a run with other options, naming them.
[[nodiscard]] SsprofileSummary ssprofile(const SsprofileOptions& options);

}  // namespace hwprof

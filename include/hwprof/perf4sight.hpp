// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hwprof/record.hpp"

// The files of perf4sight (ICCV workshops 2021), which models the training cost of pruned networks: its config.ini and
// its logs. load_records() reads the logs as well, by their header.
namespace hwprof {

/// [create_network_dataset] (also called [pruner]): networks made by pruning.
struct Perf4sightDataset {
  std::vector<std::string> networks;
  std::vector<double> levels;      ///< `pruning_perc` as shares of the filters: 0.3 for 30 and for 0.3
  std::vector<std::string> modes;  ///< `mode`: "random", "l1-norm"
  int repeats = 1;                 ///< of each random pruning
  std::string model_desc_dir, model_path;
};
/// [profile]: what is measured. Every combination of network, batch, stage and metric is a test.
struct Perf4sightProfile {
  bool create_config = false, run_profiling = false, save = true;
  bool till_first_fail = false;  ///< no larger batch of a network after one that failed
  std::string device;            ///< "tx2", "2080ti"
  std::string gpu_id;
  std::vector<std::string> networks;  ///< `network`
  std::vector<int> batches;           ///< `bs`
  std::vector<std::string> stages;    ///< `stage`: "training", "inference"
  std::vector<std::string> datasets;  ///< `dataset`: "imagenet" (3x224x224), "cifar" (3x32x32)
  std::vector<std::string> metrics;   ///< `profile_variables`: "memory", "latency", "cpu-latency"
  std::string local_model_loc, device_model_loc, test_config, log_dir;
  std::optional<double> limit_mem_mb, idle_mem_mb;
};
/// [fingerprint]: which models are fitted on which logs.
struct Perf4sightFingerprint {
  bool overwrite = false, evaluate = false;
  std::string stage;                        ///< "training", "inference"
  std::string memory_model, latency_model;  ///< as written
  std::vector<std::string> train_nets, eval_nets;
  std::vector<std::string> memory_logs, latency_logs, eval_memory_logs, eval_latency_logs, train_logs, eval_logs;
  std::string pruned_models_storedir, model_storedir;
};
/// A config.ini: what perf4sight evaluates as Python is read as literals here, and never run: lists and tuples of
/// texts, numbers and range(…), quoted or bare texts, True and False. A section that the file lacks is absent.
struct Perf4sightConfig {
  using Dataset = Perf4sightDataset;
  using Profile = Perf4sightProfile;
  using Fingerprint = Perf4sightFingerprint;
  std::optional<Dataset> dataset;
  std::optional<Profile> profile;
  std::optional<Fingerprint> fingerprint;
  Notes notes;  ///< sections and keys that are not known, each with its place
};

/// @throws Error(Fault::input) with file:line for what is no config file, for expressions that are no literals, and for
/// values that a key cannot have.
[[nodiscard]] Perf4sightConfig load_perf4sight_config(const std::string& file);

/// One row a record, in either form, which the header tells (columns go by name, in any order; the separator is
/// whichever of | , ; and tab the header has; other columns are passed over):
///  - the profiler's: passed, mem_used | latency, params (a Python dictionary with bs, net_name, model, …);
///  - the fitter's, <net>_<level>-gt.csv: passed, bs, net_name, model, dataset, mem_used | latency.
/// Memory is in MB of 2^20 bytes, latency in ms; they become train_memory and train_latency, of inference memory and
/// latency. Without mem_used the reserved or the allocated memory is taken, and noted. Rows of the test cpu-latency are
/// left out, and counted in a note. A row that did not pass becomes a record of state out_of_memory; one that passed
/// without a number, failed.
/// The record's net_id is the stem of `model`, else net_name_level, else the log's name; its environment has what
/// pair_costs() pairs networks by: "net_name", "model", "dataset", "log" (the file's stem without -gt), and "level"
/// [%], from a column level, pruning_level or pruning_perc, else from the number at the end of the model's name, behind
/// net_name in the log's (resnet18_30-memory-gt), or that is a folder of the model's. mode: the row's exec_stage or
/// stage, else what the log's name says (resnet18_30-inference.csv) or one of the two folders that it lies in, else
/// "train", as in perf4sight's own logs.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] std::vector<NetRecord> load_perf4sight_log(const std::string& file, Notes* notes = nullptr);

/// The profiler's form, separator |: a row for every memory (latency) of inference and of training, called by the
/// record's "model" or else its arch or net_id, params with the pruning level [%] that its "level" or its arch
/// (network/strategy/level/repeat) says; and one for each record that ran out of memory. Figures that a record does not
/// have stay empty. Appears by rename. @throws Error(Fault::usage) for another metric than memory and latency.
void save_perf4sight_log(const std::string& file, const std::vector<NetRecord>& records, Metric metric);

}  // namespace hwprof

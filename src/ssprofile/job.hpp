// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hwprof/ssprofile.hpp"
#include "run/folder.hpp"

// The parts of ssprofile(), in the order in which it calls them.
namespace hwprof::ssprofiling {

inline constexpr const char* accuracy_folder = "accuracy";
inline constexpr const char* checkpoint_folder = "checkpoints";
inline constexpr const char* isolated_prefix = "isolated-";  ///< of the ids of blocks that are measured alone
inline constexpr const char* data_file = "accuracy/data.json";
inline constexpr const char* dpu = "dpu";  ///< the device whose files have ssprofile's names as well

/// What all parts look at.
struct Job {
  const SsprofileOptions& options;
  const SsprofileConfig& config;
  run::Folder& folder;
  std::vector<SsbnNet> nets;
  const DataSet* data = nullptr;  ///< where networks are trained
  [[nodiscard]] Net network(const SsbnNet& net) const { return ssbn_network(config.space, net); }
  [[nodiscard]] std::string checkpoint(const std::string& id) const {
    return folder.path(std::string(checkpoint_folder) + "/" + id + ".state_dict.pth");
  }
  /// Whether the network's weights were learned, by this call or an earlier one.
  [[nodiscard]] bool has_weights(const std::string& id) const;
};

/// Stable over machines and versions; different texts give different numbers but by chance.
[[nodiscard]] std::uint64_t mixed(std::uint64_t seed, const std::string& text);
/// Uniform in [0, 1) by the same.
[[nodiscard]] double random_unit(std::uint64_t seed, const std::string& text);

/// Throws Error(Fault::interrupted) when the caller asked to stop.
void check_stop(const Job& job);

/// Share and half of Wilson's 95 % interval.
[[nodiscard]] Measured share(std::size_t right, std::size_t images);

/// What the networks learn from. @throws Error(Fault::input) for images that they cannot take, and as load_data and
/// split_images.
[[nodiscard]] DataSet load_images(const SsprofileOptions& options, const SsprofileConfig& config);

/// Trains what is not trained yet, or draws random numbers. Rows in the order of the networks.
[[nodiscard]] std::vector<AccuracyRow> find_accuracies(const Job& job);

/// Ranks by a score on paper or before training, from 0 to 1; ties share the mean of their ranks.
[[nodiscard]] std::vector<AccuracyRow> find_proxies(const Job& job);
/// The rank of each row, by the objective's score; NaN where there is none.
[[nodiscard]] std::vector<double> proxy_ranks(const std::vector<AccuracyRow>& rows, const std::string& objective);

/// Measures all networks, and every block alone where the configuration says so; or draws random numbers.
[[nodiscard]] std::vector<NetRecord> find_latencies(const Job& job);

/// Gives the files of networks on their way to a DPU, which lie in artifact folders, ssprofile's names too
/// (caffemodels/, vitis/, log_files/), and takes what was put under these into the artifact folders. Artifact folders
/// in the order of the networks. Returns, by id, why a result that somebody put there cannot be taken.
[[nodiscard]] std::map<std::string, std::string> share_dpu_files(const Job& job,
                                                                 const std::vector<std::string>& artifacts);

/// "dry run: random accuracies and latencies"; empty when it is none.
[[nodiscard]] std::string dry_text(const SsprofileSummary& summary);

/// Where this call ends without a choice, that of an earlier one is gone too.
void remove_choice(const Job& job);

/// networks.csv, ssprofile.json, ssprofile.svg, the tables of ssprofile's names.
void save_accuracy_tables(const Job& job, const SsprofileSummary& summary);
void save_results(const Job& job, const std::vector<NetRecord>& records, const SsprofileSummary& summary);

}  // namespace hwprof::ssprofiling

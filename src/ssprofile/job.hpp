// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/ssprofile.hpp"
#include "run/folder.hpp"

// The parts of ssprofile(), in the order in which it calls them.
namespace hwprof::ssprofiling {

inline constexpr const char* accuracy_folder = "accuracy";
inline constexpr const char* checkpoint_folder = "checkpoints";

/// What all parts look at.
struct Job {
  const SsprofileOptions& options;
  const SsprofileConfig& config;
  run::Folder& folder;
  std::vector<SsbnNet> nets;
  [[nodiscard]] Net network(const SsbnNet& net) const { return ssbn_network(config.space, net); }
};

/// Stable over machines and versions; different texts give different numbers but by chance.
[[nodiscard]] std::uint64_t mixed(std::uint64_t seed, const std::string& text);
/// Uniform in [0, 1) by the same.
[[nodiscard]] double random_unit(std::uint64_t seed, const std::string& text);

/// Throws Error(Fault::interrupted) when the caller asked to stop.
void check_stop(const Job& job);

/// Share and half of Wilson's 95 % interval.
[[nodiscard]] Measured share(std::size_t right, std::size_t images);

/// Trains what is not trained yet, or draws random numbers. Rows in the order of the networks.
[[nodiscard]] std::vector<AccuracyRow> find_accuracies(const Job& job);

/// Ranks by a score on paper or before training, from 0 to 1; ties share the mean of their ranks.
[[nodiscard]] std::vector<AccuracyRow> find_proxies(const Job& job);
/// The rank of each row, by the objective's score; NaN where there is none.
[[nodiscard]] std::vector<double> proxy_ranks(const std::vector<AccuracyRow>& rows, const std::string& objective);

/// Measures all networks, and every block alone where the configuration says so; or draws random numbers.
[[nodiscard]] std::vector<NetRecord> find_latencies(const Job& job);

/// "dry run: random accuracies and latencies"; empty when it is none.
[[nodiscard]] std::string dry_text(const SsprofileSummary& summary);

/// networks.csv, ssprofile.json, ssprofile.svg, the tables of ssprofile's names.
void save_accuracy_tables(const Job& job, const SsprofileSummary& summary);
void save_results(const Job& job, const std::vector<NetRecord>& records, const SsprofileSummary& summary);

}  // namespace hwprof::ssprofiling

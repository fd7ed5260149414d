// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "hwprof/record.hpp"
#include "hwprof/ssbn.hpp"

// From accuracies and latencies of search-space base networks to the blocks that are worth searching over.
namespace hwprof {

/// What is known of one network; `spread` is half the 95 % interval, 0 when unknown.
struct SsbnResult {
  SsbnNet net;
  Measured accuracy;  ///< share of images, 1 is 100 %
  Measured latency;   ///< [s]
};

/// ssprofile's numbers, with its defaults. Its latency term depends on the unit, which it does not state (its tables
/// are in ms): here latency_unit_s names it, and the term is unit / latency.
struct SelectOptions {
  /// ssprofile  networks of all families by ascending cost; the family that first has `networks` of them wins, and the
  ///            blocks that those use stay
  /// pareto     the blocks of all families whose networks are not surely beaten (surely_beats) in their cell group
  /// budget     the blocks of the architectures of one family that keep latency_limit_s and that no other of them
  /// beats,
  ///            accuracy and latency being sums of the blocks' differences from the base network (additive_front)
  std::string rule = "ssprofile";
  double accuracy_threshold = 0.92, accuracy_cost_scale = 1, latency_cost_coeff = 0.5;
  double latency_unit_s = 1e-3;
  std::size_t networks = 5;  ///< select_ss_threshold
  double latency_limit_s = std::numeric_limits<double>::infinity();
};
[[nodiscard]] std::vector<std::string> list_select_rules();
inline constexpr double least_accuracy_cost_scale = 0.002;  ///< of a smaller one costs are beyond all numbers

/// exp(-(accuracy - threshold) / scale) - coeff * unit / latency, lower is better.
/// @throws Error(Fault::usage) for an accuracy outside 0 to 1 and a latency that is not positive and finite.
[[nodiscard]] double ssprofile_cost(double accuracy, double latency_s, const SelectOptions& options);

/// b beats a beyond doubt: no worse in accuracy and latency, and better in one by more than both intervals together
/// (the root of the sum of their squares).
[[nodiscard]] bool surely_beats(const SsbnResult& b, const SsbnResult& a);

/// An architecture by sums: base network plus the difference of every block.
struct AdditiveArch {
  std::string family;
  std::vector<int> blocks;  ///< by cell group
  Measured accuracy, latency;
};

/// All architectures of one family that no other of it beats, by ascending latency; exact under the additive
/// assumption, which the measured networks cannot test, since they differ in one group only.
/// @throws Error(Fault::missing) when the family has no base network among the results, Error(Fault::unsupported) for a
/// front of more than a million.
[[nodiscard]] std::vector<AdditiveArch> additive_front(const std::vector<SsbnResult>& results,
                                                       const std::string& family);

struct RankedNet {
  std::size_t index = 0;  ///< into the results
  double cost = 0;        ///< ssprofile_cost
  bool chosen = false;    ///< its blocks are among those that stay
};

struct Selection {
  std::string rule;
  std::string family;                                            ///< the winner; empty with the rule pareto
  std::vector<RankedNet> ranking;                                ///< all results, by ascending cost
  std::vector<AdditiveArch> front;                               ///< of the rule budget: within the limit
  std::vector<std::vector<std::string>> cell_shared_primitives;  ///< by cell group, by family and number
  std::vector<std::string> notes;
};

/// @throws Error(Fault::usage) for an unknown rule or options that make no sense, Error(Fault::missing) when the rule
/// ends without a choice (no family has enough networks, none keeps the limit) or there are no results.
[[nodiscard]] Selection select_blocks(const std::vector<SsbnResult>& results, const SelectOptions& options);

/// The configuration again, with search_space_cfg.cell_shared_primitives filled in and shared_primitives null; other
/// keys stay, comments do not. comment, if any, stands in front. Appears by rename.
/// @throws Error(Fault::input) when config_file cannot be read or has no search_space_cfg.
void save_selected_config(const std::string& config_file, const std::string& file, const Selection& selection,
                          const std::string& comment = {});

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/kernel.hpp"
#include "hwprof/net.hpp"
#include "hwprof/record.hpp"

namespace hwprof {

/// Finding out which ops a device fuses, by nn-Meter's rule (Zhang et al., MobiSys 2021): two ops are fused
/// if T1 + T2 - T12 > alpha * min(T1, T2), where T12 is the time of both in a row.

struct FusionOptions {
  int size = 28, channels = 64;  ///< of the map; fully connected layers see 1024 values
  double alpha = 0.5;
};

/// The test networks: nothing at all, each op by itself, each second op by itself in the shape that it has behind
/// the first, and the pairs. Net::arch says which: "", "conv", "conv>bn", "conv+bn". Ids are numbers.
/// @throws Error(Fault::usage) for sizes that are not positive.
[[nodiscard]] std::vector<Net> fusion_nets(const FusionOptions& options = {});

struct FusionTest {
  std::string first, second;
  double first_s = 0, second_s = 0, pair_s = 0;  ///< without what a network of nothing costs
  double saved = 0;                              ///< (T1 + T2 - T12) / min(T1, T2)
  double spread = 0;                             ///< half width of the 95 % interval of saved, from those of the times
  bool fused = false;                            ///< saved > alpha, by more than the spread
  bool sure = false;  ///< saved differs from alpha by more than the spread, which is below 1, and is not above 1
};

struct FusionReport {
  FusionRules rules;  ///< the pairs that are fused
  std::vector<FusionTest> tests;
  std::vector<std::string> notes;  ///< tests that could not be made, and why; each pair that is not sure
  Provenance from;
};

/// Decides from the records of fusion_nets(); pairs without all of their records are noted. What every network costs
/// (the network of nothing, or NetRecord::overhead) is taken off first.
/// @throws Error(Fault::missing) when no pair can be decided; Error(Fault::usage) for alpha outside 0 to 1
/// and for records of different devices.
[[nodiscard]] FusionReport find_fusion(const std::vector<NetRecord>& records, double alpha = 0.5);

/// As save_fusion(file, rules), with the tests beside the rules.
void save_fusion(const std::string& file, const FusionReport& report);

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/impl.hpp"
#include "model/prim_table.hpp"

namespace hwprof::model {

/// One measurement of a primitive inside a network.
struct Sample {
  std::uint32_t net = 0;  ///< in FitData::nets
  double value = 0, spread = 0;
  double weight = 1;  ///< lower where the network was not steady
};

/// One network that a fit may use.
struct FitNet {
  const NetRecord* record = nullptr;
  std::vector<std::uint32_t> prims;  ///< numbers in FitData::index, in execution order
  double measured = 0;               ///< overall cost; 0 when there is none
  double weight = 1;
};

/// Numbers of networks in FitData::nets.
using NetList = std::vector<std::size_t>;

/// The records that a fit may use, checked to belong together. The records must outlive it. What a fit learns from
/// is in samples and FitNet::measured alone, since networks may be held out of them: see without().
struct FitData {
  PrimIndex index;
  std::vector<std::vector<Sample>> samples;  ///< by number in index; none for primitives without a cost
  std::vector<FitNet> nets;
  Info info;           ///< metric, provenance; summary: what was left out so far
  bool assess = true;  ///< whether the fit is to cross-validate itself
};

/// @throws Error(Fault::usage) for records that do not belong together, naming the difference;
/// Error(Fault::missing) when none can be used.
[[nodiscard]] FitData collect(const std::vector<NetRecord>& records, const FitOptions& options);

/// The same with the marked networks held out: their overall cost is unknown, and so are their measurements of
/// primitives, where others cover these. Numbers stay as they are.
[[nodiscard]] FitData without(const FitData& data, const std::vector<bool>& left_out);

/// A number for each of these, from 0 in the order in which they first come: the same one for records of one network,
/// which are of the same primitives in the same order. Held out are all of them or none.
[[nodiscard]] std::vector<std::size_t> network_of(const FitData& data, const NetList& nets);
/// How many networks these are.
[[nodiscard]] std::size_t count_networks(const FitData& data, const NetList& nets);

/// Takes the marked networks away altogether; those behind them are renumbered.
void remove_nets(FitData& data, const std::vector<bool>& marked);

/// A robust mean per primitive: samples further than 5 robust deviations (median/MAD, taken as at least
/// 5 % of the median) from the median are dropped, the rest is averaged. The spread is the 95 % interval of
/// that mean from the scatter over contexts, with the scatter of all primitives as prior for those that
/// were seen a few times only.
///
/// Costs come by number in index; `samples` is 0 where nothing was measured.
[[nodiscard]] std::vector<Measured> build_table(const FitData& data);

}  // namespace hwprof::model

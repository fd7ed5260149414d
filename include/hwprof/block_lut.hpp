// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "hwprof/record.hpp"
#include "hwprof/ssbn.hpp"

// Latency of every block in every layer: the table that aw_nas' search reads (speed.txt).
namespace hwprof {

struct LutEntry {
  std::string block;                ///< "Resblock_3"
  std::optional<Measured> latency;  ///< [s]; nothing: not known
};

/// A row for each layer, in it the blocks that may stand there, in the order of the space.
struct BlockLut {
  std::string origin;  ///< how the numbers came about: "in context", "isolated", "text", …
  std::string device;
  std::vector<std::vector<LutEntry>> layers;
  std::size_t not_positive = 0;  ///< entries whose time came out at 0 or below: not known
};

/// In-context differencing: final[l][b] = typical[l] + (L(network with b at l) - L(base network)), where typical[l] is
/// the layer's own time inside the base network. It takes in what the neighbours make of a block (fusion, memory,
/// scheduling). spread is the root of the sum of the squares of the three. Where a cell group has several layers, the
/// sum of theirs is shared out by the layers' own times in the exchanged network. Records are paired by net_id; what
/// was not measured stays unknown, and so does what comes out at 0 or below, as differences of noisy times may, and a
/// family whose base network has no record with the times of its layers, which notes get.
/// @throws Error(Fault::missing) when that is so of all families.
[[nodiscard]] BlockLut in_context_lut(const SsbnSpec& spec, const std::vector<NetRecord>& records,
                                      Notes* notes = nullptr);

/// The blocks as they ran alone: records of networks that hold the one primitive.
[[nodiscard]] BlockLut isolated_lut(const SsbnSpec& spec, const std::vector<NetRecord>& records);

/// The primitive of every block that the space offers in every layer, as it stands in its family's networks.
[[nodiscard]] std::vector<std::vector<Prim>> ssbn_layer_prims(const SsbnSpec& spec);

/// The entries both tables know; values of the second over those of the first.
struct LutRatio {
  std::size_t n = 0;
  double median = 0, least = 0, most = 0;
};
[[nodiscard]] LutRatio compare_luts(const BlockLut& a, const BlockLut& b);

/// Two entries of a layer that cannot both be right: `larger` contains `smaller` (ssbn_contains) and needs no less of
/// multiplications, parameters and memory traffic on paper, but is the faster one.
struct LutConflict {
  std::size_t layer = 0;
  std::string smaller, larger;
  double smaller_s = 0, larger_s = 0;
  std::string suspect;  ///< of both, the one in more conflicts of its layer, or farther from the layer's usual speed
};
/// tolerance: 0.1 lets the larger be 10 % faster; their intervals are allowed for besides.
[[nodiscard]] std::vector<LutConflict> check_lut(const SsbnSpec& spec, const BlockLut& lut, double tolerance = 0.1);

/// Numbers in ms, a row a layer, a column a block. What stands in which column is not in the file: give the same space
/// to the reader. comment stands in front, behind "# ". @throws Error(Fault::missing) naming an entry that is not
/// known.
void save_lut_text(const std::string& file, const BlockLut& lut, const std::string& comment = {});
/// @throws Error(Fault::input) with file:line for rows or columns that do not fit the space, and for numbers that are
/// not positive.
[[nodiscard]] BlockLut load_lut_text(const std::string& file, const SsbnSpec& spec);

/// The same as JSON, keyed by layer and block, in seconds, with spreads; unknown entries are null.
void save_lut(const std::string& file, const BlockLut& lut);
/// @throws Error(Fault::input) with the place, also for latencies that are not positive.
[[nodiscard]] BlockLut load_lut(const std::string& file);

/// The columns of each layer that the lists of its cell group name, in that order (cell_shared_primitives).
/// @throws Error(Fault::missing) naming a block that the table lacks.
[[nodiscard]] BlockLut select_lut(const SsbnSpec& spec, const BlockLut& lut,
                                  const std::vector<std::vector<std::string>>& blocks);

}  // namespace hwprof

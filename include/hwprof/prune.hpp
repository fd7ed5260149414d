// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof {

/// How filters are taken out of a network's convolutions.
struct PruneOptions {
  double level = 0;  ///< share of the prunable filters that go: 0 is none, below 1
  /// "random": every layer draws a weight of 0.5 to 1.5, every channel a score of 0 to that weight. "l1_norm": a score
  /// is the mean of |w| over the filters of the channel, in parts of its layer's mean (Li et al., 2017). The lowest go.
  std::string strategy = "random";
  std::uint64_t seed = 0;
  bool per_layer = false;  ///< each layer loses its share, rounded down; else scores of the whole network are ranked
  int min_channels = 2;    ///< no value becomes narrower, unless it was
};

/// What prune() found and did.
struct PruneSummary {
  std::size_t layers = 0;          ///< groups of convolutions whose channels are tied
  std::size_t filters = 0;         ///< of all convolutions
  std::size_t prunable = 0;        ///< of these, those that may go
  std::size_t removed = 0;         ///< at most level * prunable
  std::vector<std::string> notes;  ///< e.g. that weights were drawn to be ranked
};

/// The network without some channels: a filter goes with everything that its output reaches, so the result fits
/// together. Channels are tied where values are added or multiplied (residuals, squeeze-and-excite), where a depthwise
/// convolution passes them on, and across the groups of a grouped one or of a shuffle, each of which keeps the same
/// places; behind a concat every input has channels of its own. The input's channels, the outputs', and those of linear
/// layers stay, and what is tied to them; a linear layer behind a convolution loses inputs. Weights that the graph has
/// are cut, names stay. Deterministic on every machine. O(channels of all values), and the weights' size for l1_norm,
/// whose missing weights are drawn by with_weights(seed).
/// @throws as infer_shapes; Error(Fault::usage) for a level outside 0 to 1 (excluded), an unknown strategy or fewer
/// than one channel, Error(Fault::input) for more than 16 million channels in all values together.
[[nodiscard]] Graph prune(const Graph& graph, const Shape& input, const PruneOptions& options,
                          PruneSummary* summary = nullptr);

/// Names of the strategies.
[[nodiscard]] std::vector<std::string> list_prune_strategies();

}  // namespace hwprof

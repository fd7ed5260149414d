// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof {

/// Which ops a device runs in one go: pairs of kinds (see kernel_kind) of which the second is computed while the
/// output of the first is at hand. A chain fuses as far as each of its pairs does, so conv + bn and bn + relu
/// make conv + bn + relu. The empty set, which is the default, fuses nothing: what libtorch does in eager mode.
struct FusionRules {
  std::set<std::pair<std::string, std::string>> pairs;
};

/// What inference tool chains usually fuse: batch norm, activation and addition onto what stands before
/// them (convolution, linear layer, batch norm, addition).
[[nodiscard]] FusionRules usual_fusion();

/// {"schema": "hwprof.fusion/1", "fuse": [["conv", "bn"], …]}; other members tell where the rules come from
/// and are not read (hwprof-cli fusion writes its tests there).
/// @throws Error(Fault::input) with file:line and for a kind that there is not, with the nearest.
[[nodiscard]] FusionRules load_fusion(const std::string& file);
/// Appears by rename.
void save_fusion(const std::string& file, const FusionRules& rules);

/// What a kernel is learned as. "conv", "dwconv" (as many groups as input channels), "gconv" (other groups), "fc",
/// "bn"; other ops have the name of their OpKind ("relu", "max_pool", "add", …). in_channels: of the op's input.
[[nodiscard]] std::string kernel_kind(const Op& op, std::int64_t in_channels);
/// All of them, sorted; ops that only rename (input, identity, dropout, flatten, reshape) are no kernels.
[[nodiscard]] std::vector<std::string> list_kernel_kinds();

/// What a device runs in one go, with what its cost is learned from. Sizes are height, width.
struct Kernel {
  std::string kind;      ///< of the first op
  std::vector<int> ops;  ///< indices in the graph, ascending
  std::int64_t batch = 1, in_channels = 0, out_channels = 0;
  std::array<std::int64_t, 2> in_size{1, 1}, out_size{1, 1};
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};  ///< of the first op
  std::int64_t groups = 1;                                        ///< of the first op
  /// Of all its ops; what passes from one of them to the next is neither read nor written.
  Work work;
};

/// The kernels of a graph in the order of their last ops. Every op that does more than rename is in exactly one. An op
/// joins the kernel of its latest input when the rules have the pair, nothing else reads that input, and it is
/// no output of the graph. input: as in infer_shapes.
/// @throws as infer_shapes.
[[nodiscard]] std::vector<Kernel> group_kernels(const Graph& graph, const Shape& input, const FusionRules& rules = {});

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof::compiling {

/// A kernel that ONNX Runtime ran, as its profile names it.
struct OrtNode {
  std::string name;             ///< without "_kernel_time"
  std::string type;             ///< "Conv", "ReorderInput", ...
  std::vector<double> seconds;  ///< of every forward
};

/// The kernels of the forwards behind the first `skip`, in the order in which they ran. text: the JSON that ONNX
/// Runtime writes, or the same without arguments.
/// @throws Error(Fault::input) for anything else, and for forwards that ran different kernels.
[[nodiscard]] std::vector<OrtNode> read_ort_profile(std::string_view text, const std::string& source, std::size_t skip);

/// What an op of a network was before ONNX Runtime joined it with others.
struct MappedOp {
  std::string name, kind;
  int layer = -1;
  std::vector<int> inputs;  ///< indices into the map
};
using OpMap = std::vector<MappedOp>;

/// raw-folder neighbour "ops.json" of a compiled network: which op belongs to which layer.
[[nodiscard]] std::string to_json(const OpMap& map, const std::string& net_id);
/// @throws Error(Fault::input) for a file that is not one, or that names layers outside 0 to layers - 1.
[[nodiscard]] OpMap load_op_map(const std::string& file, std::size_t layers);
[[nodiscard]] OpMap op_map(const Graph& graph, const std::vector<int>& op_layers);

/// Where the time of a kernel belongs.
struct Share {
  int layer = 0;
  std::vector<std::string> ops;  ///< that are known to be in it; empty for kernels that only move data
};

/// One share a node. A kernel that carries an op's name (with "_nchwc", "_token_7" or "/part" behind it) belongs to the
/// op's layer; a convolution that swallowed what follows it carries the last one's name and belongs to the layer of the
/// convolution. A kernel that carries no op's name belongs to the layer of the kernel before it, ReorderInput, and what
/// comes first, to the one behind it.
[[nodiscard]] std::vector<Share> attribute(const std::vector<OrtNode>& nodes, const OpMap& map);

}  // namespace hwprof::compiling

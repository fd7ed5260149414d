// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hwprof/net.hpp"
#include "hwprof/record.hpp"

namespace hwprof {

/// One op of a network as its compiler was given it.
struct MappedOp {
  std::string name;  ///< compared without regard to what is not a letter or digit: compilers write '_' for '-' and '/'
  int layer = -1;    ///< in OpMap::layers; -1: no primitive stands for it (a head)
  double macs = 0;   ///< 0: none, or not known
  bool depthwise = false;
};

/// Which ops a network's layers were made into, in execution order.
struct OpMap {
  std::string net;  ///< id of the network; empty: of any
  std::vector<Layer> layers;
  std::vector<MappedOp> ops;
};

/// What attribute() did.
struct AttributionSummary {
  std::size_t nodes = 0;            ///< of the device's report
  std::size_t fused = 0;            ///< ops with multiply-accumulates that have no node of their own
  std::size_t fused_depthwise = 0;  ///< depthwise convolutions among them
  std::size_t spanning = 0;         ///< nodes whose time was shared by layers
  std::size_t unknown = 0;          ///< nodes that the map does not know
  double prims_s = 0, rest_s = 0;   ///< attributed to layers; to heads, unknown nodes and the device's own overhead
};

/// Device output to primitives: fills record.prims, one per layer of the map, from record.nodes.
///
/// An op without a node was fused into the node before it (into the first one where there is none before), as DPU
/// compilers fuse depthwise convolutions, additions, batch norm, activations and pools. A node whose ops belong to
/// several layers is shared in proportion to their multiply-accumulates; where these are not known, the layer that the
/// node is named after has it all. What no layer has (heads, nodes that the map does not know) goes to record.overhead
/// and is named in notes. Nodes are scaled so that layers and overhead add up to record.overall: exactly one owner for
/// every second of it.
///
/// Where a node's own count of multiply-accumulates is not that of the ops found in it, notes say so.
/// @throws Error(Fault::input) for a record without nodes or overall latency, nodes that took no time, none of which
/// the map knows, and for a map that has a name twice.
[[nodiscard]] NetRecord attribute(NetRecord record, const OpMap& map, AttributionSummary* summary = nullptr,
                                  Notes* notes = nullptr);

/// Whether the map knows any of the record's nodes, without which attribute() refuses it.
[[nodiscard]] bool knows_nodes(const OpMap& map, const NetRecord& record);

/// The map of a network whose ops keep their names, "L<layer>.<op>", on the device.
[[nodiscard]] OpMap op_map(const Net& net);

/// Reads maps from YAML, or all YAML files below a folder (aw_nas' PRIM_TO_OPS: <net>/…):
///  - a list of layers: a primitive (its flat keys, or `prim: text`) with `ops: [names]`; without a primitive a head;
///  - a map of torch modules to names, {model.3.op.0: x_conv_5}: layer 3 is number 3 of prims;
///  - a map of primitives' texts to lists of names, in the order of the numbers that the names end with;
///  - any of these under the network's id; a network as in prof_nets.
/// prims: the network's layers in order, for maps of modules; may be empty otherwise.
/// @throws Error(Fault::input) with file:line; a pickle is refused with the way to convert it.
[[nodiscard]] std::vector<OpMap> load_op_maps(const std::string& path, const std::vector<Prim>& prims = {},
                                              Notes* notes = nullptr);

/// Applies the map of each record's network (the only one, or that of its id) to the records that have nodes and no
/// primitives. Records without a map are noted and stay as they are.
void attribute_all(std::vector<NetRecord>& records, const std::vector<OpMap>& maps, Notes* notes = nullptr);

}  // namespace hwprof

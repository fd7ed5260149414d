// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"
#include "hwprof/prim.hpp"

namespace hwprof {

/// One primitive of a network. Where several inputs are named they are added; the time of that
/// addition is the layer's own.
struct Layer {
  Prim prim;
  bool glue = false;        ///< only there to make shapes meet; measured, but no primitive of the space
  std::vector<int> inputs;  ///< earlier layers, -1 the image; empty: the layer before (a chain)
};

/// A network made of primitives: a profiling network, or one architecture of a space.
struct Net {
  std::string id;        ///< unique in a run, safe as a file name
  std::string purpose;   ///< "coverage", "calibration", "validation" or "repeat"; see docs/measuring.md
  std::string arch;      ///< text of the architecture, empty for a packed profiling network
  int image_size = 224;  ///< height = width of the input [px]
  int image_channels = 3;
  std::vector<Layer> layers;  ///< those that no other reads are the outputs; the last one always is
  int batch = 0;              ///< images that it is measured with; 0: as MeasureOptions says
  std::string mode;           ///< "inference" or "train"; empty: as MeasureOptions says
  /// What it is made of, where that is no list of primitives (pruned, or read from another tool); layers is empty then.
  std::shared_ptr<const Graph> graph;
};

struct AssembleOptions {
  int image_size = 224;  ///< the largest input [px]; a net's is smaller where a stem primitive says so
  int image_channels = 3;
  int max_layers = 20;  ///< per net, stem and glue not counted; >= 1
};

/// What assemble() did; nothing is added without being counted. prims: distinct ones; prim_macs: of all
/// layers that are no glue, repeated ones included.
struct AssembleSummary {
  std::size_t nets = 0, prims = 0, glue_layers = 0;
  double glue_macs = 0, prim_macs = 0;
};

/// Packs every primitive into as few chains as the shapes allow (aw_nas' assemble_profiling_nets, with
/// exact sizes). Deterministic in the set of primitives, whatever their order. Each primitive occurs at
/// least once, at exactly its own size and channels. A chain begins with a stem of the space, one whose C is
/// image_channels, and may repeat a few primitives on its way; what else makes shapes meet is marked as glue:
/// cheap conv_1x1 with a stride, crop, and conv_3x3 where the space has no stem that leads there.
/// Some seconds for 10 000 primitives, milliseconds for the usual hundred.
/// @throws Error(Fault::input) naming a primitive that is larger than the image or cannot be built,
/// Error(Fault::usage) for options that are not positive.
[[nodiscard]] std::vector<Net> assemble(const std::vector<Prim>& prims, const AssembleOptions& options = {},
                                        AssembleSummary* summary = nullptr);

/// The whole network as ops: net.graph where there is one (all ops of layer -1 then), otherwise that of its layers.
/// op_layers, if given, gets the layer index of every op (-1: the input).
/// Op names begin with "L<index>." ("L3.dw"); every layer has at least one op, and the ops of a layer stand
/// together, the additions of its inputs first. @throws Error(Fault::input) naming the layer that does not fit.
[[nodiscard]] Graph lower(const Net& net, std::vector<int>* op_layers = nullptr);

/// YAML as aw_nas writes it (final_model_cfg.genotypes, a list or a Python literal), with hwprof's own keys
/// beside in the map `hwprof`: id, purpose, arch, image_size, image_channels, glue (layer indices), inputs (by
/// layer), batch, mode, graph (its ops, without weights). Of a file without them the id is the file's name, and the
/// image that of the first layer.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] Net load_net(const std::string& file);
/// extra_yaml: a YAML map whose keys are written first (aw_nas' base_cfg_template); may be empty. Appears by
/// rename. @throws Error(Fault::usage) for an id that is not safe as a file name.
void save_net(const std::string& file, const Net& net, const std::string& extra_yaml = {});

}  // namespace hwprof

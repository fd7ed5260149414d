// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/graph.hpp"

// A Graph in other tools' formats. docs/onnx.md says how every op is written and what is read.
namespace hwprof {

/// Whether this build reads and writes ONNX (-DHWPROF_ONNX=ON); without it the functions below throw
/// Error(Fault::unsupported) with how to get it.
[[nodiscard]] bool has_onnx() noexcept;

struct OnnxOptions {
  int opset = 11;          ///< 9 to 13; 11 is what snpe-onnx-to-dlc takes from SNPE 1.33 on
  std::uint64_t seed = 0;  ///< of with_weights(), for ops of the graph that have no weights
};

/// Writes the graph for this input shape, weights inside. A node and its first output carry the name of the op
/// ("L03.dw"), weights the names of GraphModule's parameters ("L03.dw.weight"). Helpers of an op that takes several
/// nodes are named behind it, "L03.h_swish/add". Appears by rename; the same call writes the same bytes.
/// @throws Error(Fault::unsupported) naming an op that the opset cannot express, and for weights of 2 GB and more,
/// which a protobuf message cannot hold; Error(Fault::input) for a graph that infer_shapes() refuses, two ops of one
/// name, or a file that cannot be written; Error(Fault::usage) for an opset outside 9 to 13.
void write_onnx(const std::string& file, const Graph& graph, const Shape& input, const OnnxOptions& options = {});

/// The same as the bytes of the file.
[[nodiscard]] std::string to_onnx(const Graph& graph, const Shape& input, const OnnxOptions& options = {});

/// A network from a file.
struct OnnxNet {
  Graph graph;  ///< with weights
  Shape input{};
  std::vector<std::string> notes;  ///< what was assumed or converted, e.g. a batch that the file leaves open
};

/// Reads what write_onnx() wrote (the graph comes back equal, with the weights that were written) and networks by
/// others that consist of ops that Graph has: constants are folded, HardSwish and the like are recognised in pieces.
/// Reals come back as the shortest decimal that rounds to the file's 4-byte float: epsilon 1e-5 is 1e-5.
/// Values in other files are read where these lie in the file's folder or below it; nothing outside is. Memory stays
/// within a small multiple of the files' size.
/// @throws Error(Fault::input) for a file that is damaged, has weights outside its folder, or makes no sense, naming
/// the node or tensor; Error(Fault::unsupported) naming node, op type and what is read, for a network that a Graph
/// cannot hold.
[[nodiscard]] OnnxNet read_onnx(const std::string& file);

/// The same from memory, without any other file; source is how messages call it.
[[nodiscard]] OnnxNet parse_onnx(std::string_view bytes, const std::string& source);

}  // namespace hwprof

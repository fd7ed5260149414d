// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hwprof/graph.hpp"

namespace hwprof::format {

/// Asked before weights are drawn or written: would they fit into a protobuf file, which holds 2 GiB? kind: of file,
/// for the message. @throws Error(Fault::unsupported) when not, and as infer_shapes().
void check_weights_fit(const Graph& graph, const Shape& input, const std::string& kind);

}  // namespace hwprof::format

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/yaml.hpp"
#include "hwprof/graph.hpp"

namespace hwprof::net {

/// A graph in YAML, one op a line, without its weights; what is as the defaults of Op is left out.
/// indent: before every line.
[[nodiscard]] std::string graph_text(const Graph& graph, const std::string& indent);

/// The same back. @throws Error(Fault::input) with file:line, also for ops that do not fit an image of this size.
[[nodiscard]] Graph read_graph(const base::Yaml& yaml, int image_size, int image_channels);

}  // namespace hwprof::net

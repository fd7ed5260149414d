// SPDX-License-Identifier: Apache-2.0
#include "space/nasbench201.hpp"

#include <algorithm>
#include <set>

#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "prim/types.hpp"
#include "space/read.hpp"

namespace hwprof::space {
namespace {

constexpr int stages = 3;
constexpr std::size_t nodes = 4;

enum Operation : std::uint16_t { none, skip_connect, first_prim };
const std::vector<std::string>& operations() {
  static const std::vector<std::string> names = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                                 "avg_pool_3x3"};
  return names;
}

struct Edge {
  std::size_t from, to;
};
constexpr std::array<Edge, 6> edges{{{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}};

Prim complete(const std::string& type, int size, int C, int C_out, int stride) {
  Prim prim = make_prim(type, C_out, stride, {});
  prim.spatial_size = size;
  prim.C = C;
  return normalized(std::move(prim));
}

/// Appends layers to a net, each reading what it is told to.
class Wiring {
 public:
  explicit Wiring(Net& net) : net_(net) {}

  int add(Prim prim, std::vector<int> inputs, bool glue = false) {
    const int index = static_cast<int>(net_.layers.size());
    if (inputs.size() == 1 && inputs[0] == index - 1) inputs.clear();
    net_.layers.push_back({std::move(prim), glue, std::move(inputs)});
    return index;
  }

  /// The cell behind layer `source`, at maps of this size; returns the layer of its output.
  int cell(const Arch& arch, int source, int size, int channels) {
    const auto same_shape = [&](std::size_t operation) {
      return complete(operations()[operation], size, channels, channels, 1);
    };
    const auto used = NasBench201Space::live_edges(arch);
    if (std::find(used.begin(), used.end(), true) == used.end()) return add(same_shape(none), {source}, true);
    std::array<int, nodes> value{source, 0, 0, 0};
    for (std::size_t node = 1; node < nodes; ++node) {
      std::vector<int> terms;
      for (std::size_t e = 0; e < edges.size(); ++e) {
        if (edges[e].to != node || !used[e]) continue;
        const int from = value[edges[e].from];
        terms.push_back(arch[e] == skip_connect ? from : add(same_shape(arch[e]), {from}));
      }
      if (terms.size() == 1) value[node] = terms[0];
      if (terms.size() > 1) value[node] = add(same_shape(skip_connect), terms, true);
    }
    return value[nodes - 1];
  }

 private:
  Net& net_;
};

}  // namespace

std::pair<std::size_t, std::size_t> NasBench201Space::ends(std::size_t edge) noexcept {
  return {edges[edge].from, edges[edge].to};
}

std::array<bool, NasBench201Space::num_edges> NasBench201Space::live_edges(const Arch& arch) {
  std::array<bool, nodes> fed{true, false, false, false}, needed{false, false, false, true};
  for (std::size_t e = 0; e < edges.size(); ++e)  // edges come in the order of the node they end at
    if (arch[e] != none && fed[edges[e].from]) fed[edges[e].to] = true;
  for (std::size_t e = edges.size(); e-- > 0;)
    if (arch[e] != none && needed[edges[e].to]) needed[edges[e].from] = true;
  std::array<bool, num_edges> live{};
  for (std::size_t e = 0; e < edges.size(); ++e) live[e] = arch[e] != none && fed[edges[e].from] && needed[edges[e].to];
  return live;
}

NasBench201Space::NasBench201Space(const CellNetwork& network) : network_(network) {
  int size = network.image_size;
  int channels = network.channels;
  sizes_.push_back(size);
  for (int stage = 1; stage < stages; ++stage, channels *= 2) {
    size = out_size(complete("NB201ResidualBlock", size, channels, 2 * channels, 2));
    sizes_.push_back(size);
  }
}

std::vector<Decision> NasBench201Space::decisions() const {
  std::vector<Decision> out;
  for (const auto& edge : edges)
    out.push_back({"edge" + std::to_string(edge.from) + "to" + std::to_string(edge.to), operations()});
  return out;
}

Net NasBench201Space::network(const Arch& arch) const {
  check_arch(*this, arch);
  Net net;
  net.arch = to_string(arch);
  net.id = "arch-" + net.arch;
  net.image_size = network_.image_size;
  net.image_channels = network_.image_channels;
  Wiring wiring(net);
  int channels = network_.channels;
  int at = wiring.add(complete("conv_bn_3x3", network_.image_size, network_.image_channels, channels, 1), {-1});
  for (std::size_t stage = 0; stage < stages; ++stage) {
    if (stage > 0) {
      at = wiring.add(complete("NB201ResidualBlock", sizes_[stage - 1], channels, 2 * channels, 2), {at});
      channels *= 2;
    }
    for (int i = 0; i < network_.cells; ++i) at = wiring.cell(arch, at, sizes_[stage], channels);
  }
  at = wiring.add(complete("bn_relu", sizes_.back(), channels, channels, 1), {at});
  at = wiring.add(complete("global_avg_pool", sizes_.back(), channels, channels, 1), {at});
  wiring.add(complete("linear", 1, channels, network_.num_classes, 1), {at});
  return net;
}

std::vector<Prim> NasBench201Space::primitives(const Arch& arch) const {
  std::vector<Prim> out;
  for (auto& layer : network(arch).layers)
    if (!layer.glue) out.push_back(std::move(layer.prim));
  return out;
}

std::vector<Prim> NasBench201Space::generate_profiling_primitives() const {
  std::set<Prim> all;
  for (std::uint16_t operation = first_prim; operation < operations().size(); ++operation)
    for (auto& prim : primitives(Arch(edges.size(), operation))) all.insert(std::move(prim));
  return {all.begin(), all.end()};
}

Space read_nasbench201(const base::Yaml& node, Common& common) {
  node.only(
      {"kind", "name", "image_size", "image_channels", "max_layers", "num_sample", "channels", "cells", "num_classes"});
  CellNetwork network;
  network.image_size = common.image_size;
  network.image_channels = common.image_channels;
  if (const auto channels = node.find("channels")) network.channels = channels->integer(1, max_width);
  if (const auto cells = node.find("cells")) network.cells = cells->integer(1, max_blocks);
  if (const auto classes = node.find("num_classes")) network.num_classes = classes->integer(1, max_width);
  try {
    return std::make_unique<NasBench201Space>(network);
  } catch (const Error& error) {
    node.fail(error.what());
  }
}

}  // namespace hwprof::space

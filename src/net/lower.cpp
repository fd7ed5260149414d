// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/net.hpp"
#include "net/glue.hpp"

namespace hwprof {
namespace {

using net::Place;

std::string to_text(Place place) {
  return std::to_string(place.C) + " channels of " + std::to_string(place.size) + "x" + std::to_string(place.size);
}

/// Appends the layers' graphs to one graph.
class Joiner {
 public:
  Joiner(const Net& net, std::vector<int>* op_layers) : net_(net), op_layers_(op_layers) {
    if (net.layers.empty()) throw Error(Fault::input, "net " + base::in_quotes(net.id) + " has no layers");
    graph_.name = net.id;
    Op image;
    image.kind = OpKind::input;
    image.name = "image";
    add(std::move(image), -1);
    ends_.push_back({0, {net.image_size, net.image_channels}});
    read_.assign(net.layers.size() + 1, false);
  }

  Graph run() {
    for (std::size_t i = 0; i < net_.layers.size(); ++i) join(i);
    for (std::size_t i = 1; i < read_.size(); ++i)
      if (!read_[i]) graph_.outputs.push_back(ends_[i].op);
    return std::move(graph_);
  }

 private:
  /// Where the image or a layer ends.
  struct End {
    int op = 0;
    Place place;
  };

  int add(Op op, int layer) {
    graph_.ops.push_back(std::move(op));
    if (op_layers_ != nullptr) op_layers_->push_back(layer);
    return static_cast<int>(graph_.ops.size()) - 1;
  }

  [[noreturn]] void fail(std::size_t layer, const std::string& what) const {
    throw Error(Fault::input, "net " + base::in_quotes(net_.id) + ", layer " + std::to_string(layer) + " (" +
                                  to_string(net_.layers[layer].prim) + "): " + what);
  }

  /// The op that feeds the layer: the end of its input, or the sum of several.
  int feed(std::size_t index, const std::string& prefix) {
    const Layer& layer = net_.layers[index];
    std::vector<int> inputs = layer.inputs;
    if (inputs.empty()) inputs.push_back(static_cast<int>(index) - 1);
    int sum = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] < -1 || inputs[i] >= static_cast<int>(index))
        fail(index, "input " + std::to_string(inputs[i]) + " is no earlier layer");
      const auto from = static_cast<std::size_t>(inputs[i] + 1);
      const Place needed{layer.prim.spatial_size, layer.prim.C};
      if (!(ends_[from].place == needed))
        fail(index, "takes " + to_text(needed) + ", but " +
                        (from == 0 ? std::string("the image has ") : "layer " + std::to_string(inputs[i]) + " gives ") +
                        to_text(ends_[from].place));
      read_[from] = true;
      if (i == 0) {
        sum = ends_[from].op;
        continue;
      }
      Op op;
      op.kind = OpKind::add;
      op.name = prefix + (i == 1 ? "sum" : "sum" + std::to_string(i));
      op.inputs = {sum, ends_[from].op};
      sum = add(std::move(op), static_cast<int>(index));
    }
    return sum;
  }

  void join(std::size_t index) {
    const Prim& prim = net_.layers[index].prim;
    const std::string prefix = "L" + std::to_string(index) + ".";
    const int number = static_cast<int>(index);
    const std::size_t ops_before = graph_.ops.size();
    const int source = feed(index, prefix);
    std::vector<int> moved{source};  // where the layer's own ops are now
    try {
      Graph part = lower(prim);
      const Shape shape = infer_shapes(part, {1, prim.C, prim.spatial_size, prim.spatial_size})
                              .at(static_cast<std::size_t>(part.outputs.at(0)));
      for (std::size_t i = 1; i < part.ops.size(); ++i) {
        Op op = std::move(part.ops[i]);
        op.name = prefix + op.name;
        for (int& input : op.inputs) input = moved.at(static_cast<std::size_t>(input));
        moved.push_back(add(std::move(op), number));
      }
      ends_.push_back({moved.at(static_cast<std::size_t>(part.outputs[0])),
                       {static_cast<int>(shape[2]), static_cast<int>(shape[1])}});
    } catch (const Error& error) {
      fail(index, error.what());
    }
    if (graph_.ops.size() > ops_before) return;
    Op op;  // every layer owns an op, so that something can be timed
    op.name = prefix + "identity";
    op.inputs = {source};
    ends_.back().op = add(std::move(op), number);
  }

  const Net& net_;
  std::vector<int>* op_layers_;
  Graph graph_;
  std::vector<End> ends_;   ///< the image's, then the layers'
  std::vector<bool> read_;  ///< likewise
};

}  // namespace

Graph lower(const Net& net, std::vector<int>* op_layers) {
  if (op_layers != nullptr) op_layers->clear();
  if (net.graph) {
    if (!net.layers.empty())
      throw Error(Fault::input, "net " + base::in_quotes(net.id) + " has a graph and layers; one of them is expected");
    if (op_layers != nullptr) op_layers->assign(net.graph->ops.size(), -1);
    return *net.graph;
  }
  return Joiner(net, op_layers).run();
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

// The compiler's side of the programs that stand in for Vitis AI's: a network as nodes of a DPU, and its ELF file.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dpu_elf_image.hpp"
#include "prototxt.hpp"

namespace hwprof_test {

struct Failed {
  std::string what;
  int status = 1;
};

struct Size {
  long c = 0, h = 0, w = 0;
};

struct Node {
  std::string name;
  double macs = 0, weights = 0;
  Size out;
  std::vector<std::size_t> inputs;  ///< tensors
  bool has_depthwise = false, convolves = false;
};

inline std::string vitis_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
  return name;
}

/// The network as nodes of a DPU.
class Fusing {
 public:
  explicit Fusing(const Message& net) {
    std::set<std::string> names;
    for (const Message* layer : net.all("layer")) {
      if (!names.insert(layer->text("name")).second)
        throw Failed{
            "[VAI_C][Error] There are multiple layers with same name existed in deploy.prototxt, the duplicate "
            "name is [" +
            layer->text("name") + "]."};
      take(*layer);
    }
  }
  std::vector<Node> nodes;
  std::vector<std::string> on_cpu;
  Size input;

 private:
  /// A blob: its size, and the node that makes it (npos: the image).
  struct Blob {
    Size size;
    std::size_t node = npos;
  };
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  static long pair_of(const Message& parameters, const std::string& both, const std::string& one, long otherwise) {
    const auto all = parameters.texts(both);
    const long common = all.empty() ? otherwise : std::stol(one.back() == 'w' ? all.back() : all.front());
    return parameters.number(one, common);
  }

  std::size_t add(const std::string& name, const std::vector<std::string>& bottoms) {
    Node node;
    node.name = vitis_name(name);
    for (const auto& bottom : bottoms)
      node.inputs.push_back(blobs_.at(bottom).node == npos ? 0 : blobs_.at(bottom).node + 1);
    nodes.push_back(node);
    return nodes.size() - 1;
  }

  void convolve(const Message& layer, const Blob& in, const std::string& name) {
    const Message& p = *layer.find("convolution_param");
    const long out = p.number("num_output", 0);
    const long group = p.number("group", 1);
    if (group != 1 && group != in.size.c)
      throw Failed{
          "[VAI_C][Error] Only Convolution/Deconvolution/DepthwiseConv/DepthwiseDeconv is supported, but group "
          "attribute value for current layer [" +
          name + "] is " + std::to_string(group)};
    const long kh = pair_of(p, "kernel_size", "kernel_h", 1), kw = pair_of(p, "kernel_size", "kernel_w", 1);
    const long sh = pair_of(p, "stride", "stride_h", 1), sw = pair_of(p, "stride", "stride_w", 1);
    const long ph = pair_of(p, "pad", "pad_h", 0), pw = pair_of(p, "pad", "pad_w", 0);
    const long dilation = p.number("dilation", 1);
    const Size size{out, (in.size.h + 2 * ph - dilation * (kh - 1) - 1) / sh + 1,
                    (in.size.w + 2 * pw - dilation * (kw - 1) - 1) / sw + 1};
    const double weights = static_cast<double>(out * (in.size.c / group) * kh * kw);
    const bool depthwise = group > 1;
    std::size_t at = in.node;
    if (!depthwise || at == npos || !nodes[at].convolves || nodes[at].has_depthwise)
      at = add(name, layer.texts("bottom"));
    Node& node = nodes[at];
    node.convolves = true;
    node.has_depthwise = node.has_depthwise || depthwise;
    node.macs += weights * static_cast<double>(size.h * size.w);
    node.weights += weights;
    put(layer, size, at);
  }

  void pool(const Message& layer, const Blob& in, const std::string& name) {
    const Message& p = *layer.find("pooling_param");
    if (p.text("global_pooling", "false") == "true") return put(layer, {in.size.c, 1, 1}, in.node);
    const auto side = [&](long n, const std::string& axis) {
      const long k = pair_of(p, "kernel_size", "kernel_" + axis, 1), s = pair_of(p, "stride", "stride_" + axis, 1);
      const long pad = pair_of(p, "pad", "pad_" + axis, 0);
      long out = (n + 2 * pad - k + s - 1) / s + 1;
      if (pad > 0 && (out - 1) * s >= n + pad) --out;
      return out;
    };
    put(layer, {in.size.c, side(in.size.h, "h"), side(in.size.w, "w")}, add(name, layer.texts("bottom")));
  }

  void put(const Message& layer, const Size& size, std::size_t node) {
    if (node != npos) nodes[node].out = size;
    blobs_[layer.text("top")] = {size, node};
  }

  void take(const Message& layer) {
    const std::string type = layer.text("type");
    const std::string name = layer.text("name");
    const auto bottoms = layer.texts("bottom");
    for (const auto& bottom : bottoms)
      if (blobs_.count(bottom) == 0) throw Failed{"No blob named " + bottom + ". Please rename"};
    if (type == "Input") {
      const auto dims = layer.find("input_param")->find("shape")->texts("dim");
      input = {std::stol(dims.at(1)), std::stol(dims.at(2)), std::stol(dims.at(3))};
      blobs_[layer.text("top")] = {input, npos};
      return;
    }
    if (bottoms.empty()) throw Failed{"[VAI_C][Error] Unrecognized Caffe layer type [" + type + "]."};
    const Blob in = blobs_.at(bottoms[0]);
    if (type == "Convolution") return convolve(layer, in, name);
    if (type == "Pooling") return pool(layer, in, name);
    if (type == "ReLU" || type == "ReLU6") return put(layer, in.size, in.node);
    if (type == "Flatten") return put(layer, {in.size.c * in.size.h * in.size.w, 1, 1}, in.node);
    if (type == "Eltwise") {
      // The later of its inputs is where the addition runs.
      const Blob& other = blobs_.at(bottoms.at(1));
      const bool later = in.node == npos || (other.node != npos && other.node > in.node);
      return put(layer, in.size, later ? other.node : in.node);
    }
    if (type == "Concat") {
      Size size = in.size;
      for (std::size_t i = 1; i < bottoms.size(); ++i) size.c += blobs_.at(bottoms[i]).size.c;
      return put(layer, size, blobs_.at(bottoms.back()).node);
    }
    if (type == "InnerProduct") {
      const long out = layer.find("inner_product_param")->number("num_output", 0);
      const auto at = add(name, bottoms);
      nodes[at].weights = static_cast<double>(out * in.size.c * in.size.h * in.size.w);
      nodes[at].macs = nodes[at].weights;
      return put(layer, {out, 1, 1}, at);
    }
    if (type == "Softmax") {
      on_cpu.push_back(name);
      return put(layer, in.size, in.node);
    }
    throw Failed{"[VAI_C][Error] Unrecognized Caffe layer type [" + type + "]."};
  }

  std::map<std::string, Blob> blobs_;
};

/// The kernel as vai_c lays out an ELF file; the format is described where hwprof reads it.
inline std::string elf_of(const std::string& kernel, const Fusing& net, bool debug) {
  Texts name;
  const auto u = [](double value) { return static_cast<std::uint32_t>(value); };
  const auto arch = name("dpuv2");
  const auto compiler = name("VAI_C stand-in");
  const auto code = name("code");
  Image tensors;
  const auto tensor = [&](std::uint32_t kind, const Size& size, const std::string& text) {
    const auto volume = u(static_cast<double>(size.c * size.h * size.w));
    tensors.put_all({kind, u(static_cast<double>(size.h)), u(static_cast<double>(size.w)),
                     u(static_cast<double>(size.c)), 0, volume, 8, 4, u(static_cast<double>(size.c)), name(text), 0, 0,
                     0});
  };
  tensor(2, net.input, "data");
  for (std::size_t i = 0; i < net.nodes.size(); ++i)
    tensor(i + 1 == net.nodes.size() ? 4 : 1, net.nodes[i].out, net.nodes[i].name);
  Image nodes;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < net.nodes.size(); ++i) {
    const Node& node = net.nodes[i];
    ++count;
    nodes.put_all({1, name(node.name)}).put(static_cast<std::uint64_t>(2 * node.macs), 8).put(0);
    nodes.put(node.inputs.size());
    for (const auto in : node.inputs) nodes.put(in);
    nodes.put_all({1, static_cast<std::uint32_t>(i + 1)});
    nodes.put_all({1, 0, 1000, code, 16});
    nodes.put_all({1, 0, u(node.weights), 8, 7, name(node.name + "_weights"), 16, 1, 1, 1, 1}).put(0).put(0);
  }
  const std::vector<std::pair<std::string, std::string>> sections = {
      {".deephi.strtab." + kernel, name.bytes()},
      {".deephi.metadata." + kernel,
       Image().put_all({arch, compiler, debug ? 1U : 0U, count, 52, 4096, 0, 0, 0, 0x20001, 0, 0, 0}).bytes()},
      {".deephi.tensor." + kernel, tensors.bytes()},
      {".deephi.node." + kernel, nodes.bytes()}};
  return elf_file(sections);
}

}  // namespace hwprof_test

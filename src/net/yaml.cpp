// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.hpp"

#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/net.hpp"
#include "net/graph_yaml.hpp"
#include "prim/types.hpp"
#include "prim/yaml.hpp"

namespace hwprof {
namespace {

using base::Yaml;

std::string scalar(const Yaml& value) {
  if (value.is_null()) return "null";
  return value.quoted_text() ? base::yaml_scalar(value.text()) : value.text();
}

/// The value in block style, behind what stands in its line already.
std::string block(const Yaml& value, const std::string& indent) {
  std::string out;
  if (value.is_map()) {
    for (const auto& [key, member] : value.items())
      out += "\n" + indent + base::yaml_scalar(key) + ":" + block(member, indent + "  ");
    return out.empty() ? " {}" : out;
  }
  if (value.is_list()) {
    for (const auto& element : value.list()) out += "\n" + indent + "-" + block(element, indent + "  ");
    return out.empty() ? " []" : out;
  }
  return " " + scalar(value);
}

/// Top-level keys of the template, and the members of its final_model_cfg, each as lines of text.
struct Template {
  std::string top, model;
};

Template read_template(const std::string& extra_yaml) {
  Template out;
  if (base::trim(extra_yaml).empty()) return out;
  const Yaml extra = Yaml::parse(extra_yaml, "base_cfg_template");
  if (extra.is_null()) return out;
  for (const auto& [key, value] : extra.items()) {
    if (key == "hwprof") value.fail("the key is kept for what hwprof writes itself");
    if (key != "final_model_cfg") {
      out.top += base::yaml_scalar(key) + ":" + block(value, "  ") + "\n";
      continue;
    }
    if (value.is_null()) continue;
    for (const auto& [name, member] : value.items())
      if (name != "genotypes") out.model += "  " + base::yaml_scalar(name) + ":" + block(member, "    ") + "\n";
  }
  return out;
}

bool safe_id(const std::string& id) {
  return !id.empty() && id.size() <= 200 && id.front() != '.' && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::string id_of_file(const std::string& file) {
  std::string id = std::filesystem::path(file).stem().string();
  for (char& c : id)
    if (!safe_id(std::string("x") + c)) c = '_';
  return safe_id(id) ? id : "net";
}

void read_own_keys(const Yaml& own, Net& net) {
  own.only({"id", "purpose", "arch", "image_size", "image_channels", "glue", "inputs", "batch", "mode", "graph"});
  if (const auto id = own.find("id")) {
    net.id = id->text();
    if (!safe_id(net.id)) id->fail("letters, digits, '.', '_' and '-' are expected, found " + base::in_quotes(net.id));
  }
  if (const auto purpose = own.find("purpose")) net.purpose = purpose->text();
  if (const auto arch = own.find("arch")) net.arch = arch->text();
  if (const auto size = own.find("image_size")) net.image_size = size->integer(1, prim::max_spatial_size);
  if (const auto channels = own.find("image_channels")) net.image_channels = channels->integer(1, prim::max_channels);
  if (const auto batch = own.find("batch")) net.batch = batch->integer(1, 1 << 20);
  if (const auto mode = own.find("mode")) {
    net.mode = mode->text();
    if (net.mode != "inference" && net.mode != "train")
      mode->fail("inference or train is expected, found " + base::in_quotes(net.mode));
  }
  if (const auto graph = own.find("graph"))
    net.graph = std::make_shared<const Graph>(net::read_graph(*graph, net.image_size, net.image_channels));
  const int last = static_cast<int>(net.layers.size()) - 1;
  if (last < 0) return own.only({"id", "purpose", "arch", "image_size", "image_channels", "batch", "mode", "graph"});
  if (const auto glue = own.find("glue"))
    for (const int index : glue->integers(0, last)) net.layers[static_cast<std::size_t>(index)].glue = true;
  if (const auto inputs = own.find("inputs")) {
    for (const auto& [key, sources] : inputs->items()) {
      const auto index = base::to_int(key);
      if (!index || *index < 0 || *index > last) sources.fail("no layer has this number");
      net.layers[static_cast<std::size_t>(*index)].inputs = sources.integers(-1, static_cast<int>(*index) - 1);
    }
  }
}

std::string join_numbers(const std::vector<int>& numbers) {
  std::vector<std::string> texts;
  for (const int number : numbers) texts.push_back(std::to_string(number));
  return "[" + base::join(texts, ", ") + "]";
}

std::string own_keys(const Net& net) {
  std::string out = "hwprof:\n  id: " + base::yaml_scalar(net.id) + "\n";
  if (!net.purpose.empty()) out += "  purpose: " + base::yaml_scalar(net.purpose) + "\n";
  if (!net.arch.empty()) out += "  arch: " + base::yaml_scalar(net.arch) + "\n";
  out += "  image_size: " + std::to_string(net.image_size) + "\n";
  out += "  image_channels: " + std::to_string(net.image_channels) + "\n";
  if (net.batch > 0) out += "  batch: " + std::to_string(net.batch) + "\n";
  if (!net.mode.empty()) out += "  mode: " + base::yaml_scalar(net.mode) + "\n";
  if (net.graph) out += "  graph:\n" + net::graph_text(*net.graph, "    ");
  std::vector<int> glue;
  std::string inputs;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    if (net.layers[i].glue) glue.push_back(static_cast<int>(i));
    if (!net.layers[i].inputs.empty())
      inputs += "    " + std::to_string(i) + ": " + join_numbers(net.layers[i].inputs) + "\n";
  }
  if (!glue.empty()) out += "  glue: " + join_numbers(glue) + "\n";
  if (!inputs.empty()) out += "  inputs:\n" + inputs;
  return out;
}

}  // namespace

Net load_net(const std::string& file) {
  const Yaml root = Yaml::load(file);
  const Yaml genotypes = root["final_model_cfg"]["genotypes"];
  Net net;
  for (auto& prim : prim::read_prims(genotypes, prim::measurement_keys()))
    net.layers.push_back({std::move(prim), false, {}});
  net.id = id_of_file(file);
  if (!net.layers.empty()) {
    net.image_size = net.layers.front().prim.spatial_size;
    net.image_channels = net.layers.front().prim.C;
  }
  if (const auto own = root.find("hwprof")) read_own_keys(*own, net);
  if (net.layers.empty() != static_cast<bool>(net.graph))
    genotypes.fail(net.graph ? "a network has either primitives or a graph, found both"
                             : "a network needs at least one primitive");
  return net;
}

void save_net(const std::string& file, const Net& net, const std::string& extra_yaml) {
  if (!safe_id(net.id))
    throw Error(Fault::usage, "a net needs an id that is safe as a file name, found " + base::in_quotes(net.id));
  const Template extra = read_template(extra_yaml);
  std::string out = extra.top + "final_model_cfg:\n" + extra.model + "  genotypes:";
  if (net.layers.empty()) out += " []";
  out += "\n";
  for (const auto& layer : net.layers) {
    const char* lead = "  - ";
    for (const auto& [key, value] : prim::yaml_fields(layer.prim)) {
      out += lead + key + ": " + value + "\n";
      lead = "    ";
    }
  }
  base::write_file(file, out + own_keys(net));
}

}  // namespace hwprof

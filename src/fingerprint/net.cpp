// SPDX-License-Identifier: Apache-2.0
// Networks from files, and what their names say.
#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/space.hpp"
#include "record/perf4sight.hpp"
#include "space/read.hpp"

namespace hwprof {
namespace {

using base::Yaml;

/// A primitive by itself. @throws as lower and infer_shapes.
void add_prim(CostedNet& net, const Prim& prim) {
  net.parts.push_back({lower(prim), {1, prim.C, prim.spatial_size, prim.spatial_size}});
  (void)infer_shapes(net.parts.back().graph, net.parts.back().input);
}

/// A network of a space file that leaves nothing to decide.
void add_space(CostedNet& net, const std::string& file) {
  const SpaceFile loaded = load_space(file);
  const auto decisions = loaded.space->decisions();
  for (const auto& decision : decisions)
    if (decision.options.size() > 1)
      throw Error(Fault::input, file + ": one network is expected, found a space that leaves " +
                                    base::in_quotes(decision.name) + " open");
  const Net whole = loaded.space->network(Arch(decisions.size(), 0));
  if (!loaded.name.empty()) net.aliases.push_back(loaded.name);
  net.parts.push_back({lower(whole), {1, whole.image_channels, whole.image_size, whole.image_size}});
}

/// The layers of a listed network, if each says its size and channels.
bool add_layers(CostedNet& net, const Yaml& root) {
  const auto layers = root.find("layers");
  if (!layers || !layers->is_list()) return false;
  CostedNet with = net;
  for (const auto& node : layers->list()) {
    auto layer = space::read_template(node);
    if (layer.C == 0 || layer.spatial_size == 0) return false;
    layer.prim.C = layer.C;
    layer.prim.spatial_size = layer.spatial_size;
    if (layer.prim.C_out == 0) layer.prim.C_out = layer.C;
    try {
      add_prim(with, normalized(layer.prim));
    } catch (const Error& error) {
      node.fail(error.what());
    }
  }
  net = std::move(with);
  return !net.parts.empty();
}

bool is_family_end(const std::string& word) {
  static const std::set<std::string> words{"l1", "l1norm", "norm", "random", "rand", "pruned", "weighted"};
  if (words.count(word) != 0 || record::is_log_word(word)) return true;
  const std::size_t digits = word.find_first_not_of("rsbp");
  if (digits == std::string::npos || digits > 1) return false;
  return word.find_first_not_of("0123456789.%", digits) == std::string::npos;
}

/// Not numbers joined by dots, which are an architecture of some space.
bool is_name(const std::string& arch) {
  return arch.find_first_not_of("0123456789.") != std::string::npos;
}

}  // namespace

std::string family_of(const std::string& id) {
  std::string family = id;
  for (;;) {
    const auto cut = family.find_last_of("_-/");
    if (cut == std::string::npos || cut == 0 || !is_family_end(base::lower_case(family.substr(cut + 1)))) return family;
    family.resize(cut);
  }
}

std::string fingerprint::plain_name(const std::string& name) {
  std::string out;
  for (const char c : base::lower_case(name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    if (plain)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

CostedNet load_costed_net(const std::string& file) {
  CostedNet net;
  net.id = std::filesystem::path(file).stem().string();
  if (base::ends_with(base::lower_case(file), ".onnx")) {
    auto onnx = read_onnx(file);
    net.parts.push_back({std::move(onnx.graph), onnx.input});
  } else {
    const Yaml root = Yaml::load(file);
    if (root.is_list()) {
      try {
        for (const auto& prim : load_prims(file)) add_prim(net, prim);
      } catch (const Error& error) {
        if (base::starts_with(error.what(), file)) throw;
        throw Error(error.fault(), file + ": " + error.what());
      }
    } else if (root.is_map() && root.find("kind")) {
      try {
        add_space(net, file);
      } catch (const Error&) {
        net.aliases.clear();
        if (root["kind"].text() != "listed" || !add_layers(net, root)) throw;
        if (const auto name = root.find("name")) net.aliases.push_back(name->text());
      }
    } else {
      const Net whole = load_net(file);
      if (is_name(whole.arch))
        net.id = whole.arch;  // one of several jobs of the same network
      else if (net.id == "net")
        net.id = whole.id;
      else
        net.aliases.push_back(whole.id);
      net.parts.push_back({lower(whole), {1, whole.image_channels, whole.image_size, whole.image_size}});
    }
  }
  if (net.parts.empty()) throw Error(Fault::input, file + ": a network without layers");
  for (auto& part : net.parts)
    for (auto& op : part.graph.ops) op.weights.clear();  // shapes are all that is asked
  net.family = family_of(net.id);
  net.level = record::level_of_name(net.id);
  // Refused now rather than at the first prediction.
  (void)fingerprint_of(net, 1, Stage::training);
  return net;
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "compiler/op_maps.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/attribution.hpp"
#include "hwprof/error.hpp"
#include "prim/yaml.hpp"

namespace hwprof {
namespace {

using base::Yaml;
namespace fs = std::filesystem;

constexpr int most_depth = 4;

bool is_yaml(const std::string& name) {
  return base::ends_with(name, ".yaml") || base::ends_with(name, ".yml");
}

/// An op with multiply-accumulates of a primitive's graph.
struct Worker {
  double macs = 0;
  bool depthwise = false;
};

std::vector<Worker> workers_of(const Prim& prim) {
  const Graph graph = lower(prim);
  const auto work = count_work(graph, {1, prim.C, prim.spatial_size, prim.spatial_size});
  std::vector<Worker> out;
  for (std::size_t i = 0; i < graph.ops.size(); ++i)
    if (work[i].macs > 0) out.push_back({work[i].macs, graph.ops[i].kind == OpKind::conv2d && graph.ops[i].groups > 1});
  return out;
}

/// Whether a layer of that name multiplies and accumulates, as exporters name them.
bool works(const std::string& name) {
  const std::string lower = base::lower_case(name);
  for (const char* word : {"conv", "fc", "linear", "dense", "gemm", "inner", "dw", "pw"})
    if (lower.find(word) != std::string::npos) return true;
  return false;
}

/// Number at the end of a name, for order among the ops of one kind.
std::int64_t trailing_number(const std::string& name) {
  std::size_t begin = name.size();
  while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9') --begin;
  return base::to_int(std::string_view(name).substr(begin)).value_or(-1);
}

class MapReader {
 public:
  MapReader(const std::vector<Prim>& prims, Notes& notes) : prims_(prims), notes_(notes) {}

  void read(const std::string& file, const std::string& net) {
    const Yaml root = Yaml::load(file);
    if (root.is_map() && root.find("final_model_cfg")) {
      maps_.push_back(op_map(load_net(file)));
      return;
    }
    read_root(root, net);
  }

  void read_text(const std::string& text, const std::string& source) { read_root(Yaml::parse(text, source), {}); }

  std::vector<OpMap> take() { return std::move(maps_); }

 private:
  void read_root(const Yaml& root, const std::string& net) {
    if (root.is_list()) return read_layers(root, net);
    if (!root.is_map()) root.fail("a list of layers or a map of names is expected");
    const auto items = root.items();
    if (items.empty()) root.fail("an empty map");
    if (is_prim(items.front().first)) return read_prim_map(root, net);
    const Yaml& first = items.front().second;
    const bool nested = first.is_map() || (first.is_list() && !first.list().empty() && first.list().front().is_map());
    if (nested) {
      if (!net_given_.empty()) root.fail("maps of networks within a map of a network");
      for (const auto& [id, value] : items) {
        net_given_ = id;
        read_root(value, id);
      }
      net_given_.clear();
      return;
    }
    read_modules(root, net);
  }

  static bool is_prim(const std::string& key) {
    try {
      (void)parse_prim(key);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  static std::vector<std::string> names_of(const Yaml& value) {
    if (value.is_list()) return value.texts();
    return {value.text()};
  }

  /// Adds a layer's ops; those that work get their share of its multiply-accumulates, where the numbers agree.
  void add_ops(OpMap& map, int layer, const std::vector<std::string>& names, const Yaml& where) {
    std::vector<Worker> workers;
    std::vector<bool> working(names.size(), false);
    if (layer >= 0) {
      workers = workers_of(map.layers[static_cast<std::size_t>(layer)].prim);
      std::size_t count = 0;
      for (std::size_t i = 0; i < names.size(); ++i) {
        working[i] = works(names[i]);
        count += working[i] ? 1 : 0;
      }
      if (count != workers.size() && names.size() == workers.size()) {
        working.assign(names.size(), true);
        count = workers.size();
      }
      if (count != workers.size()) {
        notes_.push_back(where.place() + ": " + std::to_string(count) + " ops that work where " +
                         to_string(map.layers[static_cast<std::size_t>(layer)].prim) + " has " +
                         std::to_string(workers.size()) + "; how much each does is not known");
        workers.clear();
      }
    }
    std::size_t next = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      MappedOp op{names[i], layer, 0, false};
      if (working[i] && next < workers.size()) {
        op.macs = workers[next].macs;
        op.depthwise = workers[next].depthwise;
        ++next;
      }
      map.ops.push_back(std::move(op));
    }
  }

  void read_layers(const Yaml& list, const std::string& net) {
    OpMap map;
    map.net = net;
    for (const auto& entry : list.list()) {
      if (!entry.is_map()) entry.fail("a layer is expected: a primitive with ops: [names]");
      const auto names = entry["ops"].texts();
      int layer = -1;
      const auto text = entry.find("prim");
      if (text || entry.find("prim_type")) {
        Layer made;
        if (text) {
          try {
            made.prim = normalized(parse_prim(text->text()));
          } catch (const Error& error) {
            text->fail(error.what());
          }
        } else {
          made.prim = prim::read_prim(entry, {"ops", "glue"});
        }
        if (const auto glue = entry.find("glue")) made.glue = glue->boolean();
        layer = static_cast<int>(map.layers.size());
        map.layers.push_back(std::move(made));
      }
      add_ops(map, layer, names, entry);
    }
    maps_.push_back(std::move(map));
  }

  /// {model.3.op.0: x_conv_5}
  void read_modules(const Yaml& root, const std::string& net) {
    if (prims_.empty()) root.fail("a map of modules needs the list of the network's primitives in order (--prims)");
    OpMap map;
    map.net = net;
    for (const auto& prim : prims_) map.layers.push_back({prim, false, {}});
    std::vector<std::vector<std::string>> names(prims_.size());
    std::vector<std::string> heads;
    for (const auto& [module, value] : root.items()) {
      std::optional<std::int64_t> index;
      for (const auto& part : base::split(module, '.'))
        if (!index) index = base::to_int(part);
      for (auto& name : names_of(value)) {
        if (!index || *index < 0 || *index >= static_cast<std::int64_t>(prims_.size()))
          heads.push_back(std::move(name));
        else
          names[static_cast<std::size_t>(*index)].push_back(std::move(name));
      }
    }
    for (std::size_t i = 0; i < names.size(); ++i) add_ops(map, static_cast<int>(i), names[i], root);
    add_ops(map, -1, heads, root);
    maps_.push_back(std::move(map));
  }

  /// {mobilenet_v2_block:…: [x_conv_4, x_conv_5, x_conv_6]}
  void read_prim_map(const Yaml& root, const std::string& net) {
    OpMap map;
    map.net = net;
    for (const auto& [text, value] : root.items()) {
      try {
        map.layers.push_back({normalized(parse_prim(text)), false, {}});
      } catch (const Error& error) {
        value.fail(error.what());
      }
      add_ops(map, static_cast<int>(map.layers.size()) - 1, names_of(value), value);
    }
    // Keys are in no order, so numbers decide: convolutions by theirs, then what is counted otherwise.
    std::stable_sort(map.ops.begin(), map.ops.end(), [](const MappedOp& a, const MappedOp& b) {
      const auto key = [](const MappedOp& op) {
        const bool conv = base::lower_case(op.name).find("conv") != std::string::npos;
        return std::make_pair(conv ? 0 : 1, trailing_number(op.name));
      };
      return key(a) < key(b);
    });
    maps_.push_back(std::move(map));
  }

  const std::vector<Prim>& prims_;
  Notes& notes_;
  std::vector<OpMap> maps_;
  std::string net_given_;
};

/// YAML files below a folder, each with the network's id: the first folder's name, else the file's.
void find_files(const std::string& dir, const std::string& net, int depth,
                std::vector<std::pair<std::string, std::string>>& files, std::vector<std::string>& pickles) {
  for (const auto& name : base::list_folder(dir)) {
    if (name.front() == '.') continue;
    std::string path = dir;
    path.append("/").append(name);
    if (base::is_folder(path)) {
      if (depth < most_depth) find_files(path, net.empty() ? name : net, depth + 1, files, pickles);
    } else if (is_yaml(name)) {
      files.emplace_back(path, net.empty() ? fs::path(name).stem().string() : net);
    } else if (base::ends_with(name, ".pkl")) {
      pickles.push_back(path);
    }
  }
}

constexpr const char* pickle_help =
    ": pickles are not read, as reading one runs what is in it; write the map as YAML with Python's yaml.safe_dump, "
    "one list of layers per network (docs/dpu.md)";

}  // namespace

std::vector<OpMap> compiling::parse_op_maps(const std::string& text, const std::string& source,
                                            const std::vector<Prim>& prims, Notes& notes) {
  MapReader reader(prims, notes);
  reader.read_text(text, source);
  return reader.take();
}

std::vector<OpMap> load_op_maps(const std::string& path, const std::vector<Prim>& prims, Notes* notes) {
  Notes ignored;
  MapReader reader(prims, notes != nullptr ? *notes : ignored);
  if (!base::is_folder(path)) {
    if (base::ends_with(path, ".pkl")) throw Error(Fault::input, path + pickle_help);
    reader.read(path, {});
    return reader.take();
  }
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<std::string> pickles;
  find_files(path, {}, 0, files, pickles);
  if (files.empty())
    throw Error(Fault::input, pickles.empty() ? path + ": no YAML file with a map is below this folder"
                                              : pickles.front() + pickle_help);
  for (const auto& [file, net] : files) reader.read(file, net);
  return reader.take();
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#include "compiler/ort_profile.hpp"

#include <cmath>
#include <map>

#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr const char* schema_name = "hwprof-op-map";
constexpr int schema_version = 1;
constexpr const char* kernel_suffix = "_kernel_time";

std::string without_suffix(const std::string& text, const std::string& suffix) {
  return base::ends_with(text, suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

/// "name_token_12" without its token.
std::string without_token(const std::string& text) {
  const auto at = text.rfind("_token_");
  if (at == std::string::npos || text.find_first_not_of("0123456789", at + 7) != std::string::npos) return text;
  return text.substr(0, at);
}

class Attribution {
 public:
  explicit Attribution(const OpMap& map) : map_(map) {
    for (std::size_t i = 0; i < map.size(); ++i) by_name_.emplace(map[i].name, static_cast<int>(i));
  }

  /// The op whose name the kernel carries, or -1.
  [[nodiscard]] int op_of(const std::string& kernel) const {
    const std::string plain = without_token(kernel);
    for (const std::string& name : {kernel, plain, without_suffix(plain, "_nchwc")}) {
      for (std::string part = name;;) {
        const auto found = by_name_.find(part);
        if (found != by_name_.end()) return found->second;
        const auto slash = part.rfind('/');
        if (slash == std::string::npos) break;
        part.resize(slash);
      }
    }
    return -1;
  }

  [[nodiscard]] Share share_of(const OrtNode& node, int op) const {
    const auto& named = map_[static_cast<std::size_t>(op)];
    Share share{named.layer, {named.name}};
    const bool heavy = node.type == "Conv" || node.type == "FusedConv" || node.type == "Gemm" ||
                       node.type == "FusedGemm" || node.type == "MatMul" || node.type == "FusedMatMul";
    if (!heavy) return share;
    // The name is that of the last op that was joined; the work is that of the convolution before it.
    for (std::size_t steps = 0; steps <= map_.size(); ++steps) {
      const MappedOp& at = map_[static_cast<std::size_t>(op)];
      if (at.kind == "conv2d" || at.kind == "linear") {
        share.layer = at.layer;
        return share;
      }
      if (at.inputs.empty()) break;
      op = at.inputs.front();
      share.ops.insert(share.ops.begin(), map_[static_cast<std::size_t>(op)].name);
    }
    return {named.layer, {named.name}};
  }

 private:
  const OpMap& map_;
  std::map<std::string, int> by_name_;
};

}  // namespace

std::vector<OrtNode> read_ort_profile(std::string_view text, const std::string& source, std::size_t skip) {
  constexpr double second = 1e-6;
  const auto json = base::JsonReader::parse(text, source);
  std::vector<OrtNode> nodes;
  std::vector<OrtNode> run;
  std::size_t runs = 0;
  for (const auto& event : json.list()) {
    const std::string name = event["name"].text();
    if (event.has("cat") && event["cat"].text() == "Node" && base::ends_with(name, kernel_suffix)) {
      const double micros = event["dur"].number();
      if (micros < 0) event.fail("a duration of 0 or more is expected");
      const bool typed = event.has("args") && event["args"].has("op_name");
      run.push_back({without_suffix(name, kernel_suffix),
                     typed ? event["args"]["op_name"].text() : std::string(),
                     {micros * second}});
    } else if (name == "model_run") {
      if (runs++ < skip) {
        run.clear();
        continue;
      }
      if (runs == skip + 1) {
        nodes = std::move(run);
      } else {
        if (run.size() != nodes.size())
          event.fail("a forward of " + std::to_string(run.size()) + " kernels after one of " +
                     std::to_string(nodes.size()));
        for (std::size_t i = 0; i < nodes.size(); ++i) {
          if (run[i].name != nodes[i].name)
            event.fail("a forward ran " + base::in_quotes(run[i].name) + " where another ran " +
                       base::in_quotes(nodes[i].name));
          nodes[i].seconds.push_back(run[i].seconds.front());
        }
      }
      run.clear();
    }
  }
  if (nodes.empty()) json.fail("holds no forward behind the first " + std::to_string(skip));
  return nodes;
}

OpMap op_map(const Graph& graph, const std::vector<int>& op_layers) {
  OpMap map;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    map.push_back({op.name, to_string(op.kind), op_layers.at(i), op.inputs});
  }
  return map;
}

std::string to_json(const OpMap& map, const std::string& net_id) {
  base::Json json;
  json["schema"] = std::string(schema_name) + "/" + std::to_string(schema_version);
  json["net"] = net_id;
  auto& ops = json["ops"] = base::Json::array();
  for (const auto& op : map)
    ops.push_back({{"name", op.name}, {"kind", op.kind}, {"layer", op.layer}, {"inputs", op.inputs}});
  return json.dump(1) + "\n";
}

OpMap load_op_map(const std::string& file, std::size_t layers) {
  const auto json = base::JsonReader::load(file);
  (void)json.schema(schema_name, schema_version);
  OpMap map;
  for (const auto& row : json["ops"].list()) {
    MappedOp op;
    op.name = row["name"].text();
    op.kind = row["kind"].text();
    op.layer = static_cast<int>(row["layer"].integer(-1, static_cast<std::int64_t>(layers) - 1));
    for (const auto& input : row["inputs"].list())
      op.inputs.push_back(static_cast<int>(input.integer(0, static_cast<std::int64_t>(map.size()) - 1)));
    map.push_back(std::move(op));
  }
  return map;
}

std::vector<Share> attribute(const std::vector<OrtNode>& nodes, const OpMap& map) {
  const Attribution attribution(map);
  std::vector<Share> shares(nodes.size());
  std::vector<bool> known(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const int op = attribution.op_of(nodes[i].name);
    if (op < 0) continue;
    shares[i] = attribution.share_of(nodes[i], op);
    known[i] = shares[i].layer >= 0;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (known[i]) continue;
    std::size_t before = i;
    while (before > 0 && !known[before]) --before;
    std::size_t behind = i;
    while (behind + 1 < nodes.size() && !known[behind]) ++behind;
    const bool forward = nodes[i].type == "ReorderInput" || !known[before];
    const std::size_t from = forward && known[behind] ? behind : before;
    shares[i].layer = known[from] ? shares[from].layer : 0;
    shares[i].ops.clear();
  }
  return shares;
}

}  // namespace hwprof::compiling

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "base/json.hpp"
#include "base/text.hpp"
#include "graph/kinds.hpp"
#include "hwprof/kernel.hpp"
#include "hwprof/version.hpp"

namespace hwprof {
namespace {

constexpr double bytes_per_value = 4;

const std::vector<std::string>& activations() {
  static const std::vector<std::string> names{"relu",      "relu6",   "leaky_relu", "h_swish",
                                              "h_sigmoid", "sigmoid", "tanh",       "hardtanh"};
  return names;
}

double bytes_of(const Shape& shape) noexcept {
  return std::accumulate(shape.begin(), shape.end(), bytes_per_value,
                         [](double product, std::int64_t extent) { return product * static_cast<double>(extent); });
}

class Grouping {
 public:
  Grouping(const Graph& graph, const Shape& input, const FusionRules& rules)
      : graph_(graph), rules_(rules), shapes_(infer_shapes(graph, input)), work_(count_work(graph, input)) {
    const std::size_t n = graph.ops.size();
    source_.resize(n);
    readers_.assign(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      const Op& op = graph.ops[i];
      source_[i] = graph::only_renames(op.kind) && !op.inputs.empty() ? source_[at(op.inputs[0])] : i;
      if (graph::only_renames(op.kind)) continue;
      for (const int in : op.inputs) ++readers_[source_[at(in)]];
    }
    for (const int out : graph.outputs) ++readers_[source_[at(out)]];
  }

  std::vector<Kernel> run() {
    std::vector<std::size_t> kernel_of(graph_.ops.size(), none);
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      if (graph::only_renames(graph_.ops[i].kind)) continue;
      const std::size_t joined = host_of(i, kernel_of);
      kernel_of[i] = joined == none ? kernels_.size() : joined;
      if (joined == none)
        begin(i);
      else
        extend(kernels_[joined], i);
    }
    std::sort(kernels_.begin(), kernels_.end(),
              [](const Kernel& a, const Kernel& b) { return a.ops.back() < b.ops.back(); });
    return std::move(kernels_);
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  [[nodiscard]] std::string kind_of(std::size_t i) const {
    const Op& op = graph_.ops[i];
    return kernel_kind(op, op.inputs.empty() ? 0 : shapes_[at(op.inputs[0])][1]);
  }

  /// The kernel that op i joins: that of its latest input.
  [[nodiscard]] std::size_t host_of(std::size_t i, const std::vector<std::size_t>& kernel_of) const {
    std::size_t latest = 0;
    for (const int in : graph_.ops[i].inputs) latest = std::max(latest, source_[at(in)]);
    const std::size_t host = kernel_of[latest];
    if (host == none || readers_[latest] != 1) return none;
    if (at(kernels_[host].ops.back()) != latest) return none;
    return rules_.pairs.count({kind_of(latest), kind_of(i)}) != 0 ? host : none;
  }

  void begin(std::size_t i) {
    const Op& op = graph_.ops[i];
    const Shape& in = op.inputs.empty() ? shapes_[i] : shapes_[at(op.inputs[0])];
    Kernel kernel;
    kernel.kind = kind_of(i);
    kernel.ops = {static_cast<int>(i)};
    kernel.batch = in[0];
    for (const int input : op.inputs) kernel.in_channels = std::max(kernel.in_channels, shapes_[at(input)][1]);
    kernel.in_size = {in[2], in[3]};
    kernel.kernel = op.kernel;
    kernel.stride = op.stride;
    kernel.dilation = op.dilation;
    kernel.groups = op.groups;
    kernel.work = work_[i];
    kernels_.push_back(std::move(kernel));
    put_out(kernels_.back(), i);
  }

  void extend(Kernel& kernel, std::size_t i) {
    const std::size_t tail = at(kernel.ops.back());
    Work added = work_[i];
    // Its other inputs come from memory.
    added.input_bytes = 0;
    for (const int in : graph_.ops[i].inputs)
      if (source_[at(in)] != tail) added.input_bytes += bytes_of(shapes_[at(in)]);
    kernel.work.output_bytes = 0;
    kernel.work = kernel.work + added;
    kernel.ops.push_back(static_cast<int>(i));
    put_out(kernel, i);
  }

  void put_out(Kernel& kernel, std::size_t i) const {
    kernel.out_channels = shapes_[i][1];
    kernel.out_size = {shapes_[i][2], shapes_[i][3]};
  }

  const Graph& graph_;
  const FusionRules& rules_;
  std::vector<Shape> shapes_;
  std::vector<Work> work_;
  std::vector<std::size_t> source_;  ///< by op: itself, or what a renaming op stands for
  std::vector<int> readers_;         ///< by op, outputs of the graph included
  std::vector<Kernel> kernels_;
};

}  // namespace

std::string kernel_kind(const Op& op, std::int64_t in_channels) {
  switch (op.kind) {
    case OpKind::conv2d:
      if (op.groups == 1) return "conv";
      return op.groups == in_channels ? "dwconv" : "gconv";
    case OpKind::linear:
      return "fc";
    case OpKind::batch_norm:
      return "bn";
    default:
      return to_string(op.kind);
  }
}

std::vector<std::string> list_kernel_kinds() {
  std::vector<std::string> kinds{"conv", "dwconv", "gconv", "fc", "bn"};
  kinds.insert(kinds.end(), activations().begin(), activations().end());
  for (const OpKind kind :
       {OpKind::max_pool, OpKind::avg_pool, OpKind::global_avg_pool, OpKind::add, OpKind::mul, OpKind::concat,
        OpKind::split, OpKind::softmax, OpKind::pad, OpKind::upsample_nearest, OpKind::channel_shuffle})
    kinds.emplace_back(to_string(kind));
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

FusionRules usual_fusion() {
  FusionRules rules;
  for (const char* const first : {"conv", "dwconv", "gconv", "fc", "bn", "add"}) {
    for (const auto& activation : activations()) rules.pairs.insert({first, activation});
    if (std::string(first) == "add") continue;
    rules.pairs.insert({first, "add"});
    if (std::string(first) != "bn") rules.pairs.insert({first, "bn"});
  }
  return rules;
}

FusionRules load_fusion(const std::string& file) {
  const auto json = base::JsonReader::load(file);
  (void)json.schema("hwprof.fusion", 1);
  const auto known = list_kernel_kinds();
  const auto kind_from = [&known](const base::JsonReader& name) {
    std::string kind = name.text();
    if (std::find(known.begin(), known.end(), kind) == known.end())
      name.fail("unknown kind of kernel " + base::in_quotes(kind) + base::suggest(kind, known));
    return kind;
  };
  FusionRules rules;
  for (const auto& row : json["fuse"].list()) {
    const auto pair = row.list();
    if (pair.size() != 2) row.fail("two kinds are expected, found " + std::to_string(pair.size()));
    rules.pairs.insert({kind_from(pair[0]), kind_from(pair[1])});
  }
  return rules;
}

void save_fusion(const std::string& file, const FusionRules& rules) {
  base::Json json = base::Json::object();
  json["schema"] = "hwprof.fusion/1";
  json["tool"] = std::string("hwprof ") + version;
  auto& fuse = json["fuse"] = base::Json::array();
  for (const auto& [first, second] : rules.pairs) fuse.push_back({first, second});
  base::save_json(file, json);
}

std::vector<Kernel> group_kernels(const Graph& graph, const Shape& input, const FusionRules& rules) {
  return Grouping(graph, input, rules).run();
}

}  // namespace hwprof

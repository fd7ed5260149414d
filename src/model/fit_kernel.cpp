// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/fit_additive.hpp"
#include "model/kernel_learn.hpp"
#include "model/kernel_model.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

/// A measured primitive as kernels.
struct Lowered {
  std::vector<std::string> op_names;   ///< by op of the graph
  std::vector<std::vector<int>> ops;   ///< by kernel
  std::vector<std::uint32_t> kernels;  ///< numbers in KernelData
};

/// The table and the line over sums, as the kind "linear" has them; the plain sum where networks do not determine one.
std::shared_ptr<const Model::Impl> fit_line(const FitData& data, FitOptions options) {
  options.nonnegative = true;
  try {
    return fit_linear(data, options);
  } catch (const Error& error) {
    if (error.fault() != Fault::missing) throw;
    return fit_table(data, FitOptions());
  }
}

class Observing {
 public:
  Observing(const FitData& data, const PrimTable& table, const FusionRules& rules)
      : data_(data), table_(table), rules_(rules) {}

  KernelData run(std::vector<std::string>& notes) {
    lowered_.resize(data_.index.size());
    std::vector<std::string> empty;
    for (std::uint32_t p = 0; p < lowered_.size(); ++p) {
      const Prim& prim = data_.index.prims()[p];
      const Measured* cost = table_.find(prim);
      if (cost == nullptr) continue;
      lower_prim(p);
      if (!(cost->value > 0) || lowered_[p].kernels.empty()) {
        empty.push_back(to_string(prim));
        continue;
      }
      out_.observations.push_back({lowered_[p].kernels, cost->value, p});
    }
    if (!empty.empty())
      notes.push_back(counted(empty.size(), "primitive") +
                      " without a cost or without kernels, not learned from: " + some_of(empty));
    const std::size_t nodes = add_nodes();
    if (nodes > 0) notes.push_back(counted(nodes, "row") + " of the device's own reports learned from as well");
    return std::move(out_);
  }

 private:
  void lower_prim(std::uint32_t p) {
    const Prim prim = normalized(data_.index.prims()[p]);
    const Graph graph = lower(prim);
    Lowered& lowered = lowered_[p];
    for (const auto& op : graph.ops) lowered.op_names.push_back(op.name);
    const Shape input{data_.info.batch, prim.C, prim.spatial_size, prim.spatial_size};
    for (const auto& kernel : group_kernels(graph, input, rules_)) {
      lowered.ops.push_back(kernel.ops);
      lowered.kernels.push_back(out_.number_of(kernel));
    }
  }

  /// Rows that hold whole kernels of one layer, by the names that lower(Net) gives its ops: the mean over
  /// networks counts as a measurement of these kernels.
  std::size_t add_nodes() {
    std::map<std::pair<std::uint32_t, std::vector<std::uint32_t>>, std::pair<double, int>> sums;
    for (const FitNet& net : data_.nets)
      for (const NodeRecord& node : net.record->nodes) {
        const auto cost = node.perf.find(data_.info.metric);
        if (cost == node.perf.end() || !(cost->second.value > 0) || !std::isfinite(cost->second.value)) continue;
        const auto found = kernels_of(net, node);
        if (found.second.empty()) continue;
        auto& sum = sums[found];
        sum.first += cost->second.value;
        ++sum.second;
      }
    for (const auto& [part, sum] : sums) out_.observations.push_back({part.second, sum.first / sum.second, part.first});
    return sums.size();
  }

  [[nodiscard]] std::pair<std::uint32_t, std::vector<std::uint32_t>> kernels_of(const FitNet& net,
                                                                                const NodeRecord& node) const {
    std::set<std::string> names;
    std::size_t layer = net.prims.size();
    for (const auto& op : node.ops) {
      const auto point = op.find('.');
      if (op.empty() || op.front() != 'L' || point == std::string::npos) return {};
      const auto number = base::to_int(std::string_view(op).substr(1, point - 1));
      if (!number || *number < 0 || *number >= static_cast<std::int64_t>(net.prims.size())) return {};
      if (!names.empty() && static_cast<std::size_t>(*number) != layer) return {};
      layer = static_cast<std::size_t>(*number);
      names.insert(op.substr(point + 1));
    }
    if (names.empty()) return {};
    const Lowered& lowered = lowered_[net.prims[layer]];
    std::size_t covered = 0;
    std::vector<std::uint32_t> kernels;
    for (std::size_t k = 0; k < lowered.ops.size(); ++k) {
      const auto in_node = [&](int op) { return names.count(lowered.op_names[static_cast<std::size_t>(op)]) != 0; };
      if (!std::all_of(lowered.ops[k].begin(), lowered.ops[k].end(), in_node)) continue;
      covered += lowered.ops[k].size();
      kernels.push_back(lowered.kernels[k]);
    }
    // The whole primitive is in the table already; a row with parts of other kernels says nothing of these.
    if (kernels.size() == lowered.kernels.size() || covered != names.size()) return {};
    return {net.prims[layer], kernels};
  }

  const FitData& data_;
  const PrimTable& table_;
  const FusionRules& rules_;
  std::vector<Lowered> lowered_;  ///< by number in FitData::index
  KernelData out_;
};

/// A table of blocks and no network as a whole: few enough for a fit without each of them.
bool is_short_table(const FitData& data, const KernelData& observed) {
  constexpr std::size_t most = 200;
  const auto whole = [](const FitNet& net) { return net.measured > 0; };
  return observed.observations.size() <= most && std::none_of(data.nets.begin(), data.nets.end(), whole);
}

std::string percent(double share) {
  return base::format_number(std::round(share * 1e4) / 1e2) + " %";
}

}  // namespace

std::shared_ptr<const Model::Impl> fit_kernel(FitData data, const FitOptions& options) {
  if (quantity(data.info.metric) == Metric::memory)
    throw Error(Fault::unsupported, "kind 'kernel' adds up what kernels cost, and memory is no such sum");
  if (options.num_blocks) throw Error(Fault::usage, "num_blocks is an option of the kind 'linear', not of 'kernel'");
  const auto fitted = fit_line(data, options);
  const auto& additive = dynamic_cast<const Additive&>(*fitted);
  Info info = additive.info();
  info.summary.kind = options.kind;
  Line line = additive.line();
  auto& summary = info.summary;
  if (summary.coefficients.empty())
    summary.notes.emplace_back("the networks do not determine a scale and a bias over the sum of their primitives");

  const KernelData observed = Observing(data, additive.table(), options.fusion).run(summary.notes);
  if (observed.observations.empty())
    throw Error(Fault::missing, "kind 'kernel' needs primitives with a " + std::string(to_string(info.metric)) +
                                    " above 0 and at least one op");
  LearnOptions learning;
  learning.seed = options.seed;
  learning.leave_one_out = is_short_table(data, observed);
  auto [estimator, errors] = learn_with_errors(observed, learning, data.assess);
  estimator.rules = options.fusion;
  summary.prim_cv_mape = errors.mape;
  summary.roofline_cv_mape = errors.roofline_mape;
  for (const auto& [kind, known] : estimator.classes)
    summary.kernels.push_back({kind, known.kernels, known.prims, errors.class_mape[kind]});
  if (learning.leave_one_out && errors.folds > 1)
    summary.notes.push_back(
        "no networks: " + counted(errors.folds, "primitive") + " left out one at a time, mean error " +
        percent(errors.mape) + ", median " + percent(errors.median) + ", " + percent(errors.within_10) +
        " of them within 10 %; the roofline alone has a mean error of " + percent(errors.roofline_mape));
  if (errors.class_mape.empty()) summary.notes.emplace_back("too few primitives to cross-validate estimates");
  return std::make_shared<KernelModel>(std::move(info), additive.table(), line, std::move(estimator));
}

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "prune/cut.hpp"

#include <algorithm>

namespace hwprof::pruning {
namespace {

using Values = std::vector<float>;
using Kept = std::vector<std::size_t>;  ///< channels that stay, by their old numbers

/// rows x columns blocks of `each` values, of which some rows and columns stay.
std::shared_ptr<const Values> sliced(const Values& values, const Kept& rows, const Kept& columns, std::size_t width,
                                     std::size_t each) {
  Values out;
  out.reserve(rows.size() * columns.size() * each);
  for (const std::size_t row : rows)
    for (const std::size_t column : columns) {
      const auto from = values.begin() + static_cast<std::ptrdiff_t>((row * width + column) * each);
      out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(each));
    }
  return std::make_shared<const Values>(std::move(out));
}

class Cutter {
 public:
  Cutter(const Graph& graph, const std::vector<Shape>& shapes, const Ties& ties, const std::vector<bool>& gone)
      : graph_(graph), shapes_(shapes) {
    for (const auto& units : ties.units) {
      kept_.emplace_back();
      for (std::size_t channel = 0; channel < units.size(); ++channel)
        if (!gone[static_cast<std::size_t>(units[channel])]) kept_.back().push_back(channel);
    }
  }

  Graph run() {
    Graph out = graph_;
    for (std::size_t i = 0; i < out.ops.size(); ++i)
      if (!out.ops[i].inputs.empty()) cut(out.ops[i], i, static_cast<std::size_t>(out.ops[i].inputs[0]));
    return out;
  }

 private:
  void cut(Op& op, std::size_t i, std::size_t from) const {
    const Kept& in = kept_[from];
    const auto width = static_cast<std::int64_t>(kept_[i].size());
    switch (op.kind) {
      case OpKind::conv2d:
        return cut_conv(op, i, from);
      case OpKind::linear:
        if (!op.weights.empty())
          op.weights[0] = sliced(*op.weights[0], kept_[i], in, static_cast<std::size_t>(shapes_[from][1]), 1);
        return;
      case OpKind::batch_norm:
        for (auto& values : op.weights) values = sliced(*values, in, {0}, 1, 1);
        return;
      case OpKind::split:
        op.first_channel =
            std::lower_bound(in.begin(), in.end(), static_cast<std::size_t>(op.first_channel)) - in.begin();
        op.out_channels = width;
        return;
      case OpKind::reshape:
        op.shape[1] = width;
        return;
      default:
        return;
    }
  }

  void cut_conv(Op& op, std::size_t i, std::size_t from) const {
    const Kept& in = kept_[from];
    const auto each = static_cast<std::size_t>(shapes_[from][1] / op.groups);
    if (!op.weights.empty()) {
      Kept inside;  // of the first group; the others keep the same places
      for (const std::size_t channel : in)
        if (channel < each) inside.push_back(channel);
      if (is_depthwise(op, shapes_[from])) inside = {0};
      const auto area = static_cast<std::size_t>(op.kernel[0]) * static_cast<std::size_t>(op.kernel[1]);
      op.weights[0] = sliced(*op.weights[0], kept_[i], inside, each, area);
      if (op.bias) op.weights[1] = sliced(*op.weights[1], kept_[i], {0}, 1, 1);
    }
    if (is_depthwise(op, shapes_[from])) op.groups = static_cast<std::int64_t>(in.size());
    op.out_channels = static_cast<std::int64_t>(kept_[i].size());
  }

  const Graph& graph_;
  const std::vector<Shape>& shapes_;
  std::vector<Kept> kept_;  ///< per op
};

}  // namespace

Graph without(const Graph& graph, const std::vector<Shape>& shapes, const Ties& ties, const std::vector<bool>& gone) {
  return Cutter(graph, shapes, ties, gone).run();
}

}  // namespace hwprof::pruning

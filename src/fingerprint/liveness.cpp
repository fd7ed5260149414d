// SPDX-License-Identifier: Apache-2.0
// What lives when in a forward pass, and in a forward and a backward pass, as PyTorch's autograd keeps it.
#include <algorithm>

#include "fingerprint/features.hpp"
#include "graph/kinds.hpp"

namespace hwprof::fingerprint {

namespace {

constexpr double value_bytes = 4, index_bytes = 8;

bool is_view(OpKind kind) {
  return kind == OpKind::identity || kind == OpKind::flatten || kind == OpKind::reshape || kind == OpKind::split;
}

/// Which of its values an op needs again in the backward pass.
struct Saves {
  bool input = false, output = false;
  double extra = 0;  ///< bytes a value of the output: indices, masks
};

Saves saves_of(OpKind kind) {
  switch (kind) {
    case OpKind::conv2d:
    case OpKind::linear:
    case OpKind::batch_norm:
    case OpKind::relu6:
    case OpKind::leaky_relu:
    case OpKind::h_swish:
    case OpKind::h_sigmoid:
    case OpKind::hardtanh:
    case OpKind::avg_pool:
    case OpKind::global_avg_pool:
    case OpKind::mul:
      return {true, false, 0};
    case OpKind::max_pool:
      return {true, false, index_bytes};
    case OpKind::relu:
    case OpKind::sigmoid:
    case OpKind::tanh:
    case OpKind::softmax:
      return {false, true, 0};
    case OpKind::dropout:
      return {false, false, value_bytes};
    default:
      return {};
  }
}

/// Counts of who holds a value, and the bytes of all values that somebody holds.
class Ledger {
 public:
  explicit Ledger(const std::vector<double>& bytes) : bytes_(bytes), holders_(bytes.size(), 0) {}
  void hold(std::size_t value) {
    if (holders_[value]++ == 0) add(bytes_[value]);
  }
  void release(std::size_t value) {
    if (--holders_[value] == 0) add(-bytes_[value]);
  }
  void add(double bytes) {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  [[nodiscard]] double now() const { return now_; }
  [[nodiscard]] double peak() const { return peak_; }

 private:
  const std::vector<double>& bytes_;
  std::vector<int> holders_;
  double now_ = 0, peak_ = 0;
};

class Follower {
 public:
  Follower(const Graph& graph, const std::vector<Shape>& shapes, const std::vector<Work>& work, Stage stage, bool inner)
      : graph_(graph), work_(work), training_(stage == Stage::training), roots_(shapes.size()) {
    readers_.assign(shapes.size(), 0);
    for (const Op& op : graph.ops)
      for (const int input : op.inputs) ++readers_[static_cast<std::size_t>(input)];
    for (const int output : graph.outputs) ++readers_[static_cast<std::size_t>(output)];
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      double bytes = value_bytes;
      for (const auto extent : shapes[i]) bytes *= static_cast<double>(extent);
      bytes_.push_back(bytes);
      const Op& op = graph.ops[i];
      roots_[i] = i;
      if (!op.inputs.empty()) {
        const auto from = static_cast<std::size_t>(op.inputs.front());
        const bool overwrites = !training_ && graph::is_activation(op.kind) && readers_[from] == 1 &&
                                roots_[from] == from && graph.ops[from].kind != OpKind::input;
        if (is_view(op.kind) || overwrites) roots_[i] = roots_[from];
      }
      bool gradient = op.kind == OpKind::conv2d || op.kind == OpKind::linear || op.kind == OpKind::batch_norm ||
                      (inner && op.kind == OpKind::input);
      for (const int input : op.inputs) gradient = gradient || gradient_[static_cast<std::size_t>(input)];
      gradient_.push_back(gradient);
    }
  }

  Liveness run() {
    Liveness out;
    for (const double bytes : bytes_) out.largest = std::max(out.largest, bytes);
    Ledger ledger(bytes_);
    forward(ledger);
    if (training_) {
      out.saved = ledger.now();
      Ledger with_weights = ledger;
      backward(ledger, false);
      backward(with_weights, true);
      out.step = with_weights.peak();
    }
    out.peak = ledger.peak();
    return out;
  }

 private:
  /// Every value is held by those that will read it, the input by the caller as well.
  void forward(Ledger& ledger) const {
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      const int holds = op.kind == OpKind::input ? readers_[i] + 1 : std::max(readers_[i], 1);
      for (int k = 0; k < holds; ++k) ledger.hold(roots_[i]);
      if (training_ && gradient_[i]) save(ledger, i, true);
      for (const int input : op.inputs) ledger.release(roots_[static_cast<std::size_t>(input)]);
    }
  }

  void save(Ledger& ledger, std::size_t i, bool keep) const {
    const Op& op = graph_.ops[i];
    const Saves saves = saves_of(op.kind);
    const auto touch = [&](std::size_t value) { keep ? ledger.hold(roots_[value]) : ledger.release(roots_[value]); };
    if (saves.input)
      for (const int input : op.inputs) touch(static_cast<std::size_t>(input));
    if (saves.output) touch(i);
    if (saves.extra > 0) ledger.add((keep ? 1 : -1) * saves.extra * bytes_[i] / value_bytes);
  }

  /// Last op first: a gradient of each input comes to those that are there already, then the output's goes.
  void backward(Ledger& ledger, bool weights) const {
    std::vector<bool> there(bytes_.size(), false);
    for (const int output : graph_.outputs) start(ledger, there, static_cast<std::size_t>(output));
    for (std::size_t i = graph_.ops.size(); i-- > 0;) {
      if (!there[i]) continue;
      const Op& op = graph_.ops[i];
      if (weights) ledger.add(value_bytes * work_[i].params);
      for (const int input : op.inputs) {
        const auto from = static_cast<std::size_t>(input);
        if (!gradient_[from]) continue;
        if (is_view(op.kind) && op.kind != OpKind::split) {
          if (!there[from]) {
            there[from] = true;  // the gradient itself, looked at in another shape
            there[i] = false;
          }
        } else if (there[from]) {
          ledger.add(bytes_[from]);  // to be added to the one that is there
          ledger.add(-bytes_[from]);
        } else {
          start(ledger, there, from);
        }
      }
      if (there[i]) ledger.add(-bytes_[i]);
      if (gradient_[i]) save(ledger, i, false);
    }
  }

  void start(Ledger& ledger, std::vector<bool>& there, std::size_t value) const {
    if (there[value]) return;
    there[value] = true;
    ledger.add(bytes_[value]);
  }

  const Graph& graph_;
  const std::vector<Work>& work_;
  bool training_;
  std::vector<double> bytes_;
  std::vector<std::size_t> roots_;  ///< the op whose output a view looks at
  std::vector<int> readers_;
  std::vector<bool> gradient_;  ///< whether the value depends on a parameter
};

}  // namespace

Liveness follow(const Graph& graph, const std::vector<Shape>& shapes, const std::vector<Work>& work, Stage stage,
                bool inner) {
  return Follower(graph, shapes, work, stage, inner).run();
}

}  // namespace hwprof::fingerprint

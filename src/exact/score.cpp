// SPDX-License-Identifier: Apache-2.0
// Scoring every architecture: the decisions fall into an inner set, whose combinations make a block, and
// the outer rest. A block's costs are one number of the outer decisions plus a vector, which changes only
// with the outer decisions that share a factor with inner ones; those vary slowest.
#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>

#include "base/threads.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/limit.hpp"

namespace hwprof {
namespace {

constexpr std::size_t max_block = 1024;  ///< costs of some blocks stay in a first-level cache

/// A factor as the blocks need it.
struct Part {
  const Predictor::Factor* factor = nullptr;
  std::vector<std::size_t> outer, stride;  ///< positions in the outer order, and what an option is worth
  std::vector<std::uint32_t> inner;        ///< place in the table per architecture of the block; empty: none inner
};

}  // namespace

struct ExhaustiveScore::Layout {
  std::vector<Predictor> costs;
  std::vector<std::size_t> order;    ///< decisions, the fastest first; the first num_inner are a block
  std::vector<std::size_t> options;  ///< in that order
  std::size_t num_inner = 0, block = 1;
  std::uint64_t outer = 1;
  std::uint64_t slow = 1;                ///< outer combinations between changes of the vectors
  std::vector<std::vector<Part>> parts;  ///< per cost
};

namespace {

using Digits = std::vector<std::size_t>;

/// Costs of the blocks of one thread.
template <typename Layout>
class Blocks {
 public:
  explicit Blocks(const Layout& layout) : layout_(layout), digits_(layout.order.size() - layout.num_inner) {
    vectors_.assign(layout.costs.size(), std::vector<double>(layout.block));
    scores_ = vectors_;
  }

  ScoreBlock score(std::uint64_t number) {
    std::uint64_t rest = number;
    for (std::size_t d = 0; d < digits_.size(); ++d) {
      digits_[d] = static_cast<std::size_t>(rest % layout_.options[layout_.num_inner + d]);
      rest /= layout_.options[layout_.num_inner + d];
    }
    if (number / layout_.slow != vectors_of_) {
      for (std::size_t c = 0; c < vectors_.size(); ++c) fill_vector(c);
      vectors_of_ = number / layout_.slow;
    }
    ScoreBlock block;
    block.first = number * layout_.block;
    block.n = layout_.block;
    for (std::size_t c = 0; c < vectors_.size(); ++c) {
      double base = layout_.costs[c].constant();
      for (const auto& part : layout_.parts[c])
        if (part.inner.empty()) base += part.factor->cost[place(part)];
      const double* const vector = vectors_[c].data();
      double* const scores = scores_[c].data();
      for (std::size_t i = 0; i < layout_.block; ++i) {
        const double sum = base + vector[i];
        scores[i] = sum < 0 ? 0 : sum;
      }
      block.costs.push_back(scores);
    }
    return block;
  }

 private:
  std::size_t place(const Part& part) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < part.outer.size(); ++i) at += digits_[part.outer[i]] * part.stride[i];
    return at;
  }

  void fill_vector(std::size_t c) {
    std::fill(vectors_[c].begin(), vectors_[c].end(), 0.0);
    for (const auto& part : layout_.parts[c]) {
      if (part.inner.empty()) continue;
      const double* const table = part.factor->cost.data() + place(part);
      for (std::size_t i = 0; i < layout_.block; ++i) vectors_[c][i] += table[part.inner[i]];
    }
  }

  const Layout& layout_;
  Digits digits_;
  std::vector<std::vector<double>> vectors_, scores_;
  std::uint64_t vectors_of_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace

ExhaustiveScore::ExhaustiveScore(std::vector<Predictor> costs) {
  auto layout = std::make_shared<Layout>();
  if (costs.empty()) throw Error(Fault::usage, "at least one cost is needed");
  const auto options = costs[0].num_options();
  std::vector<std::size_t> uses(options.size(), 0);
  for (const auto& cost : costs) {
    if (cost.num_options() != options)
      throw Error(Fault::usage, "the costs belong to different spaces: their decisions differ");
    for (const auto& factor : cost.factors())
      for (const std::size_t decision : factor.decisions) ++uses[decision];
  }
  std::uint64_t size = 1;
  for (const std::size_t n : options) {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / n)
      throw Error(Fault::unsupported, "the space has 2^63 architectures or more, too many to score each");
    size *= n;
  }

  // Inner: what few factors see, so that few outer decisions are entangled with it.
  auto& order = layout->order;
  order.resize(options.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return uses[a] < uses[b]; });
  std::vector<bool> inner(options.size(), false), entangled(options.size(), false);
  for (const std::size_t decision : order) {
    if (layout->block * options[decision] > max_block) break;
    layout->block *= options[decision];
    inner[decision] = true;
    ++layout->num_inner;
  }
  for (const auto& cost : costs)
    for (const auto& factor : cost.factors())
      if (std::any_of(factor.decisions.begin(), factor.decisions.end(), [&](std::size_t d) { return inner[d]; }))
        for (const std::size_t decision : factor.decisions) entangled[decision] = !inner[decision];
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return (inner[a] ? 0 : 1) + (entangled[a] ? 1 : 0) < (inner[b] ? 0 : 1) + (entangled[b] ? 1 : 0);
  });
  std::vector<std::size_t> position(options.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    position[order[i]] = i;
    layout->options.push_back(options[order[i]]);
    if (i < layout->num_inner) continue;
    layout->outer *= options[order[i]];
    if (!entangled[order[i]]) layout->slow *= options[order[i]];
  }

  layout->costs = std::move(costs);
  for (const auto& cost : layout->costs) {
    auto& parts = layout->parts.emplace_back();
    for (const auto& factor : cost.factors()) {
      Part part;
      part.factor = &factor;
      std::size_t stride = 1;
      for (const std::size_t decision : factor.decisions) {
        if (!inner[decision]) {
          part.outer.push_back(position[decision] - layout->num_inner);
          part.stride.push_back(stride);
        } else {
          part.inner.resize(layout->block, 0);
          std::size_t below = 1;
          for (std::size_t i = 0; i < position[decision]; ++i) below *= layout->options[i];
          for (std::size_t i = 0; i < layout->block; ++i)
            part.inner[i] += static_cast<std::uint32_t>(i / below % options[decision] * stride);
        }
        stride *= options[decision];
      }
      parts.push_back(std::move(part));
    }
  }
  layout_ = std::move(layout);
}

std::uint64_t ExhaustiveScore::size() const noexcept {
  return layout_->outer * layout_->block;
}

Arch ExhaustiveScore::arch(std::uint64_t number) const {
  if (number >= size())
    throw Error(Fault::usage,
                "architecture number " + std::to_string(number) + " of a space of " + std::to_string(size()));
  Arch arch(layout_->order.size(), 0);
  for (std::size_t i = 0; i < arch.size(); ++i) {
    arch[layout_->order[i]] = static_cast<std::uint16_t>(number % layout_->options[i]);
    number /= layout_->options[i];
  }
  return arch;
}

void ExhaustiveScore::visit(const std::function<void(const ScoreBlock&)>& visit, int threads) const {
  if (threads < 1) throw Error(Fault::usage, "at least one thread is needed, not " + std::to_string(threads));
  const Layout& layout = *layout_;
  const auto workers = static_cast<std::uint64_t>(threads);
  // Large pieces keep the vectors, small ones keep all threads busy to the end.
  const std::uint64_t piece = std::clamp<std::uint64_t>(layout.outer / workers / 64, 1, 1 << 16);
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&](int thread) {
    try {
      Blocks blocks(layout);
      while (!stop) {
        const std::uint64_t begin = next.fetch_add(piece);
        if (begin >= layout.outer) return;
        for (std::uint64_t number = begin; number < std::min(begin + piece, layout.outer) && !stop; ++number) {
          ScoreBlock block = blocks.score(number);
          block.thread = thread;
          visit(block);
        }
      }
    } catch (...) {
      stop = true;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  base::in_threads(threads, work);
  if (failure) std::rethrow_exception(failure);
}

std::uint64_t count_feasible(const std::vector<Predictor>& costs, const std::vector<double>& limits, int threads) {
  if (costs.size() != limits.size())
    throw Error(Fault::usage,
                std::to_string(costs.size()) + " costs, but " + std::to_string(limits.size()) + " limits");
  std::vector<double> greatest;
  for (const double limit : limits) greatest.push_back(greatest_within(limit));
  std::atomic<std::uint64_t> total{0};
  ExhaustiveScore(costs).visit(
      [&](const ScoreBlock& block) {
        std::uint64_t count = 0;
        if (block.costs.size() == 1) {
          for (std::size_t i = 0; i < block.n; ++i) count += block.costs[0][i] <= greatest[0];
        } else {
          for (std::size_t i = 0; i < block.n; ++i) {
            bool within = true;
            for (std::size_t c = 0; c < block.costs.size(); ++c) within = within && block.costs[c][i] <= greatest[c];
            count += within;
          }
        }
        total += count;
      },
      threads);
  return total;
}

}  // namespace hwprof

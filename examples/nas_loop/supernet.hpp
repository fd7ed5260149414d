// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/graph.hpp"
#include "hwprof/space.hpp"
#include "hwprof/torch.hpp"

namespace nas_loop {

/// Images {n, 1, 28, 28} and classes {n}.
struct Images {
  torch::Tensor x, y;
  [[nodiscard]] std::int64_t size() const { return y.size(0); }
};

/// All architectures of a chain at once: one module for each candidate of each block, which the architectures that
/// use it share (Guo et al., Single Path One-Shot, ECCV 2020). A space of one decision a block, and one primitive
/// or none for each.
class Supernet : public torch::nn::Module {
 public:
  Supernet(std::shared_ptr<const hwprof::MixinProfilingSearchSpace> space, std::size_t stem_blocks)
      : space_(std::move(space)), decisions_(space_->decisions()), stem_blocks_(stem_blocks) {
    // Every candidate of every block beside the first one of the others.
    for (std::size_t d = 0; d < decisions_.size(); ++d)
      for (std::size_t o = 0; o < decisions_[d].options.size(); ++o) {
        hwprof::Arch arch(decisions_.size(), 0);
        arch[d] = static_cast<std::uint16_t>(o);
        for (const auto& [name, prim] : blocks(arch)) add(name, prim);
      }
  }

  torch::Tensor forward(torch::Tensor x, const hwprof::Arch& arch) {
    for (const auto& [name, prim] : blocks(arch)) x = modules_.at(name)->forward(x);
    return x.flatten(1);
  }

  /// Learns from random architectures, one a step. Returns the mean loss of the last tenth.
  double learn(const Images& images, int epochs, std::int64_t batch, std::uint64_t seed) {
    torch::optim::SGD sgd(parameters(), torch::optim::SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(1e-4));
    std::mt19937_64 rng(seed);
    const std::int64_t steps = epochs * (images.size() / batch);
    double sum = 0;
    std::int64_t summed = 0, step = 0;
    train();
    for (int epoch = 0; epoch < epochs; ++epoch) {
      const auto order = torch::randperm(images.size());
      for (std::int64_t first = 0; first + batch <= images.size(); first += batch, ++step) {
        const double done = static_cast<double>(step) / static_cast<double>(steps);
        for (auto& group : sgd.param_groups())
          static_cast<torch::optim::SGDOptions&>(group.options()).lr(0.05 * 0.5 * (1 + std::cos(3.14159265 * done)));
        // No gradient at all where a block was not used, or momentum would move it on.
        for (auto& parameter : parameters()) parameter.mutable_grad() = torch::Tensor();
        const auto rows = order.slice(0, first, first + batch);
        const auto loss = torch::nn::functional::cross_entropy(
            forward(images.x.index_select(0, rows), space_->sample(rng)), images.y.index_select(0, rows));
        loss.backward();
        sgd.step();
        if (step >= steps - std::max<std::int64_t>(1, steps / 10)) {
          sum += loss.item<double>();
          ++summed;
        }
      }
    }
    return sum / static_cast<double>(std::max<std::int64_t>(1, summed));
  }

  /// Share of the images that the architecture classifies rightly. Batch norms go by the batch at hand: averages over
  /// the blocks of all architectures would fit none.
  double accuracy(const Images& images, const hwprof::Arch& arch) {
    const torch::NoGradGuard no_gradients;
    constexpr std::int64_t batch = 500;
    std::int64_t right = 0;
    train();
    for (std::int64_t first = 0; first < images.size(); first += batch) {
      const std::int64_t last = std::min(first + batch, images.size());
      const auto guess = forward(images.x.slice(0, first, last), arch).argmax(1);
      right += guess.eq(images.y.slice(0, first, last)).sum().item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(images.size());
  }

 private:
  /// The modules of an architecture in order: what each is called here and made of.
  [[nodiscard]] std::vector<std::pair<std::string, hwprof::Prim>> blocks(const hwprof::Arch& arch) const {
    std::vector<std::pair<std::string, hwprof::Prim>> out;
    std::size_t decision = 0;
    for (auto& prim : space_->primitives(arch)) {
      const auto skipped = [&] { return decisions_[decision].options[arch[decision]] == "skip"; };
      std::string name = "fixed" + std::to_string(out.size());
      if (out.size() >= stem_blocks_) {
        while (decision < decisions_.size() && skipped()) ++decision;
        if (decision < decisions_.size()) {
          name = "decision" + std::to_string(decision) + "_" + std::to_string(arch[decision]);
          ++decision;
        } else {
          name = "head_" + prim.prim_type;
        }
      }
      out.emplace_back(std::move(name), std::move(prim));
    }
    return out;
  }

  void add(const std::string& name, const hwprof::Prim& prim) {
    if (modules_.count(name) != 0) return;
    const hwprof::Shape shape{1, prim.C, prim.spatial_size, prim.spatial_size};
    auto module = std::make_shared<hwprof::GraphModule>(hwprof::lower(prim), shape, modules_.size());
    modules_.emplace(name, register_module(name, std::move(module)));
  }

  std::shared_ptr<const hwprof::MixinProfilingSearchSpace> space_;
  std::vector<hwprof::Decision> decisions_;
  std::size_t stem_blocks_;
  std::map<std::string, std::shared_ptr<hwprof::GraphModule>> modules_;
};

}  // namespace nas_loop

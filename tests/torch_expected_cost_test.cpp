// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <torch/torch.h>

#include <functional>

#include "factor_spaces.hpp"
#include "hwprof/torch.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

/// Numbers in [0.1, 1), not normalised.
torch::Tensor some(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  auto tensor = torch::empty(shape, torch::kDouble);
  std::mt19937_64 rng(seed);
  auto* const at = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) at[i] = 0.1 + 0.9 * static_cast<double>(rng() >> 11) * 0x1p-53;
  return tensor;
}

/// Σ over all architectures of the product of their probabilities times their cost, in libtorch's own operations.
torch::Tensor by_enumeration(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options,
                             const torch::Tensor& p) {
  auto sum = torch::zeros({}, torch::kDouble);
  for (std::uint64_t number = 0; number < num_archs(options); ++number) {
    const Arch arch = arch_number(number, options);
    double cost = 0;
    for (const auto& prim : space.primitives(arch)) cost += made_up_cost(prim);
    auto weight = torch::ones({}, torch::kDouble);
    std::int64_t first = 0;
    for (std::size_t d = 0; d < options.size(); ++d) {
      weight = weight * p[first + arch[d]];
      first += static_cast<std::int64_t>(options[d]);
    }
    sum = sum + weight * cost;
  }
  return sum;
}

}  // namespace

TEST_CASE("the expected cost and its gradient are those of the enumeration and of finite differences") {
  const StageSpace space(1, 2, {160, 224});  // 2 * 2 * 9 * 9
  const Predictor predictor(space, made_up_cost);
  const auto& options = predictor.num_options();
  std::int64_t width = 0;
  for (const auto n : options) width += static_cast<std::int64_t>(n);
  // The probabilities of each decision add up to 1, as the enumeration needs; so do the steps' of a descent, along
  // which the two gradients agree: apart from a number for each decision.
  auto p = some({width}, 1);
  const auto by_decision = [&](const torch::Tensor& all, const std::function<torch::Tensor(const torch::Tensor&)>& f) {
    std::vector<torch::Tensor> parts;
    std::int64_t first = 0;
    for (const auto n : options) {
      parts.push_back(f(all.slice(0, first, first + static_cast<std::int64_t>(n))));
      first += static_cast<std::int64_t>(n);
    }
    return torch::cat(parts);
  };
  p = by_decision(p, [](const torch::Tensor& part) { return part / part.sum(); }).requires_grad_();
  auto q = p.detach().clone().requires_grad_();
  const auto cost = expected_cost(predictor, p), exact = by_enumeration(space, options, q);
  CHECK(cost.dim() == 0);
  CHECK(cost.item<double>() == doctest::Approx(exact.item<double>()).epsilon(1e-12));
  (3 * cost).backward();
  (3 * exact).backward();
  const auto centred = [](const torch::Tensor& part) { return part - part.mean(); };
  CHECK(torch::allclose(by_decision(p.grad(), centred), by_decision(q.grad(), centred), 1e-9, 1e-13));
  CHECK(by_decision(p.grad(), centred).abs().max().item<double>() > 1e-5);

  const double step = 1e-3;
  for (std::int64_t i = 0; i < width; ++i) {
    auto up = p.detach().clone(), down = p.detach().clone();
    up[i] += step;
    down[i] -= step;
    const auto slope = (expected_cost(predictor, up) - expected_cost(predictor, down)).item<double>() / (2 * step);
    CHECK(p.grad()[i].item<double>() == doctest::Approx(3 * slope).epsilon(1e-6));
  }
}

TEST_CASE("descent on logits ends at the cheapest options") {
  const PositionSpace space(4, 3);
  const Predictor predictor(space, made_up_cost);
  auto logits = torch::zeros({4, 3}, torch::kDouble).requires_grad_();
  torch::optim::Adam adam({logits}, torch::optim::AdamOptions(0.3));
  for (int i = 0; i < 200; ++i) {
    adam.zero_grad();
    (expected_cost(predictor, logits.softmax(1).flatten()) * 1e3).backward();
    adam.step();
  }
  const auto chosen = logits.argmax(1);
  for (std::int64_t p = 0; p < 4; ++p) {
    std::int64_t best = 0;
    double least = INFINITY;
    for (int c = 0; c < 3; ++c) {
      const double cost = made_up_cost({"conv_1x1", 8 + static_cast<int>(p), 8, 8 + c, 1, true, {}});
      if (cost < least) {
        least = cost;
        best = c;
      }
    }
    CHECK(chosen[p].item<std::int64_t>() == best);
  }
}

TEST_CASE("batches, other types, views") {
  const PositionSpace space(3, 5);
  const Predictor predictor(space, made_up_cost);
  auto rows = some({4, 15}, 2).requires_grad_();
  const auto costs = expected_cost(predictor, rows);
  REQUIRE(costs.sizes() == torch::IntArrayRef({4}));
  const auto weights = torch::tensor({1.0, 2.0, 0.0, -1.0}, torch::kDouble);
  (costs * weights).sum().backward();
  for (std::int64_t r = 0; r < 4; ++r) {
    auto row = rows.detach()[r].clone().requires_grad_();
    const auto one = expected_cost(predictor, row);
    CHECK(one.item<double>() == costs[r].item<double>());
    (one * weights[r]).backward();
    CHECK(torch::equal(row.grad(), rows.grad()[r]));
  }

  auto single = rows.detach().to(torch::kFloat).requires_grad_();
  const auto in_single = expected_cost(predictor, single);
  CHECK(in_single.dtype() == torch::kFloat);
  CHECK(torch::allclose(in_single.to(torch::kDouble), costs.detach(), 1e-6));
  in_single.sum().backward();
  CHECK(single.grad().dtype() == torch::kFloat);

  const auto turned = rows.detach().t().contiguous().t();
  CHECK(torch::equal(expected_cost(predictor, turned), costs.detach()));
  CHECK(!expected_cost(predictor, turned).requires_grad());
  CHECK(expected_cost(predictor, torch::zeros({0, 15}, torch::kDouble)).numel() == 0);
}

TEST_CASE("what does not fit is refused") {
  const PositionSpace space(3, 5);
  const Predictor predictor(space, made_up_cost);
  CHECK(has(error_of(Fault::usage, [&] { (void)expected_cost(predictor, torch::zeros({14})); }), "found {14}"));
  CHECK(has(error_of(Fault::usage, [&] { (void)expected_cost(predictor, torch::zeros({2, 2, 15})); }), "{2, 2, 15}"));
  (void)error_of(Fault::usage, [&] { (void)expected_cost(predictor, torch::zeros({})); });
  (void)error_of(Fault::usage, [&] { (void)expected_cost(predictor, torch::zeros({15}, torch::kLong)); });
  (void)error_of(Fault::usage, [&] { (void)expected_cost(predictor, torch::Tensor()); });
  auto p = some({15}, 3).requires_grad_();
  const auto cost = expected_cost(predictor, p);
  CHECK(
      has(error_of(Fault::unsupported,
                   [&] { (void)torch::autograd::grad({cost}, {p}, {}, /*retain_graph=*/true, /*create_graph=*/true); }),
          "first derivatives"));
}

// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/autograd/custom_function.h>
#include <torch/torch.h>

#include <numeric>

#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"

namespace hwprof {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class ExpectedCost : public torch::autograd::Function<ExpectedCost> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& probabilities,
                               const Predictor& predictor) {
    const torch::Tensor p = probabilities.detach().to(torch::kCPU, torch::kDouble).contiguous();
    const bool batch = p.dim() == 2;
    const std::int64_t rows = batch ? p.size(0) : 1, width = p.size(-1);
    torch::Tensor cost = torch::empty({rows}, torch::kDouble), gradient = torch::empty_like(p);
    for (std::int64_t row = 0; row < rows; ++row)
      cost.data_ptr<double>()[row] =
          predictor.expect(p.data_ptr<double>() + row * width, gradient.data_ptr<double>() + row * width);
    context->saved_data["gradient"] = gradient;
    context->saved_data["like"] = probabilities.detach();
    if (!batch) cost = cost.squeeze(0);
    return cost.to(probabilities.options());
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outer) {
    // The gradient is a number to libtorch by now; derived once more it would count as constant, which it is not.
    if (torch::GradMode::is_enabled())
      throw Error(Fault::unsupported, "expected_cost() has first derivatives only (create_graph is set)");
    const torch::Tensor gradient = context->saved_data["gradient"].toTensor();
    const torch::Tensor like = context->saved_data["like"].toTensor();
    torch::Tensor factor = outer[0].to(torch::kCPU, torch::kDouble);
    if (gradient.dim() == 2) factor = factor.unsqueeze(1);
    return {(factor * gradient).to(like.options()), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor expected_cost(const Predictor& predictor, const torch::Tensor& probabilities) {
  const auto& options = predictor.num_options();
  const auto width = static_cast<std::int64_t>(std::accumulate(options.begin(), options.end(), std::size_t{0}));
  if (!probabilities.defined() || !probabilities.is_floating_point())
    throw Error(Fault::usage, "probabilities must be a tensor of real numbers");
  const bool fits = (probabilities.dim() == 1 || probabilities.dim() == 2) && probabilities.size(-1) == width;
  if (!fits) {
    std::string found;
    for (const auto size : probabilities.sizes()) found += (found.empty() ? "" : ", ") + std::to_string(size);
    throw Error(Fault::usage, "probabilities of " + std::to_string(width) + " options, {" + std::to_string(width) +
                                  "} or {batch, " + std::to_string(width) + "}, are expected, found {" + found + "}");
  }
  return ExpectedCost::apply(probabilities, predictor);
}

}  // namespace hwprof

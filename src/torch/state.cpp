// SPDX-License-Identifier: Apache-2.0
#include "torch/state.hpp"

#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "torch/translate.hpp"

namespace hwprof {
namespace {

constexpr std::uint64_t max_state_bytes = std::uint64_t{1} << 34;

template <typename Visit>
void each_tensor(const torch::nn::Module& module, const Visit& visit) {
  for (const auto& item : module.named_parameters()) visit(item.key(), item.value());
  for (const auto& item : module.named_buffers()) visit(item.key(), item.value());
}

}  // namespace

void save_state_dict(const torch::nn::Module& module, const std::string& file) {
  translated(file, [&] {
    const torch::NoGradGuard no_gradients;
    c10::impl::GenericDict state(c10::StringType::get(), c10::TensorType::get());
    each_tensor(module, [&state](const std::string& name, const torch::Tensor& tensor) {
      state.insert(name, tensor.detach().to(torch::kCPU).contiguous().clone());
    });
    const std::vector<char> bytes = torch::pickle_save(c10::IValue(state));
    base::write_file(file, {bytes.data(), bytes.size()});
  });
}

void load_state_dict(torch::nn::Module& module, const std::string& file, const std::vector<std::string>& except) {
  const std::string text = base::read_file(file, max_state_bytes);
  c10::IValue value;
  try {
    value = torch::pickle_load({text.begin(), text.end()});
  } catch (const std::exception&) {
    throw Error(Fault::input, file + ": is no state dict that libtorch can read");
  }
  if (!value.isGenericDict()) throw Error(Fault::input, file + ": holds no dict of tensors");
  const auto state = value.toGenericDict();
  const torch::NoGradGuard no_gradients;
  each_tensor(module, [&](const std::string& name, const torch::Tensor& tensor) {
    const bool kept = std::any_of(except.begin(), except.end(),
                                  [&name](const std::string& prefix) { return base::starts_with(name, prefix); });
    if (kept) return;
    const auto found = state.find(c10::IValue(name));
    if (found == state.end() || !found->value().isTensor())
      throw Error(Fault::input, file + ": has no tensor " + base::in_quotes(name));
    const torch::Tensor from = found->value().toTensor();
    if (from.sizes() != tensor.sizes())
      throw Error(Fault::input, file + ": tensor " + base::in_quotes(name) + " has another size than the network's");
    torch::Tensor target = tensor;
    target.copy_(from);
  });
}

}  // namespace hwprof

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hwprof/predictor.hpp"

namespace hwprof::predictor {

/// A model that is no sum over primitives, compiled against a space: what its hooks take is looked up in tables.
class Learned {
 public:
  explicit Learned(Model model) : model_(std::move(model)) {}
  virtual ~Learned() = default;
  Learned(const Learned&) = delete;
  Learned& operator=(const Learned&) = delete;

  /// Rows that a caller hands over at a time, and decisions that a space has at most.
  static constexpr std::size_t most_rows = 64, most_decisions = 4096;

  /// n rows of option indices, which the space has, to n costs. Allocates nothing.
  virtual void predict(const std::uint16_t* archs, std::size_t n, double* out) const noexcept = 0;

  [[nodiscard]] const Model& model() const noexcept { return model_; }

 private:
  Model model_;
};

/// For a model of a form that is not additive. @throws Error as Predictor.
[[nodiscard]] std::unique_ptr<const Learned> compile_learned(const MixinProfilingSearchSpace& space,
                                                             const std::vector<std::size_t>& options,
                                                             const Model& model);

/// A model of architectures (kind "transfer") as a sum, which it is where no such sum falls below the least that the
/// model predicts; nothing otherwise, for other kinds, and where tables would become too large.
struct ArchSums {
  double constant = 0;
  std::vector<Predictor::Factor> factors;
};
[[nodiscard]] std::optional<ArchSums> arch_sums(const Model& model);

}  // namespace hwprof::predictor

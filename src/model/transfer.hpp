// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/impl.hpp"

namespace hwprof::model {

/// What a few decisions settle together: a row of numbers per combination of their options, the first decision
/// fastest.
struct ArchTable {
  std::vector<std::size_t> decisions;  ///< ascending
  std::vector<double> rows;
};

/// What a transfer model predicts from. With z = constant + the sum of one row of each table, of `width` numbers:
/// the cost is z[0], at least `least`; its variance is noise + z[1]² + z[2]² + …, times (cost / centre)² where the
/// error is relative.
struct TransferParts {
  std::string space, fingerprint;
  std::vector<std::size_t> options;  ///< per decision
  std::vector<double> constant;
  std::vector<ArchTable> tables;
  double least = 0, noise = 0, centre = 1;
  bool relative = false;
};

/// Kind "transfer": the cost of an architecture of one space, without the space.
class Transfer final : public Model::Impl {
 public:
  static constexpr std::size_t most_width = 16, most_entries = std::size_t{1} << 22;

  Transfer(Info info, TransferParts parts);
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const override { return prims; }
  [[nodiscard]] std::optional<Measured> entry(const Prim&) const override { return {}; }
  [[nodiscard]] std::vector<Prim> known() const override { return {}; }
  void write(base::Json& json) const override;
  [[nodiscard]] Form form() const noexcept override { return Form::arch; }
  [[nodiscard]] std::vector<std::size_t> arch_options() const override { return parts_.options; }
  void predict_arch(const std::uint16_t* archs, std::size_t n, double* out) const noexcept override;
  [[nodiscard]] Prediction predict_arch_with_error(const std::uint16_t* arch) const override;

  [[nodiscard]] static std::shared_ptr<const Model::Impl> read(Info info, const base::JsonReader& json);

  [[nodiscard]] const TransferParts& parts() const noexcept { return parts_; }

 private:
  TransferParts parts_;
};

/// "0.2.1" as option indices; empty for a text that is no architecture of a space with these options.
[[nodiscard]] std::vector<std::uint16_t> arch_of(const std::string& text, const std::vector<std::size_t>& options);

/// Numbers as they stand in the file, so that a saved model predicts the same as the fitted one.
[[nodiscard]] double rounded(double value);

}  // namespace hwprof::model

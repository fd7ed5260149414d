// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/impl.hpp"
#include "model/prim_table.hpp"

namespace hwprof::model {

/// cost = scale * sum + bias + per_block * number of primitives; as it stands, the plain sum.
struct Line {
  double scale = 1, bias = 0, per_block = 0;
  bool with_blocks = false;  ///< per_block was fitted
  double residual = 0;       ///< standard deviation of the relative error of whole networks

  [[nodiscard]] double at(double sum, std::size_t blocks) const noexcept {
    const double cost = scale * sum + bias + per_block * static_cast<double>(blocks);
    return cost > 0 ? cost : 0;
  }
};

/// @throws Error(Fault::missing) naming the primitives.
[[noreturn]] void refuse_missing(const Info& info, const std::vector<Prim>& missing);

/// Kinds "table" (plain sum) and "linear": a cost per primitive and a line over their sum. What is such a sum, too,
/// but knows more of its error, derives from it.
class Additive : public Model::Impl {
 public:
  Additive(Info info, PrimTable table, Line line);
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>& prims) const override;
  [[nodiscard]] std::optional<Measured> entry(const Prim& prim) const override;
  [[nodiscard]] std::vector<Prim> known() const override;
  void write(base::Json& json) const override;
  [[nodiscard]] Form form() const noexcept override { return Form::additive; }
  [[nodiscard]] bool features(const Prim& prim, double* out) const override;
  [[nodiscard]] double offset() const noexcept override { return line_.bias; }

  [[nodiscard]] static std::shared_ptr<const Model::Impl> read(Info info, const base::JsonReader& json);

  [[nodiscard]] const PrimTable& table() const noexcept { return table_; }
  [[nodiscard]] const Line& line() const noexcept { return line_; }

  /// A row of a table as it stands in the file, and back; the row may have other members besides.
  [[nodiscard]] static base::Json row_to_json(const Prim& prim, const Measured& cost);
  static void add_row(PrimTable& table, const base::JsonReader& row);

 private:
  PrimTable table_;
  Line line_;
};

}  // namespace hwprof::model

// SPDX-License-Identifier: Apache-2.0
#include "predictor/learned.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/impl.hpp"
#include "model/transfer.hpp"
#include "predictor/compile.hpp"
#include "predictor/pieces.hpp"

namespace hwprof::predictor {
namespace {

PrimNumbers features_of(const Model& model) {
  const std::size_t width = model.impl().num_features();
  if (width < 1 || width > Model::Impl::max_features)
    throw Error(Fault::internal, "a model of kind " + base::in_quotes(model.kind()) + " has " + std::to_string(width) +
                                     " features a primitive");
  return {width, [&model](const Prim& prim, double* out) { return model.impl().features(prim, out); }};
}

/// The features of each factor's combinations, added up.
class Pooled final : public Learned {
 public:
  Pooled(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options, const Model& model)
      : Learned(model), decisions_(options.size()) {
    PrimNumbers prims = features_of(model);
    ArchSum sum(space, prims);
    auto factors = decompose(space, options, sum, constant_);
    prims.refuse_missing();
    verify(factors, constant_, space, options, sum);
    for (auto& factor : factors) {
      Table table{{}, std::move(factor.cost)};
      std::size_t stride = constant_.size();
      for (const std::size_t decision : factor.decisions) {
        table.axes.push_back({decision, stride});
        stride *= options[decision];
      }
      tables_.push_back(std::move(table));
    }
  }

  void predict(const std::uint16_t* archs, std::size_t n, double* out) const noexcept override {
    constexpr std::size_t room = 4096;
    static_assert(room >= Model::Impl::max_features);
    std::array<double, room> sums;  // NOLINT: written before it is read
    const std::size_t width = constant_.size(), block = room / width;
    for (std::size_t begin = 0; begin < n; begin += block) {
      const std::size_t count = std::min(block, n - begin);
      for (std::size_t i = 0; i < count; ++i) add_up(archs + (begin + i) * decisions_, sums.data() + i * width);
      model().impl().predict_pooled(sums.data(), count, out + begin);
    }
  }

 private:
  struct Axis {
    std::size_t decision, stride;
  };
  struct Table {
    std::vector<Axis> axes;
    std::vector<double> rows;
  };

  void add_up(const std::uint16_t* arch, double* sums) const noexcept {
    const std::size_t width = constant_.size();
    std::copy(constant_.begin(), constant_.end(), sums);
    for (const auto& table : tables_) {
      const double* row = table.rows.data();
      for (const Axis& axis : table.axes) row += arch[axis.decision] * axis.stride;
      for (std::size_t i = 0; i < width; ++i) sums[i] += row[i];
    }
  }

  std::size_t decisions_;
  std::vector<double> constant_;
  std::vector<Table> tables_;
};

/// The primitives in their order, each by its row of features.
class Ordered final : public Learned {
 public:
  Ordered(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options, const Model& model)
      : Learned(model), decisions_(options.size()) {
    PrimNumbers prims = features_of(model);
    width_ = prims.width();
    pieces_ = find_pieces(space, options, prims);
    prims.refuse_missing();
    rows_ = prims.take_rows();
  }

  void predict(const std::uint16_t* archs, std::size_t n, double* out) const noexcept override {
    std::array<const double*, 2 * max_sequence> rows;    // NOLINT: written before they are read
    std::array<std::size_t, Learned::most_rows> blocks;  // NOLINT
    for (std::size_t begin = 0; begin < n;) {
      std::size_t used = 0, count = 0;
      while (begin + count < n && count < blocks.size() && used + max_sequence <= rows.size()) {
        const std::size_t added = lay_out(archs + (begin + count) * decisions_, rows.data() + used);
        blocks[count++] = added;
        used += added;
      }
      model().impl().predict_ordered(rows.data(), blocks.data(), count, out + begin);
      begin += count;
    }
  }

 private:
  /// At most max_sequence, which verified spaces keep.
  std::size_t lay_out(const std::uint16_t* arch, const double** rows) const noexcept {
    std::size_t count = 0;
    for (const auto& piece : pieces_.pieces) {
      const std::size_t at = Pieces::combination(piece, arch);
      for (std::uint32_t i = piece.begin[at]; i < piece.begin[at + 1] && count < max_sequence; ++i)
        rows[count++] = rows_.data() + pieces_.ids[i] * width_;
    }
    return count;
  }

  std::size_t decisions_, width_ = 0;
  Pieces pieces_;
  std::vector<double> rows_;
};

/// The options themselves.
class Direct final : public Learned {
 public:
  Direct(const std::vector<std::size_t>& options, const Model& model) : Learned(model) {
    const auto expected = model.impl().arch_options();
    if (expected == options) return;
    const auto text = [](const std::vector<std::size_t>& numbers) {
      std::vector<std::string> parts;
      for (const std::size_t number : numbers) parts.push_back(std::to_string(number));
      return base::join(parts, ".");
    };
    throw Error(Fault::usage, "the model was fitted on a space with the options " + text(expected) +
                                  " of its decisions, and this one has " + text(options));
  }

  void predict(const std::uint16_t* archs, std::size_t n, double* out) const noexcept override {
    model().impl().predict_arch(archs, n, out);
  }
};

}  // namespace

std::optional<ArchSums> arch_sums(const Model& model) {
  const auto* const transfer = dynamic_cast<const model::Transfer*>(&model.impl());
  if (transfer == nullptr) return {};
  const auto& parts = transfer->parts();
  const std::size_t width = parts.constant.size();
  constexpr std::size_t most_entries = std::size_t{1} << 22;
  ArchSums out;
  out.constant = parts.constant[0];
  double least = out.constant;
  for (const auto& table : parts.tables) {
    Predictor::Factor factor;
    std::size_t entries = 1;  // of a table whose decisions have powers of two of options
    for (const std::size_t decision : table.decisions) {
      const std::size_t options = parts.options[decision];
      if (options == 1) continue;
      factor.decisions.push_back(decision);
      for (std::size_t held = 1; held < options; held *= 2) entries *= 2;
      if (entries > most_entries) return {};
    }
    for (std::size_t i = 0; i < table.rows.size(); i += width) factor.cost.push_back(table.rows[i]);
    least += *std::min_element(factor.cost.begin(), factor.cost.end());
    out.factors.push_back(std::move(factor));
  }
  if (!(least >= parts.least)) return {};
  return out;
}

std::unique_ptr<const Learned> compile_learned(const MixinProfilingSearchSpace& space,
                                               const std::vector<std::size_t>& options, const Model& model) {
  if (options.size() > Learned::most_decisions)
    throw Error(Fault::unsupported, "a model of kind " + base::in_quotes(model.kind()) + " takes at most " +
                                        std::to_string(Learned::most_decisions) + " decisions, and the space has " +
                                        std::to_string(options.size()));
  switch (model.impl().form()) {
    case model::Form::pooled:
      return std::make_unique<Pooled>(space, options, model);
    case model::Form::ordered:
      return std::make_unique<Ordered>(space, options, model);
    case model::Form::arch:
      return std::make_unique<Direct>(options, model);
    case model::Form::additive:
    case model::Form::none:
      break;
  }
  throw Error(Fault::unsupported,
              "a model of kind " + base::in_quotes(model.kind()) + " cannot be compiled against a space");
}

}  // namespace hwprof::predictor

// SPDX-License-Identifier: Apache-2.0
// Models that are no sum over primitives, as Predictor compiles them: made-up kinds, one of each form.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "allocations.hpp"
#include "factor_spaces.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/predictor.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

model::Info info_of(const char* kind) {
  model::Info info;
  info.summary.kind = kind;
  return info;
}

/// What the made-up kinds share; primitives of stride `unknown` are not known.
class MadeUp : public Model::Impl {
 public:
  using Impl::Impl;
  int unknown = -1;
  [[nodiscard]] Prediction predict_with_error(const std::vector<Prim>& prims) const override {
    return {predict(prims), 0, 0};
  }
  [[nodiscard]] std::vector<Prim> missing(const std::vector<Prim>&) const override { return {}; }
  [[nodiscard]] std::optional<Measured> entry(const Prim&) const override { return {}; }
  [[nodiscard]] std::vector<Prim> known() const override { return {}; }
  void write(base::Json&) const override {}
};

/// Root of the sum of squares and of the number of primitives.
class PooledModel final : public MadeUp {
 public:
  PooledModel() : MadeUp(info_of("made-up pooled")) {}
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override {
    double squares = 0, sum = 0;
    for (const auto& prim : prims) {
      squares += std::pow(made_up_cost(prim), 2);
      sum += made_up_cost(prim);
    }
    return std::max(0.0, std::sqrt(squares) + 0.1 * sum - 1e-4 * std::sqrt(static_cast<double>(prims.size())) - cut);
  }
  [[nodiscard]] model::Form form() const noexcept override { return model::Form::pooled; }
  [[nodiscard]] std::size_t num_features() const noexcept override { return 3; }
  [[nodiscard]] bool features(const Prim& prim, double* out) const override {
    out[0] = std::pow(made_up_cost(prim), 2);
    out[1] = 1;
    out[2] = made_up_cost(prim);
    return prim.stride != unknown;
  }
  void predict_pooled(const double* sums, std::size_t n, double* out) const noexcept override {
    for (std::size_t i = 0; i < n; ++i, sums += 3)
      out[i] = std::sqrt(sums[0]) + 0.1 * sums[2] - 1e-4 * std::sqrt(sums[1]) - cut;
  }
  double cut = 0;
};

/// A recurrence, in which each primitive counts the more the later it comes.
class OrderedModel final : public MadeUp {
 public:
  OrderedModel() : MadeUp(info_of("made-up ordered")) {}
  [[nodiscard]] double predict(const std::vector<Prim>& prims) const override {
    double state = 0;
    for (const auto& prim : prims) state = 0.8 * state + made_up_cost(prim) / (1 + state * prim.C);
    return state;
  }
  [[nodiscard]] model::Form form() const noexcept override { return model::Form::ordered; }
  [[nodiscard]] std::size_t num_features() const noexcept override { return 2; }
  [[nodiscard]] bool features(const Prim& prim, double* out) const override {
    out[0] = made_up_cost(prim);
    out[1] = prim.C;
    return prim.stride != unknown;
  }
  void predict_ordered(const double* const* rows, const std::size_t* blocks, std::size_t n,
                       double* out) const noexcept override {
    for (std::size_t i = 0; i < n; rows += blocks[i++]) {
      double state = 0;
      for (std::size_t b = 0; b < blocks[i]; ++b) state = 0.8 * state + rows[b][0] / (1 + state * rows[b][1]);
      out[i] = state;
    }
  }
};

class ArchModel final : public MadeUp {
 public:
  explicit ArchModel(std::vector<std::size_t> options)
      : MadeUp(info_of("made-up arch")), options_(std::move(options)) {}
  [[nodiscard]] double predict(const std::vector<Prim>&) const override { return 0; }
  [[nodiscard]] double of(const std::uint16_t* arch) const noexcept {
    double value = 1e-3;
    for (std::size_t d = 0; d < options_.size(); ++d) value += 1e-4 * std::sin(static_cast<double>(d) + arch[d]);
    return value;
  }
  [[nodiscard]] model::Form form() const noexcept override { return model::Form::arch; }
  [[nodiscard]] std::vector<std::size_t> arch_options() const override { return options_; }
  void predict_arch(const std::uint16_t* archs, std::size_t n, double* out) const noexcept override {
    for (std::size_t i = 0; i < n; ++i) out[i] = of(archs + i * options_.size());
  }

 private:
  std::vector<std::size_t> options_;
};

class NoForm final : public MadeUp {
 public:
  NoForm() : MadeUp(info_of("made-up none")) {}
  [[nodiscard]] double predict(const std::vector<Prim>&) const override { return 0; }
};

template <typename Kind, typename... Args>
Model model_of(Args... args) {
  return Model(std::make_shared<Kind>(args...));
}

template <typename Truth>
void check_equal(const MixinProfilingSearchSpace& space, const Predictor& predictor, const Truth& truth) {
  CHECK(!predictor.is_sum());
  const auto archs = sampled(space, 500);
  std::vector<double> exact;
  for (const auto& arch : archs) exact.push_back(truth(arch));
  CHECK(*std::max_element(exact.begin(), exact.end()) > 0);
  const auto rows = rows_of(archs);
  std::vector<float> batch(archs.size());
  const std::size_t before = allocations;
  std::size_t wrong = 0;
  predictor.predict(rows.data(), archs.size(), batch.data());
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const double one = predictor.predict(archs[i]);
    wrong += !(std::abs(one - exact[i]) <= 1e-9 * exact[i] + 1e-15);
    wrong += one != predictor.predict(archs[i].data());
    wrong += !(std::abs(static_cast<double>(batch[i]) - exact[i]) <= 1e-6 * exact[i] + 1e-12);
  }
  CHECK(allocations == before);
  CHECK(wrong == 0);
  for (const std::size_t n : std::vector<std::size_t>{1, 63, 64, 65, 129}) {  // lengths around the blocks
    std::vector<float> some(n + 1, -1);
    predictor.predict(rows.data(), n, some.data());
    CHECK(std::equal(some.begin(), some.end() - 1, batch.begin()));
    CHECK(some[n] == -1);
  }
}

void check_equal(const MixinProfilingSearchSpace& space, const Model& model) {
  check_equal(space, Predictor(space, model), [&](const Arch& arch) { return model.predict(space.primitives(arch)); });
}

/// Cells that repeat: the primitives of one decision stand in several places.
class CellSpace : public PositionSpace {
 public:
  CellSpace() : PositionSpace(3, 4) {}
  bool tail = true;
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    std::vector<Prim> prims{{"conv_3x3", 64, 3, 16, 2, true, {}}};
    for (int cell = 0; cell < 3; ++cell) {
      for (const auto& prim : PositionSpace::primitives(arch))
        if (prim.C_out != 9) prims.push_back(prim);  // option 1 is a skip
      prims.push_back({"conv_1x1", 32, 16 + cell, 16, 1, true, {}});
    }
    return prims;
  }
};

/// The order of the primitives depends on a decision that is in no group with them.
class SwappedSpace : public PositionSpace {
 public:
  SwappedSpace() : PositionSpace(3, 3) {}
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    auto prims = PositionSpace::primitives(arch);
    if (arch[2] == 1) std::swap(prims[0], prims[1]);
    return prims;
  }
};

/// Groups of decisions in another order than that of execution.
class Shuffled : public StageSpace {
 public:
  using StageSpace::StageSpace;
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
    auto groups = StageSpace::factors();
    std::reverse(groups.begin(), groups.end());
    return groups;
  }
};

}  // namespace

TEST_CASE("pooled models: the hook sees the sums of the features") {
  check_equal(StageSpace(3, 4, {160, 224}), model_of<PooledModel>());
  check_equal(PositionSpace(20, 9), model_of<PooledModel>());
  check_equal(CellSpace(), model_of<PooledModel>());
  check_equal(SwappedSpace(), model_of<PooledModel>());
  const auto low = std::make_shared<PooledModel>();
  low->cut = 7e-4;  // around the costs of this space
  const StageSpace space(1, 3, {160, 224});
  const Predictor predictor(space, Model(low));
  std::size_t cut = 0;
  for (const auto& arch : sampled(space, 100)) {
    CHECK(predictor.predict(arch) == doctest::Approx(low->predict(space.primitives(arch))).epsilon(1e-9));
    cut += predictor.predict(arch) == 0;
  }
  CHECK(cut > 0);
  CHECK(cut < 100);
}

TEST_CASE("ordered models: the hook sees the primitives in execution order") {
  check_equal(StageSpace(3, 4, {160, 224}), model_of<OrderedModel>());
  check_equal(StageSpace(5, 4, {224}), model_of<OrderedModel>());
  check_equal(PositionSpace(20, 9), model_of<OrderedModel>());
  check_equal(CellSpace(), model_of<OrderedModel>());
  check_equal(Shuffled(3, 4, {160, 224}), model_of<OrderedModel>());
}

TEST_CASE("a space whose factors leave the order open is refused by ordered models alone") {
  CHECK(has(error_of(Fault::unsupported, [] { (void)Predictor(SwappedSpace(), model_of<OrderedModel>()); }), "order"));
  CHECK(Predictor(SwappedSpace(), made_up_cost).is_sum());
}

TEST_CASE("models of the architecture itself") {
  const StageSpace space(2, 3, {160, 224});
  std::vector<std::size_t> options;
  for (const auto& decision : space.decisions()) options.push_back(decision.options.size());
  const auto kind = std::make_shared<ArchModel>(options);
  check_equal(space, Predictor(space, Model(kind)), [&](const Arch& arch) { return kind->of(arch.data()); });
  const auto what = error_of(Fault::usage, [&] { (void)Predictor(PositionSpace(2, 3), model_of<ArchModel>(options)); });
  CHECK(has(what, "this one has 3.3"));
}

TEST_CASE("what is not known, not possible or not there") {
  const StageSpace space(1, 3, {160});
  const auto pooled = std::make_shared<PooledModel>();
  const auto ordered = std::make_shared<OrderedModel>();
  pooled->unknown = ordered->unknown = 1;
  for (const Model& model : {Model(pooled), Model(ordered)}) {
    const auto what = error_of(Fault::missing, [&] { (void)Predictor(space, model); });
    std::size_t named = 0;
    for (const auto& prim : all_prims(space)) named += prim.stride == 1 && has(what, to_string(prim));
    CHECK(named > 0);
  }
  CHECK(has(error_of(Fault::unsupported, [&] { (void)Predictor(space, model_of<NoForm>()); }), "made-up none"));

  const Predictor predictor(space, model_of<PooledModel>());
  const double p = 1;
  CHECK(has(error_of(Fault::unsupported, [&] { (void)predictor.factors(); }), "made-up pooled"));
  (void)error_of(Fault::unsupported, [&] { (void)predictor.constant(); });
  CHECK(has(error_of(Fault::unsupported, [&] { (void)predictor.expect(&p, nullptr); }), "expectation"));
  (void)error_of(Fault::unsupported, [&] { (void)cheapest(predictor); });
  (void)error_of(Fault::unsupported, [&] { (void)costliest(predictor); });
  (void)error_of(Fault::unsupported, [&] { FeasibleSet(predictor, 1); });
  (void)error_of(Fault::unsupported, [&] { (void)pareto_front(predictor, predictor, Direction::minimize); });
  (void)error_of(Fault::unsupported, [&] { (void)ExhaustiveScore({predictor}); });
}

TEST_CASE("options that are not there give NaN, in a batch too") {
  const StageSpace space(1, 3, {160, 224});
  for (const Model& model : {model_of<PooledModel>(), model_of<OrderedModel>()}) {
    const Predictor predictor(space, model);
    auto archs = sampled(space, 70);
    archs[3][1] = 200;
    archs[66].back() = 3;
    std::vector<float> batch(archs.size());
    predictor.predict(rows_of(archs).data(), archs.size(), batch.data());
    for (std::size_t i = 0; i < archs.size(); ++i) {
      CHECK(std::isnan(predictor.predict(archs[i].data())) == (i == 3 || i == 66));
      CHECK(std::isnan(batch[i]) == (i == 3 || i == 66));
    }
    (void)error_of(Fault::usage, [&] { (void)predictor.predict(archs[3]); });
  }
}

TEST_CASE("threads share a compiled model") {
  const StageSpace space(2, 4, {160, 224});
  const Predictor predictor(space, model_of<OrderedModel>());
  const auto archs = sampled(space, 300);
  const auto rows = rows_of(archs);
  std::vector<std::vector<float>> out(4, std::vector<float>(archs.size()));
  std::vector<std::thread> threads;
  for (auto& mine : out)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) predictor.predict(rows.data(), archs.size(), mine.data());
    });
  for (auto& thread : threads) thread.join();
  for (const auto& mine : out) CHECK(mine == out[0]);
}

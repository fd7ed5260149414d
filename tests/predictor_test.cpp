// SPDX-License-Identifier: Apache-2.0
#include "hwprof/predictor.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "allocations.hpp"
#include "factor_spaces.hpp"
#include "predictor/tables.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

void check_equal(const MixinProfilingSearchSpace& space, const Model& model, int n) {
  const Predictor predictor(space, model);
  const auto archs = sampled(space, n);
  std::vector<float> batch(archs.size());
  predictor.predict(rows_of(archs).data(), archs.size(), batch.data());
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const double exact = model.predict(space.primitives(archs[i]));
    CHECK(predictor.predict(archs[i]) == doctest::Approx(exact).epsilon(1e-12));
    CHECK(predictor.predict(archs[i].data()) == predictor.predict(archs[i]));
    CHECK(batch[i] == doctest::Approx(exact).epsilon(2e-6));
  }
}

/// Two decisions whose primitives depend on both, though the space says otherwise; or with a cost of its own.
class TwoDecisions : public PositionSpace {
 public:
  TwoDecisions() : PositionSpace(2, 3) {}
  std::vector<std::vector<std::size_t>> groups{{0}, {1}};
  bool entangled = false;
  Arch drawn;
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    if (!entangled) return PositionSpace::primitives(arch);
    return {{"conv_1x1", 8, 8, 8 + arch[0] * arch[1], 1, true, {}}};
  }
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override { return groups; }
  [[nodiscard]] Arch sample(std::mt19937_64& rng) const override {
    return drawn.empty() ? PositionSpace::sample(rng) : drawn;
  }
};

/// One decision with this many options.
class OneDecision : public MixinProfilingSearchSpace {
 public:
  explicit OneDecision(std::size_t options) : options_(options) {}
  [[nodiscard]] std::vector<Decision> decisions() const override {
    return {{"only", std::vector<std::string>(options_)}};
  }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    return {{"conv_1x1", 8, 8, 1 + arch[0], 1, true, {}}};
  }

 private:
  std::size_t options_;
};

}  // namespace

TEST_CASE("a predictor gives what the model gives") {
  SUBCASE("stages with depth, table") {
    const StageSpace space(5, 4, {224});
    check_equal(space, made_up_model(all_prims(space)), 2000);
  }
  SUBCASE("image sizes, scale, bias and blocks") {
    const StageSpace space(3, 4, {128, 160, 192, 224});
    model::Line line;
    line.scale = 0.9;
    line.bias = 3e-4;
    line.per_block = 2e-5;
    line.with_blocks = true;
    check_equal(space, made_up_model(all_prims(space), line), 2000);
  }
  SUBCASE("independent positions of nine") {
    const PositionSpace space(22, 9);
    check_equal(space, made_up_model(all_prims(space, 2)), 2000);
  }
  SUBCASE("fewer decisions than a window has bytes") {
    const PositionSpace space(3, 5);
    check_equal(space, made_up_model(all_prims(space)), 200);
  }
  SUBCASE("256 options") {
    const PositionSpace space(9, 256);
    check_equal(space, made_up_model(all_prims(space, 1)), 200);
  }
}

TEST_CASE("a sum below 0 is cut off as the model does") {
  const PositionSpace space(8, 3);
  model::Line line;
  line.scale = 1;
  line.bias = -2e-3;
  const Model model = made_up_model(all_prims(space), line);
  const Predictor predictor(space, model);
  const auto archs = sampled(space, 200);
  std::vector<float> batch(archs.size());
  predictor.predict(rows_of(archs).data(), archs.size(), batch.data());
  int cut = 0;
  for (std::size_t i = 0; i < archs.size(); ++i) {
    const double exact = model.predict(space.primitives(archs[i]));
    cut += exact == 0;
    CHECK(predictor.predict(archs[i]) == doctest::Approx(exact).epsilon(1e-9));
    CHECK(batch[i] == doctest::Approx(exact).epsilon(1e-3));
    CHECK(batch[i] >= 0);
  }
  CHECK(cut > 0);
}

TEST_CASE("factors and constant add up to the prediction") {
  const StageSpace space(2, 3, {160, 224});
  const Predictor predictor(space, made_up_cost);
  for (const auto& arch : sampled(space, 300)) {
    double sum = predictor.constant();
    for (const auto& factor : predictor.factors()) {
      std::size_t index = 0;
      for (std::size_t i = factor.decisions.size(); i-- > 0;)
        index = index * predictor.num_options()[factor.decisions[i]] + arch[factor.decisions[i]];
      sum += factor.cost.at(index);
    }
    CHECK(predictor.predict(arch) == doctest::Approx(sum).epsilon(1e-12));
  }
  // A group within another is not kept, nor are decisions without a choice.
  const StageSpace one(2, 3, {224});
  const Predictor fixed(one, made_up_cost);
  CHECK(fixed.factors().size() == 6);
  for (const auto& factor : fixed.factors()) CHECK(factor.decisions.front() != 0);
}

TEST_CASE("all ways to predict a batch agree to the last bit") {
  const auto check = [](const MixinProfilingSearchSpace& space) {
    const Predictor predictor(space, made_up_cost);
    const predictor::Slots slots = predictor::merge(predictor.factors(), predictor.num_options());
    const auto ways = predictor::batch_ways(slots);
    REQUIRE(!ways.empty());
    const std::size_t width = predictor.num_decisions();
    auto rows = rows_of(sampled(space, 1000));
    rows[5 * width] = 255;  // no option of the space: NaN, or what its low bits are, but the same for all
    // Every length around the blocks, and rows that end where the memory does.
    for (const std::size_t n : std::vector<std::size_t>{0, 1, 2, 63, 64, 65, 127, 128, 129, 255, 1000}) {
      const std::vector<std::uint8_t> exact(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n * width));
      std::vector<float> plain(n + 1, -1);
      ways.back()(slots, static_cast<float>(predictor.constant()), width, exact.data(), n, plain.data());
      for (auto* const way : ways) {
        std::vector<float> out(n + 1, -1);
        way(slots, static_cast<float>(predictor.constant()), width, exact.data(), n, out.data());
        CHECK(out[n] == -1);
        for (std::size_t i = 0; i < n; ++i) CHECK((out[i] == plain[i] || (std::isnan(out[i]) && std::isnan(plain[i]))));
      }
    }
  };
  check(StageSpace(5, 4, {192, 224}));
  check(StageSpace(6, 4, {192, 208, 224}));  // 55 bytes
  check(StageSpace(8, 4, {192, 224}));       // 73 bytes
  check(PositionSpace(64, 2));
  check(PositionSpace(22, 9));
  check(PositionSpace(9, 256));
  check(PositionSpace(3, 70));
}

TEST_CASE("predictions allocate nothing") {
  const StageSpace space(5, 4, {192, 224});
  const Predictor predictor(space, made_up_cost);
  const auto archs = sampled(space, 300);
  const auto rows = rows_of(archs);
  std::vector<float> out(archs.size());
  std::size_t options = 0;
  for (const auto n : predictor.num_options()) options += n;
  std::vector<double> probabilities(options, 0.4), gradient(options);
  const std::size_t before = allocations;
  double sum = 0;
  for (const auto& arch : archs) sum += predictor.predict(arch) + predictor.predict(arch.data());
  predictor.predict(rows.data(), archs.size(), out.data());
  sum += predictor.expect(probabilities.data(), gradient.data());
  const Predictor copy = predictor;
  CHECK(allocations == before);
  CHECK(sum > 0);
}

TEST_CASE("threads share a predictor") {
  const StageSpace space(5, 4, {192, 224});
  const Predictor predictor(space, made_up_cost);
  const auto archs = sampled(space, 500);
  const auto rows = rows_of(archs);
  std::vector<std::vector<float>> out(4, std::vector<float>(archs.size()));
  std::vector<std::thread> threads;
  for (auto& mine : out)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) predictor.predict(rows.data(), archs.size(), mine.data());
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < archs.size(); ++i) {
    CHECK(out[0][i] == doctest::Approx(predictor.predict(archs[i])).epsilon(2e-6));
    for (const auto& mine : out) CHECK(mine[i] == out[0][i]);
  }
}

TEST_CASE("the expected cost is the weighted mean over all architectures") {
  const StageSpace space(1, 3, {160, 224});
  const Predictor predictor(space, made_up_cost);
  const auto& options = predictor.num_options();
  std::mt19937_64 rng(3);
  std::uniform_real_distribution<double> uniform(0.1, 1);
  std::vector<double> p;
  std::vector<std::size_t> first;
  for (const auto n : options) {
    first.push_back(p.size());
    double sum = 0;
    for (std::size_t o = 0; o < n; ++o) sum += p.emplace_back(uniform(rng));
    for (std::size_t o = 0; o < n; ++o) p[first.back() + o] /= sum;
  }
  double mean = 0;
  for (std::uint64_t number = 0; number < num_archs(options); ++number) {
    const Arch arch = arch_number(number, options);
    double weight = 1;
    for (std::size_t d = 0; d < arch.size(); ++d) weight *= p[first[d] + arch[d]];
    double cost = 0;
    for (const auto& prim : space.primitives(arch)) cost += made_up_cost(prim);
    mean += weight * cost;
  }
  std::vector<double> gradient(p.size(), 99);
  CHECK(predictor.expect(p.data(), gradient.data()) == doctest::Approx(mean).epsilon(1e-12));
  CHECK(predictor.expect(p.data(), nullptr) == predictor.expect(p.data(), gradient.data()));

  // Multilinear, so that a difference over any step is exact.
  for (std::size_t i = 0; i < p.size(); ++i) {
    auto up = p, down = p;
    up[i] += 0.25;
    down[i] -= 0.25;
    const double slope = (predictor.expect(up.data(), nullptr) - predictor.expect(down.data(), nullptr)) / 0.5;
    CHECK(gradient[i] == doctest::Approx(slope).epsilon(1e-9).scale(mean));
  }

  // One-hot probabilities are an architecture.
  const Arch arch = space.sample(rng);
  std::vector<double> one_hot(p.size(), 0);
  for (std::size_t d = 0; d < arch.size(); ++d) one_hot[first[d] + arch[d]] = 1;
  CHECK(predictor.expect(one_hot.data(), nullptr) == doctest::Approx(predictor.predict(arch)).epsilon(1e-12));
}

TEST_CASE("unknown primitives are named, every one") {
  const PositionSpace space(3, 4);
  auto prims = all_prims(space);
  std::vector<Prim> known;
  const Prim a{"conv_1x1", 8, 8, 11, 1, true, {}}, b{"conv_1x1", 10, 8, 9, 1, true, {}};
  for (const auto& prim : prims)
    if (prim != a && prim != b) known.push_back(prim);
  const auto what = error_of(Fault::missing, [&] { (void)Predictor(space, made_up_model(known)); });
  CHECK(has(what, "2 primitives"));
  CHECK(has(what, to_string(a)));
  CHECK(has(what, to_string(b)));
}

TEST_CASE("spaces that are not what they say are refused") {
  TwoDecisions space;
  SUBCASE("primitives that depend on both decisions") {
    space.entangled = true;
    CHECK(has(error_of(Fault::unsupported, [&] { (void)Predictor(space, made_up_cost); }), "factors"));
    space.groups = {{0, 1}};
    CHECK(Predictor(space, made_up_cost).predict({2, 2}) ==
          doctest::Approx(made_up_cost({"conv_1x1", 8, 8, 12, 1, true, {}})));
  }
  SUBCASE("a decision that no factor names") {
    space.groups = {{1}};
    CHECK(has(error_of(Fault::unsupported, [&] { (void)Predictor(space, made_up_cost); }), "factors"));
  }
  SUBCASE("a factor with a decision that is not there") {
    space.groups = {{0}, {2}};
    CHECK(has(error_of(Fault::usage, [&] { (void)Predictor(space, made_up_cost); }), "decision 2"));
  }
  SUBCASE("groups in any order, twice, one within another") {
    space.groups = {{1}, {1, 0, 1}, {0}, {}, {0, 1}};
    const Predictor predictor(space, made_up_cost);
    CHECK(predictor.factors().size() == 1);
    CHECK(predictor.predict({2, 1}) ==
          doctest::Approx(made_up_cost(space.primitives({2, 1})[0]) + made_up_cost(space.primitives({2, 1})[1])));
  }
  SUBCASE("samples of another length") {
    space.drawn = {1};
    (void)error_of(Fault::usage, [&] { (void)Predictor(space, made_up_cost); });
  }
  SUBCASE("a cost that is no number") {
    const auto nan = [](const Prim&) { return std::numeric_limits<double>::quiet_NaN(); };
    CHECK(has(error_of(Fault::usage, [&] { (void)Predictor(space, nan); }), "conv_1x1:8x8x8s1"));
  }
}

TEST_CASE("sizes at the edge") {
  CHECK(has(error_of(Fault::usage, [] { (void)Predictor(OneDecision(0), made_up_cost); }), "'only' has 0 options"));
  CHECK(has(error_of(Fault::usage, [] { (void)Predictor(OneDecision(65536), made_up_cost); }), "65536"));
  CHECK(Predictor(OneDecision(1), made_up_cost).factors().empty());
  const Predictor wide(OneDecision(65535), made_up_cost);
  CHECK(wide.predict({65534}) == doctest::Approx(made_up_cost({"conv_1x1", 8, 8, 65535, 1, true, {}})));
  const std::uint8_t row = 0;
  float out = 0;
  CHECK(has(error_of(Fault::unsupported, [&] { wide.predict(&row, 1, &out); }), "256"));

  // One factor over everything, which is what a space that says nothing gets.
  class Whole : public PositionSpace {
   public:
    using PositionSpace::PositionSpace;
    [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override {
      return MixinProfilingSearchSpace::factors();
    }
  };
  check_equal(Whole(5, 5), made_up_model(all_prims(Whole(5, 5))), 200);
  CHECK(has(error_of(Fault::unsupported, [] { (void)Predictor(Whole(12, 4), made_up_cost); }), "2^24"));
}

TEST_CASE("architectures that do not fit are refused, or show") {
  const PositionSpace space(9, 3);
  const Predictor predictor(space, made_up_cost);
  CHECK(has(error_of(Fault::usage, [&] { (void)predictor.predict(Arch{0, 1}); }), "2 decisions"));
  CHECK(has(error_of(Fault::usage, [&] { (void)predictor.predict(Arch{0, 1, 3, 0, 0, 0, 0, 0, 0}); }), "option 3"));
  const Arch wrong{0, 1, 3, 0, 0, 0, 0, 0, 0};
  CHECK(std::isnan(predictor.predict(wrong.data())));
  const Arch beyond(9, 65535);
  CHECK(std::isnan(predictor.predict(beyond.data())));
  std::vector<float> out(1);
  predictor.predict(rows_of({wrong}).data(), 1, out.data());
  CHECK(std::isnan(out[0]));
}
